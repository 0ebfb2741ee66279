//! The index: finds events by stream, category, type and tag, appends by request id, and places
//! by time.
//!
//! Derived from the durable frames alone, fed by the feeder alone, and rebuilt when the log is
//! opened. Everything it answers is true as of its watermark. It is in memory for now; what asks
//! it sees neither lists nor maps, so that runs on disk can take their place.

use std::{
    collections::HashMap,
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    domain::{
        event::{Micros, Position, RequestId, Revision},
        filter::Filter,
        name::StreamName,
    },
    log::{
        frame::{AppendEntry, Frame},
        labels::Labels,
        postings::{Postings, Term, Terms},
        run::Chunk,
    },
};

pub use super::labels::Unindexable;
pub use crate::domain::event::Direction;

/// Positions after `after` up to and including `up_to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The last position that is not meant.
    pub after: Position,
    /// The last position that is.
    pub up_to: Position,
}

/// The index of a log.
#[derive(Debug, Default)]
pub struct Index {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    watermark: Position,
    terms: Terms,
    requests: HashMap<RequestId, AppendEntry>,
    /// Where the time of recording changes: rising times, each with the first position that has
    /// it.
    times: Vec<(Micros, Position)>,
}

impl Index {
    /// Everything up to here is indexed.
    pub fn watermark(&self) -> Position {
        self.read().watermark
    }

    /// The number of events in the stream.
    pub fn revision(&self, stream: &StreamName) -> Revision {
        self.read().terms.get(Term::Stream(stream.as_str())).map_or(0, Postings::len)
    }

    /// The position of the stream's event with this revision.
    pub fn position_of_revision(
        &self,
        stream: &StreamName,
        revision: Revision,
    ) -> Option<Position> {
        self.read().terms.get(Term::Stream(stream.as_str()))?.at(revision)
    }

    /// The last event after `after` that matches.
    pub fn last_match(&self, filter: &Filter, after: Position) -> Option<Position> {
        let span = Span { after, up_to: Position::MAX };
        self.matches(filter, span, Direction::Backwards, 1).pop()
    }

    /// The first `limit` events of the span, in the order of the direction, that match.
    pub fn matches(
        &self,
        filter: &Filter,
        span: Span,
        direction: Direction,
        limit: usize,
    ) -> Vec<Position> {
        let state = self.read();
        let (first, last) = (span.after.saturating_add(1), span.up_to.min(state.watermark));
        if first > last {
            return Vec::new();
        }
        if filter.is_all() {
            return match direction {
                Direction::Forwards => (first..=last).take(limit).collect(),
                Direction::Backwards => (first..=last).rev().take(limit).collect(),
            };
        }
        let from = if direction == Direction::Forwards { first } else { last };
        let walk = state.terms.walk(filter, from, direction);
        walk.take_while(|position| (first..=last).contains(position)).take(limit).collect()
    }

    /// The append that was made with this request id.
    pub fn request(&self, id: &RequestId) -> Option<AppendEntry> {
        self.read().requests.get(id).copied()
    }

    /// The number of events recorded before `time`: reading after that position begins with the
    /// first one recorded at `time` or later.
    pub fn position_at(&self, time: Micros) -> Position {
        let state = self.read();
        let at = state.times.partition_point(|(recorded, _)| *recorded < time);
        state.times.get(at).map_or(state.watermark, |(_, first)| first - 1)
    }

    /// When the event at `position` was recorded; `None` if it is not indexed.
    pub fn recorded_at(&self, position: Position) -> Option<Micros> {
        let state = self.read();
        if position > state.watermark {
            return None;
        }
        let after = state.times.partition_point(|(_, first)| *first <= position);
        state.times.get(after.checked_sub(1)?).map(|(time, _)| *time)
    }

    /// When the last event was recorded; `None` if there is none.
    pub fn last_recorded_at(&self) -> Option<Micros> {
        self.read().times.last().map(|(time, _)| *time)
    }

    /// Takes the next durable frame; nothing of it if it cannot be indexed.
    pub fn apply(&self, frame: &Frame) -> Result<(), Unindexable> {
        let malformed = |what: String| Unindexable { position: frame.first_position, what };
        let chunk = Chunk::parse(frame.first_position, frame.events.clone());
        let chunk = chunk.map_err(|error| malformed(error.to_string()))?;
        self.apply_with(&chunk, &frame.appends)
    }

    /// Takes the next durable events; nothing of them if one cannot be indexed.
    pub fn apply_events(&self, chunk: &Chunk) -> Result<(), Unindexable> {
        self.apply_with(chunk, &[])
    }

    /// Takes events and the table of their appends in one step: whoever sees a watermark also
    /// finds every request id up to it, or an append could be accepted twice.
    fn apply_with(&self, chunk: &Chunk, appends: &[AppendEntry]) -> Result<(), Unindexable> {
        let labels: Vec<Labels> = (chunk.first()..=chunk.last())
            .map(|position| Labels::decode(position, &chunk.event(position)))
            .collect::<Result<_, _>>()?;
        let mut state = self.write();
        if chunk.first() != state.watermark + 1 {
            let what = format!("the index ends at position {}", state.watermark);
            return Err(Unindexable { position: chunk.first(), what });
        }
        labels.iter().zip(chunk.first()..).for_each(|(labels, at)| state.event(labels, at));
        state.requests.extend(appends.iter().map(|entry| (entry.request_id, *entry)));
        state.watermark = chunk.last();
        Ok(())
    }

    /// Takes durable entries of the append table.
    pub fn apply_appends(&self, entries: &[AppendEntry]) {
        let mut state = self.write();
        state.requests.extend(entries.iter().map(|entry| (entry.request_id, *entry)));
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("nothing panics while the index is locked")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("nothing panics while the index is locked")
    }
}

impl State {
    fn event(&mut self, labels: &Labels, position: Position) {
        self.terms.push(Term::Stream(&labels.stream), position);
        self.terms.push(Term::Category(labels.category()), position);
        self.terms.push(Term::Type(labels.type_name()), position);
        for tag in &labels.tags {
            self.terms.push(Term::Tag(tag), position);
        }
        let time = labels.recorded_at();
        // The server never records a time before the last one.
        if self.times.last().is_none_or(|(last, _)| *last < time) {
            self.times.push((time, position));
        }
    }
}

#[cfg(test)]
mod tests;
