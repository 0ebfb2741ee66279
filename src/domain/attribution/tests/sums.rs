//! The sums of the rules, by looking at all legs for each leg.

use std::collections::BTreeMap;

use crate::domain::{
    amount::Amount,
    leg::{CategoryCode, Side, includes, overlaps},
    nesting::Nesting,
    symbol::Symbol,
    whole::{Entry, Seen, holds_portion},
};

/// A sum, with what it speaks of: the sides and category of every leg in it, and below it.
struct Item<'a> {
    speaks_of: Vec<Seen<'a>>,
    amount: Amount,
}

/// The sum of the legs, all of one unit and outermost exchange; absent: of none.
///
/// Legs without a number are left out beforehand: a whole without a number is the sum of its
/// parts, so it changes nothing here.
pub(super) fn sum(entries: &[Entry<'_>], nesting: &Nesting) -> Option<Amount> {
    let mut by_exchange: BTreeMap<Symbol, BTreeMap<Symbol, Vec<&Entry<'_>>>> = BTreeMap::new();
    for entry in entries {
        let portions = by_exchange.entry(entry.leg.key.exchange).or_default();
        portions.entry(entry.leg.key.portion).or_default().push(entry);
    }
    let mut waiting: BTreeMap<(usize, Symbol), Portions<'_>> = BTreeMap::new();
    for (exchange, portions) in by_exchange {
        let place = waiting.entry((nesting.depth(exchange), exchange)).or_default();
        for (portion, legs) in portions {
            place.add(portion.is_empty(), across_categories(&legs));
        }
    }
    // The deepest first, so that an exchange is resolved before the one that it is a portion of.
    while let Some(((depth, exchange), portions)) = waiting.pop_last() {
        let items = nest(portions.wholes, portions.parts, meet, join);
        let Some(larger) = nesting.larger(exchange) else {
            return Amount::sum(items.iter().map(|item| &item.amount));
        };
        waiting.entry((depth.saturating_sub(1), larger)).or_default().add(false, items);
    }
    None
}

/// What one exchange says without a portion, and what it says of portions.
#[derive(Default)]
struct Portions<'a> {
    wholes: Vec<Item<'a>>,
    parts: Vec<Item<'a>>,
}

impl<'a> Portions<'a> {
    fn add(&mut self, whole: bool, items: Vec<Item<'a>>) {
        let place = if whole { &mut self.wholes } else { &mut self.parts };
        place.extend(items);
    }
}

/// Second step: legs of one portion.
fn across_categories<'a>(legs: &[&Entry<'a>]) -> Vec<Item<'a>> {
    let mut by_category: BTreeMap<CategoryCode, Vec<&Entry<'a>>> = BTreeMap::new();
    for leg in legs {
        by_category.entry(leg.leg.key.category).or_default().push(leg);
    }
    let wholes = by_category.remove(&0).unwrap_or_default();
    let parts = by_category.into_values().flat_map(across_own_sides).collect();
    nest(across_own_sides(wholes), parts, meet, join)
}

/// Legs of one category and portion: the smallest own sides first, then those that include them.
fn across_own_sides<'a>(legs: Vec<&Entry<'a>>) -> Vec<Item<'a>> {
    let mut by_size: BTreeMap<(bool, usize), BTreeMap<&Side, Vec<&Entry<'a>>>> = BTreeMap::new();
    for leg in legs {
        let own = leg.leg.own;
        by_size.entry((own.is_empty(), own.len())).or_default().entry(own).or_default().push(leg);
    }
    by_size.into_values().fold(Vec::new(), |within, sides| {
        let wholes = sides.into_values().flat_map(across_sides).collect();
        nest(wholes, within, may_hold, join_sides)
    })
}

/// First step: legs of one own side, category and portion. What no other leg includes is counted.
fn across_sides<'a>(mut legs: Vec<&Entry<'a>>) -> Vec<Item<'a>> {
    // Nothing can include what stands before it in this order.
    legs.sort_by_key(|leg| (!leg.leg.other.is_empty(), usize::MAX - leg.leg.other.len()));
    let item = |whole: &&Entry<'a>| {
        let below: Vec<_> = legs
            .iter()
            .filter(|leg| leg.leg.other != whole.leg.other)
            .filter(|leg| includes(whole.leg.other, leg.leg.other))
            .copied()
            .collect();
        let parts = outermost(&below);
        Item {
            speaks_of: vec![whole.leg],
            amount: whole.amount.with_parts(parts.iter().map(|part| &part.amount)),
        }
    };
    outermost(&legs).iter().map(item).collect()
}

/// Those that none before them includes; `legs` are sorted from the largest other side down.
fn outermost<'l, 'a>(legs: &[&'l Entry<'a>]) -> Vec<&'l Entry<'a>> {
    let mut found: Vec<&'l Entry<'a>> = Vec::new();
    for leg in legs {
        if !found.iter().any(|larger| includes(larger.leg.other, leg.leg.other)) {
            found.push(leg);
        }
    }
    found
}

/// Joins wholes with those parts that `meet` finds in them.
fn nest<'a>(
    wholes: Vec<Item<'a>>,
    parts: Vec<Item<'a>>,
    meet: fn(&Item<'a>, &Item<'a>) -> bool,
    join: fn(Portions<'a>) -> Option<Item<'a>>,
) -> Vec<Item<'a>> {
    let mut groups: Vec<Portions<'a>> = wholes
        .into_iter()
        .map(|whole| Portions { wholes: vec![whole], parts: Vec::new() })
        .collect();
    let mut apart = Vec::new();
    for part in parts {
        let meets = |group: &mut Portions<'a>| group.wholes.iter().any(|whole| meet(whole, &part));
        let joined: Vec<_> = groups.extract_if(.., meets).collect();
        if joined.is_empty() {
            apart.push(part);
            continue;
        }
        let mut group = Portions { wholes: Vec::new(), parts: vec![part] };
        for other in joined {
            group.wholes.extend(other.wholes);
            group.parts.extend(other.parts);
        }
        groups.push(group);
    }
    apart.extend(groups.into_iter().filter_map(join));
    apart
}

fn join(group: Portions<'_>) -> Option<Item<'_>> {
    let amount = Amount::sum(group.wholes.iter().map(|whole| &whole.amount))?;
    let amount = amount.with_parts(group.parts.iter().map(|part| &part.amount));
    let items = group.wholes.into_iter().chain(group.parts);
    Some(Item { speaks_of: items.flat_map(|item| item.speaks_of).collect(), amount })
}

/// Whether the two can speak of the same persons.
fn meet(one: &Item<'_>, another: &Item<'_>) -> bool {
    any_pair(one, another, same_persons)
}

/// The same, where the whole's own side includes that of the part.
fn may_hold(whole: &Item<'_>, part: &Item<'_>) -> bool {
    any_pair(whole, part, |whole, part| includes(whole.own, part.own) && same_persons(whole, part))
}

/// Joins own sides with those within them.
///
/// 16 whom A and B gave up to persons unsaid hold only what A and B gave up. What several more gave
/// up to C is neither within the 16 nor certainly beside them: then the larger of both is certain.
fn join_sides(group: Portions<'_>) -> Option<Item<'_>> {
    let holds = |whole: &Item<'_>, part: &Item<'_>| {
        any_pair(whole, part, |whole, part| {
            includes(whole.own, part.own) && includes(whole.other, part.other)
        })
    };
    let all_held =
        group.parts.iter().all(|part| group.wholes.iter().any(|whole| holds(whole, part)));
    if all_held {
        return join(group);
    }
    let sums = [&group.wholes, &group.parts]
        .map(|items| Amount::sum(items.iter().map(|item| &item.amount)));
    let amount = sums.into_iter().flatten().max_by_key(|sum| (sum.low, sum.high))?;
    let items = group.wholes.into_iter().chain(group.parts);
    Some(Item { speaks_of: items.flat_map(|item| item.speaks_of).collect(), amount })
}

fn any_pair(one: &Item<'_>, another: &Item<'_>, fits: impl Fn(Seen<'_>, Seen<'_>) -> bool) -> bool {
    one.speaks_of.iter().any(|one| another.speaks_of.iter().any(|another| fits(*one, *another)))
}

/// Whether two legs can speak of the same persons, as far as their sides and categories tell.
fn same_persons(one: Seen<'_>, another: Seen<'_>) -> bool {
    let (category, other_category) = (one.key.category, another.key.category);
    let same_category = category == 0 || other_category == 0 || category == other_category;
    same_category && overlaps(one.own, another.own) && overlaps(one.other, another.other)
}

/// How many legs have no known number. Each leg comes with whether it has a number.
///
/// A leg without one is known where it lies within a leg that has one. Its own parts do not make it
/// known: they are its sum as far as they go, and no claim says how many it holds beside them.
pub(super) fn unnumbered(legs: &[(Seen<'_>, bool)], nesting: &Nesting) -> usize {
    let within = |part: Seen<'_>| {
        legs.iter().any(|(whole, numbered)| *numbered && is_part(*whole, part, nesting))
    };
    legs.iter().filter(|(leg, numbered)| !numbered && !within(*leg)).count()
}

/// Whether `part` would not be added to `whole` by the steps of [`sum`].
fn is_part(whole: Seen<'_>, part: Seen<'_>, nesting: &Nesting) -> bool {
    let place = |leg: Seen<'_>| (leg.key.exchange, leg.key.portion);
    if place(whole) == place(part) {
        if whole.key.category == part.key.category {
            return (whole.own, whole.other) != (part.own, part.other)
                && includes(whole.own, part.own)
                && includes(whole.other, part.other);
        }
        if whole.key.category != 0 {
            return false;
        }
    }
    holds_portion(whole.key, part.key, nesting) && same_persons(whole, part)
}
