//! Passes durable frames, in order, to the index and to the volume that is being built. Nothing
//! else feeds them.
//!
//! Two threads follow the journal, each at its own pace; a third keeps the files of the index, and
//! a fourth the sealed volumes. A volume is sealed on one more, while the next is being built.
//! What goes wrong here never fails an append: the journal keeps its frames until they are sealed,
//! so an unsealed volume is thrown away and built again, and the index is built again from sealed
//! volumes.

mod index_feed;
mod scrub_feed;
mod volume_feed;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use self::{
    index_feed::{IndexFeed, MaintenanceFeed},
    scrub_feed::ScrubFeed,
    volume_feed::VolumeFeed,
};
use crate::{
    domain::event::Position,
    log::{
        error::LogError,
        files::Files,
        frame::Frame,
        index::Index,
        journal::{Journal, JournalError, Tip},
        manifest::Manifest,
        tail::Tail,
        volume::{Marker, VolumeError, VolumeSize},
        volumes::{Scrubber, Volumes},
    },
};

/// How long a thread waits for frames before it looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// The niceness of threads that no caller waits for; 0 is usual, 19 the most.
const PATIENT_NICENESS: i32 = 10;
/// The thread that filtered subscriptions wait for.
const INDEX: &str = "index";
/// Bytes of frames that are read from the journal at once.
const READ_BYTES: usize = 4 << 20;
/// The pauses after failures: none after the first, then doubling from the one to the other.
/// Appends that wait for a follower go on that soon after the cause is gone.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What follows the journal, each on a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follower {
    /// Takes frames to the index.
    Index,
    /// Writes, merges and repairs the files of the index.
    IndexFiles,
    /// Builds and seals volumes.
    Volumes,
    /// Reads sealed volumes through.
    Scrub,
}

impl Follower {
    /// What it means that a step of it failed.
    fn trouble(self) -> &'static str {
        match self {
            Self::Index => "the index cannot follow the log",
            Self::IndexFiles => "a file of the index could not be made",
            Self::Volumes => "a volume could not be built",
            Self::Scrub => "a sealed volume could not be checked",
        }
    }
}

/// Called with a follower that failed, and why.
type OnFault = Box<dyn Fn(Follower, &LogError) + Send + Sync>;

/// What the feeder tells, from its own threads. None of these may wait for the log.
pub struct Hooks {
    /// Everything up to this position is indexed.
    pub on_indexed: Box<dyn Fn(Position) + Send + Sync>,
    /// Everything up to this position is in sealed volumes.
    pub on_sealed: Box<dyn Fn(Position) + Send + Sync>,
    /// A follower failed; it tries again. It has logged the error.
    pub on_fault: OnFault,
    /// A follower has done what may have failed before.
    pub on_done: Box<dyn Fn(Follower) + Send + Sync>,
    /// A sealed volume is damaged: called once for each, by the thread that met it. Everything else
    /// goes on.
    pub on_damage: Box<dyn Fn(&VolumeError) + Send + Sync>,
    /// Runs on the folder of a volume between its last write and its read-back. It is for tests
    /// that break the volume there.
    pub before_read_back: Box<dyn Fn(&Path) + Send + Sync>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            on_indexed: Box::new(|_| ()),
            on_sealed: Box::new(|_| ()),
            on_fault: Box::new(|_, _| ()),
            on_done: Box::new(|_| ()),
            on_damage: Box::new(|_| ()),
            before_read_back: Box::new(|_| ()),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// Where frames come from: the tail while it has them, else the journal.
#[derive(Clone, Debug)]
pub(super) struct FrameSource {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) tail: Arc<Tail>,
}

impl FrameSource {
    /// The frames after `after`; none if none came in time.
    fn next(&self, after: Tip) -> Result<Vec<Arc<Frame>>, JournalError> {
        let in_memory = || self.tail.frame(after.index + 1).map(|frame| vec![frame]);
        if let Some(frame) = in_memory() {
            return Ok(frame);
        }
        if self.journal.wait(after, PATIENCE)?.index <= after.index {
            return Ok(Vec::new());
        }
        // A frame that was waited for is in the tail.
        match in_memory() {
            Some(frame) => Ok(frame),
            None => Ok(self.journal.read(after, READ_BYTES)?.into_iter().map(Arc::new).collect()),
        }
    }

    /// Whether there is nothing after `after` yet.
    fn has_ended(&self, after: Tip) -> Result<bool, JournalError> {
        Ok(self.journal.tip()?.index <= after.index)
    }
}

/// What all threads need.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) source: FrameSource,
    pub(super) index: Arc<Index>,
    pub(super) hooks: Arc<Hooks>,
    /// When a volume is full. Index and volumes go by it alike, so that a table of the index and a
    /// volume end with the same frame.
    pub(super) size: VolumeSize,
}

/// What is needed to keep volumes.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) files: Arc<dyn Files>,
    pub(super) volumes: Arc<Volumes>,
    pub(super) manifest_path: PathBuf,
    /// What the values of new volumes begin with.
    pub(super) marker: Marker,
}

/// The running threads.
#[derive(Debug)]
pub(super) struct Feeder {
    stop: Arc<Stop>,
    hooks: Arc<Hooks>,
    threads: Vec<JoinHandle<()>>,
}

impl Feeder {
    /// Starts feeding what follows the sealed volumes.
    pub(super) fn start(
        shared: Shared,
        keeper: Keeper,
        scrubber: Scrubber,
        manifest: Manifest,
    ) -> io::Result<Self> {
        let hooks = Arc::clone(&shared.hooks);
        let mut feeder = Self { stop: Arc::default(), hooks, threads: Vec::new() };
        let shared = Arc::new(shared);
        let volumes = Arc::clone(&keeper.volumes);
        feeder.spawn(INDEX, Box::new(IndexFeed::new(Arc::clone(&shared), manifest.tip())))?;
        feeder
            .spawn("index-files", Box::new(MaintenanceFeed::new(Arc::clone(&shared), volumes)))?;
        feeder.spawn("scrub", Box::new(ScrubFeed::new(Arc::clone(&shared), scrubber)))?;
        feeder.spawn("volumes", Box::new(VolumeFeed::new(shared, keeper, manifest)))?;
        Ok(feeder)
    }

    fn spawn(&mut self, name: &str, feed: Box<dyn Feed>) -> io::Result<()> {
        let (stop, hooks) = (Arc::clone(&self.stop), Arc::clone(&self.hooks));
        let thread = thread::Builder::new().name(name.to_owned());
        let patient = name != INDEX;
        let work = move || {
            if patient {
                give_way();
            }
            follow(feed, &hooks, &stop);
        };
        self.threads.push(thread.spawn(work)?);
        Ok(())
    }
}

impl Drop for Feeder {
    /// Stops and waits for it; a volume that is being sealed is finished first, a run that is being
    /// written is given up.
    fn drop(&mut self) {
        self.stop.set();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a feeding thread had panicked");
            }
        }
    }
}

/// Lets this thread, and those that it starts, run behind others. No caller waits for what they do
/// while the backlog is short. Once it is long, the writer waits.
fn give_way() {
    // Where that is not allowed, the work is done all the same.
    let _ = rustix::process::setpriority_process(None, PATIENT_NICENESS);
}

/// One that follows the journal.
trait Feed: Send {
    /// Takes the next frames; comes back soon if there are none. Long steps end early once `stop`
    /// is set.
    fn step(&mut self, stop: &Stop) -> Result<(), LogError>;
    /// Which one it is.
    fn follower(&self) -> Follower;
    /// Begins again where it was safe.
    fn begin_again(&mut self) {}
}

fn follow(mut feed: Box<dyn Feed>, hooks: &Hooks, stop: &Stop) {
    let mut pause = Duration::ZERO;
    let mut logged = None;
    while !stop.is_set() {
        match feed.step(stop) {
            Ok(()) => pause = Duration::ZERO,
            Err(error) => {
                report(feed.follower(), &error, hooks, &mut logged);
                feed.begin_again();
                stop.wait(pause);
                pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            }
        }
    }
}

/// Logs a failed step, once while it fails for the same reason, and passes it on.
fn report(follower: Follower, error: &LogError, hooks: &Hooks, logged: &mut Option<String>) {
    let text = error.to_string();
    if logged.as_ref() != Some(&text) {
        tracing::error!(%error, "{}; it is tried again", follower.trouble());
        *logged = Some(text);
    }
    (hooks.on_fault)(follower, error);
}

/// Tells threads to stop, also those that wait.
#[derive(Debug, Default)]
struct Stop {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn set(&self) {
        *self.set.lock().expect(UNBROKEN) = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.set.lock().expect(UNBROKEN)
    }

    /// Waits until it is set or the time is up.
    fn wait(&self, time: Duration) {
        let set = self.set.lock().expect(UNBROKEN);
        drop(self.changed.wait_timeout_while(set, time, |set| !*set).expect(UNBROKEN));
    }
}

const UNBROKEN: &str = "nothing panics while the flag is locked";
