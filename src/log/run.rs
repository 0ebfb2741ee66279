//! Pieces of the log on their way to a reader: the encoded events as they are stored, never
//! decoded, with where each one ends.

use bytes::Bytes;

use crate::{
    domain::event::Position,
    log::frame::{self, MalformedFrame},
};

/// Consecutive events that are kept together: a frame's, or a block's in a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    first: Position,
    /// Where each event ends in `events`, rising; never empty.
    ends: Vec<u32>,
    events: Bytes,
}

/// What a read delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
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
    /// Events from `first` on whose ends are known; `None` if the ends do not fit the bytes.
    pub fn new(first: Position, ends: Vec<u32>, events: Bytes) -> Option<Self> {
        let rising = ends.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let fits = ends.last().is_some_and(|end| *end as usize == events.len());
        (rising && fits && ends.first() > Some(&0)).then_some(Self { first, ends, events })
    }

    /// The events of a run from `first` on.
    pub fn parse(first: Position, events: Bytes) -> Result<Self, MalformedFrame> {
        let ends = frame::spans(&events)?
            .iter()
            .map(|span| u32::try_from(span.end))
            .collect::<Result<_, _>>()
            .map_err(|_| MalformedFrame("its events have more than 4 GiB"))?;
        Self::new(first, ends, events).ok_or(MalformedFrame("it has no events"))
    }

    /// Position of the first event.
    pub fn first(&self) -> Position {
        self.first
    }

    /// Position of the last event.
    pub fn last(&self) -> Position {
        self.first + self.ends.len() as u64 - 1
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

    /// The events from `from` to at most `up_to` that fit into `max_bytes`, and the position of
    /// the last of them; nothing if not even the first fits.
    fn stretch(&self, from: Position, up_to: Position, max_bytes: usize) -> Option<(Bytes, u64)> {
        if !self.holds(from) || up_to < from {
            return None;
        }
        let start = self.start(from);
        let fitting =
            self.ends.partition_point(|end| *end as usize <= start.saturating_add(max_bytes));
        let last = (self.first + fitting as u64).saturating_sub(1).min(up_to);
        (last >= from).then(|| (self.events.slice(start..self.start(last + 1)), last))
    }

    /// Where the event at `position`, or the end if it is just behind the last, begins.
    fn start(&self, position: Position) -> usize {
        let before = usize::try_from(position - self.first).unwrap_or(usize::MAX).checked_sub(1);
        before.map_or(0, |before| self.ends.get(before).map_or(self.events.len(), |e| *e as usize))
    }
}

/// Collects a [`Run`] up to a number of bytes; the first event is always taken.
#[derive(Debug)]
pub(super) struct RunBuilder {
    pieces: Vec<Bytes>,
    bytes: usize,
    max_bytes: usize,
    count: usize,
    ends: Option<(Position, Position)>,
}

impl RunBuilder {
    /// An empty run that ends at about `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { pieces: Vec::new(), bytes: 0, max_bytes, count: 0, ends: None }
    }

    /// Whether nothing was taken yet.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the event at `position`; false if it does not fit any more.
    pub(super) fn push(&mut self, chunk: &Chunk, position: Position) -> bool {
        let event = chunk.event(position);
        if self.count > 0 && self.bytes + event.len() > self.max_bytes {
            return false;
        }
        self.take(event, position, position);
        true
    }

    /// Takes what fits of the chunk's events from `from` to at most `up_to`; tells the last
    /// position taken, `None` if nothing fits any more.
    pub(super) fn extend(&mut self, chunk: &Chunk, from: Position, up_to: Position) -> Option<u64> {
        let room = self.max_bytes.saturating_sub(self.bytes);
        match chunk.stretch(from, up_to, room) {
            Some((events, last)) => {
                self.take(events, from, last);
                Some(last)
            }
            None if self.count == 0 => self.push(chunk, from).then_some(from),
            None => None,
        }
    }

    fn take(&mut self, events: Bytes, first: Position, last: Position) {
        self.bytes += events.len();
        self.count += usize::try_from(last - first).unwrap_or(usize::MAX) + 1;
        self.ends = Some((self.ends.map_or(first, |(first, _)| first), last));
        self.pieces.push(events);
    }

    /// The run; `None` if nothing was taken. One piece is shared, several are copied together.
    pub(super) fn finish(self) -> Option<Run> {
        let (first, last) = self.ends?;
        let events = match <[Bytes; 1]>::try_from(self.pieces) {
            Ok([piece]) => piece,
            Err(pieces) => pieces.concat().into(),
        };
        Some(Run { events, count: self.count, first, last })
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
        }
        assert!(Chunk::new(1, vec![2, 4], bytes).is_some());
    }

    #[test]
    fn a_run_takes_at_least_one_event_and_then_what_fits() {
        for (max_bytes, last) in [(0, 5), (2, 5), (4, 5), (5, 6), (8, 6), (9, 7), (99, 7)] {
            let mut run = RunBuilder::new(max_bytes);
            assert_eq!(run.extend(&chunk(), 5, 9), Some(last), "{max_bytes} bytes");
            let run = run.finish().unwrap();
            assert_eq!((run.first, run.last, run.count as u64), (5, last, last - 4));
        }
        let mut run = RunBuilder::new(99);
        assert_eq!(run.extend(&chunk(), 6, 6), Some(6));
        assert_eq!(&run.finish().unwrap().events[..], [10, 1, 7]);
    }

    #[test]
    fn a_full_run_takes_nothing_more() {
        let mut run = RunBuilder::new(3);
        assert!(run.push(&chunk(), 5));
        assert!(!run.push(&chunk(), 6));
        assert_eq!(run.extend(&chunk(), 6, 7), None);
        let run = run.finish().unwrap();
        assert_eq!((run.first, run.last, run.count), (5, 5, 1));
        assert_eq!(RunBuilder::new(3).finish(), None);
    }
}
