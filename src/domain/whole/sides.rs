//! First step: legs of one own side, category and portion. A leg is a part of another if the side
//! across of that one includes its side across.

use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};

use super::{
    flow::{Flow, MANY},
    item::{Item, Numbered},
};
use crate::domain::{
    leg::{Side, includes},
    symbol::Symbol,
    work,
};

/// Sums the legs. What no other leg includes is counted.
pub(super) fn across_sides<'a>(legs: &[Numbered<'a>]) -> SmallVec<[Item<'a>; 1]> {
    if let [(flow, amount)] = legs {
        return smallvec![Item::new(*flow, *amount)];
    }
    let mut all: Vec<&Numbered<'a>> = legs.iter().collect();
    // Nothing can include what stands before it in this order.
    all.sort_by_key(|(flow, _)| order(flow));
    let within = Within::new(&all);
    let mut items = SmallVec::new();
    for (flow, amount) in outermost(&all) {
        let parts = outermost(&within.below(flow.other));
        items.push(Item::new(*flow, amount.with_parts(parts.iter().map(|(_, amount)| amount))));
    }
    items
}

/// The side not said first, then the largest sides across.
fn order(flow: &Flow<'_>) -> (bool, usize) {
    (!flow.other.is_empty(), usize::MAX - flow.other.len())
}

/// Legs by one party across, so that those within a side are found by its parties.
struct Within<'l, 'a> {
    legs: &'l [&'l Numbered<'a>],
    /// The places of legs, each by that party of it which the fewest name. A side that includes
    /// the leg names this party as well. Of few legs it is not made.
    by_party: HashMap<Symbol, Vec<usize>>,
}

impl<'l, 'a> Within<'l, 'a> {
    fn new(legs: &'l [&'l Numbered<'a>]) -> Self {
        let mut by_party: HashMap<Symbol, Vec<usize>> = HashMap::new();
        if legs.len() > MANY {
            let mut naming: HashMap<Symbol, usize> = HashMap::new();
            for party in legs.iter().flat_map(|(flow, _)| flow.other.iter()) {
                *naming.entry(party).or_default() += 1;
            }
            for (place, (flow, _)) in legs.iter().enumerate() {
                let rarest = flow.other.iter().min_by_key(|party| naming.get(party));
                by_party.entry(rarest.unwrap_or_default()).or_default().push(place);
            }
        }
        Self { legs, by_party }
    }

    /// The legs with a side across that `whole` includes, but not `whole` itself, from the largest
    /// down.
    fn below(&self, whole: &Side) -> Vec<&'l Numbered<'a>> {
        let is_below =
            |leg: &&&'l Numbered<'a>| leg.0.other != whole && includes(whole, leg.0.other);
        if whole.is_empty() || self.by_party.is_empty() {
            work::visit(self.legs.len());
            return self.legs.iter().filter(is_below).copied().collect();
        }
        let places = whole.iter().filter_map(|party| self.by_party.get(&party)).flatten();
        let mut places: Vec<usize> = places.copied().collect();
        places.sort_unstable();
        work::visit(places.len());
        let legs = places.into_iter().filter_map(|place| self.legs.get(place));
        legs.filter(is_below).copied().collect()
    }
}

/// Those that none before them includes; `legs` are sorted from the largest side across down.
fn outermost<'l, 'a>(legs: &[&'l Numbered<'a>]) -> Vec<&'l Numbered<'a>> {
    debug_assert!(
        legs.is_sorted_by_key(|(flow, _)| order(flow)),
        "only what stands before a side is tried as one that includes it"
    );
    if let Some(unsaid) = legs.first().filter(|(flow, _)| flow.other.is_empty()) {
        return vec![unsaid];
    }
    let mut found: Vec<&'l Numbered<'a>> = Vec::new();
    if legs.len() <= MANY {
        for leg in legs {
            if !found.iter().any(|larger| includes(larger.0.other, leg.0.other)) {
                found.push(leg);
            }
        }
        return found;
    }
    let mut naming: HashMap<Symbol, Vec<&'a Side>> = HashMap::new();
    for leg in legs {
        let other = leg.0.other;
        // What includes a side names each of its parties.
        let by_party = other.iter().map(|party| naming.get(&party).map_or(&[][..], Vec::as_slice));
        let larger = by_party.min_by_key(|larger| larger.len()).unwrap_or_default();
        work::visit(1 + larger.len());
        if !larger.iter().any(|larger| includes(larger, other)) {
            other.iter().for_each(|party| naming.entry(party).or_default().push(other));
            found.push(leg);
        }
    }
    found
}
