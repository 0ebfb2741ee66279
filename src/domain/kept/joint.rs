//! Joint sides, and what they leave for each of their members.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    LegId,
    unattributed::{Unattributed, View},
};
use crate::domain::{
    leg::{Direction, Side, includes},
    side::Rest,
    symbol::Symbol,
    unattributed::Across,
};

/// One joint side.
#[derive(Clone, Debug)]
struct JointSide {
    legs: BTreeSet<LegId>,
    /// Who stands across from them, those without a number included.
    across: Across,
    /// Those that are told: their persons need not be among those of a larger joint side.
    told: Unattributed,
    /// Those of them whose persons need not be among those of legs that do not say this side.
    apart: BTreeSet<LegId>,
}

/// The larger sides come first; of one size, in their order.
type Place = (Reverse<usize>, Side);

fn place(side: &Side) -> Place {
    (Reverse(side.len()), side.clone())
}

/// The joint sides of an exchange.
#[derive(Clone, Debug)]
pub(super) struct JointSides {
    direction: Direction,
    sides: BTreeMap<Place, JointSide>,
}

impl JointSides {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, sides: BTreeMap::new() }
    }

    /// Takes notice of a leg that says its own side: one party alone, or several.
    pub(super) fn set(&mut self, view: View<'_>, leg_id: LegId, unsaid: &Unattributed) {
        let Some(own) = view.placed(leg_id).map(|it| it.own) else { return };
        if let Some(member) = own.alone() {
            let joints = self.sides.iter_mut().filter(|((_, side), _)| side.contains(member));
            joints.for_each(|(_, joint)| drop(joint.told.set_said(view, leg_id)));
            return;
        }
        let there = view.legs.contains_key(&leg_id);
        let direction = self.direction;
        let joint = self.sides.entry(place(own)).or_insert_with(|| JointSide::new(direction));
        let turned = joint.set(view, leg_id, there);
        let was_told = !joint.told.legs().is_empty();
        self.tell(view, own, &[leg_id], unsaid);
        let told = self.sides.get(&place(own)).is_some_and(|it| !it.told.legs().is_empty());
        let reached = match (turned, told == was_told) {
            (false, true) => Vec::new(),
            (true, true) => view.in_reach(leg_id),
            (_, false) => view.legs.keys().copied().collect(),
        };
        self.tell_within(view, own, reached, unsaid);
        self.sides.retain(|_, joint| !joint.legs.is_empty());
    }

    /// Asks again which legs of sides within one are told; `reached` are those that may be others.
    fn tell_within(
        &mut self,
        view: View<'_>,
        outer: &Side,
        mut reached: Vec<LegId>,
        unsaid: &Unattributed,
    ) {
        if reached.is_empty() {
            return;
        }
        let within = |side: &Side| side != outer && includes(outer, side);
        let sides = self.sides.keys().map(|(_, side)| side).filter(|side| within(side));
        for side in sides.cloned().collect::<Vec<_>>() {
            if self.tell(view, &side, &reached, unsaid) {
                // What is within this side may be told again, or no longer.
                reached = view.legs.keys().copied().collect();
            }
        }
    }

    /// Asks again which of some legs of a side are told; answers whether the side is told now and
    /// was not before, or the other way round.
    fn tell(&mut self, view: View<'_>, side: &Side, ids: &[LegId], unsaid: &Unattributed) -> bool {
        let place = place(side);
        let context = self.sides.range(..&place).filter(|((_, larger), joint)| {
            larger.len() > side.len() && includes(larger, side) && !joint.told.legs().is_empty()
        });
        let context: Vec<&Across> = context.map(|(_, joint)| &joint.across).collect();
        let Some(joint) = self.sides.get(&place) else { return false };
        let within = |leg_id: &LegId| {
            let part = view.placed(*leg_id);
            let surroundings = view.surroundings();
            let holds = |part| context.iter().any(|larger| larger.must_hold(part, surroundings));
            part.is_some_and(holds)
        };
        let known = |leg_id: &&LegId| {
            joint.legs.contains(*leg_id) || joint.told.legs().contains_key(*leg_id)
        };
        let of_side = ids.iter().filter(known);
        let told: Vec<(LegId, bool)> = of_side
            .map(|leg_id| (*leg_id, joint.legs.contains(leg_id) && !within(leg_id)))
            .collect();
        let Some(joint) = self.sides.get_mut(&place) else { return false };
        let before = joint.told.legs().is_empty();
        for (leg_id, told) in told {
            joint.tell(view, side, leg_id, told);
            joint.note_apart(view, leg_id, unsaid);
        }
        before != joint.told.legs().is_empty()
    }

    /// Asks again which legs need not be among those that do not say this side.
    pub(super) fn look_again(&mut self, view: View<'_>, ids: &[LegId], unsaid: &Unattributed) {
        for joint in self.sides.values_mut() {
            for leg_id in ids {
                if joint.legs.contains(leg_id) {
                    joint.note_apart(view, *leg_id, unsaid);
                }
            }
        }
    }

    /// Asks everything again about legs that do not say who stood across.
    pub(super) fn name_again(&mut self, view: View<'_>, ids: &[LegId], unsaid: &Unattributed) {
        let mut reached = ids.to_vec();
        for side in self.sides.keys().map(|(_, side)| side.clone()).collect::<Vec<_>>() {
            if self.tell(view, &side, &reached, unsaid) {
                reached = view.legs.keys().copied().collect();
            }
            let Some(joint) = self.sides.get_mut(&place(&side)) else { continue };
            for leg_id in ids {
                joint.set_member(view, &side, *leg_id);
            }
        }
        self.look_again(view, ids, unsaid);
    }

    /// What is left for each member.
    pub(super) fn shared(&self, unsaid: &Unattributed) -> BTreeMap<Symbol, Rest> {
        let mut found: BTreeMap<Symbol, (Rest, u32, bool)> = BTreeMap::new();
        for ((_, side), joint) in &self.sides {
            let told = !joint.told.legs().is_empty();
            let Some(rest) = joint.told.beside_alone().filter(|_| told) else { continue };
            for member in side.iter() {
                let apart = !joint.apart.is_empty();
                let sum = found.get(&member);
                let sum = sum.map_or((rest, 1, apart), |(sum, sides, any)| {
                    let sum = Rest::plus(Some(*sum), Some(rest)).unwrap_or(rest);
                    (sum, sides + 1, *any || apart)
                });
                found.insert(member, sum);
            }
        }
        let limit = if unsaid.legs().is_empty() { None } else { unsaid.beside_alone() };
        let limit = limit.and_then(|rest| rest.at_most);
        let of_member = |(member, (rest, sides, apart)): (Symbol, (Rest, u32, bool))| {
            (member, rest.below(limit.filter(|_| sides > 1 && !apart)))
        };
        found.into_iter().map(of_member).collect()
    }
}

impl JointSide {
    fn new(direction: Direction) -> Self {
        let (legs, apart) = (BTreeSet::new(), BTreeSet::new());
        Self { legs, across: Across::default(), told: Unattributed::new(direction), apart }
    }

    /// Notes whether a leg is there; answers whether that makes a difference to whom they hold.
    fn set(&mut self, view: View<'_>, leg_id: LegId, there: bool) -> bool {
        let Some(placed) = view.placed(leg_id) else { return false };
        match (self.legs.contains(&leg_id), there) {
            (false, true) => {
                self.legs.insert(leg_id);
                self.across.add(placed)
            }
            (true, false) => {
                self.legs.remove(&leg_id);
                self.across.remove(placed)
            }
            (false, false) | (true, true) => false,
        }
    }

    /// Sets a leg that is told, or is not.
    fn tell(&mut self, view: View<'_>, side: &Side, leg_id: LegId, told: bool) {
        let estimate = view.legs.get(&leg_id).filter(|_| told).cloned();
        if self.told.set_leg(view, leg_id, estimate) {
            for leg_id in view.in_reach(leg_id) {
                self.set_member(view, side, leg_id);
            }
        }
    }

    /// Looks at a leg, if it is that of a member alone.
    fn set_member(&mut self, view: View<'_>, side: &Side, leg_id: LegId) {
        let member = view.placed(leg_id).and_then(|it| it.own.alone());
        if member.is_some_and(|member| side.contains(member)) {
            self.told.set_said(view, leg_id);
        }
    }

    fn note_apart(&mut self, view: View<'_>, leg_id: LegId, unsaid: &Unattributed) {
        let told = self.told.legs().contains_key(&leg_id);
        let apart = || view.placed(leg_id).is_some_and(|it| !unsaid.holds(view, it));
        if told && apart() {
            self.apart.insert(leg_id)
        } else {
            self.apart.remove(&leg_id)
        };
    }
}
