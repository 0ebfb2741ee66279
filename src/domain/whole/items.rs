//! Joining wholes with their parts, step by step: within one place, then within one exchange.
//!
//! What a step leaves are items: sums with what they speak of. How items are joined depends on
//! what they speak of alone.

use std::collections::BTreeMap;

use super::{
    components::{Components, components},
    flow::{FlowIndex, MANY},
    item::{Fits, Item, Numbered, index_of},
    sides::across_sides,
};
use crate::domain::{
    amount::Amount,
    leg::{CategoryCode, Side, includes},
    work,
};

/// The sums of legs of one portion, or of those of one exchange without a portion: the leg without
/// category is the whole of the categories.
pub(in crate::domain) fn of_place(legs: Vec<Numbered<'_>>) -> Vec<Item<'_>> {
    work::visit(legs.len());
    if let [(flow, amount)] = legs.as_slice() {
        return vec![Item::new(*flow, *amount)];
    }
    let mut by_category: BTreeMap<CategoryCode, Vec<Numbered<'_>>> = BTreeMap::new();
    for leg in legs {
        by_category.entry(leg.0.category).or_default().push(leg);
    }
    let wholes = by_category.remove(&0).unwrap_or_default();
    let parts = by_category.into_values().flat_map(across_own_sides).collect();
    of_exchange(across_own_sides(wholes), parts)
}

/// The sums of what an exchange says without a portion, and of its portions and the exchanges
/// within it.
pub(in crate::domain) fn of_exchange<'a>(
    wholes: Vec<Item<'a>>,
    parts: Vec<Item<'a>>,
) -> Vec<Item<'a>> {
    let meets: Fits = |whole, part| whole.meets(part);
    nest(wholes, parts, meets, join).into_iter().map(Item::condensed).collect()
}

/// Legs of one category and portion: the smallest own sides first, then those that include them.
fn across_own_sides(mut legs: Vec<Numbered<'_>>) -> Vec<Item<'_>> {
    let size = |own: &Side| (own.is_empty(), own.len());
    legs.sort_by_key(|(flow, _)| (size(flow.own), flow.own));
    let may_hold: Fits = |whole, part| includes(whole.own, part.own) && whole.meets(part);
    let same_size = legs.chunk_by(|(one, _), (next, _)| size(one.own) == size(next.own));
    let items = same_size.fold(Vec::new(), |within, legs| {
        let sides = legs.chunk_by(|(one, _), (next, _)| one.own == next.own);
        let wholes = sides.flat_map(across_sides).collect();
        nest(wholes, within, may_hold, join_sides)
    });
    items.into_iter().map(Item::condensed).collect()
}

/// Wholes that share parts, with these.
struct Component<'a> {
    wholes: Vec<Item<'a>>,
    parts: Vec<Item<'a>>,
}

/// Joins wholes with those parts that have a flow which fits one of theirs.
fn nest<'a>(
    mut wholes: Vec<Item<'a>>,
    parts: Vec<Item<'a>>,
    fits: Fits,
    join: fn(Component<'a>) -> Option<Item<'a>>,
) -> Vec<Item<'a>> {
    work::visit(wholes.len() + parts.len());
    if wholes.is_empty() || parts.is_empty() {
        wholes.extend(parts);
        return wholes;
    }
    let Components { wholes: roots, parts: homes } = components(&wholes, &parts, fits);
    let mut components: BTreeMap<usize, Component<'a>> = BTreeMap::new();
    for (whole, root) in wholes.into_iter().zip(roots) {
        let component = components.entry(root);
        component
            .or_insert_with(|| Component { wholes: Vec::new(), parts: Vec::new() })
            .wholes
            .push(whole);
    }
    let mut apart = Vec::new();
    for (part, home) in parts.into_iter().zip(homes) {
        match home.and_then(|root| components.get_mut(&root)) {
            Some(component) => component.parts.push(part),
            None => apart.push(part),
        }
    }
    apart.extend(components.into_values().filter_map(join));
    apart
}

/// Wholes that are searched for what parts have in common with them.
struct Wholes<'w, 'a> {
    items: &'w [Item<'a>],
    /// By place and number of the flow; few are not worth it.
    index: Option<FlowIndex<(usize, usize)>>,
}

impl<'w, 'a> Wholes<'w, 'a> {
    fn new(items: &'w [Item<'a>]) -> Self {
        let flows = items.iter().map(|item| item.speaks_of.len()).sum::<usize>();
        let index = (flows > MANY).then(|| index_of(items));
        Self { items, index }
    }

    /// Whether one has a flow that holds one of the part. Flows that do not share a party on each
    /// side, or leave it unsaid, never do.
    fn hold(&self, part: &Item<'a>) -> bool {
        let Some(index) = &self.index else {
            work::visit(self.items.len());
            let mut flows = self.items.iter().flat_map(|whole| &whole.speaks_of);
            return flows.any(|one| part.speaks_of.iter().any(|it| one.includes(it)));
        };
        part.speaks_of.iter().any(|flow| {
            index.near(flow).any(|(place, number)| {
                let whole = self.items.get(place).and_then(|it| it.speaks_of.get(number));
                whole.is_some_and(|whole| whole.includes(flow))
            })
        })
    }
}

fn join(component: Component<'_>) -> Option<Item<'_>> {
    let amount = Amount::sum(component.wholes.iter().map(|whole| &whole.amount))?;
    let amount = amount.with_parts(component.parts.iter().map(|part| &part.amount));
    Some(component.into_item(amount))
}

/// Joins own sides with those within them.
///
/// 16 whom A and B gave up to persons unsaid hold only what A and B gave up. What several more gave
/// up to C is neither within the 16 nor certainly beside them: then the larger of both is certain.
fn join_sides(component: Component<'_>) -> Option<Item<'_>> {
    let among = Wholes::new(&component.wholes);
    if component.parts.iter().all(|part| among.hold(part)) {
        return join(component);
    }
    let sums = [&component.wholes, &component.parts]
        .map(|items| Amount::sum(items.iter().map(|item| &item.amount)));
    let amount = sums.into_iter().flatten().max_by_key(|sum| (sum.low, sum.high))?;
    Some(component.into_item(amount))
}

impl<'a> Component<'a> {
    fn into_item(self, amount: Amount) -> Item<'a> {
        let items = self.wholes.into_iter().chain(self.parts);
        Item { speaks_of: items.flat_map(|item| item.speaks_of).collect(), amount }
    }
}
