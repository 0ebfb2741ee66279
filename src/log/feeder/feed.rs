//! The loop of a thread that follows the journal: step after step, with a pause after a failure.

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

use super::hooks::{Follower, Hooks};
use crate::log::error::LogError;

/// The pauses after failures: none after the first, then doubling from the one to the other.
/// Appends that wait for a follower go on that soon after the cause is gone.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// One that follows the journal.
pub(super) trait Feed: Send {
    /// Takes the next frames; comes back soon if there are none. Long steps end early once `stop`
    /// is set.
    fn step(&mut self, stop: &Stop) -> Result<(), LogError>;
    /// Which one it is.
    fn follower(&self) -> Follower;
    /// Begins again where it was safe.
    fn begin_again(&mut self) {}
}

/// Takes step after step until `stop` is set. After a failed step it pauses and begins again.
pub(super) fn follow(mut feed: Box<dyn Feed>, hooks: &Hooks, stop: &Stop) {
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
pub(super) fn report(
    follower: Follower,
    error: &LogError,
    hooks: &Hooks,
    logged: &mut Option<String>,
) {
    let text = error.to_string();
    if logged.as_ref() != Some(&text) {
        tracing::error!(%error, "{}; it is tried again", follower.trouble());
        *logged = Some(text);
    }
    (hooks.on_fault)(follower, error);
}

/// Stops threads, also those that wait.
#[derive(Debug, Default)]
pub(super) struct Stop {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(super) fn set(&self) {
        *self.set.lock().expect(UNBROKEN) = true;
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.set.lock().expect(UNBROKEN)
    }

    /// Waits until it is set or the time is up.
    pub(super) fn wait(&self, time: Duration) {
        let set = self.set.lock().expect(UNBROKEN);
        drop(self.changed.wait_timeout_while(set, time, |set| !*set).expect(UNBROKEN));
    }
}

const UNBROKEN: &str = "nothing panics while the flag is locked";
