//! The newest durable frames, kept in memory: a follower of the log touches no disk.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    domain::event::Position,
    log::{
        encoded_events::Chunk,
        frame::{AppendEntry, Frame, HEADROOM, UNIT},
        usage::Used,
    },
};

/// A cache of consecutive frames, the newest of the log, bounded in bytes.
#[derive(Debug)]
pub struct Tail {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
}

impl Tail {
    /// An empty cache that holds about `max_bytes`, and at least the newest frame.
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, state: Mutex::default() }
    }

    /// Takes a frame that has become durable. One that does not follow the last begins anew.
    pub fn push(&self, frame: Arc<Frame>) {
        let mut state = self.lock();
        if state.frames.back().is_some_and(|last| last.index() + 1 != frame.index()) {
            *state = State::default();
        }
        state.bytes += weight(&frame);
        state.frames.push_back(frame);
        while state.bytes > self.max_bytes && state.frames.len() > 1 {
            let oldest = state.frames.pop_front();
            state.bytes -= oldest.map_or(0, |frame| weight(&frame));
        }
    }

    /// The frame with this index.
    pub fn frame(&self, index: u64) -> Option<Arc<Frame>> {
        let state = self.lock();
        let first = state.frames.front()?;
        let offset = usize::try_from(index.checked_sub(first.index())?).ok()?;
        state.frames.get(offset).map(Arc::clone)
    }

    /// The events of the frame that holds `position`.
    pub fn chunk_at(&self, position: Position) -> Option<Arc<Chunk>> {
        self.lock().at(position).map(|frame| Arc::clone(frame.chunk()))
    }

    /// The frame that holds `position`.
    pub fn frame_at(&self, position: Position) -> Option<Arc<Frame>> {
        self.lock().at(position).map(Arc::clone)
    }

    /// The memory that it takes, and that it may take.
    pub fn usage(&self) -> Used {
        Used::of(self.lock().bytes, self.max_bytes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while the tail is locked")
    }
}

impl State {
    fn at(&self, position: Position) -> Option<&Arc<Frame>> {
        let at = self.frames.partition_point(|frame| frame.tip().position < position);
        self.frames.get(at).filter(|frame| frame.chunk().holds(position))
    }
}

/// The memory that a frame takes: what was written of it, its tables, and an allowance.
fn weight(frame: &Frame) -> usize {
    let written = (HEADROOM + frame.body().len()).next_multiple_of(UNIT);
    written + frame.chunk().count() * 4 + frame.appends().len() * AppendEntry::BYTES + 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{
        fixtures::{Event, frame},
        frame::Tip,
    };

    /// More than one of the frames here takes.
    const FRAME: usize = UNIT + 1000;

    fn fill(tail: &Tail, count: u64) -> Vec<Arc<Frame>> {
        let mut tip = Tip::default();
        let mut frames = Vec::new();
        for _ in 0..count {
            let next = Arc::new(frame(tip, &[Event::default(), Event::default()]));
            tip = next.tip();
            tail.push(Arc::clone(&next));
            frames.push(next);
        }
        frames
    }

    #[test]
    fn the_newest_frames_are_found_by_index_and_position() {
        let tail = Tail::new(10 * FRAME);
        let frames = fill(&tail, 5);
        assert_eq!(tail.frame(3).unwrap(), frames[2]);
        assert_eq!(tail.chunk_at(6).unwrap(), *frames[2].chunk());
        assert_eq!(tail.frame_at(6).unwrap(), frames[2]);
        assert!(tail.frame(0).is_none() && tail.frame(6).is_none());
        assert!(tail.chunk_at(0).is_none() && tail.chunk_at(11).is_none());
    }

    #[test]
    fn the_oldest_frames_go_first_and_the_newest_always_stays() {
        let tail = Tail::new(3 * FRAME);
        fill(&tail, 100);
        assert!(tail.frame(1).is_none() && tail.frame(98).is_some() && tail.frame(100).is_some());
        assert!(tail.lock().bytes <= 3 * FRAME);
        let tail = Tail::new(0);
        fill(&tail, 100);
        assert!(tail.frame(99).is_none() && tail.frame(100).is_some());
    }

    #[test]
    fn a_gap_begins_anew() {
        let tail = Tail::new(10 * FRAME);
        let frames = fill(&tail, 5);
        tail.push(Arc::clone(&frames[0]));
        assert!(tail.frame(5).is_none() && tail.frame(1).is_some());
    }
}
