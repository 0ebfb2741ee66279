//! What is claimed, and from when to when the record said so: one bitemporal table.
//!
//! A row is one reading of one claim: as first recorded, or as corrected. It stands from the
//! event that brought it until the event that withdrew it. What the record said at a position is
//! the latest standing reading of each claim; a reading that stands under a later one is
//! superseded, not withdrawn, so that withdrawing a correction brings it back.
//!
//! A claim is named by the position of its first reading, whatever it reads later; an event that
//! names a correction means the claim for everything but a withdrawal.

mod citations;
mod content;
mod exchange_order;
mod lookup;
mod nested;
mod read;
mod view;
mod vocabulary;

pub use content::{
    Actor, Content, Counted, Covered, NameSet, Preference, Report, RoleClaim, RunningTotal,
    Statement, Transfer,
};
pub use nested::{Moved, Renested};
pub use read::{Taken, take};
pub use view::{NestedThen, View};
pub use vocabulary::Vocabulary;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::domain::{event::Position, known::Known, proto, symbol::Symbol};
use crate::projections::{interned::Place, search::Words};
use exchange_order::ExchangeOrder;
use nested::Nested;
use read::Reading;
use vocabulary::ClaimAttribution;

/// No event has withdrawn the row.
pub const STANDING: Position = Position::MAX;

/// One reading of one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The claim: the position of its first reading.
    pub claim: Position,
    /// The event that brought this reading; from here on, inclusive, the record says so.
    pub from: Position,
    /// The event that withdrew it; from here on, inclusive, the record no longer says so.
    pub to: Position,
    /// The exchange, series, detention or source it is about; empty: a statement about none.
    pub subject: Symbol,
    /// The source it was taken from.
    pub source: Symbol,
    /// Who asserts it: the place in the table of actors.
    pub claimant: Place,
    /// What is claimed.
    pub content: Content,
}

impl Row {
    fn new(
        claim: Position,
        from: Position,
        subject: Symbol,
        ClaimAttribution { source, claimant }: ClaimAttribution,
        content: Content,
    ) -> Self {
        Self { claim, from, to: STANDING, subject, source, claimant, content }
    }

    /// Whether the record said so just after `position`, unless a later reading says otherwise.
    pub fn stands_at(&self, position: Position) -> bool {
        self.from <= position && position < self.to
    }
}

/// The places of the rows about one exchange, rising.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Exchange {
    /// Those that figures are made of, or grouped by.
    figures: Vec<Place>,
    others: Vec<Place>,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    vocabulary: Vocabulary,
    /// In the order of `from`, which is unique.
    rows: Vec<Row>,
    exchanges: HashMap<Symbol, Exchange>,
    series: HashMap<Symbol, Vec<Place>>,
    sources: HashMap<Symbol, Vec<Place>>,
    detentions: HashMap<Symbol, Vec<Place>>,
    statements: Vec<Place>,
    /// Of each claim that was corrected, its later readings.
    corrections: HashMap<Position, Vec<Place>>,
    /// Of each claim that was backed or contested, the events that did so.
    opinions: HashMap<Position, Vec<Place>>,
    /// Of each source, the corrections and retractions that cite it: they have no rows of their
    /// own.
    cited: HashMap<Symbol, Vec<Position>>,
    /// The words by which rows are found.
    words: Words,
    nested: Nested,
    /// What follows from the rows alone is not saved.
    #[serde(skip)]
    named: ExchangeOrder,
    /// The rows that cite each source, rising.
    #[serde(skip)]
    by_source: HashMap<Symbol, Vec<Place>>,
}

/// What an event did to the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// A row came or went.
    pub changed: bool,
    /// The claim that reads otherwise, if figures are made of it or grouped by it.
    pub reread: Option<Reread>,
    /// What became of how the exchanges nest.
    pub nested: Renested,
}

/// A claim reads otherwise than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reread {
    /// The exchange that the claim is about.
    pub subject: Symbol,
    /// How it read; absent: it did not stand.
    pub before: Option<Row>,
    /// How it reads; absent: it does not stand.
    pub after: Option<Row>,
    /// How many rows came.
    pub recorded: usize,
}

impl Claims {
    /// Takes the next event, which is at `at`.
    pub fn apply(&mut self, at: Position, taken: &Taken) -> Touched {
        let touched = match &taken.known {
            Known::ClaimCorrected(it) => self.correct(at, it.claim, taken),
            Known::ClaimRetracted(it) => self.retract(at, it.claim),
            Known::ClaimPreferred(it) => self.prefer(at, it, &taken.known),
            Known::ClaimConfirmed(it) => self.comment(at, it.claim, Content::Confirmed, taken),
            Known::ClaimDisputed(it) => self.comment(at, it.claim, Content::Disputed, taken),
            known @ (Known::SourceRegistered(_)
            | Known::StatementMade(_)
            | Known::ExchangeReported(_)
            | Known::RoleAttributed(_)
            | Known::TransferAgreed(_)
            | Known::TransferCompleted(_)
            | Known::TransferDeclined(_)
            | Known::TotalClaimed(_)
            | Known::SuperlativeClaimed(_)
            | Known::DetentionReported(_)) => {
                let reading = self.vocabulary.reading(known);
                reading.map(|Reading { subject, content }| {
                    let attributed = self.vocabulary.attributed(known);
                    self.add_found_by(known, Row::new(at, at, subject, attributed, content))
                })
            }
        };
        if touched.is_some() {
            self.cite(at, &taken.known);
        }
        touched.unwrap_or_default()
    }

    fn add(&mut self, row: Row) -> Touched {
        let place = Place::try_from(self.rows.len()).unwrap_or(Place::MAX);
        let before = self.reading_now(row.claim).copied();
        debug_assert!(
            self.rows.last().is_none_or(|last| last.from <= row.from),
            "what a moment shows ends at the first row that comes later"
        );
        self.rows.push(row);
        if row.claim != row.from {
            self.corrections.entry(row.claim).or_default().push(place);
        }
        self.enter(place, &row);
        let subject = row.subject;
        self.touched(row.from, Reread { subject, before, after: Some(row), recorded: 1 })
    }

    /// Enters a row in the lists that it is found by.
    fn enter(&mut self, place: Place, row: &Row) {
        self.note(place, row);
        match row.content {
            Content::RunningTotal(_) => self.series.entry(row.subject).or_default().push(place),
            Content::Detention => self.detentions.entry(row.subject).or_default().push(place),
            Content::Source(_) => self.sources.entry(row.subject).or_default().push(place),
            Content::Confirmed(claim) | Content::Disputed(claim) => {
                self.opinions.entry(claim).or_default().push(place);
            }
            Content::Statement(_) => {
                self.statements.push(place);
                if !row.subject.is_empty() {
                    self.exchanges.entry(row.subject).or_default().others.push(place);
                }
            }
            Content::Completed(_)
            | Content::Exchange(_)
            | Content::Preference(_)
            | Content::Role(_) => {
                self.exchanges.entry(row.subject).or_default().figures.push(place);
            }
            Content::Agreed(_)
            | Content::Declined(..)
            | Content::Total(..)
            | Content::Superlative => {
                self.exchanges.entry(row.subject).or_default().others.push(place);
            }
        }
    }

    /// Makes what is not saved, from the rows.
    pub fn restore(&mut self) {
        (self.named, self.by_source) = <_>::default();
        self.restore_nested();
        for place in 0..Place::try_from(self.rows.len()).unwrap_or(Place::MAX) {
            if let Some(row) = self.rows.get(place as usize).copied() {
                self.note(place, &row);
            }
        }
    }

    fn restore_nested(&mut self) {
        let view = self.now();
        let reports = self.ever_nested().flat_map(|exchange| {
            let named =
                move |(event, report): (Position, &Report)| (exchange, event, report.part_of);
            view.reports(exchange).map(named)
        });
        let reports: Vec<_> = reports.collect();
        self.nested.restore(reports.into_iter());
    }

    /// Enters a row in the lists that are not saved.
    fn note(&mut self, place: Place, row: &Row) {
        if !row.source.is_empty() {
            self.by_source.entry(row.source).or_default().push(place);
        }
        let larger = row.content.report().map_or(Symbol::EMPTY, |report| report.part_of);
        if row.content.is_about_an_exchange() {
            let names = &self.vocabulary.names;
            self.named.note(row.from, [row.subject, larger], |name| names.text(name));
        }
    }

    /// What a row that came or went makes a difference to.
    fn touched(&mut self, at: Position, reread: Reread) -> Touched {
        let mut touched = Touched { changed: true, ..Touched::default() };
        let Some(row) = reread.after.or(reread.before) else { return touched };
        if row.content.enters_figures() {
            touched.reread = Some(reread);
        }
        if matches!(row.content, Content::Exchange(_)) {
            let report = reread.after.and_then(|row| row.content.report().copied());
            let larger = report.map_or(Symbol::EMPTY, |report| report.part_of);
            touched.nested = self.nested.read(at, (row.subject, row.claim), larger);
        }
        touched
    }

    fn prefer(
        &mut self,
        at: Position,
        preferred: &proto::ClaimPreferred,
        known: &Known,
    ) -> Option<Touched> {
        let claim = self.standing(preferred.claim)?;
        let preference = self.vocabulary.preference(preferred);
        let content = Content::Preference(Preference { claim: claim.claim, ..preference });
        let attributed = self.vocabulary.attributed(known);
        Some(self.add(Row::new(at, at, claim.subject, attributed, content)))
    }

    fn comment(
        &mut self,
        at: Position,
        claim: Position,
        content: fn(Position) -> Content,
        taken: &Taken,
    ) -> Option<Touched> {
        let claim = self.standing(claim)?;
        let attributed = self.vocabulary.attributed(&taken.known);
        Some(self.add(Row::new(at, at, claim.subject, attributed, content(claim.claim))))
    }

    /// A replacement of another kind, or about another exchange, is not a reading of this claim; it
    /// is refused when recorded.
    fn correct(&mut self, at: Position, claim: Position, taken: &Taken) -> Option<Touched> {
        let first = self.standing(claim)?;
        let replacement = taken.replacement.as_ref()?;
        let content = if let Known::ClaimPreferred(preferred) = replacement {
            let preference = self.vocabulary.preference(preferred);
            let preferred = self.standing(preference.claim)?;
            let claim = Some(preferred.claim).filter(|_| preferred.subject == first.subject)?;
            Content::Preference(Preference { claim, ..preference })
        } else {
            self.vocabulary.reading(replacement)?.content
        };
        if content.counted().is_some() && !self.is_of(&content, first.subject) {
            return None;
        }
        if std::mem::discriminant(&first.content) != std::mem::discriminant(&content) {
            return None;
        }
        let attributed = self.vocabulary.attributed(replacement);
        let row = Row::new(first.claim, at, first.subject, attributed, content);
        Some(self.add_found_by(replacement, row))
    }

    /// Whether a claim about a leg is about one of this exchange.
    fn is_of(&self, content: &Content, exchange: Symbol) -> bool {
        let leg = content.counted().and_then(|counted| self.vocabulary.leg(counted.leg));
        leg.is_some_and(|leg| leg.exchange == exchange)
    }

    /// Withdraws one correction, or a claim with all that it was corrected to.
    fn retract(&mut self, at: Position, event: Position) -> Option<Touched> {
        let row = *self.row(event)?;
        let mut places: Vec<Place> = vec![self.place(event)?];
        if row.claim == row.from {
            places.extend(self.corrections.get(&row.claim).into_iter().flatten());
        }
        let before = self.reading_now(row.claim).copied();
        let mut changed = false;
        for place in places {
            if let Some(row) = self.rows.get_mut(place as usize).filter(|row| row.to == STANDING) {
                row.to = at;
                changed = true;
            }
        }
        let (after, subject) = (self.reading_now(row.claim).copied(), row.subject);
        changed.then(|| self.touched(at, Reread { subject, before, after, recorded: 0 }))
    }
}

#[cfg(test)]
mod spellings;
#[cfg(test)]
pub(crate) mod test_record;
#[cfg(test)]
mod tests;
