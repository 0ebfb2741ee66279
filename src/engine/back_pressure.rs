//! Keeps the writer in step with its followers and with the disk. The writer waits for slow
//! followers, and this module decides when appends have to pause.
//!
//! The writer looks before each batch. While appends are paused there may be no batches, so a task
//! looks too, until the reason is gone.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::event::Micros,
    engine::{
        Clock, Head,
        pause::{self, Behind, Bounds, Pause},
    },
    log::{Follower, Log, LogError, files::Files},
};

/// How often the reason of a pause is looked at while no appends come.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What is needed to look.
pub(super) struct Sensors {
    pub(super) files: Arc<dyn Files>,
    pub(super) dir: PathBuf,
    pub(super) clock: Clock,
    /// Appends go on although the last event lies far in the clock's future.
    pub(super) accept_clock_behind: bool,
}

/// Whether and why the writer waits or pauses.
pub(super) struct BackPressure {
    bounds: Bounds,
    sensors: Sensors,
    followers: Arc<Followers>,
    paused: watch::Sender<Option<Pause>>,
}

impl fmt::Debug for BackPressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackPressure").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// What the log's followers report.
#[derive(Debug, Default)]
pub(super) struct Followers {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What each failed with last, until it has done what failed. One place for all would let the
    /// success of one hide the failure of another.
    failed: BTreeMap<Follower, Arc<str>>,
    stopping: bool,
}

impl Followers {
    /// The index has moved on.
    pub(super) fn note_indexed(&self) {
        drop(self.state());
        self.moved.notify_all();
    }

    /// One of them has done what may have failed before.
    pub(super) fn note_done(&self, follower: Follower) {
        self.state().failed.remove(&follower);
        self.moved.notify_all();
    }

    /// One of them failed, and will try again.
    pub(super) fn note_failed(&self, follower: Follower, error: &LogError) {
        // The scrub holds nothing up.
        if follower != Follower::Scrub {
            self.state().failed.insert(follower, error.to_string().into());
        }
        self.moved.notify_all();
    }

    /// Ends all waiting for the followers.
    pub(super) fn stop(&self) {
        self.state().stopping = true;
        self.moved.notify_all();
    }

    fn failed(&self) -> Option<Arc<str>> {
        self.state().failed.values().next().cloned()
    }

    /// Waits while they are slow and do what they can.
    fn wait_while(&self, slow: impl Fn() -> bool) {
        let wait = |state: &mut State| state.failed.is_empty() && !state.stopping && slow();
        // The lock is held while it is looked: no move is missed between look and wait.
        drop(self.moved.wait_while(self.state(), wait));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BackPressure {
    pub(super) fn new(bounds: Bounds, sensors: Sensors, followers: Arc<Followers>) -> Self {
        Self { bounds, sensors, followers, paused: watch::Sender::new(None) }
    }

    /// Why appends are paused, if they are.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Pause>> {
        self.paused.subscribe()
    }

    /// Ends all waiting.
    pub(super) fn stop(&self) {
        self.followers.stop();
    }

    /// Waits while the followers lie far behind and nothing has failed. To be called by the writer
    /// between batches, so that appends queue up and the rate becomes that of the slowest.
    pub(super) fn keep_pace(&self, log: &Log) {
        if self.bounds.are_slow(behind(log)) {
            self.followers.wait_while(|| self.bounds.are_slow(behind(log)));
        }
    }

    /// Looks whether appends have to pause, and notifies all watchers.
    pub(super) fn look(&self, log: &Log, last: Micros) -> Option<Pause> {
        let found = self.reason(behind(log), last).or_else(|| short(log));
        self.paused.send_if_modified(|paused| {
            log_change(paused.as_ref(), found.as_ref());
            let changed = *paused != found;
            paused.clone_from(&found);
            changed
        });
        found
    }

    fn reason(&self, behind: Behind, last: Micros) -> Option<Pause> {
        let Sensors { files, dir, clock, accept_clock_behind } = &self.sensors;
        let backlog = self.bounds.backlog(behind, self.followers.failed().as_ref());
        let room = || match files.free_bytes(dir) {
            Ok(free) => self.bounds.room(free, behind),
            // What cannot be known forbids nothing: a write that fails stops the store.
            Err(error) => {
                tracing::debug!(%error, "the disk does not tell what is free");
                None
            }
        };
        let time = || if *accept_clock_behind { None } else { pause::clock(last, clock()) };
        // What is missing on the disk is likely what the backlog comes from, so it is named first.
        room().or(backlog).or_else(time)
    }
}

/// Looks again and again while appends are paused.
pub(super) async fn follow(
    back_pressure: Arc<BackPressure>,
    log: Arc<Log>,
    head: watch::Receiver<Head>,
    stopping: CancellationToken,
) {
    let mut paused = back_pressure.watch();
    let looking = async {
        while paused.wait_for(Option::is_some).await.is_ok() {
            tokio::time::sleep(LOOK_AGAIN).await;
            let (back_pressure, log) = (Arc::clone(&back_pressure), Arc::clone(&log));
            let last = head.borrow().recorded_at.unwrap_or(0);
            // A failed look is repeated like any other.
            let _ = tokio::task::spawn_blocking(move || back_pressure.look(&log, last)).await;
        }
    };
    tokio::select! {
        () = looking => {}
        () = stopping.cancelled() => {}
    }
}

/// Why appends pause, if the journal has no place for the next frame and cannot make one. Looked at
/// last: on a full disk, that is the reason to name.
fn short(log: &Log) -> Option<Pause> {
    log.reserve().err().map(|error| Pause::Short { reason: error.to_string().into() })
}

fn behind(log: &Log) -> Behind {
    // If the tip cannot be read now, the next append meets the reason.
    let tip = log.tip().map_or(0, |tip| tip.position);
    Behind {
        unsealed: log.unsealed_bytes(),
        unindexed: tip.saturating_sub(log.index().watermark()),
    }
}

/// Notes when a pause begins, gets another reason, or ends: once, not for each append.
fn log_change(before: Option<&Pause>, after: Option<&Pause>) {
    match (before, after) {
        (None, None) => {}
        (Some(_), None) => tracing::info!("appends resume"),
        (Some(before), Some(after))
            if std::mem::discriminant(before) == std::mem::discriminant(after) => {}
        (_, Some(pause)) => tracing::warn!(%pause, "appends pause; reads go on"),
    }
}
