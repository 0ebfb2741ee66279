//! What joint sides leave open. A joint side names several parties, and its legs do not say which
//! of them it was.

use std::{cmp::Reverse, collections::BTreeMap};

use hashbrown::HashMap;

use super::counterparties::Counterparties;
use crate::domain::{
    leg::{Side, includes},
    share::{EstimatedLeg, Exchange, Remainder},
    symbol::Symbol,
    work,
};

/// What joint sides leave open to each of their members.
pub(in crate::domain) fn shared(exchange: &Exchange<'_, '_>) -> BTreeMap<Symbol, Remainder> {
    let joint = joint(exchange);
    let limit = Limit::new(exchange, &joint);
    let mut members: BTreeMap<Symbol, (Vec<Remainder>, bool)> = BTreeMap::new();
    for (joint, held) in joint.iter().zip(limit.held) {
        for member in joint.side.iter() {
            let (rests, all_held) = members.entry(member).or_insert((Vec::new(), true));
            rests.push(joint.rest);
            *all_held &= held;
        }
    }
    let of_member = |(member, (rests, all_held)): (Symbol, (Vec<Remainder>, bool))| {
        let sum = rests.iter().fold(None, |sum, rest| Remainder::plus(sum, Some(*rest)))?;
        let limit = limit.at_most.filter(|_| all_held && rests.len() > 1);
        Some((member, sum.below(limit)))
    };
    members.into_iter().filter_map(of_member).collect()
}

/// A joint side of which something remains.
struct Joint<'l, 'a> {
    side: &'a Side,
    legs: Vec<&'l EstimatedLeg<'a>>,
    rest: Remainder,
}

/// The joint sides, the largest first. A leg is not reported again if its persons must be among
/// those of a larger joint side.
fn joint<'l, 'a>(exchange: &Exchange<'l, 'a>) -> Vec<Joint<'l, 'a>> {
    let mut sides: Vec<_> = exchange.sides.iter().filter(|own| own.side.len() > 1).collect();
    sides.sort_by_key(|own| Reverse(own.side.len()));
    let mut reported = ReportedSides::default();
    let mut found = Vec::new();
    for own in sides {
        let around = reported.around(own.side);
        let within = |(key, _): &EstimatedLeg<'a>| {
            around.iter().any(|larger| exchange.must_hold(larger, key))
        };
        let legs: Vec<_> = own.legs.iter().copied().filter(|leg| !within(leg)).collect();
        if legs.is_empty() {
            continue;
        }
        reported.add(own.side, exchange.across(own.legs.iter().copied()));
        let across = exchange.across_numbered(&legs);
        let members = own.side.iter().filter_map(|member| exchange.alone(member));
        let named =
            members.fold(0_u64, |sum, member| sum.saturating_add(exchange.among(member, &across)));
        let rest = if legs.len() == own.legs.len() {
            Remainder::of(legs.len(), &own.share, named)
        } else {
            Remainder::of(legs.len(), &exchange.share(&legs), named)
        };
        found.extend(rest.map(|rest| Joint { side: own.side, legs, rest }));
    }
    found
}

/// The joint sides that are reported, with the parties across from them.
#[derive(Default)]
struct ReportedSides<'a> {
    sides: Vec<(&'a Side, Counterparties)>,
    /// The places of those that name a party.
    naming: HashMap<Symbol, Vec<usize>>,
}

impl<'a> ReportedSides<'a> {
    fn add(&mut self, side: &'a Side, across: Counterparties) {
        for party in side.iter() {
            self.naming.entry(party).or_default().push(self.sides.len());
        }
        self.sides.push((side, across));
    }

    /// Those that include a side: they name each of its parties.
    fn around(&self, side: &Side) -> Vec<&Counterparties> {
        let by_party = side.iter().map(|it| self.naming.get(&it).map_or(&[][..], Vec::as_slice));
        let fewest = by_party.min_by_key(|places| places.len()).unwrap_or_default();
        work::visit(fewest.len());
        let sides = fewest.iter().filter_map(|place| self.sides.get(*place));
        sides.filter(|(larger, _)| includes(larger, side)).map(|(_, across)| across).collect()
    }
}

/// The bound on what several joint sides leave together.
struct Limit {
    /// The most persons of legs that do not say this side, without those attributed to one party
    /// alone.
    at_most: Option<u64>,
    /// Of each joint side, whether its persons must be among those of the legs not saying it.
    held: Vec<bool>,
}

impl Limit {
    fn new(exchange: &Exchange<'_, '_>, joint: &[Joint<'_, '_>]) -> Self {
        let unsaid = exchange.sides.iter().find(|own| own.side.is_empty());
        let Some(unsaid) = unsaid.filter(|_| joint.len() > 1) else {
            return Self { at_most: None, held: vec![false; joint.len()] };
        };
        let across = exchange.across_numbered(&unsaid.legs);
        let held = |joint: &Joint<'_, '_>| {
            joint.legs.iter().all(|(key, _)| exchange.must_hold(&across, key))
        };
        let held: Vec<bool> = joint.iter().map(held).collect();
        let alone = exchange.sides.iter().filter(|own| own.side.len() == 1);
        let named = alone.fold(0_u64, |sum, own| sum.saturating_add(exchange.among(own, &across)));
        let rest = Remainder::of(unsaid.legs.len(), &unsaid.share, named);
        Self { at_most: rest.and_then(|rest| rest.at_most), held }
    }
}
