//! The journal as a list in memory: the model that the real one is compared with, and a stand-in
//! for tests of what is built on a journal.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    frame::{Frame, NewFrame},
    journal::{Acknowledgement, Journal, JournalError, Outcome, Tip},
    journals::{JournalFactory, JournalPlace},
    tail::Tail,
};
use crate::domain::event::Position;

/// What a journal holds for as long as its factory is there, whichever journal was opened on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryJournals(Arc<Mutex<State>>);

impl JournalFactory for MemoryJournals {
    fn create(&self, _: &JournalPlace<'_>) -> Result<(), JournalError> {
        *self.0.lock().unwrap() = State::default();
        Ok(())
    }

    fn open(
        &self,
        _: &JournalPlace<'_>,
        sealed: Tip,
        tail: Arc<Tail>,
    ) -> Result<Arc<dyn Journal>, JournalError> {
        let journal = MemoryJournal { state: Arc::clone(&self.0), advanced: Condvar::new(), tail };
        journal.release(sealed)?;
        Ok(Arc::new(journal))
    }
}

/// A journal in memory.
#[derive(Debug)]
pub(crate) struct MemoryJournal {
    state: Arc<Mutex<State>>,
    advanced: Condvar,
    tail: Arc<Tail>,
}

#[derive(Debug, Default)]
struct State {
    frames: Vec<Frame>,
    released: u64,
}

impl State {
    fn tip(&self) -> Tip {
        self.tip_at(self.frames.len())
    }

    /// The tip after this many frames.
    fn tip_at(&self, frames: usize) -> Tip {
        frames.checked_sub(1).map_or(Tip::default(), |last| self.frames[last].tip())
    }
}

impl MemoryJournal {
    /// An empty journal whose frames enter this tail.
    pub(crate) fn with_tail(tail: Arc<Tail>) -> Self {
        Self { state: Arc::default(), advanced: Condvar::new(), tail }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Journal for MemoryJournal {
    fn tip(&self) -> Result<Tip, JournalError> {
        Ok(self.state().tip())
    }

    fn append(&self, frame: NewFrame) -> Acknowledgement {
        let mut state = self.state();
        if frame.after() != state.tip() {
            return Outcome::Conflict.into();
        }
        let frame = frame.into_durable();
        self.tail.push(Arc::new(frame.clone()));
        state.frames.push(frame);
        self.advanced.notify_all();
        Outcome::Durable.into()
    }

    fn reserve(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Memory is always there.
    fn prepare(&self, timeout: Duration) -> Result<(), JournalError> {
        drop(self.advanced.wait_timeout_while(self.state(), timeout, |_| true).unwrap());
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
        for frame in &state.frames[start..] {
            let size = frame.body().len();
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
        let place = state.frames.partition_point(|frame| frame.tip().position < position);
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
        let kept = state.frames.iter().filter(|frame| frame.index() > state.released);
        kept.map(|frame| frame.body().len() as u64).sum()
    }

    fn close(&self) -> Result<(), JournalError> {
        Ok(())
    }
}
