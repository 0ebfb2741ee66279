//! Joint sides, and what they leave for each of their members.

mod side;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use hashbrown::HashMap;

use super::{
    LegId,
    members::Members,
    unattributed::{Unattributed, View},
};
use crate::domain::{
    leg::{Direction, Side, includes},
    symbol::Symbol,
    unattributed::Counterparties,
    work,
};
use side::JointSide;

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
    /// The places of those that name a party.
    naming: HashMap<Symbol, BTreeSet<Place>>,
    /// The legs of each party alone.
    alone: HashMap<Symbol, BTreeSet<LegId>>,
    /// Sides that may leave something else than was last reported to their members.
    dirty: BTreeSet<Place>,
    members: Members,
    /// Members for which what is left may have changed since [`JointSides::settle`] took this last.
    changed: BTreeSet<Symbol>,
}

impl JointSides {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            sides: BTreeMap::new(),
            naming: HashMap::new(),
            alone: HashMap::new(),
            dirty: BTreeSet::new(),
            members: Members::default(),
            changed: BTreeSet::new(),
        }
    }

    /// Takes notice of a leg that says its own side: one party alone, or several.
    pub(super) fn set(&mut self, view: View<'_>, leg_id: LegId, unsaid: &Unattributed) {
        let Some(own) = view.placed(leg_id).map(|it| it.own) else { return };
        let there = view.legs.contains_key(&leg_id);
        if let Some(member) = own.alone() {
            note(&mut self.alone, member, leg_id, there);
            self.look_at_alone(view, member, leg_id);
            return;
        }
        let place = place(own);
        if there && !self.sides.contains_key(&place) {
            self.sides.insert(place.clone(), JointSide::new(self.direction));
            own.iter().for_each(|party| note(&mut self.naming, party, place.clone(), true));
        }
        let Some(joint) = self.sides.get_mut(&place) else { return };
        let turned = joint.set(view, leg_id, there);
        if self.report(view, own, Some(&[leg_id]), unsaid) {
            self.report_within(view, own, None, unsaid);
        } else if turned {
            self.report_within(view, own, Some(leg_id), unsaid);
        }
        if self.sides.get(&place).is_some_and(|joint| joint.legs.is_empty()) {
            self.end(&place);
        }
    }

    /// Forgets a side without legs.
    fn end(&mut self, place: &Place) {
        let Some(joint) = self.sides.remove(place) else { return };
        self.members.replace(&place.1, joint.left, None);
        self.changed.extend(place.1.iter());
        for party in place.1.iter() {
            note(&mut self.naming, party, place.clone(), false);
        }
    }

    /// Checks again whether a leg of one party alone must be among those of the sides with this
    /// party.
    fn look_at_alone(&mut self, view: View<'_>, member: Symbol, leg_id: LegId) {
        for place in self.naming.get(&member).into_iter().flatten() {
            work::visit(1);
            if let Some(joint) = self.sides.get_mut(place) {
                joint.reported.set_attributed(view, leg_id);
                self.dirty.insert(place.clone());
            }
        }
    }

    /// Decides again which legs of the sides within `outer` are reported: of the legs that
    /// `reaching` reaches or, without it, of all.
    fn report_within(
        &mut self,
        view: View<'_>,
        outer: &Side,
        reaching: Option<LegId>,
        unsaid: &Unattributed,
    ) {
        let within = self.within(outer);
        let reaching = reaching.filter(|_| !within.is_empty());
        let mut reached = reaching.map(|leg_id| view.in_reach(leg_id));
        for place in within {
            if self.report(view, &place.1, reached.as_deref(), unsaid) {
                // What is within this side may be reported again, or no longer.
                reached = None;
            }
        }
    }

    /// The sides within another, the larger ones first.
    fn within(&self, outer: &Side) -> BTreeSet<Place> {
        if let Some(parts) = outer.parts() {
            work::visit(parts.len());
            return parts.iter().map(place).filter(|it| self.sides.contains_key(it)).collect();
        }
        let naming = outer.iter().filter_map(|party| self.naming.get(&party)).flatten();
        let naming = naming.inspect(|_| work::visit(1));
        naming.filter(|(_, side)| side != outer && includes(outer, side)).cloned().collect()
    }

    /// The parties across from the larger sides that are reported and include `side`.
    fn around(&self, side: &Side) -> Vec<&Counterparties> {
        let naming = side.iter().filter_map(|party| self.naming.get(&party));
        let fewest = naming.min_by_key(|places| places.len()).into_iter().flatten();
        let larger = fewest.take_while(|(Reverse(len), _)| *len > side.len());
        let larger = larger.inspect(|_| work::visit(1)).filter(|(_, it)| includes(it, side));
        let joints = larger.filter_map(|place| self.sides.get(place));
        joints.filter(|joint| joint.is_reported()).map(|joint| &joint.across).collect()
    }

    /// Decides again which legs of a side are reported: some of them (`ids`), or all. Answers
    /// whether the side is reported now and was not before, or the other way round.
    fn report(
        &mut self,
        view: View<'_>,
        side: &Side,
        ids: Option<&[LegId]>,
        unsaid: &Unattributed,
    ) -> bool {
        let place = place(side);
        let around = self.around(side);
        let Some(joint) = self.sides.get(&place) else { return false };
        let within = |leg_id: &LegId| {
            let part = view.placed(*leg_id);
            let surroundings = view.surroundings();
            let holds = |part| around.iter().any(|larger| larger.must_hold(part, surroundings));
            part.is_some_and(holds)
        };
        let of_side = |leg_id: &LegId| {
            joint.legs.contains(leg_id) || joint.reported.legs().contains_key(leg_id)
        };
        let ids: BTreeSet<LegId> = match ids {
            Some(ids) => ids.iter().copied().filter(of_side).collect(),
            None => joint.legs.iter().chain(joint.reported.legs().keys()).copied().collect(),
        };
        work::visit(ids.len());
        let reported = |leg_id: &LegId| joint.legs.contains(leg_id) && !within(leg_id);
        let reported: Vec<(LegId, bool)> = ids.into_iter().map(|it| (it, reported(&it))).collect();
        let Some(joint) = self.sides.get_mut(&place) else { return false };
        let before = joint.is_reported();
        for (leg_id, reported) in reported {
            joint.report(view, (side, &self.alone), leg_id, reported);
            joint.note_apart(view, leg_id, unsaid);
        }
        let turns = before != joint.is_reported();
        self.dirty.insert(place);
        turns
    }

    /// Checks again which legs need not be among those that do not say this side.
    pub(super) fn look_again(&mut self, view: View<'_>, ids: &[LegId], unsaid: &Unattributed) {
        for leg_id in ids {
            let own = view.placed(*leg_id).map(|it| it.own).filter(|own| own.len() > 1);
            let Some(place) = own.map(place) else { continue };
            if let Some(joint) = self.sides.get_mut(&place) {
                joint.note_apart(view, *leg_id, unsaid);
                self.dirty.insert(place);
            }
        }
    }

    /// Decides everything again for legs that do not say their side across.
    pub(super) fn name_again(&mut self, view: View<'_>, ids: &[LegId], unsaid: &Unattributed) {
        let mut joint: BTreeMap<Place, Vec<LegId>> = BTreeMap::new();
        for leg_id in ids {
            let own = view.placed(*leg_id).map(|it| it.own).filter(|own| own.len() > 1);
            if let Some(own) = own {
                joint.entry(place(own)).or_default().push(*leg_id);
            }
        }
        for (place, ids) in joint {
            if self.report(view, &place.1, Some(&ids), unsaid) {
                self.report_within(view, &place.1, None, unsaid);
            }
        }
        for leg_id in ids {
            if let Some(member) = view.placed(*leg_id).and_then(|it| it.own.alone()) {
                self.look_at_alone(view, member, *leg_id);
            }
        }
        self.look_again(view, ids, unsaid);
    }

    /// Updates what is left for members to what the sides leave now. Answers with the members for
    /// which that may have changed.
    pub(super) fn settle(&mut self, unsaid: &Unattributed) -> BTreeSet<Symbol> {
        for place in std::mem::take(&mut self.dirty) {
            work::visit(1);
            let Some(joint) = self.sides.get_mut(&place) else { continue };
            let rest = joint.reported.beside_alone().filter(|_| joint.is_reported());
            let left = rest.map(|rest| (rest, !joint.apart.is_empty()));
            if left != joint.left {
                self.members.replace(&place.1, joint.left, left);
                self.changed.extend(place.1.iter());
                joint.left = left;
            }
        }
        let limit = if unsaid.legs().is_empty() { None } else { unsaid.beside_alone() };
        self.changed.extend(self.members.limit(limit.and_then(|rest| rest.at_most)));
        std::mem::take(&mut self.changed)
    }

    /// What is left for each member.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }
}

/// Notes a thing of a party, or forgets it.
fn note<T: Ord>(
    things: &mut HashMap<Symbol, BTreeSet<T>>,
    party: Symbol,
    thing: T,
    is_there: bool,
) {
    let of_party = things.entry(party).or_default();
    if is_there {
        of_party.insert(thing);
    } else {
        of_party.remove(&thing);
    }
    if of_party.is_empty() {
        things.remove(&party);
    }
}
