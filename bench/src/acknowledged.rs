//! What the server acknowledged, in 40 bytes a request: the positions and revisions it assigned.

use std::sync::{Mutex, PoisonError};

/// One acknowledged request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number of its first event.
    pub(super) first: u64,
    /// The position that the server gave it.
    pub(super) first_position: u64,
    /// The revision that the server gave the last of its events.
    pub(super) last_revision: u64,
    /// The stream of all of them.
    pub(super) stream: u64,
    /// How many they are.
    pub(super) count: u32,
}

/// All acknowledged requests of one server.
#[derive(Debug)]
pub(super) struct Acknowledged {
    lanes: Vec<Mutex<Vec<Entry>>>,
    /// The head before the first of them.
    after: u64,
}

impl Acknowledged {
    /// No requests yet, with a lane for each connection; the log ended at `after` when it began.
    pub(super) fn new(lanes: usize, after: u64) -> Self {
        Self { lanes: (0..lanes.max(1)).map(|_| Mutex::default()).collect(), after }
    }

    /// Where the log ended before the first entry.
    pub(super) fn after(&self) -> u64 {
        self.after
    }

    pub(super) fn note(&self, lane: usize, entry: Entry) {
        if let Some(lane) = self.lanes.get(lane % self.lanes.len()) {
            lane.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        }
    }

    /// Takes all entries, in the order of their positions.
    pub(super) fn take(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        for lane in &self.lanes {
            all.append(&mut lane.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all.sort_unstable_by_key(|entry| entry.first_position);
        all
    }
}
