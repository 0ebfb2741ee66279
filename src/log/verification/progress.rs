//! How far a verification is, and whether it goes on.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// Is shared by the threads that verify and those that watch them.
pub struct Progress {
    total: AtomicU64,
    done: AtomicU64,
    events: AtomicU64,
    stopped: AtomicBool,
    rest: Box<dyn Fn(u64) + Send + Sync>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("done", &self.done).finish_non_exhaustive()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::resting(Box::new(|_| {}))
    }
}

impl Progress {
    /// Calls `rest` with the bytes of each piece that was read, which may take its time.
    pub fn resting(rest: Box<dyn Fn(u64) + Send + Sync>) -> Self {
        Self {
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            events: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            rest,
        }
    }

    /// Bytes that were checked, and bytes that are to be checked in all, as far as that is known.
    pub fn bytes(&self) -> (u64, u64) {
        let done = self.done.load(Relaxed);
        (done, self.total.load(Relaxed).max(done))
    }

    /// Events that were checked.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// Ends the verification soon.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    /// Whether it was ended.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// So many bytes more are to be checked.
    pub fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Relaxed);
    }

    /// So many bytes more were checked; whether to go on.
    pub fn done(&self, bytes: u64) -> bool {
        self.done.fetch_add(bytes, Relaxed);
        (self.rest)(bytes);
        !self.is_stopped()
    }

    pub(super) fn done_events(&self, events: u64) {
        self.events.fetch_add(events, Relaxed);
    }
}
