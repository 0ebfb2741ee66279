//! What an answer reports of a claim: where it is recorded, what became of it, and what it amounts
//! to beside others.
//!
//! Everything here says where texts stand, not what they say: the texts are in the log.

mod leg;

pub use leg::{LegClaims, LegNumber, PreferenceInForce};

use crate::domain::{event::Position, work};
use crate::projections::claims::{Content, Row, View};

/// One reading of a claim, and what became of it by the moment that the query is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimStatus {
    /// The claim.
    pub claim: Position,
    /// The event that gives this reading: the claim itself, or a correction of it.
    pub read_from: Position,
    /// How the reading ended; absent: it is how the claim reads.
    pub ended: Option<Ended>,
    /// The event that withdrew the claim as a whole; absent: none did.
    pub retracted_by: Option<Position>,
    /// How many standing events back the claim.
    pub confirmations: u32,
    /// How many standing events contest it.
    pub disputes: u32,
    /// The registration in force of the source; absent: it is not registered.
    pub source: Option<Position>,
}

/// How a reading ended, with the event that ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A correction put another reading in its place.
    Corrected(Position),
    /// The claim was withdrawn, or the correction that gave this reading.
    Retracted(Position),
}

impl Ended {
    /// The event.
    pub fn event(self) -> Position {
        match self {
            Self::Corrected(event) | Self::Retracted(event) => event,
        }
    }
}

impl ClaimStatus {
    /// What became of a reading, by the moment that the view shows.
    pub fn of(view: &View<'_>, row: &Row) -> Self {
        let claims = view.claims();
        let first = claims.row(row.claim).map_or(row.to, |first| first.to);
        // Of what stands of a source's registrations the last reading is in force.
        let mut registered = claims.source_rows(row.source, view.at()).rev();
        let source = registered.find(|row| {
            work::visit(1);
            row.stands_at(view.at())
        });
        let opinions = view.latest(claims.opinion_rows(row.claim));
        let count = |wanted: fn(&Content) -> bool| {
            let found = opinions.iter().filter(|row| wanted(&row.content)).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        Self {
            claim: row.claim,
            read_from: row.from,
            ended: ended(view, row),
            retracted_by: (first <= view.at()).then_some(first),
            confirmations: count(|content| matches!(content, Content::Confirmed(_))),
            disputes: count(|content| matches!(content, Content::Disputed(_))),
            source: source.map(|row| row.from),
        }
    }

    /// The events with the texts that an answer about the claim shows.
    pub fn positions(&self) -> impl Iterator<Item = Position> + use<> {
        [Some(self.claim), Some(self.read_from), self.source].into_iter().flatten()
    }
}

/// How a reading ended by the moment that the view shows.
///
/// A later reading that was itself withdrawn while this one stood has ended nothing.
fn ended(view: &View<'_>, row: &Row) -> Option<Ended> {
    let withdrawn = row.to <= view.at();
    let last = if withdrawn { row.to } else { view.at().saturating_add(1) };
    let later = view.claims().corrected_after(row.claim, row.from);
    let mut later = later.take_while(|later| later.from < last).inspect(|_| work::visit(1));
    let later = later.find(|later| later.to >= last);
    later
        .map(|later| Ended::Corrected(later.from))
        .or_else(|| withdrawn.then_some(Ended::Retracted(row.to)))
}

/// The readings among `rows` that the record had by the moment of the view and no longer has: of
/// claims that were withdrawn, and those from before a correction.
pub fn past<'a>(view: &View<'a>, rows: impl Iterator<Item = &'a Row>) -> Vec<&'a Row> {
    let recorded = rows.take_while(|row| row.from <= view.at());
    recorded.filter(|row| ended(view, row).is_some()).collect()
}

#[cfg(test)]
mod tests;
