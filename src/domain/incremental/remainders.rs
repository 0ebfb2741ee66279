//! What is shared by parties jointly, and what is open for each, kept while legs come and go.
//!
//! The rules are those of [`unattributed`](crate::domain::unattributed). A change checks again
//! which persons must be among those of which legs. It does so only for legs that it can reach.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Context, LegId,
    joint::JointSides,
    members::Members,
    open_by_party::OpenByParty,
    unattributed::{Facing, Unattributed, View},
};
use crate::domain::{
    estimate::Estimate,
    leg::{Direction, Side},
    share::Remainder,
    symbol::Symbol,
    unattributed::Named,
    way::Way,
    work,
};

/// With up to so many parties that stand alone across, what is open is kept for each of them. With
/// more, it is worked out from what is kept for all of them, since each leg would cost all of them.
const FEW: usize = 16;

/// The same for these parties times the legs that do not say their own side, since each leg is
/// kept for each party.
const KEPT: usize = 1 << 16;

/// What stands beside the figures of parties in one outermost exchange.
#[derive(Clone, Debug)]
pub(super) struct Remainders {
    direction: Direction,
    named: Named,
    facing: Facing,
    /// The legs that do not say their own side.
    unsaid: Unattributed,
    /// Of those, by the party that stands alone across, the ones that are not open for it.
    to_itself: BTreeMap<Symbol, BTreeSet<LegId>>,
    /// For each of them, if they are few, the ones that are open.
    open: BTreeMap<Symbol, Unattributed>,
    /// For all of them, if they are many or were.
    opened: Option<Box<OpenByParty>>,
    /// How many are few.
    few: usize,
    joints: JointSides,
}

/// What is left for every party, and for those that stand alone across from a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// For every other party; absent: nothing.
    pub(super) all: Option<Remainder>,
    /// For these; absent: nothing.
    pub(super) of: BTreeMap<Symbol, Option<Remainder>>,
}

impl Open {
    /// What is left for a party.
    pub(super) fn to(&self, party: Symbol) -> Option<Remainder> {
        self.of.get(&party).copied().unwrap_or(self.all)
    }
}

impl Remainders {
    /// Of no legs.
    pub(super) fn new(direction: Direction) -> Self {
        Self::keeping(direction, FEW)
    }

    pub(super) fn keeping(direction: Direction, few: usize) -> Self {
        Self {
            direction,
            named: Named::default(),
            facing: Facing::new(),
            unsaid: Unattributed::new(direction),
            to_itself: BTreeMap::new(),
            open: BTreeMap::new(),
            opened: None,
            few,
            joints: JointSides::new(direction),
        }
    }

    /// Takes notice of a leg that has another estimate than `before`; `legs` are all, as they are
    /// now.
    pub(super) fn set(
        &mut self,
        context: Context<'_>,
        legs: &BTreeMap<LegId, Estimate>,
        leg_id: LegId,
        before: Option<&Estimate>,
    ) {
        let Some(flow) = context.flows.seen(leg_id.flow, self.direction) else { return };
        let after = legs.get(&leg_id);
        let renamed = match (before, after) {
            (None, Some(_)) => self.named.change(flow.other, Way::In),
            (Some(_), None) => self.named.change(flow.other, Way::Out),
            (None, None) | (Some(_), Some(_)) => false,
        };
        self.face(leg_id, flow.other, after.is_some());
        let (named, facing) = (std::mem::take(&mut self.named), std::mem::take(&mut self.facing));
        let view =
            View { context, direction: self.direction, named: &named, legs, facing: &facing };
        if flow.own.is_empty() {
            self.set_unsaid(view, leg_id, flow.other.alone());
        } else {
            self.look_at(view, leg_id);
            self.joints.set(view, leg_id, &self.unsaid);
        }
        if renamed {
            self.rename(view);
        }
        (self.named, self.facing) = (named, facing);
    }

    /// Enters a leg under the parties across, or takes it out.
    fn face(&mut self, leg_id: LegId, other: &Side, there: bool) {
        let unsaid = other.is_empty().then_some(None);
        for party in other.iter().map(Some).chain(unsaid) {
            let ids = self.facing.entry(party).or_default();
            if there {
                ids.insert(leg_id);
            } else {
                ids.remove(&leg_id);
            }
            if ids.is_empty() {
                self.facing.remove(&party);
            }
        }
    }

    /// Checks again whether a leg that says its own side must be among those that do not.
    fn look_at(&mut self, view: View<'_>, leg_id: LegId) {
        for open in self.open.values_mut() {
            open.set_attributed(view, leg_id);
        }
        self.look_at_for_all(view, leg_id);
    }

    /// The same for all legs together that do not say it, which count for every party.
    fn look_at_for_all(&mut self, view: View<'_>, leg_id: LegId) {
        let counted = self.unsaid.set_attributed(view, leg_id);
        if let Some(opened) = &mut self.opened {
            opened.set_attributed(view, leg_id, counted, self.unsaid.across());
        }
    }

    /// Sets a leg that does not say its own side; `alone` is the party that stands alone across.
    fn set_unsaid(&mut self, view: View<'_>, leg_id: LegId, alone: Option<Symbol>) {
        let estimate = view.legs.get(&leg_id);
        for (party, open) in &mut self.open {
            if alone != Some(*party) {
                open.hold(view, leg_id, estimate.cloned());
            }
        }
        if self.set_of_all(view, leg_id, estimate) {
            let reached = view.in_reach(leg_id);
            for leg_id in &reached {
                if view.says_own_side(*leg_id) {
                    self.look_at_for_all(view, *leg_id);
                }
            }
            self.joints.look_again(view, &reached, &self.unsaid);
        }
        if let Some(party) = alone {
            let own = self.to_itself.entry(party).or_default();
            if estimate.is_some() {
                own.insert(leg_id)
            } else {
                own.remove(&leg_id)
            };
            if own.is_empty() {
                self.to_itself.remove(&party);
                self.open.remove(&party);
            }
        }
        self.keep_open(view, alone);
    }

    /// Sets one of all legs that do not say their own side; answers whether others can be among
    /// them now, or no longer.
    fn set_of_all(&mut self, view: View<'_>, leg_id: LegId, estimate: Option<&Estimate>) -> bool {
        let was = self.unsaid.legs().contains_key(&leg_id);
        if let Some(opened) = self.opened.as_mut().filter(|_| was) {
            opened.forget(view, leg_id, &self.unsaid);
        }
        let reaches = self.unsaid.set_leg(view, leg_id, estimate.cloned());
        if let Some(opened) = &mut self.opened {
            if estimate.is_some() {
                opened.forget(view, leg_id, &self.unsaid);
            }
            if was != estimate.is_some() {
                opened.count(view, leg_id, if was { Way::Out } else { Way::In });
            }
        }
        reaches
    }

    /// Begins to keep what is open for a party that stands alone across for the first time; keeps
    /// it for all together from when they are too many.
    fn keep_open(&mut self, view: View<'_>, alone: Option<Symbol>) {
        let parties = self.to_itself.len();
        if parties == 0 {
            self.opened = None;
        }
        let many = parties > self.few || parties * self.unsaid.legs().len() > KEPT;
        if many && self.opened.is_none() {
            self.open.clear();
            self.opened = Some(Box::new(OpenByParty::new(self.direction, view, &mut self.unsaid)));
        }
        let Some(party) = alone.filter(|_| self.opened.is_none()) else { return };
        let Some(own) = self.to_itself.get(&party).filter(|_| !self.open.contains_key(&party))
        else {
            return;
        };
        let mut open = Unattributed::new(self.direction);
        for (leg_id, estimate) in
            self.unsaid.legs().iter().filter(|(leg_id, _)| !own.contains(leg_id))
        {
            open.set_leg(view, *leg_id, Some(estimate.clone()));
        }
        for leg_id in view.legs.keys() {
            open.set_if_attributed(view, *leg_id);
        }
        self.open.insert(party, open);
    }

    /// Looks again at the legs that do not say their side across: it stands for the named parties.
    fn rename(&mut self, view: View<'_>) {
        let ids: Vec<LegId> = view.facing.get(&None).into_iter().flatten().copied().collect();
        work::visit(ids.len());
        for leg_id in &ids {
            if view.says_own_side(*leg_id) {
                self.look_at(view, *leg_id);
            }
        }
        self.joints.name_again(view, &ids, &self.unsaid);
    }

    /// Updates what joint sides leave; answers with the parties for which that may have changed.
    pub(super) fn settle_shared(&mut self) -> BTreeSet<Symbol> {
        self.joints.settle(&self.unsaid)
    }

    /// What joint sides leave for each of their members.
    pub(super) fn shared(&self) -> &Members {
        self.joints.members()
    }

    /// What legs that do not say this side leave for each party.
    pub(super) fn open(&mut self, context: Context<'_>, legs: &BTreeMap<LegId, Estimate>) -> Open {
        if self.unsaid.legs().is_empty() {
            return Open::default();
        }
        let all = self.unsaid.beside_attributed();
        let (named, facing) = (std::mem::take(&mut self.named), std::mem::take(&mut self.facing));
        let view =
            View { context, direction: self.direction, named: &named, legs, facing: &facing };
        let of_firm = self.opened.as_ref().map_or(0, |opened| opened.of_firm());
        let to_itself = std::mem::take(&mut self.to_itself);
        let tighter = |own: Option<Remainder>| Some(Remainder::tighter(own?, all?));
        let of = to_itself.iter().map(|(party, own)| {
            work::visit(1);
            (*party, tighter(self.open_to(view, (*party, own), of_firm)))
        });
        let of = of.collect();
        self.to_itself = to_itself;
        (self.named, self.facing) = (named, facing);
        Open { all, of }
    }

    /// What the legs leave that are open for a party, `own` being those that are not.
    fn open_to(
        &mut self,
        view: View<'_>,
        (party, own): (Symbol, &BTreeSet<LegId>),
        of_firm: u64,
    ) -> Option<Remainder> {
        if let Some(open) = self.open.get(&party) {
            return open.beside_attributed().filter(|_| !open.legs().is_empty());
        }
        if own.len() == self.unsaid.legs().len() {
            return None;
        }
        if let Some(opened) = self.opened.as_mut().filter(|opened| opened.decides(party)) {
            return opened.to(view, (party, own), &mut self.unsaid, of_firm);
        }
        // Without its own, which are put back.
        for leg_id in own {
            self.unsaid.hold(view, *leg_id, None);
        }
        let rest = self.unsaid.beside_attributed();
        for leg_id in own {
            self.unsaid.hold(view, *leg_id, view.legs.get(leg_id).cloned());
        }
        rest
    }
}
