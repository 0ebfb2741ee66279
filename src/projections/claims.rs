//! What is claimed, and from when to when the record said so: one bitemporal table.
//!
//! A row is one reading of one claim: as first recorded, or as corrected. It stands from the
//! event that brought it until the event that withdrew it. What the record said at a position is
//! the latest standing reading of each claim; a reading that stands under a later one is
//! superseded, not withdrawn, so that withdrawing a correction brings it back.
//!
//! A claim is named by the position of its first reading, whatever it reads later; an event that
//! names a correction means the claim for everything but a withdrawal.

mod links;
mod read;
mod view;

pub use read::{Preference, Report, Said, Transfer};
pub use view::View;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::event::{Micros, Position};
use crate::projections::{ApplyError, Event, Projection};
use read::Act;

/// No event has withdrawn the row.
const STANDING: Position = Position::MAX;

/// One reading of one claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The claim: the position of its first reading.
    pub claim: Position,
    /// The event that brought this reading; from here on, inclusive, the record says so.
    pub from: Position,
    /// The event that withdrew it; from here on, inclusive, the record no longer says so.
    pub to: Position,
    /// The exchange it is about.
    pub exchange: String,
    /// What is claimed.
    pub said: Said,
}

/// The table, with the times at which it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    position: Position,
    recorded_at: Micros,
    /// In the order of `from`, which is unique.
    rows: Vec<Row>,
    /// Of each exchange, the places of its rows, rising.
    exchanges: BTreeMap<String, Vec<usize>>,
    /// Of each time at which rows changed, the last event that changed one; both rising.
    changes: Vec<(Micros, Position)>,
}

impl Projection for Claims {
    const NAME: &'static str = "claims";
    const VERSION: u32 = 1;

    fn apply(&mut self, event: &Event<'_>) -> Result<(), ApplyError> {
        if event.position <= self.position {
            return Err(ApplyError::OutOfOrder { at: self.position, event: event.position });
        }
        let changed = match read::read(event)? {
            Some(Act::Claim(exchange, said)) => {
                self.add(event.position, event.position, exchange, said)
            }
            Some(Act::Prefer(claim, preference)) => self.prefer(event.position, claim, preference),
            Some(Act::Correct(claim, said)) => self.correct(event.position, claim, said),
            Some(Act::Retract(claim)) => self.retract(event.position, claim),
            None => false,
        };
        self.position = event.position;
        self.recorded_at = event.recorded_at;
        if changed {
            self.note_change(event);
        }
        Ok(())
    }

    fn position(&self) -> Position {
        self.position
    }
}

impl Claims {
    /// The position that shows what the record said at `time`, inclusive.
    ///
    /// It is the last event up to then that this table takes notice of, or the last event at all
    /// if `time` is not before it.
    pub fn position_as_of(&self, time: Micros) -> Position {
        if time >= self.recorded_at {
            return self.position;
        }
        let later = self.changes.partition_point(|(recorded_at, _)| *recorded_at <= time);
        let last = later.checked_sub(1).and_then(|place| self.changes.get(place));
        last.map_or(0, |(_, position)| *position)
    }

    /// What the record said just after `position`; beyond the last event, what it says now.
    pub fn at(&self, position: Position) -> View<'_> {
        View::new(self, position.min(self.position), self.exchanges())
    }

    /// The same, of nothing but these exchanges: true where no other is linked to one of them.
    pub fn part_at<'a>(&'a self, position: Position, exchanges: &BTreeSet<&'a str>) -> View<'a> {
        View::new(self, position.min(self.position), exchanges.iter().copied())
    }

    /// The last event that changed a row; 0: none did.
    pub fn last_change(&self) -> Position {
        self.changes.last().map_or(0, |(_, position)| *position)
    }

    /// The events after `since` that changed a row, with the exchange; in order.
    pub fn changes_since(&self, since: Position) -> Vec<(Position, &str)> {
        let mut changes: Vec<(Position, &str)> = self
            .rows
            .iter()
            .flat_map(|row| [(row.from, row.exchange.as_str()), (row.to, row.exchange.as_str())])
            .filter(|(event, _)| *event > since && *event != STANDING)
            .collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// All rows of one exchange, in the order in which they were recorded.
    pub fn rows_of(&self, exchange: &str) -> impl Iterator<Item = &Row> {
        let places = self.exchanges.get(exchange).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.rows.get(*place))
    }

    /// The exchanges of which anything was ever claimed, sorted.
    pub fn exchanges(&self) -> impl Iterator<Item = &str> + Clone {
        self.exchanges.keys().map(String::as_str)
    }

    fn row(&self, event: Position) -> Option<&Row> {
        let place = self.rows.binary_search_by_key(&event, |row| row.from).ok()?;
        self.rows.get(place)
    }

    /// The first reading of the claim that `event` brought or corrected, if it still stands.
    fn standing(&self, event: Position) -> Option<&Row> {
        let first = self.row(self.row(event)?.claim)?;
        (first.to == STANDING).then_some(first)
    }

    fn add(&mut self, claim: Position, from: Position, exchange: String, said: Said) -> bool {
        self.exchanges.entry(exchange.clone()).or_default().push(self.rows.len());
        self.rows.push(Row { claim, from, to: STANDING, exchange, said });
        true
    }

    fn prefer(&mut self, at: Position, claim: Position, mut preference: Preference) -> bool {
        let Some(preferred) = self.standing(claim) else {
            return false;
        };
        preference.claim = preferred.claim;
        let exchange = preferred.exchange.clone();
        self.add(at, at, exchange, Said::Preference(preference))
    }

    /// A replacement of another kind is not a reading of this claim; it is refused when recorded.
    fn correct(&mut self, at: Position, claim: Position, mut said: Said) -> bool {
        let Some(first) = self.standing(claim) else {
            return false;
        };
        if std::mem::discriminant(&first.said) != std::mem::discriminant(&said) {
            return false;
        }
        let (claim, exchange) = (first.claim, first.exchange.clone());
        if let Said::Preference(preference) = &mut said {
            let Some(preferred) = self.standing(preference.claim) else {
                return false;
            };
            preference.claim = preferred.claim;
        }
        self.add(claim, at, exchange, said)
    }

    /// Withdraws one correction, or a claim with all that it was corrected to.
    fn retract(&mut self, at: Position, event: Position) -> bool {
        let Some(row) = self.row(event) else {
            return false;
        };
        let (claim, whole) = (row.claim, row.claim == row.from);
        let places = self.exchanges.get(&row.exchange).map(Vec::as_slice).unwrap_or_default();
        let mut changed = false;
        for place in places {
            let Some(row) = self.rows.get_mut(*place) else {
                continue;
            };
            let meant = if whole { row.claim == claim } else { row.from == event };
            if meant && row.to == STANDING {
                row.to = at;
                changed = true;
            }
        }
        changed
    }

    fn note_change(&mut self, event: &Event<'_>) {
        match self.changes.last_mut() {
            Some((time, position)) if *time == event.recorded_at => *position = event.position,
            _ => self.changes.push((event.recorded_at, event.position)),
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
