//! Pieces of the log on their way to a reader: the encoded events as they are stored, never
//! decoded, with where each one ends.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::{
    domain::event::Position,
    log::ends::{Ends, MalformedFrame},
};

/// By how much the buffer of encoded events grows when it is full.
const GROWTH: usize = 4;

/// Consecutive events that are kept together: a frame's, or a block's in a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    first: Position,
    ends: Ends,
    events: Bytes,
}

/// What a read delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEvents {
    /// The events, each as tag, length and encoded `RecordedEvent`: a valid `ReadResponse`.
    pub events: Bytes,
    /// Number of events; at least one.
    pub count: usize,
    /// Position of the first event in `events`.
    pub first: Position,
    /// Position of the last event in `events`; lower than `first` in a backward read.
    pub last: Position,
}

impl Chunk {
    /// Events from `first` on, with known ends; `None` if the ends do not fit the bytes.
    pub fn new(first: Position, ends: Vec<u32>, events: Bytes) -> Option<Self> {
        let ends = Ends::Counted(ends);
        ends.fit(events.len()).then_some(Self { first, ends, events })
    }

    /// The same with ends as a block has them: big-endian `u16`s.
    pub(super) fn stored(first: Position, ends: Bytes, events: Bytes) -> Option<Self> {
        let ends = Ends::Stored(ends);
        ends.fit(events.len()).then_some(Self { first, ends, events })
    }

    /// Encoded events from `first` on.
    pub fn parse(first: Position, events: Bytes) -> Result<Self, MalformedFrame> {
        Ok(Self::of(first, Ends::parse(&events)?, events))
    }

    /// Events from `first` on, with the ends that were found in these bytes.
    pub(super) fn of(first: Position, ends: Ends, events: Bytes) -> Self {
        debug_assert!(ends.fit(events.len()), "the ends are those of other bytes");
        Self { first, ends, events }
    }

    /// Position of the first event.
    pub fn first(&self) -> Position {
        self.first
    }

    /// Position of the last event.
    pub fn last(&self) -> Position {
        self.first + self.ends.len() as u64 - 1
    }

    /// The number of events.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// All events.
    pub fn events(&self) -> &Bytes {
        &self.events
    }

    /// Whether the event at `position` is among these.
    pub fn holds(&self, position: Position) -> bool {
        (self.first..=self.last()).contains(&position)
    }

    /// The event at `position`; empty if it is not among these.
    pub fn event(&self, position: Position) -> Bytes {
        if !self.holds(position) {
            return Bytes::new();
        }
        self.events.slice(self.start(position)..self.start(position + 1))
    }

    /// The same, borrowed.
    pub(super) fn bytes_of(&self, position: Position) -> &[u8] {
        if !self.holds(position) {
            return &[];
        }
        self.events.get(self.start(position)..self.start(position + 1)).unwrap_or_default()
    }

    /// Where the events from `from` to at most `up_to` lie that fit into `max_bytes`, and the
    /// position of the last of them; nothing if not even the first fits.
    fn stretch(
        &self,
        from: Position,
        up_to: Position,
        max_bytes: usize,
    ) -> Option<(Range<usize>, Position)> {
        if !self.holds(from) || up_to < from {
            return None;
        }
        let start = self.start(from);
        let fitting = self.ends.up_to(start.saturating_add(max_bytes));
        let last = (self.first + fitting as u64).saturating_sub(1).min(up_to);
        (last >= from).then(|| (start..self.start(last + 1), last))
    }

    /// Where the event at `position`, or the end if it is just behind the last, begins.
    fn start(&self, position: Position) -> usize {
        let before = usize::try_from(position - self.first).unwrap_or(usize::MAX).checked_sub(1);
        before.map_or(0, |before| self.ends.get(before).unwrap_or(self.events.len()))
    }
}

/// Collects a [`EncodedEvents`] up to a number of bytes; the first event is always taken.
#[derive(Debug)]
pub(super) struct EncodedEventsBuilder {
    gathered: Gathered,
    max_bytes: usize,
    count: usize,
    ends: Option<(Position, Position)>,
}

/// The events so far: one piece is shared until they are finished, several are copied together.
#[derive(Debug)]
enum Gathered {
    Shared(Bytes),
    Copied(BytesMut),
}

impl EncodedEventsBuilder {
    /// No events yet; it ends at about `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { gathered: Gathered::Shared(Bytes::new()), max_bytes, count: 0, ends: None }
    }

    /// Whether nothing was taken yet.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that still fit.
    pub(super) fn room(&self) -> usize {
        self.max_bytes.saturating_sub(self.gathered.len())
    }

    /// Takes the event at `position`; false if it does not fit any more.
    pub(super) fn push(&mut self, chunk: &Chunk, position: Position) -> bool {
        if !chunk.holds(position) {
            return false;
        }
        let span = chunk.start(position)..chunk.start(position + 1);
        if self.count > 0 && span.len() > self.room() {
            return false;
        }
        self.take(chunk, span, (position, position));
        true
    }

    /// Takes what fits of the chunk's events from `from` to at most `up_to`; returns the last
    /// position taken, `None` if nothing fits any more.
    pub(super) fn extend(&mut self, chunk: &Chunk, from: Position, up_to: Position) -> Option<u64> {
        match chunk.stretch(from, up_to, self.room()) {
            Some((span, last)) => {
                self.take(chunk, span, (from, last));
                Some(last)
            }
            None if self.count == 0 => self.push(chunk, from).then_some(from),
            None => None,
        }
    }

    fn take(&mut self, chunk: &Chunk, span: Range<usize>, (first, last): (Position, Position)) {
        if self.count == 0 {
            self.gathered = Gathered::Shared(chunk.events.slice(span));
        } else {
            self.gathered.copy(chunk.events.get(span).unwrap_or_default(), self.max_bytes);
        }
        self.count += usize::try_from(last - first).unwrap_or(usize::MAX) + 1;
        self.ends = Some((self.ends.map_or(first, |(first, _)| first), last));
    }

    /// The events; `None` if nothing was taken. Their bytes are their own: as a part of what was
    /// read they would keep all of that, up to a frame of the journal of 8 MiB, for as long as a
    /// reader has them.
    pub(super) fn finish(self) -> Option<EncodedEvents> {
        let (first, last) = self.ends?;
        let events = match self.gathered {
            Gathered::Shared(piece) => Bytes::copy_from_slice(&piece),
            Gathered::Copied(copied) => copied.freeze(),
        };
        Some(EncodedEvents { events, count: self.count, first, last })
    }
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Shared(piece) => piece.len(),
            Self::Copied(copied) => copied.len(),
        }
    }

    /// Copies one piece more. It grows in few steps, and not far beyond `max_bytes`: the request of
    /// a reader bounds what it holds.
    fn copy(&mut self, piece: &[u8], max_bytes: usize) {
        let length = self.len() + piece.len();
        let copied = match self {
            Self::Copied(copied) => copied,
            Self::Shared(first) => {
                let mut copied = BytesMut::with_capacity(length);
                copied.extend_from_slice(first);
                *self = Self::Copied(copied);
                return self.copy(piece, max_bytes);
            }
        };
        if copied.capacity() < length {
            copied.reserve((length * GROWTH).min(max_bytes).max(length) - copied.len());
        }
        copied.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Chunk {
        Chunk::parse(5, Bytes::from_static(&[10, 0, 10, 1, 7, 10, 2, 8, 9])).unwrap()
    }

    #[test]
    fn a_chunk_gives_each_event_and_nothing_beyond() {
        let chunk = chunk();
        assert_eq!((chunk.first(), chunk.last()), (5, 7));
        assert_eq!(&chunk.event(5)[..], [10, 0]);
        assert_eq!(&chunk.event(7)[..], [10, 2, 8, 9]);
        assert!(chunk.event(4).is_empty() && chunk.event(8).is_empty());
    }

    #[test]
    fn ends_that_do_not_fit_the_bytes_are_refused() {
        let bytes = Bytes::from_static(&[10, 0, 10, 0]);
        for ends in [vec![], vec![2], vec![0, 4], vec![4, 4], vec![3, 2, 4], vec![2, 5]] {
            assert!(Chunk::new(1, ends.clone(), bytes.clone()).is_none(), "{ends:?}");
            assert!(Chunk::stored(1, stored(&ends), bytes.clone()).is_none(), "{ends:?}");
        }
        assert!(Chunk::stored(1, stored(&[2, 4]), bytes.clone()).is_some());
        assert!(Chunk::new(1, vec![2, 4], bytes).is_some());
    }

    fn stored(ends: &[u32]) -> Bytes {
        ends.iter().flat_map(|end| u16::try_from(*end).unwrap().to_be_bytes()).collect()
    }

    #[test]
    fn a_run_takes_at_least_one_event_and_then_what_fits() {
        let block = Chunk::stored(5, stored(&[2, 5, 9]), chunk().events).unwrap();
        for (max_bytes, last) in [(0, 5), (2, 5), (4, 5), (5, 6), (8, 6), (9, 7), (99, 7)] {
            for chunk in [chunk(), block.clone()] {
                let mut encoded = EncodedEventsBuilder::new(max_bytes);
                assert_eq!(encoded.extend(&chunk, 5, 9), Some(last), "{max_bytes} bytes");
                let encoded = encoded.finish().unwrap();
                assert_eq!(
                    (encoded.first, encoded.last, encoded.count as u64),
                    (5, last, last - 4)
                );
            }
        }
        let mut encoded = EncodedEventsBuilder::new(99);
        assert_eq!(encoded.extend(&chunk(), 6, 6), Some(6));
        assert_eq!(&encoded.finish().unwrap().events[..], [10, 1, 7]);
    }

    #[test]
    fn pieces_are_put_together_in_the_order_in_which_they_were_taken() {
        let mut encoded = EncodedEventsBuilder::new(99);
        for position in [7, 5, 6, 7, 5] {
            assert!(encoded.push(&chunk(), position));
        }
        assert!(!encoded.push(&chunk(), 8), "it is not in there");
        let encoded = encoded.finish().unwrap();
        assert_eq!((encoded.first, encoded.last, encoded.count), (7, 5, 5));
        assert_eq!(&encoded.events[..4], [10, 2, 8, 9]);
        assert_eq!(&encoded.events[4..], [10, 0, 10, 1, 7, 10, 2, 8, 9, 10, 0]);
    }

    #[test]
    fn a_full_run_takes_nothing_more() {
        let mut encoded = EncodedEventsBuilder::new(3);
        assert!(encoded.push(&chunk(), 5));
        assert!(!encoded.push(&chunk(), 6));
        assert_eq!(encoded.extend(&chunk(), 6, 7), None);
        let encoded = encoded.finish().unwrap();
        assert_eq!((encoded.first, encoded.last, encoded.count), (5, 5, 1));
        assert_eq!(EncodedEventsBuilder::new(3).finish(), None);
    }
}
