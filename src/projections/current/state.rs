//! What stands about one outermost exchange and those within it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cells::{self, Changes},
    preferences::{Preferable, Preferences, Preferred},
    traits::KeptTraits,
};
use crate::domain::{
    estimate::{Estimate, StandingClaims},
    event::Position,
    leg::UnitCode,
    multiset::Multiset,
    side::{EstimatedLeg, Share},
    symbol::Symbol,
    work,
};
use crate::projections::{
    claims::{Claims, NameSet, Reread, Row, Said, Transfer},
    interned::Place,
    ledger::Cell,
};

/// The standing claims, reduced to what the rules need.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// How many readings were ever recorded.
    readings: usize,
    units: BTreeMap<UnitCode, BTreeMap<Place, Leg>>,
    parties: Multiset<Symbol>,
    preferences: Preferences,
    traits: KeptTraits,
    dirty: Dirty,
}

/// The claims on one leg.
#[derive(Clone, Debug, Default)]
struct Leg {
    claims: StandingClaims,
    /// What they amounted to when the cells were made; absent: there was no claim.
    estimate: Option<Estimate>,
}

/// What has to be looked at before the changes can be told.
#[derive(Clone, Debug, Default)]
struct Dirty {
    traits: bool,
    legs: BTreeSet<(UnitCode, Place)>,
    units: BTreeSet<UnitCode>,
    all_units: bool,
}

impl State {
    /// What the table says of an outermost exchange.
    pub(super) fn of(claims: &Claims, outermost: Symbol) -> Self {
        let mut state = Self::default();
        for exchange in claims.nested_now().within(outermost) {
            state.join(claims, exchange);
        }
        state
    }

    pub(super) fn readings(&self) -> usize {
        self.readings
    }

    /// Takes how a claim reads now, in place of how it read before.
    pub(super) fn reread(&mut self, claims: &Claims, reread: &Reread) {
        self.readings += reread.recorded;
        if reread.before != reread.after {
            reread.before.iter().for_each(|row| self.remove(claims, row));
            reread.after.iter().for_each(|row| self.add(claims, row));
        }
    }

    /// An exchange within this one is directly a portion of another one than before.
    pub(super) fn nests_otherwise(&mut self) {
        self.dirty.all_units = true;
    }

    /// Takes an exchange that is within this one from now on.
    pub(super) fn join(&mut self, claims: &Claims, exchange: Symbol) {
        self.readings += claims.figure_places(exchange).len();
        // A preference needs its claim.
        let (preferences, others) = standing(claims, exchange);
        others.chain(preferences).for_each(|row| self.add(claims, row));
    }

    /// Takes out an exchange that is within this one no longer.
    pub(super) fn leave(&mut self, claims: &Claims, exchange: Symbol) {
        let readings = claims.figure_places(exchange).len();
        self.readings = self.readings.saturating_sub(readings);
        let (preferences, others) = standing(claims, exchange);
        preferences.chain(others).for_each(|row| self.remove(claims, row));
    }

    fn add(&mut self, claims: &Claims, row: &Row) {
        work::visit(1);
        self.dirty.traits = true;
        self.traits.add(claims.vocabulary(), row);
        if let Some(transfer) = row.said.transfer() {
            self.add_transfer(claims, row.claim, transfer);
        } else if let Some(report) = row.said.report() {
            let parties = claims.vocabulary().side(report.parties).into_iter();
            for party in parties.flat_map(NameSet::iter) {
                self.dirty.all_units |= self.parties.add(party);
            }
        } else if let Said::Preference(preference) = &row.said {
            let preferable = preferable(claims, preference.claim);
            let changed = self.preferences.add(row.claim, preference, preferable);
            self.note(changed);
        }
    }

    fn remove(&mut self, claims: &Claims, row: &Row) {
        work::visit(1);
        self.dirty.traits = true;
        self.traits.remove(claims.vocabulary(), row);
        if let Some(transfer) = row.said.transfer() {
            self.remove_transfer(claims, row.claim, transfer);
        } else if let Some(report) = row.said.report() {
            let parties = claims.vocabulary().side(report.parties).into_iter();
            for party in parties.flat_map(NameSet::iter) {
                self.dirty.all_units |= self.parties.remove(&party);
            }
        } else if let Said::Preference(preference) = &row.said {
            let preferable = preferable(claims, preference.claim);
            let changed = self.preferences.remove(row.claim, preference, preferable);
            self.note(changed);
        }
    }

    fn add_transfer(&mut self, claims: &Claims, claim: Position, transfer: &Transfer) {
        let Some(preferable) = of_transfer(claims, transfer) else { return };
        let Preferable { leg: place, unit, .. } = preferable;
        let leg = self.units.entry(unit).or_default().entry(place).or_default();
        if leg.claims.is_empty() {
            for party in parties(claims, place) {
                self.dirty.all_units |= self.parties.add(party);
            }
        }
        leg.claims.add(&transfer.counted.number, claims.vocabulary().parts(transfer.of_which));
        self.dirty.legs.insert((unit, place));
        let changed = self.preferences.offer(claim, preferable);
        self.note(changed);
    }

    fn remove_transfer(&mut self, claims: &Claims, claim: Position, transfer: &Transfer) {
        let Some(preferable) = of_transfer(claims, transfer) else { return };
        let Preferable { leg: place, unit, .. } = preferable;
        let changed = self.preferences.withdraw(claim, preferable);
        self.note(changed);
        let leg = self.units.get_mut(&unit).and_then(|legs| legs.get_mut(&place));
        let Some(leg) = leg else { return };
        leg.claims.remove(&transfer.counted.number, claims.vocabulary().parts(transfer.of_which));
        if leg.claims.is_empty() {
            for party in parties(claims, place) {
                self.dirty.all_units |= self.parties.remove(&party);
            }
        }
        self.dirty.legs.insert((unit, place));
    }

    fn note(&mut self, preferred: impl IntoIterator<Item = Preferred>) {
        for preferred in preferred {
            match preferred {
                Preferred::Leg(unit, leg) => drop(self.dirty.legs.insert((unit, leg))),
                Preferred::Figure((_, unit, _)) => drop(self.dirty.units.insert(unit)),
            }
        }
    }

    /// What has changed since this was asked last.
    pub(super) fn changes(&mut self, claims: &Claims, outermost: Symbol) -> Changes {
        let Dirty { traits, legs, mut units, all_units } = std::mem::take(&mut self.dirty);
        for (unit, place) in legs {
            if self.settle(unit, place) {
                units.insert(unit);
            }
        }
        if all_units {
            units.extend(self.units.keys());
        }
        let traits = traits.then(|| self.traits.changes(outermost));
        let units = units.into_iter().map(|unit| (unit, self.cells(claims, unit))).collect();
        Changes { traits, units }
    }

    /// Works out what the claims on a leg amount to; answers whether that is another.
    fn settle(&mut self, unit: UnitCode, place: Place) -> bool {
        let Some(legs) = self.units.get_mut(&unit) else { return false };
        let Some(leg) = legs.get_mut(&place) else { return false };
        let preferred = self.preferences.of_leg(place);
        let estimate = (!leg.claims.is_empty()).then(|| leg.claims.estimate(preferred));
        let changed = leg.estimate != estimate;
        let gone = estimate.is_none();
        leg.estimate = estimate;
        if gone {
            legs.remove(&place);
            if legs.is_empty() {
                self.units.remove(&unit);
            }
        }
        changed
    }

    fn cells(&self, claims: &Claims, unit: UnitCode) -> Vec<(Cell, Share)> {
        let legs = self.units.get(&unit).into_iter().flatten();
        let estimated = legs.filter_map(|(place, leg)| {
            Some((claims.vocabulary().leg(*place)?, leg.estimate.clone()?))
        });
        let legs: Vec<EstimatedLeg<'_>> = estimated.collect();
        let parties = self.parties.iter().copied().collect();
        let preferred = |key| self.preferences.of_figure(key).collect();
        cells::cells(unit, &legs, &parties, claims.nested_now(), &preferred)
    }
}

/// The standing readings of an exchange: the preferences, and the others.
fn standing(
    claims: &Claims,
    exchange: Symbol,
) -> (impl Iterator<Item = &Row>, impl Iterator<Item = &Row>) {
    let view = claims.now();
    let is_preference = |row: &&Row| matches!(row.said, Said::Preference(_));
    let rows = view.figures(exchange).into_iter();
    let (preferences, others): (Vec<&Row>, Vec<&Row>) = rows.partition(is_preference);
    (preferences.into_iter(), others.into_iter())
}

/// The parties of a leg.
fn parties(claims: &Claims, leg: Place) -> impl Iterator<Item = Symbol> + '_ {
    let leg = claims.vocabulary().leg(leg).into_iter();
    leg.flat_map(|leg| leg.from.iter().chain(leg.to.iter()))
}

/// A claim as it reads now, for its preferences.
fn preferable(claims: &Claims, claim: Position) -> Option<Preferable> {
    of_transfer(claims, claims.reading_now(claim)?.said.transfer()?)
}

fn of_transfer(claims: &Claims, transfer: &Transfer) -> Option<Preferable> {
    let leg = transfer.counted.leg;
    let unit = claims.vocabulary().leg(leg)?.unit;
    Some(Preferable { leg, unit, value: transfer.counted.number.value() })
}
