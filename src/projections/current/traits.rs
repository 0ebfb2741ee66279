//! What an outermost exchange is grouped and selected by, kept as claims come and go.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    date::Edtf, event::Position, multiset::Multiset, proto, symbol::Symbol, way::Way, work,
};
use crate::projections::{
    claims::{Content, Row, Vocabulary},
    ledger::{Days, Reported, TraitChanges, TraitMark},
};

/// Of each exchange, something that its reports say, by the report.
type ByReport<T> = BTreeMap<(Symbol, Position), T>;

/// The dates, kinds and mediators that the standing claims give.
#[derive(Clone, Debug, Default)]
pub(super) struct CurrentTraits {
    claims: u64,
    dates: Multiset<Days>,
    dated: ByReport<Days>,
    kinds: ByReport<i32>,
    /// How often each is said to have mediated, and how often not to have.
    mediators: BTreeMap<Symbol, (u64, u64)>,
    /// What may be other than it was when the changes were last taken.
    dirty: BTreeSet<TraitMark>,
}

impl CurrentTraits {
    /// Takes a row that stands from now on, or takes it out.
    pub(super) fn change(&mut self, vocabulary: &Vocabulary, row: &Row, way: Way) {
        way.step(&mut self.claims, 1);
        let days = days(vocabulary, row);
        if let Some(days) = days
            && self.dates.change(days, way)
        {
            self.dirty.insert(TraitMark::Date(days));
        }
        if let Content::Exchange(report) = &row.content {
            let key = (row.subject, row.claim);
            put(&mut self.dated, key, days.filter(|_| way == Way::In));
            put(&mut self.kinds, key, Some(report.kind).filter(|it| *it != 0 && way == Way::In));
        }
        if let Some((mediator, denied)) = mediator(vocabulary, row) {
            self.dirty.insert(TraitMark::Mediator(mediator));
            let said = self.mediators.entry(mediator).or_default();
            way.step(if denied { &mut said.1 } else { &mut said.0 }, 1);
            if *said == (0, 0) {
                self.mediators.remove(&mediator);
            }
        }
    }

    /// What has changed since the last call, of the exchange as the outermost one.
    pub(super) fn changes(&mut self, outermost: Symbol) -> TraitChanges {
        let date = latest(&self.dated, outermost);
        let kind = latest(&self.kinds, outermost).unwrap_or(0);
        let reported = (self.claims > 0).then_some(Reported { date, kind });
        let dirty = std::mem::take(&mut self.dirty);
        work::visit(dirty.len());
        TraitChanges { reported, marks: dirty.into_iter().map(|it| (it, self.mark(it))).collect() }
    }

    /// Whether a mark is denied; absent: it is not there.
    fn mark(&self, mark: TraitMark) -> Option<bool> {
        match mark {
            TraitMark::Date(days) => self.dates.contains(&days).then_some(false),
            TraitMark::Mediator(name) => {
                let (attributed, denied) = self.mediators.get(&name)?;
                (*attributed > 0).then_some(*denied > 0)
            }
        }
    }
}

/// Sets what a report says; absent: nothing.
fn put<T>(said: &mut ByReport<T>, report: (Symbol, Position), says: Option<T>) {
    match says {
        Some(says) => drop(said.insert(report, says)),
        None => drop(said.remove(&report)),
    }
}

/// What the latest report of an exchange says, of those that say it.
fn latest<T: Copy>(said: &ByReport<T>, exchange: Symbol) -> Option<T> {
    let said = said.range((exchange, 0)..=(exchange, Position::MAX));
    said.last().map(|(_, said)| *said)
}

fn days(vocabulary: &Vocabulary, row: &Row) -> Option<Days> {
    Edtf::parse(vocabulary.text(row.content.occurred()?)).ok().map(|date| date.days())
}

/// Who is said to have mediated, or not to have.
fn mediator(vocabulary: &Vocabulary, row: &Row) -> Option<(Symbol, bool)> {
    let Content::Role(role) = &row.content else { return None };
    let actor = vocabulary.actor_at(role.actor)?;
    (role.role == i32::from(proto::Role::Mediator)).then(|| (actor.label(), role.denied))
}
