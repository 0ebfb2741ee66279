//! Legs that say their own side; their persons must be among those of some others.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::{Context, LegId, Sum};
use crate::domain::{
    estimate::Estimate,
    leg::{Direction, Side},
    symbol::Symbol,
    unattributed::together,
};

/// The least numbers of persons, by the parties that are named.
#[derive(Clone, Debug)]
pub(super) struct Attributed {
    direction: Direction,
    /// Of each party alone.
    alone: HashMap<Symbol, Sum>,
    /// The least numbers of persons of these.
    of_alone: u64,
    /// The same of several parties jointly.
    joint: BTreeMap<Side, Sum>,
}

impl Attributed {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, alone: HashMap::new(), of_alone: 0, joint: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alone.is_empty() && self.joint.is_empty()
    }

    /// Whether sides of several parties are among them.
    pub(super) fn any_joint(&self) -> bool {
        !self.joint.is_empty()
    }

    /// Sets what of a leg counts; absent: nothing.
    pub(super) fn set(&mut self, context: Context<'_>, leg_id: LegId, counted: Option<Estimate>) {
        let Some(flow) = context.flows.seen(leg_id.flow, self.direction) else { return };
        let new = || Sum::new(self.direction);
        if let Some(party) = flow.own.alone() {
            if counted.is_none() && !self.alone.contains_key(&party) {
                return;
            }
            let sum = self.alone.entry(party).or_insert_with(new);
            self.of_alone = self.of_alone.saturating_sub(least(sum));
            sum.set(context, leg_id, counted);
            self.of_alone = self.of_alone.saturating_add(least(sum));
            if sum.legs().is_empty() {
                self.alone.remove(&party);
            }
        } else if counted.is_some() || self.joint.contains_key(flow.own) {
            let sum = self.joint.entry(flow.own.clone()).or_insert_with(new);
            sum.set(context, leg_id, counted);
            if sum.legs().is_empty() {
                self.joint.remove(flow.own);
            }
        }
    }

    /// What counts of a leg of a side.
    pub(super) fn counted(&self, own: &Side, leg_id: LegId) -> Option<&Estimate> {
        let sum = match own.alone() {
            Some(party) => self.alone.get(&party),
            None => self.joint.get(own),
        };
        sum?.legs().get(&leg_id)
    }

    /// Of a party alone.
    pub(super) fn of(&self, party: Symbol) -> Option<u64> {
        self.alone.get(&party).map(least)
    }

    /// What counts of its legs.
    pub(super) fn legs_of(&self, party: Symbol) -> Vec<(LegId, Estimate)> {
        let legs = self.alone.get(&party).into_iter().flat_map(Sum::legs);
        legs.map(|(leg_id, estimate)| (*leg_id, estimate.clone())).collect()
    }

    /// Of all parties alone.
    pub(super) fn of_alone(&self) -> u64 {
        self.of_alone
    }

    /// Of all. Joint sides can mean the same persons as each other, and as the parties alone that
    /// are on them.
    pub(super) fn of_all(&self) -> u64 {
        let joint = self.joint.iter().map(|(side, sum)| (side.clone(), least(sum)));
        let joint: Vec<(Side, u64)> = joint.filter(|(_, least)| *least > 0).collect();
        let mut members: Vec<Symbol> = joint.iter().flat_map(|(side, _)| side.iter()).collect();
        members.sort_unstable();
        members.dedup();
        let alone =
            members.iter().filter_map(|party| Some((*party, least(self.alone.get(party)?))));
        let alone: Vec<(Side, u64)> =
            alone.map(|(party, least)| ([party].into_iter().collect(), least)).collect();
        let apart = alone.iter().fold(self.of_alone, |sum, (_, least)| sum.saturating_sub(*least));
        let hanging = alone.iter().chain(&joint).map(|(side, least)| (side, *least));
        apart.saturating_add(together(hanging.collect()))
    }
}

/// The least number of persons.
fn least(sum: &Sum) -> u64 {
    sum.share().amount.map_or(0, |amount| amount.low)
}
