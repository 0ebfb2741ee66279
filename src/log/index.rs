//! The index: finds events by stream, category, type and tag, appends by request id, and places
//! by time.
//!
//! Derived from the durable frames alone, and fed by the feeder alone. The newest stretch of the
//! log is a table in memory; every table becomes a run on disk when its volume ends, and
//! neighbouring runs are merged into larger ones in the background. Whatever is missing or damaged
//! is built again from the sealed volumes. Everything that the index answers is true as of its
//! watermark.

mod awaited;
mod cover;
mod error;
mod interests;
mod jobs;
mod key;
mod labels;
mod layout;
mod lookup;
mod maintenance;
mod memory;
mod opening;
mod postings;
mod run;
mod segment;
#[cfg(test)]
mod tests;
mod verification;
mod walk;
mod write_error;

use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use self::{
    awaited::Awaited,
    cover::SealedRange,
    interests::Interests,
    jobs::{Growth, RunState, Situation, TableState},
    key::Keys,
    layout::Layout,
    memory::Batch,
    run::{KeyBudget, Run, Sizes},
    segment::SharedTable,
    walk::Wanted,
};
use crate::{
    domain::{event::Position, filter::Filter, measure::Histogram},
    log::{
        encoded_events::Chunk,
        files::Files,
        frame::{AppendEntry, Frame},
        journal::Tip,
        usage::IndexUsage,
        volume::{Contents, SealedVolume},
    },
};

pub use self::{
    awaited::WaitingReader,
    error::{Blocking, IndexError},
    interests::{Interest, OnMatch},
    labels::Unindexable,
    lookup::{Lookup, Span},
};
pub(in crate::log) use self::{
    labels::Labels,
    maintenance::{Maintenance, SealedEvents},
    opening::Opening,
    verification::{StoredIndex, Summing, Sums},
};
pub use crate::domain::event::Direction;

/// Tables that have ended and wait to be written. While so many do, no frames are taken: memory
/// stays bounded whatever the disk does.
const WAITING_TABLES: usize = 2;

/// The index of a log.
#[derive(Debug)]
pub struct Index {
    keys: Keys,
    store_id: [u8; 16],
    files: Arc<dyn Files>,
    dir: PathBuf,
    sizes: Sizes,
    budget: Arc<KeyBudget>,
    /// What lookups see. Held for no longer than it takes to clone or replace it.
    layout: RwLock<Arc<Layout>>,
    state: Mutex<State>,
    /// Something has changed that a thread may wait for.
    changed: Condvar,
    /// The number that names the next file.
    next_number: AtomicU64,
    interests: Arc<Interests>,
    awaited: Arc<Awaited>,
    /// How long frames took to be indexed.
    indexing: Histogram,
}

#[derive(Debug, Default)]
struct State {
    /// The sealed volumes, by rising positions.
    volumes: Vec<SealedRange>,
    /// The last frame before the table that grows.
    begin: Tip,
    /// Whether that table can get no more frames, because the journal has let them go.
    stalled: bool,
}

impl Index {
    /// Everything up to here is indexed.
    pub fn watermark(&self) -> Position {
        self.layout().watermark()
    }

    /// Calls `on_match` for every matching event that is indexed from now on, until the returned
    /// interest is dropped. For a filter of everything, no event leads to a call.
    pub fn interest(&self, filter: &Filter, on_match: OnMatch) -> Interest {
        self.interests.add(Wanted::new(filter, &self.keys), on_match)
    }

    /// A reader waits for what is not indexed yet, until what is returned is dropped.
    pub fn wait(&self) -> WaitingReader {
        self.awaited.wait()
    }

    /// Rests so long at most, and no longer once a reader waits.
    pub(in crate::log) fn rest(&self, time: Duration) {
        self.awaited.rest(time);
    }

    /// Takes the next durable frame; nothing of it if it cannot be indexed.
    pub(in crate::log) fn apply(&self, frame: &Frame) -> Result<(), Unindexable> {
        let begun = Instant::now();
        self.apply_events(frame.chunk(), frame.appends())?;
        self.indexing.record_time(begun.elapsed());
        Ok(())
    }

    /// What the index takes.
    pub(in crate::log) fn usage(&self) -> IndexUsage {
        let layout = self.layout();
        IndexUsage {
            watermark: layout.watermark(),
            runs: layout.runs().count(),
            file_bytes: layout.runs().map(|run| run.length()).sum(),
            keys: self.budget.usage(),
            indexing: self.indexing.read(),
        }
    }

    /// Takes events and the table of their appends in one step. A reader that sees a watermark must
    /// also find every request id up to it, or an append could be accepted twice.
    fn apply_events(&self, chunk: &Chunk, appends: &[AppendEntry]) -> Result<(), Unindexable> {
        let batch = Batch::read(&self.keys, chunk, appends)?;
        let layout = self.layout();
        let mut table = layout.growing().write();
        if batch.first() != table.last() + 1 {
            let what = format!("the index ends at position {}", table.last());
            return Err(Unindexable { position: batch.first(), what });
        }
        table.take(&batch);
        drop(table);
        // A waiter that looks now finds the events.
        self.interests.indexed(batch.keys());
        Ok(())
    }

    /// The last frame before those that the index needs next, once it has no gap; `None` if it
    /// still has one when the time is up.
    pub(in crate::log) fn begin(&self, timeout: Duration) -> Option<Tip> {
        let incomplete = |state: &mut State| state.stalled || !self.layout().is_whole();
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), timeout, incomplete)
            .unwrap_or_else(PoisonError::into_inner);
        let whole = !state.stalled && self.layout().is_whole();
        whole.then_some(state.begin)
    }

    /// Ends the table that grows, of which this is the volume; `tip` is the last frame in it.
    /// False if too many tables waited to be written until the time was up.
    pub(in crate::log) fn rotate(&self, contents: &Contents, tip: Tip, timeout: Duration) -> bool {
        let waiting = |_: &mut State| self.layout().tables().count() > WAITING_TABLES;
        let (mut state, waited) = self
            .changed
            .wait_timeout_while(self.state(), timeout, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return false;
        }
        self.layout().growing().end(cover::binding(&contents.digest));
        self.replace(Layout::rotated);
        state.begin = tip;
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Notes that the frames that come next are nowhere but in a sealed volume.
    pub(in crate::log) fn stall(&self) {
        self.state().stalled = true;
        self.changed.notify_all();
    }

    /// Notes a newly sealed volume.
    pub(in crate::log) fn sealed(&self, volume: &SealedVolume) {
        self.state().volumes.push(SealedRange::of(volume));
        self.changed.notify_all();
    }

    /// Whether nothing is left to do about the files.
    #[cfg(test)]
    pub(in crate::log) fn is_settled(&self) -> bool {
        let jobs = self.situation(&self.state(), &[]).jobs();
        jobs.is_empty() && self.layout().tables().count() == 1
    }

    /// The segments as they are now.
    fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, change: impl FnOnce(&Layout) -> Layout) {
        let mut layout = self.layout.write().unwrap_or_else(PoisonError::into_inner);
        *layout = Arc::new(change(&layout));
    }

    /// Puts runs, by rising positions, in place of whatever covers their stretches.
    fn install(&self, runs: &[Arc<Run>]) {
        let mut state = self.state();
        let growing = Arc::clone(self.layout().growing());
        let watermark = self.watermark();
        self.replace(|layout| layout.with(runs));
        if self.watermark() != watermark {
            self.interests.all();
        }
        if !Arc::ptr_eq(&growing, self.layout().growing()) {
            let last = self.layout().growing().first() - 1;
            let volume = state.volumes.iter().find(|volume| volume.last == last);
            if let Some(tip) = volume.map(|volume| volume.tip) {
                (state.begin, state.stalled) = (tip, false);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// What there is, for the decision what to do next.
    fn situation(&self, state: &State, spares: &[Arc<Run>]) -> Situation {
        let layout = self.layout();
        let feeding = layout.is_whole() && !state.stalled;
        let run = |run: &Arc<Run>| {
            let header = run.header();
            let sealed = state.volumes.last().is_some_and(|last| header.last <= last.last);
            let fits = !cover::covered(header, self.store_id, &state.volumes).is_empty();
            RunState {
                first: header.first,
                last: header.last,
                volumes: header.volumes,
                good: run.damage().is_none() && (fits || !sealed),
            }
        };
        let table = |table: &Arc<SharedTable>| {
            let growth = match (table.ended(), feeding) {
                (Some(_), _) => Growth::Ended,
                (None, true) => Growth::Grows,
                (None, false) => Growth::Stalled,
            };
            TableState { first: table.first(), growth }
        };
        Situation {
            volumes: state.volumes.iter().map(|volume| (volume.first, volume.last)).collect(),
            runs: layout.runs().map(run).collect(),
            tables: layout.tables().map(table).collect(),
            spares: spares.iter().map(|run| run.header().first).collect(),
        }
    }

    fn next_path(&self) -> PathBuf {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{number:08}.{}", layout::EXTENSION))
    }

    /// Never poisoned for long: each change to it is whole or does not begin.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
