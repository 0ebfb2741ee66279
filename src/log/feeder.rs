//! Passes durable frames, in order, to the index and to the volume that is being built. Nothing
//! else feeds them.
//!
//! Two threads follow the journal, each at its own pace. A third keeps the files of the index, a
//! fourth the sealed volumes, and a fifth makes files of the journal ahead of need. A volume is
//! sealed on one more, while the next is being built.
//!
//! What goes wrong here never fails an append: the journal keeps its frames until they are sealed,
//! so an unsealed volume is thrown away and built again, and the index is built again from sealed
//! volumes.

mod feed;
mod hooks;
mod index_feed;
mod scrub_feed;
mod shared;
mod volume_feed;

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

pub use self::hooks::{Follower, Hooks};
pub(super) use self::shared::{FrameReader, Keeper, Shared};
use self::{
    feed::{Feed, Stop, follow},
    index_feed::{IndexFeed, MaintenanceFeed},
    scrub_feed::ScrubFeed,
    shared::FRAME_TIMEOUT,
    volume_feed::VolumeFeed,
};
use crate::log::{journal::Journal, manifest::Manifest, volumes::Scrubber};

/// The niceness of threads that no caller waits for; 0 is usual, 19 the most.
const BACKGROUND_NICENESS: i32 = 10;
/// The pause after a file could not be made ahead.
const PREPARATION_PAUSE: Duration = Duration::from_secs(1);
/// The thread that filtered subscriptions wait for.
const INDEX: &str = "index";

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
        let journal = Arc::clone(&shared.frames.journal);
        feeder.spawn("volumes", Box::new(VolumeFeed::new(shared, keeper, manifest)))?;
        feeder.spawn_preparation(journal)?;
        Ok(feeder)
    }

    /// Not in the background: an append that meets a file that is half made waits for it.
    fn spawn_preparation(&mut self, journal: Arc<dyn Journal>) -> io::Result<()> {
        let stop = Arc::clone(&self.stop);
        let thread = thread::Builder::new().name("journal-files".to_owned());
        self.threads.push(thread.spawn(move || prepare(journal.as_ref(), &stop))?);
        Ok(())
    }

    fn spawn(&mut self, name: &str, feed: Box<dyn Feed>) -> io::Result<()> {
        let (stop, hooks) = (Arc::clone(&self.stop), Arc::clone(&self.hooks));
        let thread = thread::Builder::new().name(name.to_owned());
        let in_background = name != INDEX;
        let work = move || {
            if in_background {
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

/// Makes files of the journal ahead of need until `stop` is set. A shortage is no fault yet:
/// appends are refused for it once they need the file and it still cannot be made.
fn prepare(journal: &dyn Journal, stop: &Stop) {
    while !stop.is_set() {
        if let Err(error) = journal.prepare(FRAME_TIMEOUT) {
            tracing::debug!(%error, "no journal file could be made ahead; it is tried again");
            stop.wait(PREPARATION_PAUSE);
        }
    }
}

/// Lets this thread, and those that it starts, run behind others. No caller waits for what they do
/// while the backlog is short. Once it is long, the writer waits.
pub fn give_way() {
    // Where that is not allowed, the work is done all the same.
    let _ = rustix::process::setpriority_process(None, BACKGROUND_NICENESS);
}
