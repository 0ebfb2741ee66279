//! Some legs that are not attributed to one party alone, and the legs of others with persons that
//! must be among theirs.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{Context, LegId, Sum, attributed::Attributed, components::Component};
use crate::domain::{
    estimate::Estimate,
    flags::Flag,
    leg::Direction,
    share::Remainder,
    symbol::Symbol,
    tally::AmountTally,
    unattributed::{Counterparties, Named, Placed, Surroundings},
    way::Way,
    work,
};

/// What the rules need beside the legs in question.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) context: Context<'a>,
    pub(super) direction: Direction,
    /// Every party that is named on the side across.
    pub(super) named: &'a Named,
    /// All legs.
    pub(super) legs: &'a BTreeMap<LegId, Estimate>,
    pub(super) facing: &'a Facing,
}

/// All legs by the party across; without a party, those that do not say this side.
pub(super) type Facing = HashMap<Option<Symbol>, BTreeSet<LegId>>;

impl<'a> View<'a> {
    /// A leg as it is seen.
    pub(super) fn placed(&self, leg_id: LegId) -> Option<Placed<'a>> {
        let flow = self.context.flows.seen(leg_id.flow, self.direction)?;
        let LegId { exchange, portion, .. } = leg_id;
        let (category, own, other) = (flow.category, flow.own, flow.other);
        Some(Placed { exchange, portion, category, own, other })
    }

    /// Whether a leg says its own side.
    pub(super) fn says_own_side(&self, leg_id: LegId) -> bool {
        self.placed(leg_id).is_some_and(|it| !it.own.is_empty())
    }

    pub(super) fn surroundings(&self) -> Surroundings<'a> {
        Surroundings { named: self.named, nesting: self.context.nesting }
    }

    /// The legs of which a leg that came or went can have the persons. They are of its portion or,
    /// without a portion, of its exchange and those within it. They have the same party across.
    pub(super) fn in_reach(&self, leg_id: LegId) -> Vec<LegId> {
        let Some(placed) = self.placed(leg_id) else { return Vec::new() };
        let reached = |part: &&LegId| self.reaches(leg_id, **part);
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

    /// Those of `legs` of which a leg that came or went can have the persons.
    pub(super) fn among_in_reach(&self, leg_id: LegId, legs: &BTreeSet<LegId>) -> Vec<LegId> {
        let of = |flow| LegId { flow, ..leg_id };
        let ids: Vec<LegId> = if leg_id.portion.is_empty() {
            legs.iter().filter(|part| self.reaches(leg_id, **part)).copied().collect()
        } else {
            legs.range(of(0)..=of(u32::MAX)).copied().collect()
        };
        work::visit(ids.len());
        ids
    }

    /// Whether the place of a leg lies within that of another.
    fn reaches(&self, leg_id: LegId, part: LegId) -> bool {
        let same_place = (part.exchange, part.portion) == (leg_id.exchange, leg_id.portion);
        let within = || self.context.nesting.is_within(part.exchange, leg_id.exchange);
        same_place || (leg_id.portion.is_empty() && within())
    }
}

/// Legs with what of their persons is attributed.
#[derive(Clone, Debug)]
pub(super) struct Unattributed {
    legs: Sum,
    /// The parties across from the legs with a number: persons can be taken away only from these
    /// legs.
    across: Counterparties,
    /// The legs of others: their persons must be among these.
    attributed: Attributed,
}

impl Unattributed {
    pub(super) fn new(direction: Direction) -> Self {
        let attributed = Attributed::new(direction);
        Self { legs: Sum::new(direction), across: Counterparties::default(), attributed }
    }

    pub(super) fn legs(&self) -> &BTreeMap<LegId, Estimate> {
        self.legs.legs()
    }

    pub(super) fn across(&self) -> &Counterparties {
        &self.across
    }

    pub(super) fn across_mut(&mut self) -> &mut Counterparties {
        &mut self.across
    }

    /// Their sum.
    pub(super) fn sum_mut(&mut self) -> &mut Sum {
        &mut self.legs
    }

    /// Their number, and how many of them have no known number.
    pub(super) fn total(&self) -> (AmountTally, u64) {
        self.legs.total()
    }

    /// The flows that hang together with that of a leg.
    pub(super) fn component(&self, view: View<'_>, leg_id: LegId) -> Component {
        self.legs.component(view.context, leg_id)
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
            (false, true) => self.across.change(placed, Way::In),
            (true, false) => self.across.change(placed, Way::Out),
            (false, false) | (true, true) => false,
        }
    }

    /// Whether the persons of a leg must be among those of these.
    pub(super) fn holds(&self, view: View<'_>, part: Placed<'_>) -> bool {
        !self.legs().is_empty() && self.across.must_hold(part, view.surroundings())
    }

    /// Sets a leg that says this side; answers with what of it must be among these.
    pub(super) fn set_attributed(&mut self, view: View<'_>, leg_id: LegId) -> Option<Estimate> {
        let part = view.placed(leg_id)?;
        if self.legs().is_empty() && self.attributed.is_empty() {
            return None;
        }
        work::visit(1);
        let counted = counted(view, leg_id).filter(|_| self.holds(view, part)).cloned();
        self.attributed.set(view.context, leg_id, counted.clone());
        counted
    }

    /// Sets a leg that says this side, and no other.
    pub(super) fn set_if_attributed(&mut self, view: View<'_>, leg_id: LegId) {
        if view.says_own_side(leg_id) {
            self.set_attributed(view, leg_id);
        }
    }

    /// Sets one of the legs, and looks again at those that can be among them.
    pub(super) fn hold(&mut self, view: View<'_>, leg_id: LegId, estimate: Option<Estimate>) {
        if self.set_leg(view, leg_id, estimate) {
            for leg_id in view.in_reach(leg_id) {
                self.set_if_attributed(view, leg_id);
            }
        }
    }

    /// What is left once the persons of parties alone are taken away.
    pub(super) fn beside_alone(&self) -> Option<Remainder> {
        Remainder::of(self.legs().len(), &self.legs.share(), self.attributed.of_alone())
    }

    /// What is left once the persons of all parties that are said are taken away.
    pub(super) fn beside_attributed(&self) -> Option<Remainder> {
        Remainder::of(self.legs().len(), &self.legs.share(), self.attributed.of_all())
    }
}

/// A leg, if its persons count where they must be among others: "at most" has no lower end.
pub(super) fn counted(view: View<'_>, leg_id: LegId) -> Option<&Estimate> {
    let counts = |estimate: &&Estimate| {
        estimate.range.is_some() && !estimate.flags.contains(Flag::OpenBelow)
    };
    view.legs.get(&leg_id).filter(counts)
}
