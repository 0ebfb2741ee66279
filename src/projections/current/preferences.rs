//! The preferences that stand, and the values that they give to legs and to countries' figures.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use hashbrown::HashMap;

use crate::domain::{
    event::Position,
    leg::{Direction, UnitCode},
    symbol::Symbol,
    way::Way,
    work,
};
use crate::projections::{claims::Preference, interned::Place, ledger::FigureKey};

/// The claims that are preferred, by the event that prefers each last, the latest first; with
/// their values.
type Values = BTreeMap<Reverse<Position>, u32>;

/// Country and direction that a preference names; absent: it is for the leg.
type Named = Option<(Symbol, Direction)>;

/// Of a claim that can be preferred, what its preferences need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preferable {
    pub(super) leg: Place,
    pub(super) unit: UnitCode,
    /// Absent: it has no single value.
    pub(super) value: Option<u32>,
}

/// What has other preferred values than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preferred {
    Leg(Place),
    Figure(FigureKey),
}

/// The preferences of one outermost exchange.
#[derive(Clone, Debug, Default)]
pub(super) struct Preferences {
    /// The events that prefer a claim, by the claim and what they prefer it for. All of them give
    /// the same value, so the latest is the one that counts.
    events: BTreeMap<(Position, Named), BTreeSet<Position>>,
    legs: HashMap<Place, Values>,
    figures: HashMap<FigureKey, Values>,
}

impl Preferences {
    /// The values preferred for a leg, the latest first.
    pub(super) fn of_leg(&self, leg: Place) -> impl Iterator<Item = u32> + '_ {
        values(self.legs.get(&leg))
    }

    /// The values preferred for a figure, the latest first.
    pub(super) fn of_figure(&self, key: FigureKey) -> impl Iterator<Item = u32> + '_ {
        values(self.figures.get(&key))
    }

    /// The figures for which something was preferred.
    pub(super) fn figures(&self) -> impl Iterator<Item = FigureKey> + '_ {
        self.figures.keys().copied()
    }

    /// Takes an event that prefers a claim, or takes it away; the claim is absent if it does not
    /// stand.
    pub(super) fn change(
        &mut self,
        (event, preference): (Position, &Preference),
        claim: Option<Preferable>,
        way: Way,
    ) -> Option<Preferred> {
        let key = (preference.claim, preference.side);
        let events = self.events.entry(key).or_default();
        let before = events.last().copied();
        match way {
            Way::In => events.insert(event),
            Way::Out => events.remove(&event),
        };
        let after = events.last().copied();
        if after.is_none() {
            self.events.remove(&key);
        }
        self.put(preference.side, claim?, before, after)
    }

    /// Takes a claim that stands from now on or reads otherwise, or takes it away as it read
    /// before.
    pub(super) fn change_claim(
        &mut self,
        position: Position,
        claim: Preferable,
        way: Way,
    ) -> Vec<Preferred> {
        let named = self.named(position).into_iter();
        let changed = |(named, event)| match way {
            Way::In => self.put(named, claim, None, Some(event)),
            Way::Out => self.put(named, claim, Some(event), None),
        };
        named.filter_map(changed).collect()
    }

    /// What a claim is preferred for, each with the latest event that does so.
    fn named(&self, claim: Position) -> Vec<(Named, Position)> {
        let of_claim = self.events.range((claim, None)..);
        let of_claim = of_claim.take_while(|((named, _), _)| *named == claim);
        let named: Vec<_> =
            of_claim.filter_map(|((_, named), events)| Some((*named, *events.last()?))).collect();
        work::visit(named.len());
        named
    }

    fn put(
        &mut self,
        named: Named,
        claim: Preferable,
        before: Option<Position>,
        after: Option<Position>,
    ) -> Option<Preferred> {
        let value = claim.value.filter(|_| before != after)?;
        let preferred = match named {
            Some((country, direction)) => Preferred::Figure((country, claim.unit, direction)),
            None => Preferred::Leg(claim.leg),
        };
        let values = match preferred {
            Preferred::Figure(key) => self.figures.entry(key).or_default(),
            Preferred::Leg(leg) => self.legs.entry(leg).or_default(),
        };
        before.map(|event| values.remove(&Reverse(event)));
        after.map(|event| values.insert(Reverse(event), value));
        Some(preferred)
    }
}

fn values(values: Option<&Values>) -> impl Iterator<Item = u32> + '_ {
    values.into_iter().flat_map(BTreeMap::values).inspect(|_| work::visit(1)).copied()
}
