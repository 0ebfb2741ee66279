//! One joint side: its legs, and which of them are reported to its members.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::domain::{
    incremental::{
        LegId,
        members::Left,
        unattributed::{Unattributed, View},
    },
    leg::{Direction, Side},
    symbol::Symbol,
    unattributed::Counterparties,
    way::Way,
};

/// One joint side.
#[derive(Clone, Debug)]
pub(super) struct JointSide {
    pub(super) legs: BTreeSet<LegId>,
    /// The parties across from them; legs without a number are included.
    pub(super) across: Counterparties,
    /// Those that are reported: their persons need not be among those of a larger joint side.
    pub(super) reported: Unattributed,
    /// Those of the reported legs that stand apart: their persons need not be among those of legs
    /// that do not say this side.
    pub(super) apart: BTreeSet<LegId>,
    /// What it leaves, as last reported to its members.
    pub(super) left: Left,
}

impl JointSide {
    pub(super) fn new(direction: Direction) -> Self {
        let (legs, apart) = (BTreeSet::new(), BTreeSet::new());
        let reported = Unattributed::new(direction);
        Self { legs, across: Counterparties::default(), reported, apart, left: None }
    }

    pub(super) fn is_reported(&self) -> bool {
        !self.reported.legs().is_empty()
    }

    /// Notes whether a leg is there; answers whether that can change which persons they hold.
    pub(super) fn set(&mut self, view: View<'_>, leg_id: LegId, there: bool) -> bool {
        let Some(placed) = view.placed(leg_id) else { return false };
        match (self.legs.contains(&leg_id), there) {
            (false, true) => {
                self.legs.insert(leg_id);
                self.across.change(placed, Way::In)
            }
            (true, false) => {
                self.legs.remove(&leg_id);
                self.across.change(placed, Way::Out)
            }
            (false, false) | (true, true) => false,
        }
    }

    /// Sets whether a leg is reported.
    pub(super) fn report(
        &mut self,
        view: View<'_>,
        (side, alone): (&Side, &HashMap<Symbol, BTreeSet<LegId>>),
        leg_id: LegId,
        reported: bool,
    ) {
        let estimate = view.legs.get(&leg_id).filter(|_| reported).cloned();
        if self.reported.set_leg(view, leg_id, estimate) {
            // Of its members alone; all others that it reaches can be many more.
            for legs in side.iter().filter_map(|member| alone.get(&member)) {
                for leg_id in view.among_in_reach(leg_id, legs) {
                    self.reported.set_attributed(view, leg_id);
                }
            }
        }
    }

    pub(super) fn note_apart(&mut self, view: View<'_>, leg_id: LegId, unsaid: &Unattributed) {
        let reported = self.reported.legs().contains_key(&leg_id);
        let apart = || view.placed(leg_id).is_some_and(|it| !unsaid.holds(view, it));
        if reported && apart() {
            self.apart.insert(leg_id)
        } else {
            self.apart.remove(&leg_id)
        };
    }
}
