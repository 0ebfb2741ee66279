//! What one outermost exchange contributes to the figures of each country.
//!
//! A leg is attributed to a country only where its side names that country alone. Joint legs are
//! attributed to no country. Beside the number of a country stands how many of their persons can be
//! its own at the most. The same holds for legs that do not say this side at all. Neither is ever
//! added.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    incremental,
    leg::{Direction, Side},
    nesting::Nesting,
    share::{EstimatedLeg, Share, own},
    symbol::Symbol,
};

/// What one outermost exchange says about each country, in one direction.
///
/// `legs` are all its legs of one unit, those of the exchanges within it included; `parties` are
/// the parties of the exchange; a side not said is open to them.
pub fn shares(
    legs: &[EstimatedLeg<'_>],
    parties: &BTreeSet<Symbol>,
    nesting: &Nesting,
    direction: Direction,
) -> BTreeMap<Symbol, Share> {
    let mut by_country: BTreeMap<Symbol, Vec<&EstimatedLeg<'_>>> = BTreeMap::new();
    let mut of_one = 0;
    for leg in legs {
        if let Some(country) = leg.0.own(direction).alone() {
            by_country.entry(country).or_default().push(leg);
            of_one += 1;
        }
    }
    let share = |(country, legs): (Symbol, Vec<_>)| (country, own(&legs, nesting, direction));
    let mut found: BTreeMap<Symbol, Share> = by_country.into_iter().map(share).collect();
    if of_one < legs.len() {
        for (country, beside) in incremental::beside(legs, parties, nesting, direction) {
            let share = found.entry(country).or_default();
            (share.shared, share.open) = (beside.shared, beside.open);
        }
    }
    found
}

/// What the legs say about each side that is no single country: several jointly, or not said.
pub fn other_sides(
    legs: &[EstimatedLeg<'_>],
    nesting: &Nesting,
    direction: Direction,
) -> BTreeMap<Side, Share> {
    let mut sides: BTreeMap<&Side, Vec<&EstimatedLeg<'_>>> = BTreeMap::new();
    for leg in legs.iter().filter(|leg| leg.0.own(direction).alone().is_none()) {
        sides.entry(leg.0.own(direction)).or_default().push(leg);
    }
    let share = |legs: &[&EstimatedLeg<'_>]| own(legs, nesting, direction);
    sides.into_iter().map(|(side, legs)| (side.clone(), share(&legs))).collect()
}

/// What the legs say about each pair of sides, as the legs name them.
pub fn routes(legs: &[EstimatedLeg<'_>], nesting: &Nesting) -> BTreeMap<(Side, Side), Share> {
    let mut pairs: BTreeMap<(&Side, &Side), Vec<&EstimatedLeg<'_>>> = BTreeMap::new();
    for leg in legs {
        pairs.entry((&leg.0.from, &leg.0.to)).or_default().push(leg);
    }
    let share = |legs: &[&EstimatedLeg<'_>]| own(legs, nesting, Direction::Received);
    let route = |(from, to): (&Side, &Side)| (from.clone(), to.clone());
    pairs.into_iter().map(|(pair, legs)| (route(pair), share(&legs))).collect()
}

/// How many were handed over at all, summed up by one side.
///
/// `countries` is what [`shares`] says in that direction, with preferences. Where every leg names
/// one country on that side, the sum is that of the countries. Otherwise what legs say of several
/// countries, or of none, counts as the whole of what they say of those within.
pub fn total(
    legs: &[EstimatedLeg<'_>],
    nesting: &Nesting,
    direction: Direction,
    countries: &BTreeMap<Symbol, Share>,
) -> Share {
    let mut sum = own(&legs.iter().collect::<Vec<_>>(), nesting, direction);
    if legs.iter().all(|(key, _)| key.own(direction).alone().is_some()) {
        sum.set_amount(countries.values().filter_map(|share| share.amount.as_ref()));
    }
    sum
}

/// The larger of the sums by the two sides, which is how many were handed over at all.
pub fn larger(sums: impl IntoIterator<Item = Share>) -> Option<Share> {
    let range = |share: &Share| {
        let range = share.amount.map(|amount| (amount.low, amount.high));
        (range, std::cmp::Reverse(share.unnumbered))
    };
    sums.into_iter().max_by_key(range)
}

#[cfg(test)]
pub(in crate::domain) mod tests;
