//! Concurrency: the writer's thread, the head, readers, subscriptions and the projector.
//!
//! [`Engine`] is the handle that the services hold. An append goes down through `validation` and
//! `resolution` (in the caller's task) and `writer` (one thread) to the log. Reads and
//! subscriptions go through `reader`, figures through `projector`. Nothing is visible above before
//! it is durable below.

mod apart;
mod appended;
mod appender;
mod back_pressure;
mod backup;
mod bounds;
mod checkpoint_ticker;
mod claim_rules;
mod claims;
mod clock;
mod counts;
mod error;
mod exchanges;
mod gathering;
mod groups;
mod head;
mod histories;
mod kept;
mod lanes;
mod measures;
mod opening;
mod pause;
mod preference;
mod process;
mod projector;
mod reader;
mod record;
mod resolution;
mod retries;
mod start;
mod streams;
mod subscribers;
mod subscription;
#[cfg(test)]
mod tests;
pub mod trace;
mod undone;
mod usage;
mod validation;
mod verification;
mod watching;
mod writer;

use std::{
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        event::{Append, Position},
        filter::Filter,
    },
    log::{
        Log, LogError, LogSettings,
        files::{Files, RealFiles},
    },
};

pub use self::{
    apart::{LARGE, apart},
    appended::{Appended, Undoing, Undone},
    appender::Pending,
    backup::{BackupReader, PieceReader},
    clock::{Clock, system_clock},
    error::{AppendError, BeyondHead, End, HistoryChanged, ReadError},
    groups::{
        Consumer, ConsumerStatus, Delivered, GroupError, GroupOrigin, GroupPlace, GroupProgress,
        GroupRequest, GroupState, GroupStatus, Groups, NewGroup, ParkedEvent, ParkedPage,
        Repeatable, Said,
    },
    head::Head,
    histories::Reach,
    kept::{Keepable, ListKey},
    measures::AppendsUsage,
    pause::Pause,
    process::Process,
    projector::{ProjectionState, ProjectionStatus},
    reader::{ReadSpec, Scan},
    record::{AsOf, RecordReader},
    start::Start,
    streams::{Outbound, Streams},
    subscribers::SubscribersUsage,
    subscription::{Mark, Subscription, SubscriptionItem},
    usage::{Budget, EngineUsage, Unit, Writing},
    verification::{VerificationReport, Verifying, verify_backup, verify_stopped},
    watching::{Changed, Look, Watch, Watched},
};
use self::{
    appender::Appender, back_pressure::BackPressure, measures::Measures, projector::Projector,
    reader::Reader, writer::Message,
};

/// How an engine is run.
#[derive(Clone)]
pub struct EngineSettings {
    /// How the log keeps its files.
    pub log: LogSettings,
    /// Written into every event; empty: not configured.
    pub recorded_by: String,
    /// Where the time comes from.
    pub clock: Clock,
    /// Appends go on although the last event was recorded more than an hour in the clock's future:
    /// at the last time, until the clock has caught up.
    pub accept_clock_behind: bool,
    /// How long a stream may be silent before it is sent a heartbeat.
    pub heartbeat: Duration,
    /// Where the log's own files are kept; tests make them fail.
    pub files: Arc<dyn Files>,
}

impl std::fmt::Debug for EngineSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineSettings")
            .field("log", &self.log)
            .field("recorded_by", &self.recorded_by)
            .finish_non_exhaustive()
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            log: LogSettings::default(),
            recorded_by: String::new(),
            clock: system_clock(),
            accept_clock_behind: false,
            heartbeat: bounds::HEARTBEAT,
            files: Arc::new(RealFiles),
        }
    }
}

/// A running store: one per data directory.
#[derive(Debug)]
pub struct Engine {
    log: Arc<Log>,
    /// The store's name in its present history, which every answer of an append has.
    name: String,
    reader: Reader,
    head: watch::Receiver<Head>,
    appender: Appender,
    groups: Groups,
    back_pressure: Arc<BackPressure>,
    backup: BackupReader,
    projector: Projector,
    measures: Arc<Measures>,
    /// Its one permit is that of a verification that is under way.
    verifying: Arc<Semaphore>,
    stopping: CancellationToken,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Engine {
    /// What follows the log ends, and with it the last ways to the writer.
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl Engine {
    /// Appends all events of `append`, or none, and answers once they are durable.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.appender.append(append).await
    }

    /// Queues an append; appends that are submitted one after the other keep their order.
    ///
    /// Waits for room among the submitted appends, which is less than the queue has: a pipeline
    /// that is always full must not be ahead of each single append.
    ///
    /// An append is queued again later only if its lookup has become outdated meanwhile. That needs
    /// thousands of appends in between, or a change to the claim that it is about.
    pub async fn submit(&self, append: Append) -> Result<Pending, AppendError> {
        self.appender.submit(append).await
    }

    /// Waits for what becomes of a queued append.
    pub async fn outcome(&self, pending: Pending) -> Result<Appended, AppendError> {
        self.appender.outcome(pending).await
    }

    /// Starts a read of what is in the log now.
    pub async fn read(&self, spec: ReadSpec) -> Result<Scan, ReadError> {
        Scan::start(self.reader.clone(), spec).await
    }

    /// Follows the log from `start`.
    pub async fn subscribe(&self, filter: Filter, start: Start) -> Result<Subscription, ReadError> {
        let now = (self.record().0.clock)();
        Subscription::start(self.reader.clone(), filter, start, now).await
    }

    /// The last durable event.
    pub fn head(&self) -> Head {
        *self.head.borrow()
    }

    /// A key that only this store has, one for each purpose; it is the same after a restart.
    pub fn key_for(&self, purpose: &str) -> [u8; 16] {
        self.log.key_for(purpose)
    }

    /// Waits until the log includes `position`, and returns the head.
    pub async fn reached(&self, position: Position) -> Result<Head, ReadError> {
        let mut head = self.head.clone();
        let reached =
            async { head.wait_for(|head| head.position >= position).await.map(|head| *head) };
        match self.reader.wait(reached).await? {
            Some(Ok(head)) => Ok(head),
            Some(Err(_)) => Err(ReadError::Stopping),
            None => Err(ReadError::NotReached { position, head: self.head().position }),
        }
    }

    /// What the record says.
    pub fn record(&self) -> RecordReader {
        self.projector.record()
    }

    /// What all readers hold together; the transport counts what it has not sent.
    pub fn streams(&self) -> Streams {
        self.reader.streams().clone()
    }

    /// How long a stream may be silent before it is sent a heartbeat.
    pub fn heartbeat(&self) -> Duration {
        self.reader.heartbeat()
    }

    /// What backups read.
    pub fn backup(&self) -> &BackupReader {
        &self.backup
    }

    /// The consumer groups.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The events after which appends were refused for good, if that has happened.
    pub fn fault(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.appender.fault.watch()
    }

    /// Why appends are refused for the time being, if they are.
    pub fn paused(&self) -> watch::Receiver<Option<Pause>> {
        self.back_pressure.watch()
    }

    /// Waits until the writer has answered; false: its thread has ended. It answers late while
    /// [`Self::writer_waits_for`] something, and never while the queue is full and it hangs.
    pub async fn writer_answers(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        let queued = self.appender.queue.send(Message::Probe(answer)).await;
        queued.is_ok() && answered.await.is_ok()
    }

    /// What the writer waits for beside appends, if it does: then it answers late.
    pub fn writer_waits_for(&self) -> Option<&'static str> {
        self.measures.waits_for()
    }

    /// Whether every projection answers.
    pub fn projections_answer(&self) -> bool {
        let failed = |it: &ProjectionStatus| it.state == ProjectionState::Failed;
        !self.record().projections().iter().any(failed)
    }

    /// Is cancelled when the engine begins to stop; streams end then.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Ends streams at once; appends already accepted go on.
    pub fn begin_stop(&self) {
        self.stopping.cancel();
    }

    /// Stops: queued appends are answered, the projections saved, the data directory released.
    ///
    /// Blocks, so it must not be called from an async context. Later appends are refused.
    pub fn stop(&self) -> Result<(), LogError> {
        self.stopping.cancel();
        // They record how far they are.
        self.groups.stop();
        self.appender.budget.close();
        self.back_pressure.stop();
        // The writer may already be gone; then there is nothing to stop.
        let _ = self.appender.queue.blocking_send(Message::Stop);
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer's thread panicked");
        }
        self.projector.stop();
        self.log.close()
    }
}
