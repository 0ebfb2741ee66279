//! What stands about one outermost exchange and those within it.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use super::{
    cells::Numbers,
    preferences::{Preferable, Preferences, Preferred},
    traits::CurrentTraits,
};
use crate::domain::{
    estimate::{Estimate, StandingClaims},
    event::Position,
    multiset::Multiset,
    nesting::Nesting,
    symbol::Symbol,
    way::Way,
    work,
};
use crate::projections::{
    claims::{Claims, Content, NameSet, Reread, Row, Transfer},
    interned::Place,
    ledger::{Changes, FigureKey},
};

/// The standing claims, reduced to what the rules need.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// How many readings were ever recorded.
    readings: usize,
    /// How the exchanges within it nest, as the numbers were made.
    nesting: Nesting,
    legs: BTreeMap<Place, Leg>,
    numbers: Numbers,
    parties: Multiset<Symbol>,
    preferences: Preferences,
    traits: CurrentTraits,
    dirty: Dirty,
}

/// The claims on one leg.
#[derive(Clone, Debug, Default)]
struct Leg {
    claims: StandingClaims,
    /// What they amounted to when the numbers were made; absent: there was no claim.
    estimate: Option<Estimate>,
}

/// What has to be looked at before the changes can be given.
#[derive(Clone, Debug, Default)]
struct Dirty {
    traits: bool,
    legs: BTreeSet<Place>,
    parties: BTreeSet<Symbol>,
    figures: BTreeSet<FigureKey>,
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

    /// The range of the numbers that the standing claims give a leg; absent: none has a number.
    pub(super) fn range(&self, leg: Place) -> Option<(u32, u32)> {
        work::visit(1);
        self.legs.get(&leg)?.claims.estimate([]).range
    }

    /// Takes how a claim reads now, in place of how it read before.
    pub(super) fn reread(&mut self, claims: &Claims, reread: &Reread) {
        self.readings += reread.recorded;
        if reread.before != reread.after {
            reread.before.iter().for_each(|row| self.change(claims, row, Way::Out));
            reread.after.iter().for_each(|row| self.change(claims, row, Way::In));
        }
    }

    /// Takes an exchange that is within this one from now on; those around it have been taken.
    pub(super) fn join(&mut self, claims: &Claims, exchange: Symbol) {
        if let Some(larger) = claims.nested_now().larger(exchange) {
            self.nesting.link(exchange, larger);
        }
        self.readings += claims.figure_places(exchange).len();
        // A preference needs its claim.
        let (preferences, others) = standing(claims, exchange);
        others.chain(preferences).for_each(|row| self.change(claims, row, Way::In));
    }

    /// Takes out an exchange that is within this one no longer; those within it are out.
    pub(super) fn leave(&mut self, claims: &Claims, exchange: Symbol) {
        let readings = claims.figure_places(exchange).len();
        self.readings = self.readings.saturating_sub(readings);
        let (preferences, others) = standing(claims, exchange);
        preferences.chain(others).for_each(|row| self.change(claims, row, Way::Out));
        // The numbers of its legs are taken out of those of the exchanges around it.
        self.settle(claims);
        self.nesting.unlink(exchange);
    }

    /// Takes exchanges that are directly a portion of another one than before, within this one.
    pub(super) fn turn(&mut self, claims: &Claims, exchanges: &[Symbol]) {
        if exchanges.is_empty() {
            return;
        }
        self.settle(claims);
        let within: HashSet<Symbol> =
            exchanges.iter().flat_map(|exchange| self.nesting.within(*exchange)).collect();
        work::visit(within.len() + self.legs.len());
        let key = |(place, leg): (&Place, &Leg)| {
            let key = claims.vocabulary().leg(*place)?;
            within.contains(&key.exchange).then(|| (key, leg.estimate.clone()))
        };
        let legs: Vec<_> = self.legs.iter().filter_map(key).collect();
        for (key, _) in &legs {
            self.numbers.set(&self.nesting, key, None);
        }
        for exchange in exchanges {
            self.nesting.unlink(*exchange);
        }
        for exchange in exchanges {
            if let Some(larger) = claims.nested_now().larger(*exchange) {
                self.nesting.link(*exchange, larger);
            }
        }
        for (key, estimate) in legs {
            self.numbers.set(&self.nesting, key, estimate);
        }
    }

    /// Takes a row that stands from now on, or takes it out.
    fn change(&mut self, claims: &Claims, row: &Row, way: Way) {
        work::visit(1);
        self.dirty.traits = true;
        self.traits.change(claims.vocabulary(), row, way);
        if let Some(transfer) = row.content.transfer() {
            match way {
                Way::In => self.add_transfer(claims, row.claim, transfer),
                Way::Out => self.remove_transfer(claims, row.claim, transfer),
            }
        } else if let Some(report) = row.content.report() {
            let parties = claims.vocabulary().side(report.parties).into_iter();
            for party in parties.flat_map(NameSet::iter) {
                self.change_party(party, way);
            }
        } else if let Content::Preference(preference) = &row.content {
            let preferable = preferable(claims, preference.claim);
            let changed = self.preferences.change((row.claim, preference), preferable, way);
            self.note(changed);
        }
    }

    fn change_party(&mut self, party: Symbol, way: Way) {
        if self.parties.change(party, way) {
            self.dirty.parties.insert(party);
        }
    }

    fn add_transfer(&mut self, claims: &Claims, claim: Position, transfer: &Transfer) {
        let Some(preferable) = of_transfer(claims, transfer) else { return };
        let Preferable { leg: place, unit, .. } = preferable;
        let leg = self.legs.entry(place).or_default();
        let is_first = leg.claims.is_empty();
        let parts = claims.vocabulary().parts(transfer.of_which);
        leg.claims.change(&transfer.counted.number, parts, Way::In);
        if is_first {
            parties(claims, place).for_each(|party| self.change_party(party, Way::In));
        }
        if self.numbers.begin(unit) {
            self.dirty.parties.extend(self.parties.iter().copied());
            self.dirty.figures.extend(self.preferences.figures().filter(|(_, it, _)| *it == unit));
        }
        self.dirty.legs.insert(place);
        let changed = self.preferences.change_claim(claim, preferable, Way::In);
        self.note(changed);
    }

    fn remove_transfer(&mut self, claims: &Claims, claim: Position, transfer: &Transfer) {
        let Some(preferable) = of_transfer(claims, transfer) else { return };
        let changed = self.preferences.change_claim(claim, preferable, Way::Out);
        self.note(changed);
        let place = preferable.leg;
        let Some(leg) = self.legs.get_mut(&place) else { return };
        let parts = claims.vocabulary().parts(transfer.of_which);
        leg.claims.change(&transfer.counted.number, parts, Way::Out);
        if leg.claims.is_empty() {
            parties(claims, place).for_each(|party| self.change_party(party, Way::Out));
        }
        self.dirty.legs.insert(place);
    }

    fn note(&mut self, preferred: impl IntoIterator<Item = Preferred>) {
        for preferred in preferred {
            match preferred {
                Preferred::Leg(leg) => drop(self.dirty.legs.insert(leg)),
                Preferred::Figure(key) => drop(self.dirty.figures.insert(key)),
            }
        }
    }

    /// What has changed since the last call.
    pub(super) fn changes(&mut self, claims: &Claims, outermost: Symbol) -> Changes {
        let traits = std::mem::take(&mut self.dirty.traits);
        let traits = traits.then(|| self.traits.changes(outermost));
        self.settle(claims);
        Changes { traits, cells: self.numbers.take_changed() }
    }

    /// Brings the numbers to what stands.
    fn settle(&mut self, claims: &Claims) {
        let traits = self.dirty.traits;
        let Dirty { legs, parties, figures, .. } =
            std::mem::replace(&mut self.dirty, Dirty { traits, ..Dirty::default() });
        for party in parties {
            self.numbers.set_party(&self.nesting, party, self.parties.contains(&party));
        }
        for key in figures {
            let values = self.preferences.of_figure(key).collect();
            self.numbers.prefer(&self.nesting, key, values);
        }
        for place in legs {
            self.settle_leg(claims, place);
        }
    }

    /// Works out what the claims on a leg amount to.
    fn settle_leg(&mut self, claims: &Claims, place: Place) {
        let key = claims.vocabulary().leg(place);
        let Some((leg, key)) = self.legs.get_mut(&place).zip(key) else { return };
        let preferred = self.preferences.of_leg(place);
        let estimate = (!leg.claims.is_empty()).then(|| leg.claims.estimate(preferred));
        let gone = estimate.is_none();
        if leg.estimate != estimate {
            leg.estimate.clone_from(&estimate);
            self.numbers.set(&self.nesting, key, estimate);
        }
        if gone {
            self.legs.remove(&place);
        }
    }
}

/// The standing readings of an exchange: the preferences, and the others.
fn standing(
    claims: &Claims,
    exchange: Symbol,
) -> (impl Iterator<Item = &Row>, impl Iterator<Item = &Row>) {
    let view = claims.now();
    let is_preference = |row: &&Row| matches!(row.content, Content::Preference(_));
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
    of_transfer(claims, claims.reading_now(claim)?.content.transfer()?)
}

fn of_transfer(claims: &Claims, transfer: &Transfer) -> Option<Preferable> {
    let leg = transfer.counted.leg;
    let unit = claims.vocabulary().leg(leg)?.unit;
    Some(Preferable { leg, unit, value: transfer.counted.number.value() })
}
