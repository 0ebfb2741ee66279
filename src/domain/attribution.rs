//! What one outermost exchange contributes to the figures of each country.
//!
//! A leg is attributed to a country only where its side names that country alone. Joint legs
//! are attributed to nobody: beside the country's number stands how many of those persons can be
//! its own at the most, and likewise for legs that do not say this side at all. Neither is ever
//! added.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    leg::{Direction, Side},
    nesting::Nesting,
    side::{EstimatedLeg, Exchange, Share},
    unattributed,
};

/// What one outermost exchange says about each country, in one direction.
///
/// `legs` are all its legs of one unit, those of the exchanges within it included; `parties` are
/// the parties of the exchange, to whom a side not said is open.
pub fn shares<'a>(
    legs: &[EstimatedLeg<'a>],
    parties: &BTreeSet<&'a str>,
    nesting: &Nesting<'_>,
    direction: Direction,
) -> BTreeMap<&'a str, Share> {
    let exchange = Exchange::new(legs, nesting, direction);
    let mut found: BTreeMap<&'a str, Share> = BTreeMap::new();
    for own in &exchange.sides {
        if let Some(country) = alone(own.side) {
            found.insert(country, own.share.clone());
        }
    }
    for (country, rest) in unattributed::shared(&exchange) {
        found.entry(country).or_default().shared = Some(rest);
    }
    if let Some(rest) = unattributed::open(&exchange) {
        for country in parties {
            found.entry(country).or_default().open = Some(rest);
        }
    }
    found
}

/// The party, where the side names exactly one.
fn alone(side: &Side) -> Option<&str> {
    side.first().filter(|_| side.len() == 1).map(String::as_str)
}
