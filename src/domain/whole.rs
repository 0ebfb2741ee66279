//! A whole is never added to its parts: the sum of the legs of one own side of one exchange.
//!
//! Legs contain each other in three ways, resolved in this order. Among legs of one category and
//! portion, a leg is a part of another whose other side includes its own. The leg without
//! category is the whole of the categories. The leg without portion is the whole of the
//! portions, and an exchange that is part of another is a portion of it.
//!
//! **A whole and its parts must be able to speak of the same persons.** 5 from A without
//! category and 7 prisoners of war from B are 12: nobody is in both, though one leg has a
//! category and the other has none. So the second and third step join a whole only with parts
//! that share a party of the other side (and, in the third, a category); what shares nothing is
//! added. Read without this, a portion named for one flow would swallow the other flows.
//!
//! Several wholes that share a part are compared with their parts together: 5 from A and 7 from
//! B are the same 12 as 8 prisoners of war and 4 civilians from persons unsaid.

use std::collections::BTreeMap;

use crate::domain::{
    amount::Amount,
    leg::{CategoryCode, LegKey, Side, includes, overlaps},
    nesting::Nesting,
};

/// A leg that has a number, seen from the side that is asked about.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The leg.
    pub key: &'a LegKey,
    /// The side across.
    pub other: &'a Side,
    /// Its number.
    pub amount: Amount,
}

/// A sum, with what it speaks of: the other side and category of every leg in it, and below it.
struct Item<'a> {
    speaks_of: Vec<(&'a Side, CategoryCode)>,
    amount: Amount,
}

/// The sum of the legs, all of one own side, unit and outermost exchange; absent: of none.
///
/// Legs without a number are left out beforehand: a whole without a number is the sum of its
/// parts, so it changes nothing here.
pub fn sum(entries: &[Entry<'_>], nesting: &Nesting<'_>) -> Option<Amount> {
    let mut by_exchange: BTreeMap<&str, BTreeMap<&str, Vec<&Entry<'_>>>> = BTreeMap::new();
    for entry in entries {
        let portions = by_exchange.entry(&entry.key.exchange).or_default();
        portions.entry(&entry.key.portion).or_default().push(entry);
    }
    let mut waiting: BTreeMap<(usize, &str), Portions<'_>> = BTreeMap::new();
    for (exchange, portions) in by_exchange {
        let place = waiting.entry((nesting.depth(exchange), exchange)).or_default();
        for (portion, legs) in portions {
            place.add(portion.is_empty(), across_categories(&legs));
        }
    }
    // The deepest first, so that an exchange is resolved before the one that it is a portion of.
    while let Some(((depth, exchange), portions)) = waiting.pop_last() {
        let items = nest(portions.wholes, portions.parts);
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
        by_category.entry(leg.key.category).or_default().push(leg);
    }
    let wholes = by_category.remove(&0).unwrap_or_default();
    let parts = by_category.into_values().flat_map(across_sides).collect();
    nest(across_sides(wholes), parts)
}

/// First step: legs of one category and portion. What no other leg includes is counted.
fn across_sides<'a>(mut legs: Vec<&Entry<'a>>) -> Vec<Item<'a>> {
    // Nothing can include what stands before it in this order.
    legs.sort_by_key(|leg| (!leg.other.is_empty(), usize::MAX - leg.other.len()));
    let item = |whole: &&Entry<'a>| {
        let below: Vec<_> = legs
            .iter()
            .filter(|leg| leg.other != whole.other && includes(whole.other, leg.other))
            .copied()
            .collect();
        let parts = outermost(&below);
        Item {
            speaks_of: vec![(whole.other, whole.key.category)],
            amount: whole.amount.clone().with_parts(parts.iter().map(|part| &part.amount)),
        }
    };
    outermost(&legs).iter().map(item).collect()
}

/// Those that none before them includes; `legs` are sorted from the largest other side down.
fn outermost<'l, 'a>(legs: &[&'l Entry<'a>]) -> Vec<&'l Entry<'a>> {
    let mut found: Vec<&'l Entry<'a>> = Vec::new();
    for leg in legs {
        if !found.iter().any(|larger| includes(larger.other, leg.other)) {
            found.push(leg);
        }
    }
    found
}

/// Joins wholes with those parts that can speak of the same persons.
fn nest<'a>(wholes: Vec<Item<'a>>, parts: Vec<Item<'a>>) -> Vec<Item<'a>> {
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

fn meet(one: &Item<'_>, another: &Item<'_>) -> bool {
    one.speaks_of
        .iter()
        .any(|one| another.speaks_of.iter().any(|another| same_persons(*one, *another)))
}

/// Whether two legs can speak of the same persons, as far as the side across and category tell.
fn same_persons(one: (&Side, CategoryCode), another: (&Side, CategoryCode)) -> bool {
    let ((side, category), (other_side, other_category)) = (one, another);
    let same_category = category == 0 || other_category == 0 || category == other_category;
    same_category && overlaps(side, other_side)
}

/// A leg with the side across from the one that is asked about.
pub type Across<'a> = (&'a LegKey, &'a Side);

/// Whether `part` is within the portion that `whole` speaks of.
pub fn holds_portion(whole: &LegKey, part: &LegKey, nesting: &Nesting<'_>) -> bool {
    if whole.portion.is_empty() {
        nesting.is_within(&part.exchange, &whole.exchange)
    } else {
        same_portion(whole, part)
    }
}

fn same_portion(one: &LegKey, another: &LegKey) -> bool {
    one.exchange == another.exchange && one.portion == another.portion
}

/// How many legs, all of one own side, have a number that nobody knows. Each leg comes with
/// whether it has a number.
///
/// A leg without one is known where it lies within a numbered leg. So it is where it has parts
/// that do not: it is their sum, and each of them that is unknown counts for itself.
pub fn unnumbered(legs: &[(Across<'_>, bool)], nesting: &Nesting<'_>) -> usize {
    let within = |part: Across<'_>| {
        legs.iter().any(|(whole, numbered)| *numbered && is_part(*whole, part, nesting))
    };
    let free: Vec<Across<'_>> =
        legs.iter().map(|(leg, _)| *leg).filter(|leg| !within(*leg)).collect();
    let unknown = legs.iter().filter(|(leg, numbered)| {
        !numbered && !within(*leg) && !free.iter().any(|part| is_part(*leg, *part, nesting))
    });
    unknown.count()
}

/// Whether `part` would not be added to `whole` by the three steps of [`sum`].
fn is_part(whole: Across<'_>, part: Across<'_>, nesting: &Nesting<'_>) -> bool {
    let ((whole_key, whole_other), (part_key, part_other)) = (whole, part);
    if same_portion(whole_key, part_key) {
        if whole_key.category == part_key.category {
            return whole_other != part_other && includes(whole_other, part_other);
        }
        if whole_key.category != 0 {
            return false;
        }
    }
    holds_portion(whole_key, part_key, nesting)
        && same_persons((whole_other, whole_key.category), (part_other, part_key.category))
}
