//! Keeps the files of the index: writes tables, builds what is missing or damaged from the sealed
//! volumes, and merges. All of it happens on one thread, and none of it disturbs a lookup.

use std::{
    fmt,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Index, State,
    cover::SealedRange,
    jobs::Job,
    memory::{Batch, Table},
    opening,
    run::{Header, Run, Target, merge},
    write_error::{GoOn, WriteError},
};
use crate::{
    domain::event::Position,
    log::{encoded_events::Chunk, error::LogError, frame::AppendEntry},
};

/// How long what has failed is left alone: doubling from the one to the other.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where the events of sealed volumes can be read again.
pub(in crate::log) trait SealedEvents: Send + Sync + fmt::Debug {
    /// Shows all of the volume that begins at `first`, in order: its events, then its appends.
    /// Ends early, with `false`, once `on_chunk` says so.
    fn replay(
        &self,
        first: Position,
        on_chunk: &mut dyn FnMut(&Chunk) -> bool,
        on_append: &mut dyn FnMut(&AppendEntry),
    ) -> Result<bool, LogError>;
}

/// See the module.
#[derive(Debug)]
pub(in crate::log) struct Maintenance {
    index: Arc<Index>,
    record: Arc<dyn SealedEvents>,
    /// Runs that were built in place of parts of a damaged one, until all of it can be replaced.
    spares: Vec<Arc<Run>>,
    /// Runs that were replaced; their files are removed when they have no readers any more.
    retired: Vec<Arc<Run>>,
    failures: Failures,
}

/// What has failed, and until when it is left alone.
#[derive(Debug, Default)]
struct Failures {
    jobs: Vec<Job>,
    pause: Duration,
    until: Option<Instant>,
}

impl Failures {
    /// Whether the job is left alone now.
    fn rest(&self, job: Job) -> bool {
        self.jobs.contains(&job) && self.until.is_some_and(|until| Instant::now() < until)
    }

    fn add(&mut self, job: Job) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        self.until = Instant::now().checked_add(self.pause);
        if !self.jobs.contains(&job) {
            self.jobs.push(job);
        }
    }
}

impl Maintenance {
    /// Keeps the files of `index`.
    pub(in crate::log) fn new(index: Arc<Index>, record: Arc<dyn SealedEvents>) -> Self {
        Self {
            index,
            record,
            spares: Vec::new(),
            retired: Vec::new(),
            failures: Failures::default(),
        }
    }

    /// Does what is most urgent, as long as `go_on` says so; waits up to `at_most` if there is
    /// nothing to do. Tells whether anything was done. What fails is left alone for a while, and
    /// everything else goes on.
    pub(in crate::log) fn step(
        &mut self,
        go_on: &dyn Fn() -> bool,
        at_most: Duration,
    ) -> Result<bool, LogError> {
        self.remove_retired();
        let jobs = self.jobs();
        if jobs.is_empty() {
            self.failures = Failures::default();
        }
        let Some(job) = jobs.into_iter().find(|job| !self.failures.rest(*job)) else {
            self.wait(at_most);
            return Ok(false);
        };
        match self.carry_out(job, GoOn(go_on)) {
            Ok(()) => Ok(true),
            Err(WriteError::Stopped) => Ok(false),
            Err(WriteError::Failed(error)) => {
                self.failures.add(job);
                Err(error)
            }
        }
    }

    /// Number of volumes that have to be read again.
    #[cfg(test)]
    pub(super) fn builds(&self) -> usize {
        self.jobs().iter().filter(|job| matches!(job, Job::Build(_))).count()
    }

    /// Lets what has failed be tried again at once.
    #[cfg(test)]
    pub(super) fn forget_failures(&mut self) {
        self.failures = Failures::default();
    }

    fn jobs(&self) -> Vec<Job> {
        self.index.situation(&self.index.state(), &self.spares).jobs()
    }

    /// Waits until there is something to do, or the time is up.
    fn wait(&self, at_most: Duration) {
        let idle = |state: &mut State| {
            let jobs = self.index.situation(state, &self.spares).jobs();
            jobs.into_iter().all(|job| self.failures.rest(job))
        };
        let waited = self.index.changed.wait_timeout_while(self.index.state(), at_most, idle);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn carry_out(&mut self, job: Job, go_on: GoOn<'_>) -> Result<(), WriteError> {
        match job {
            Job::Write(first) => self.write(first, go_on),
            Job::Build(first) => self.build(first, go_on),
            Job::Replace(first) => {
                self.replace(first);
                Ok(())
            }
            Job::Merge(first, last) => self.merge(first, last, go_on),
        }
    }

    /// Writes the table that begins at `first` and has ended.
    fn write(&mut self, first: Position, go_on: GoOn<'_>) -> Result<(), WriteError> {
        let layout = self.index.layout();
        let Some((table, binding)) = layout
            .tables()
            .find(|table| table.first() == first)
            .and_then(|table| Some((table, table.ended()?)))
        else {
            return Ok(());
        };
        let table = table.read();
        let header = self.header(&[(first, table.last(), binding)]);
        let run = self.written(header, go_on, |target| table.write_run(target))?;
        drop(table);
        self.put(&[run]);
        Ok(())
    }

    /// Builds a run of the volume that begins at `first`.
    fn build(&mut self, first: Position, go_on: GoOn<'_>) -> Result<(), WriteError> {
        let Some(volume) = self.volume(first) else { return Ok(()) };
        let table = self.read_again(&volume, go_on)?;
        let header = self.header(&[(first, volume.last, volume.binding)]);
        let run = self.written(header, go_on, |target| table.write_run(target))?;
        let covered = self
            .index
            .layout()
            .runs()
            .any(|bad| bad.header().last >= volume.last && bad.header().first <= first);
        if covered {
            self.spares.push(run);
            self.spares.sort_by_key(|run| run.header().first);
        } else {
            self.put(&[run]);
        }
        Ok(())
    }

    /// Puts the spares in place of the bad run that begins at `first`.
    fn replace(&mut self, first: Position) {
        let layout = self.index.layout();
        let bad = layout.runs().find(|run| run.header().first == first);
        let Some(header) = bad.map(|run| *run.header()) else { return };
        let within = |run: &Arc<Run>| (header.first..=header.last).contains(&run.header().first);
        let (spares, others) = self.spares.drain(..).partition(within);
        self.spares = others;
        let spares: Vec<_> = spares;
        self.put(&spares);
    }

    /// Merges the runs from the first position to the last.
    fn merge(
        &mut self,
        first: Position,
        last: Position,
        go_on: GoOn<'_>,
    ) -> Result<(), WriteError> {
        let layout = self.index.layout();
        let within = |run: &&Arc<Run>| (first..=last).contains(&run.header().first);
        let runs: Vec<&Run> = layout.runs().filter(within).map(AsRef::as_ref).collect();
        let volumes: Vec<_> = {
            let state = self.index.state();
            let within = state.volumes.iter().filter(|it| (first..=last).contains(&it.first));
            within.map(|it| (it.first, it.last, it.binding)).collect()
        };
        let header = self.header(&volumes);
        let run = self.written(header, go_on, |target| merge(target, &runs))?;
        self.put(&[run]);
        Ok(())
    }

    /// Puts runs in place of what they cover, and retires that.
    fn put(&mut self, runs: &[Arc<Run>]) {
        let before = self.index.layout();
        self.index.install(runs);
        let after = self.index.layout();
        let stays = |run: &&Arc<Run>| after.runs().any(|other| Arc::ptr_eq(run, other));
        self.retired.extend(before.runs().filter(|run| !stays(run)).cloned());
    }

    fn remove_retired(&mut self) {
        let index = &self.index;
        let before = self.retired.len();
        // Once it is in no layout, no reader can begin to read it.
        self.retired.retain(|run| {
            let read = Arc::strong_count(run) > 1;
            if !read && let Err(error) = index.files.remove(run.path()) {
                // It is removed when the index is opened.
                tracing::warn!(%error, file = %run.path().display(), "a run was not removed");
            }
            read
        });
        if self.retired.len() < before {
            let layout = index.layout();
            let runs: Vec<_> = layout.runs().cloned().collect();
            opening::load(&runs, &index.budget);
        }
    }

    /// Writes and opens a run.
    fn written(
        &self,
        header: Header,
        go_on: GoOn<'_>,
        write: impl FnOnce(&Target<'_>) -> Result<(), WriteError>,
    ) -> Result<Arc<Run>, WriteError> {
        let path = self.index.next_path();
        let files = self.index.files.as_ref();
        write(&Target { files, path: &path, header, sizes: self.index.sizes, go_on })?;
        let run = Run::open(files, &path)?;
        run.load(&self.index.budget)?;
        tracing::debug!(file = %path.display(), first = header.first, last = header.last,
            "a run of the index was written");
        Ok(Arc::new(run))
    }

    fn header(&self, volumes: &[(Position, Position, super::run::Binding)]) -> Header {
        Header {
            store_id: self.index.store_id,
            first: volumes.first().map_or(0, |(first, ..)| *first),
            last: volumes.last().map_or(0, |(_, last, _)| *last),
            volumes: u32::try_from(volumes.len()).expect("volumes are far fewer than 2^32"),
            binding: Header::bind(volumes.iter().map(|(.., binding)| binding)),
        }
    }

    fn volume(&self, first: Position) -> Option<SealedRange> {
        let state = self.index.state();
        state.volumes.iter().find(|volume| volume.first == first).copied()
    }

    /// Reads a sealed volume into a table.
    fn read_again(&self, volume: &SealedRange, go_on: GoOn<'_>) -> Result<Table, WriteError> {
        let mut table = Table::new(volume.first);
        let mut taken = Ok(());
        let mut appends = Vec::new();
        let keys = &self.index.keys;
        let whole = self.record.replay(
            volume.first,
            &mut |chunk| {
                taken = Batch::read(keys, chunk, &[]).map(|batch| table.take(&batch));
                taken.is_ok() && go_on.check().is_ok()
            },
            &mut |entry| appends.push(*entry),
        );
        let whole = whole?;
        taken.map_err(LogError::from)?;
        if !whole {
            return Err(WriteError::Stopped);
        }
        table.take_appends(keys, &appends);
        Ok(table)
    }
}
