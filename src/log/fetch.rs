//! Fetches events by position, wherever they are: the tail in memory, sealed volumes, the journal.
//!
//! A volume that is not sealed is never read.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    domain::event::{Micros, Position},
    log::{
        encoded_events::{Chunk, EncodedEvents, EncodedEventsBuilder},
        error::LogError,
        feeder::FrameReader,
        frame::{AppendEntry, Frame},
        index::{Blocking, IndexError, Labels},
        journal::JournalError,
        volumes::{Ahead, Cursor, Volumes},
    },
};

/// How often a read looks again for events that move from the journal into a volume meanwhile.
/// They move once: they are in the volume before they leave the journal.
const ATTEMPTS: usize = 2;

/// Fetches from the durable log. The engine's reader is what calls it, from tasks.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    pub(super) frames: FrameReader,
    pub(super) volumes: Arc<Volumes>,
}

impl Fetcher {
    /// See [`super::Log::page`].
    pub(super) fn page(
        &self,
        from: Position,
        up_to: Position,
        max_bytes: usize,
    ) -> Result<EncodedEvents, LogError> {
        let mut encoded = EncodedEventsBuilder::new(max_bytes);
        let mut cursor = self.volumes.cursor();
        let mut next = from;
        while next <= up_to {
            let wants = |range: RangeInclusive<Position>| overlaps(&range, next, up_to);
            let ahead = Ahead { bytes: encoded.room(), wants: &wants };
            let Some(chunk) = self.chunk_for(next, &ahead, &mut cursor, &encoded)? else { break };
            let Some(last) = encoded.extend(&chunk, next, up_to) else { break };
            next = last + 1;
        }
        encoded.finish().ok_or(LogError::OutOfRange { position: from, last: up_to })
    }

    /// See [`super::Log::page_back`].
    pub(super) fn page_back(
        &self,
        from: Position,
        down_to: Position,
        max_bytes: usize,
    ) -> Result<Option<EncodedEvents>, LogError> {
        let positions = (down_to..=from).rev();
        self.events(positions, &|next, range| overlaps(&range, down_to, next), max_bytes)
    }

    /// See [`super::Log::events_at`].
    pub(super) fn events_at(
        &self,
        positions: &[Position],
        max_bytes: usize,
    ) -> Result<Option<EncodedEvents>, LogError> {
        let rising = positions.is_sorted();
        // Where among them the first lies that is in or behind the range.
        let wants = |next: Position, range: RangeInclusive<Position>| {
            let at = if rising {
                let low = next.max(*range.start());
                positions.partition_point(|position| *position < low)
            } else {
                let high = next.min(*range.end());
                positions.partition_point(|position| *position > high)
            };
            positions.get(at).is_some_and(|position| range.contains(position))
        };
        self.events(positions.iter().copied(), &wants, max_bytes)
    }

    /// The events at these positions; `wants` says whether any from one of them on lies in a
    /// range.
    fn events(
        &self,
        positions: impl Iterator<Item = Position>,
        wants: &dyn Fn(Position, RangeInclusive<Position>) -> bool,
        max_bytes: usize,
    ) -> Result<Option<EncodedEvents>, LogError> {
        let mut encoded = EncodedEventsBuilder::new(max_bytes);
        let mut cursor = self.volumes.cursor();
        let mut last: Option<Arc<Chunk>> = None;
        for position in positions {
            let mut chunk = last.take().filter(|chunk| chunk.holds(position));
            if chunk.is_none() {
                let wants = |range| wants(position, range);
                let ahead = Ahead { bytes: encoded.room(), wants: &wants };
                chunk = self.chunk_for(position, &ahead, &mut cursor, &encoded)?;
            }
            let Some(chunk) = chunk else { break };
            if !encoded.push(&chunk, position) {
                break;
            }
            last = Some(chunk);
        }
        Ok(encoded.finish())
    }

    /// See [`super::Log::resident`].
    pub(super) fn resident(
        &self,
        positions: &[Position],
        max_bytes: usize,
    ) -> Option<EncodedEvents> {
        let mut encoded = EncodedEventsBuilder::new(max_bytes);
        let mut last: Option<Arc<Chunk>> = None;
        for position in positions.iter().copied() {
            let held = last.take().filter(|chunk| chunk.holds(position));
            let in_tail = || self.frames.tail.chunk_at(position);
            let in_volume = || self.volumes.resident_chunk(position).map(Arc::new);
            let chunk = held.or_else(in_tail).or_else(in_volume)?;
            if !encoded.push(&chunk, position) {
                break;
            }
            last = Some(chunk);
        }
        encoded.finish()
    }

    /// The append that begins at `position`; `None` if it has no request id, or none begins there.
    pub(super) fn append_at(
        &self,
        position: Position,
        blocking: Blocking,
    ) -> Result<Option<AppendEntry>, LogError> {
        let among = |frame: &Frame| {
            frame.appends().iter().find(|entry| entry.first_position == position).copied()
        };
        for _ in 0..ATTEMPTS {
            if let Some(frame) = self.frames.tail.frame_at(position) {
                return Ok(among(&frame));
            }
            if blocking == Blocking::Never {
                return Err(IndexError::WouldBlock.into());
            }
            if let Some(entry) = self.volumes.append_at(position)? {
                return Ok(entry);
            }
            if let Some(frame) = self.journal_frame(position)? {
                return Ok(among(&frame));
            }
        }
        Err(self.out_of_range(position)?)
    }

    /// See [`super::Log::recorded_at`].
    pub(super) fn recorded_at(&self, position: Position) -> Result<Micros, LogError> {
        let ahead = Ahead { bytes: 0, wants: &|_| false };
        let chunk = self.chunk_at(position, &ahead, &mut self.volumes.cursor())?;
        let event = chunk.event(position);
        Ok(Labels::decode(position, &event)?.recorded_at())
    }

    /// The chunk with `position`; `None` if it fails but `encoded` has something already. That is
    /// delivered, and the reader meets the failure at the position that has it.
    fn chunk_for(
        &self,
        position: Position,
        ahead: &Ahead<'_>,
        cursor: &mut Cursor<'_>,
        encoded: &EncodedEventsBuilder,
    ) -> Result<Option<Arc<Chunk>>, LogError> {
        match self.chunk_at(position, ahead, cursor) {
            Err(_) if !encoded.is_empty() => Ok(None),
            chunk => chunk.map(Some),
        }
    }

    fn chunk_at(
        &self,
        position: Position,
        ahead: &Ahead<'_>,
        cursor: &mut Cursor<'_>,
    ) -> Result<Arc<Chunk>, LogError> {
        for _ in 0..ATTEMPTS {
            if let Some(chunk) = cursor.held(position) {
                return Ok(Arc::new(chunk));
            }
            if let Some(chunk) = self.frames.tail.chunk_at(position) {
                return Ok(chunk);
            }
            if let Some(chunk) = cursor.chunk_at(position, ahead)? {
                return Ok(Arc::new(chunk));
            }
            if let Some(frame) = self.journal_frame(position)? {
                return Ok(Arc::clone(frame.chunk()));
            }
        }
        Err(self.out_of_range(position)?)
    }

    fn out_of_range(&self, position: Position) -> Result<LogError, LogError> {
        let last = self.frames.journal.tip()?.position;
        Ok(LogError::OutOfRange { position, last })
    }

    /// The frame that holds `position`, read from the journal; `None` if it is not there (any
    /// more).
    fn journal_frame(&self, position: Position) -> Result<Option<Frame>, LogError> {
        let Some(before) = self.frames.journal.locate(position) else {
            return Ok(None);
        };
        match self.frames.journal.read(before, 1) {
            Err(JournalError::Released { .. }) => Ok(None),
            frames => Ok(frames?.into_iter().next().filter(|frame| frame.chunk().holds(position))),
        }
    }
}

/// Whether anything from `low` to `high` lies in a range.
fn overlaps(range: &RangeInclusive<Position>, low: Position, high: Position) -> bool {
    *range.start() <= high && *range.end() >= low
}
