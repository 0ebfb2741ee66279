//! The questions that can be put to the index.

use super::{
    Index,
    error::{IndexError, Patience},
    key::{Key, Term},
    walk::{Walk, Wanted},
};
use crate::domain::{
    event::{Direction, Micros, Position, RequestId, Revision},
    filter::Filter,
    name::StreamName,
};

/// Positions after `after` up to and including `up_to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The last position that is not meant.
    pub after: Position,
    /// The last position that is.
    pub up_to: Position,
}

/// Asks the index, with some patience. Every answer is true as of the watermark when it was asked
/// for, or later.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    index: &'a Index,
    patience: Patience,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(index: &'a Index, patience: Patience) -> Self {
        Self { index, patience }
    }

    /// The number of events in the stream.
    pub fn revision(&self, stream: &StreamName) -> Result<Revision, IndexError> {
        let table = self.index.read();
        Ok(table.get(self.stream(stream)).map_or(0, super::postings::Postings::revision))
    }

    /// The position of the stream's event with this revision.
    pub fn position_of_revision(
        &self,
        stream: &StreamName,
        revision: Revision,
    ) -> Result<Option<Position>, IndexError> {
        let table = self.index.read();
        Ok(table.at_revision(self.stream(stream), revision))
    }

    /// The last event after `after` that matches.
    pub fn last_match(
        &self,
        filter: &Filter,
        after: Position,
    ) -> Result<Option<Position>, IndexError> {
        let span = Span { after, up_to: Position::MAX };
        Ok(self.matches(filter, span, Direction::Backwards, 1)?.pop())
    }

    /// The first `limit` events of the span, in the order of the direction, that match.
    pub fn matches(
        &self,
        filter: &Filter,
        span: Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Position>, IndexError> {
        let table = self.index.read();
        let (first, last) = (span.after.saturating_add(1), span.up_to.min(table.last()));
        let range = first..=last;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        if filter.is_all() {
            return Ok(match direction {
                Direction::Forwards => range.take(limit).collect(),
                Direction::Backwards => range.rev().take(limit).collect(),
            });
        }
        let wanted = Wanted::new(filter, &self.index.keys);
        let walk = Walk::new(&wanted, direction, self.patience, &mut |key| Ok(table.list(key)))?;
        let mut found = Vec::new();
        walk.collect(range, limit, &mut found)?;
        Ok(found)
    }

    /// Where the append that was made with this request id begins.
    pub fn request(&self, id: &RequestId) -> Result<Option<Position>, IndexError> {
        let table = self.index.read();
        let key = self.index.keys.of(Term::Request(id));
        Ok(table.first_of(key))
    }

    /// The number of events recorded before `time`: reading after that position begins with the
    /// first one recorded at `time` or later.
    pub fn position_at(&self, time: Micros) -> Result<Position, IndexError> {
        let table = self.index.read();
        Ok(table.first_since(time).map_or(table.last(), |first| first - 1))
    }

    /// When the event at `position` was recorded; `None` if it is not indexed.
    pub fn recorded_at(&self, position: Position) -> Result<Option<Micros>, IndexError> {
        Ok(self.index.read().recorded_at(position))
    }

    fn stream(&self, stream: &StreamName) -> Key {
        self.index.keys.of(Term::Stream(stream.as_str().as_bytes()))
    }
}
