//! The journal as a list in memory: the model that the real one is compared with, and a stand-in
//! for tests of what is built on a journal.

use std::{
    sync::{Condvar, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    frame::Frame,
    journal::{Done, Journal, JournalError, Outcome, Tip},
};
use crate::domain::event::Position;

/// A journal that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal {
    state: Mutex<State>,
    advanced: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frames: Vec<(Tip, Frame)>,
    released: u64,
}

impl State {
    fn tip(&self) -> Tip {
        self.tip_at(self.frames.len())
    }

    /// The tip after this many frames.
    fn tip_at(&self, frames: usize) -> Tip {
        frames.checked_sub(1).map_or(Tip::default(), |last| self.frames[last].0)
    }
}

impl MemoryJournal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Journal for MemoryJournal {
    fn tip(&self) -> Result<Tip, JournalError> {
        Ok(self.state().tip())
    }

    fn append(&self, after: Tip, frame: Frame, done: Done) {
        let mut state = self.state();
        let tip = state.tip();
        if after != tip || !tip.precedes(&frame) {
            return done(Outcome::Conflict);
        }
        let check = Frame::check(tip.check, &frame.encode());
        state.frames.push((Tip::after(&frame, check), frame));
        self.advanced.notify_all();
        done(Outcome::Durable);
    }

    fn reserve(&self) -> Result<(), JournalError> {
        Ok(())
    }

    fn read(&self, after: Tip, max_bytes: usize) -> Result<Vec<Frame>, JournalError> {
        let state = self.state();
        if after.index < state.released {
            return Err(JournalError::Released { up_to: state.released });
        }
        let start = usize::try_from(after.index).unwrap().min(state.frames.len());
        if after.index <= state.tip().index && state.tip_at(start) != after {
            let what = format!("frame {} is another than the reader knows", after.index);
            return Err(JournalError::Damaged { path: "memory".into(), offset: 0, what });
        }
        let mut room = max_bytes;
        let mut found: Vec<Frame> = Vec::new();
        for (_, frame) in &state.frames[start..] {
            let size = frame.encode().len();
            if !found.is_empty() && size > room {
                break;
            }
            room = room.saturating_sub(size);
            found.push(frame.clone());
        }
        Ok(found)
    }

    fn wait(&self, beyond: Tip, timeout: Duration) -> Result<Tip, JournalError> {
        let still = |state: &mut State| state.tip().index <= beyond.index;
        let (state, _) = self.advanced.wait_timeout_while(self.state(), timeout, still).unwrap();
        Ok(state.tip())
    }

    fn locate(&self, position: Position) -> Option<Tip> {
        let state = self.state();
        let place = state.frames.partition_point(|(tip, _)| tip.position < position);
        let found = position > 0 && place < state.frames.len();
        found.then(|| state.tip_at(place)).filter(|tip| tip.index >= state.released)
    }

    fn release(&self, up_to: Tip) -> Result<(), JournalError> {
        let mut state = self.state();
        state.released = state.released.max(up_to.index.min(state.tip().index));
        Ok(())
    }

    fn unreleased_bytes(&self) -> u64 {
        let state = self.state();
        let kept = state.frames.iter().filter(|(tip, _)| tip.index > state.released);
        kept.map(|(_, frame)| frame.encode().len() as u64).sum()
    }
}
