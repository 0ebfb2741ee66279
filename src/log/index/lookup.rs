//! The questions that can be put to the index.
//!
//! A question holds no lock while it reads from the disk. It goes from segment to segment, and
//! looks up each anew: a table may have become a run meanwhile, or runs have been merged, but
//! whatever covers the next position has all matches from there on.

use super::{
    Index,
    error::{Blocking, IndexError},
    key::{Key, Term},
    segment::{Search, Segment},
    walk::Wanted,
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

/// Queries the index, in one blocking mode. Every answer is true as of the watermark at the time of
/// the query, or later.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    index: &'a Index,
    blocking: Blocking,
}

impl Index {
    /// Lookups in the index, in this blocking mode.
    pub fn lookup(&self, blocking: Blocking) -> Lookup<'_> {
        Lookup { index: self, blocking }
    }
}

impl Lookup<'_> {
    /// The number of events in the stream.
    pub fn revision(&self, stream: &StreamName) -> Result<Revision, IndexError> {
        let key = self.stream(stream);
        let found = self.newest(|segment| segment.revision(key, self.blocking))?;
        Ok(found.map_or(0, |(revision, _)| revision))
    }

    /// The position of the stream's event with this revision.
    pub fn position_of_revision(
        &self,
        stream: &StreamName,
        revision: Revision,
    ) -> Result<Option<Position>, IndexError> {
        let key = self.stream(stream);
        // In each segment a stream has consecutive revisions, of which the last is known.
        self.newest(|segment| match segment.revision(key, self.blocking)? {
            Some((last, count)) if revision.saturating_add(count) > last => {
                let rank = Some(revision.saturating_add(count) - last);
                let rank = rank.filter(|rank| *rank <= count);
                let position = rank.map(|rank| segment.at(key, rank, self.blocking)).transpose()?;
                Ok(Some(position.flatten()))
            }
            _ => Ok(None),
        })
        .map(Option::flatten)
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
        let (first, last) = (span.after.saturating_add(1), span.up_to.min(self.index.watermark()));
        if first > last {
            return Ok(Vec::new());
        }
        let range = first..=last;
        if filter.is_all() {
            return Ok(match direction {
                Direction::Forwards => range.take(limit).collect(),
                Direction::Backwards => range.rev().take(limit).collect(),
            });
        }
        let wanted = Wanted::new(filter, &self.index.keys);
        let search = Search { wanted: &wanted, direction, blocking: self.blocking, limit };
        self.walk(first, last, &search)
    }

    /// Walks from segment to segment.
    fn walk(
        &self,
        first: Position,
        last: Position,
        search: &Search<'_>,
    ) -> Result<Vec<Position>, IndexError> {
        let (mut first, mut last) = (first, last);
        let mut found = Vec::new();
        while first <= last && found.len() < search.limit {
            let forwards = search.direction == Direction::Forwards;
            let layout = self.index.layout();
            let Some(segment) = layout.at(if forwards { first } else { last }) else { break };
            let (begin, end) = (segment.first().max(first), segment.last().min(last));
            if end < begin {
                break;
            }
            segment.search(begin..=end, search, &mut found)?;
            if forwards {
                first = end + 1;
            } else {
                last = begin - 1;
            }
        }
        Ok(found)
    }

    /// Where the append that was made with this request id begins.
    pub fn request(&self, id: &RequestId) -> Result<Option<Position>, IndexError> {
        let key = self.index.keys.of(Term::Request(id));
        self.newest(|segment| segment.at(key, 1, self.blocking))
    }

    /// The number of events recorded before `time`: reading after that position begins with the
    /// first one recorded at `time` or later.
    pub fn position_at(&self, time: Micros) -> Result<Position, IndexError> {
        let layout = self.index.layout();
        let watermark = layout.watermark();
        let mut first = None;
        // From the newest on, until one begins before the time.
        for segment in layout.visible().iter().rev() {
            match segment.first_since(time, self.blocking)? {
                Some(found) => first = Some(found),
                None if segment.first() <= watermark => break,
                None => {}
            }
            if first.is_some_and(|first| first > segment.first()) {
                break;
            }
        }
        Ok(first.map_or(watermark, |first| first - 1))
    }

    /// When the event at `position` was recorded; `None` if it is not indexed.
    pub fn recorded_at(&self, position: Position) -> Result<Option<Micros>, IndexError> {
        match self.index.layout().at(position) {
            Some(segment) if position <= segment.last() => {
                segment.recorded_at(position, self.blocking)
            }
            _ => Ok(None),
        }
    }

    /// The newest segment's answer.
    fn newest<T>(
        &self,
        look_up: impl Fn(&Segment) -> Result<Option<T>, IndexError>,
    ) -> Result<Option<T>, IndexError> {
        for segment in self.index.layout().visible().iter().rev() {
            if let Some(answer) = look_up(segment)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn stream(&self, stream: &StreamName) -> Key {
        self.index.keys.of(Term::Stream(stream.as_str().as_bytes()))
    }
}
