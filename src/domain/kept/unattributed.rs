//! Some legs that are not attributed to one party alone, and the legs of others whose persons must
//! be among theirs.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{Context, LegId, Sum};
use crate::domain::{
    estimate::Estimate,
    flags::Flag,
    leg::{Direction, Side},
    side::Rest,
    symbol::Symbol,
    unattributed::{Across, Named, Placed, Surroundings, together},
    work,
};

/// What is asked about legs beside themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) context: Context<'a>,
    pub(super) direction: Direction,
    /// Everybody who is named on the side across.
    pub(super) named: &'a Named,
    /// All legs.
    pub(super) legs: &'a BTreeMap<LegId, Estimate>,
    pub(super) facing: &'a Facing,
}

/// All legs by who stands across; without a party, those that do not say it.
pub(super) type Facing = HashMap<Option<Symbol>, BTreeSet<LegId>>;

impl<'a> View<'a> {
    /// A leg as it is seen.
    pub(super) fn placed(&self, leg_id: LegId) -> Option<Placed<'a>> {
        let flow = self.context.flows.seen(leg_id.flow, self.direction)?;
        let LegId { exchange, portion, .. } = leg_id;
        let (category, own, other) = (flow.category, flow.own, flow.other);
        Some(Placed { exchange, portion, category, own, other })
    }

    pub(super) fn surroundings(&self) -> Surroundings<'a> {
        Surroundings { named: self.named, nesting: self.context.nesting }
    }

    /// The legs whose persons one that came or went can have: of its portion or, without a
    /// portion, of its exchange and those within it; with the same party across.
    pub(super) fn in_reach(&self, leg_id: LegId) -> Vec<LegId> {
        let Some(placed) = self.placed(leg_id) else { return Vec::new() };
        let reached = |part: &&LegId| {
            let place = (part.exchange, part.portion) == (leg_id.exchange, leg_id.portion);
            let within = || self.context.nesting.is_within(part.exchange, leg_id.exchange);
            place || (leg_id.portion.is_empty() && within())
        };
        let parties = placed.other.iter().map(Some).chain([None]);
        let facing = parties.filter_map(|party| self.facing.get(&party)).flatten();
        let ids: Vec<LegId> = if !leg_id.portion.is_empty() {
            let of = |flow| LegId { flow, ..leg_id };
            self.legs.range(of(0)..=of(u32::MAX)).map(|(leg_id, _)| *leg_id).collect()
        } else if placed.other.is_empty() {
            self.legs.keys().filter(reached).copied().collect()
        } else {
            facing.filter(reached).copied().collect()
        };
        work::visit(ids.len());
        ids
    }
}

/// Legs with what of their persons is attributed.
#[derive(Clone, Debug)]
pub(super) struct Unattributed {
    legs: Sum,
    /// Who stands across from those with a number: from no other can persons be taken away.
    across: Across,
    /// Of each party alone the legs whose persons must be among these.
    alone: HashMap<Symbol, Sum>,
    /// The least numbers of persons of these.
    of_alone: u64,
    /// The same of several parties jointly.
    joint: BTreeMap<Side, Sum>,
}

impl Unattributed {
    pub(super) fn new(direction: Direction) -> Self {
        let (alone, joint) = (HashMap::new(), BTreeMap::new());
        Self { legs: Sum::new(direction), across: Across::default(), alone, of_alone: 0, joint }
    }

    pub(super) fn legs(&self) -> &BTreeMap<LegId, Estimate> {
        self.legs.legs()
    }

    /// Sets one of the legs; answers whether others can be among them now, or no longer.
    pub(super) fn set_leg(
        &mut self,
        view: View<'_>,
        leg_id: LegId,
        estimate: Option<Estimate>,
    ) -> bool {
        let Some(placed) = view.placed(leg_id) else { return false };
        let numbered = |estimate: &Estimate| estimate.range.is_some();
        let before = self.legs().get(&leg_id).is_some_and(numbered);
        let after = estimate.as_ref().is_some_and(numbered);
        self.legs.set(view.context, leg_id, estimate);
        match (before, after) {
            (false, true) => self.across.add(placed),
            (true, false) => self.across.remove(placed),
            (false, false) | (true, true) => false,
        }
    }

    /// Whether the persons of a leg must be among those of these.
    pub(super) fn holds(&self, view: View<'_>, part: Placed<'_>) -> bool {
        !self.legs().is_empty() && self.across.must_hold(part, view.surroundings())
    }

    /// Sets a leg that says this side.
    pub(super) fn set_said(&mut self, view: View<'_>, leg_id: LegId) {
        let Some(part) = view.placed(leg_id) else { return };
        if self.legs().is_empty() && self.alone.is_empty() && self.joint.is_empty() {
            return;
        }
        // "At most" has no lower end.
        let counts = |estimate: &&Estimate| {
            estimate.range.is_some() && !estimate.flags.contains(Flag::OpenBelow)
        };
        let counted = view.legs.get(&leg_id).filter(counts);
        let counted = counted.filter(|_| self.holds(view, part)).cloned();
        if let Some(party) = part.own.alone() {
            if counted.is_none() && !self.alone.contains_key(&party) {
                return;
            }
            let sum = self.alone.entry(party).or_insert_with(|| Sum::new(view.direction));
            self.of_alone = self.of_alone.saturating_sub(least(sum));
            sum.set(view.context, leg_id, counted);
            self.of_alone = self.of_alone.saturating_add(least(sum));
            if sum.legs().is_empty() {
                self.alone.remove(&party);
            }
        } else if counted.is_some() || self.joint.contains_key(part.own) {
            let sum = self.joint.entry(part.own.clone());
            let sum = sum.or_insert_with(|| Sum::new(view.direction));
            sum.set(view.context, leg_id, counted);
            if sum.legs().is_empty() {
                self.joint.remove(part.own);
            }
        }
    }

    /// What is left once the persons of parties alone are taken away.
    pub(super) fn beside_alone(&self) -> Option<Rest> {
        Rest::of(self.legs().len(), &self.legs.share(), self.of_alone)
    }

    /// What is left once the persons of all who are said are taken away.
    pub(super) fn beside_said(&self) -> Option<Rest> {
        Rest::of(self.legs().len(), &self.legs.share(), self.of_all())
    }

    /// Joint sides can mean the same persons as each other, and as those alone who are on them.
    fn of_all(&self) -> u64 {
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
