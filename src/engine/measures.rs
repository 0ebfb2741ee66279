//! What the engine counts of appends, from the caller's task to the disk.

use std::{
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    time::Duration,
};

use crate::domain::measure::{BATCH, BYTES, Counter, Distribution, Histogram, MICROSECONDS};

/// The writer decides, or waits for appends.
const AT_WORK: u8 = 0;
/// The writer waits for the journal.
const IN_JOURNAL: u8 = 1;
/// The writer waits for followers of the log.
const BEHIND_FOLLOWERS: u8 = 2;

/// Counts of one engine.
#[derive(Debug)]
pub(super) struct Measures {
    pub(super) lookup: Histogram,
    pub(super) queue: Histogram,
    journal: Histogram,
    batch_appends: Histogram,
    batch_bytes: Histogram,
    events: Counter,
    pub(super) accepted: Counter,
    pub(super) repeated: Counter,
    pub(super) conflicts: Counter,
    pub(super) stale: Counter,
    waiting: AtomicU8,
}

impl Default for Measures {
    fn default() -> Self {
        let [lookup, queue, journal] = std::array::from_fn(|_| Histogram::new(MICROSECONDS));
        Self {
            lookup,
            queue,
            journal,
            batch_appends: Histogram::new(BATCH),
            batch_bytes: Histogram::new(BYTES),
            events: Counter::default(),
            accepted: Counter::default(),
            repeated: Counter::default(),
            conflicts: Counter::default(),
            stale: Counter::default(),
            waiting: AtomicU8::new(AT_WORK),
        }
    }
}

/// A batch that was made durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committed {
    pub(super) appends: u64,
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// From the hand-over to the journal until its answer.
    pub(super) time: Duration,
}

impl Measures {
    /// Counts a batch.
    pub(super) fn committed(&self, batch: Committed) {
        self.journal.record_time(batch.time);
        self.batch_appends.record(batch.appends);
        self.batch_bytes.record(batch.bytes);
        self.events.add(batch.events);
        self.accepted.add(batch.appends);
    }

    /// The writer waits for the journal while it does this.
    pub(super) fn in_journal<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.during(IN_JOURNAL, wait)
    }

    /// The writer waits for followers of the log while it does this.
    pub(super) fn behind_followers<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.during(BEHIND_FOLLOWERS, wait)
    }

    fn during<T>(&self, what: u8, wait: impl FnOnce() -> T) -> T {
        self.waiting.store(what, Relaxed);
        let waited = wait();
        self.waiting.store(AT_WORK, Relaxed);
        waited
    }

    /// What the writer waits for beside appends, if it does.
    pub(super) fn waits_for(&self) -> Option<&'static str> {
        match self.waiting.load(Relaxed) {
            IN_JOURNAL => Some("the journal"),
            BEHIND_FOLLOWERS => Some("volumes or index"),
            _ => None,
        }
    }

    /// What was counted until now.
    pub(super) fn read(&self) -> AppendsUsage {
        AppendsUsage {
            lookup: self.lookup.read(),
            queue: self.queue.read(),
            journal: self.journal.read(),
            batch_appends: self.batch_appends.read(),
            batch_bytes: self.batch_bytes.read(),
            events: self.events.get(),
            accepted: self.accepted.get(),
            repeated: self.repeated.get(),
            conflicts: self.conflicts.get(),
            stale: self.stale.get(),
        }
    }
}

/// What became of appends since the start, and how long their steps took. Times are in
/// microseconds.
#[derive(Clone, Debug)]
pub struct AppendsUsage {
    /// Looking up request ids, revisions and conditions in the index, for each append.
    pub lookup: Distribution,
    /// Waiting for the writer, for each append.
    pub queue: Distribution,
    /// Writing and syncing, for each batch.
    pub journal: Distribution,
    /// Appends of a batch.
    pub batch_appends: Distribution,
    /// Bytes of a batch.
    pub batch_bytes: Distribution,
    /// Events that were recorded.
    pub events: u64,
    /// Appends that were recorded.
    pub accepted: u64,
    /// Appends that repeat an earlier one by their request id, or reuse its id for other content.
    pub repeated: u64,
    /// Appends whose revision or condition was not met.
    pub conflicts: u64,
    /// Appends that had to be looked up again.
    pub stale: u64,
}
