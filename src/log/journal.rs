//! The seam between deciding and everything else: an ordered log of frames.
//!
//! The journal alone decides what is durable. It may be a local file
//! ([`super::file_journal`]) or, one day, a replicated service that fences on the frame index;
//! this is all that the rest may ask of it. One contract suite is run on every implementation.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::{TryFutureExt as _, UnwrapOrElse};
use rustix::io::Errno;

pub use super::frame::Tip;
use crate::{
    domain::event::Position,
    log::{
        advice::{RESTORE, advice},
        frame::{Frame, NewFrame},
        usage::JournalUsage,
    },
};

/// The action of an error in writing a file with zeros. It may be tried again: the file
/// holds no frame, and the next attempt writes all of it anew. A failed sync is never repeated.
pub(super) const MAKE: &str = "make";
/// The action of an error in writing the list of files. It may be tried again only if the list was
/// not begun: one that names a file which is made anew would be a lie after a crash.
pub(super) const LIST: &str = "write";

/// What became of a frame.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is durable.
    Durable,
    /// Another frame has its place: this one, and those chained behind it, never land. Read the
    /// foreign frames and decide again.
    Conflict,
    /// It may yet land, at exactly its index. Append nothing until that is resolved.
    Unknown(JournalError),
}

/// What becomes of an appended frame: to be awaited, or to block on with [`Self::wait`].
///
/// A journal answers its appends in their order. An append goes on though nothing waits for it.
#[derive(Debug)]
#[must_use = "a frame may be durable, in conflict or unknown"]
pub struct Acknowledgement(oneshot::Receiver<Outcome>);

impl Acknowledgement {
    /// One that is still to be given, with the channel by which the journal gives it.
    pub fn pending() -> (oneshot::Sender<Outcome>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Blocks until the outcome is known.
    pub fn wait(self) -> Outcome {
        self.0.recv().unwrap_or_else(abandoned)
    }

    /// The same with a bound, for tests.
    #[cfg(test)]
    pub(crate) fn outcome(self) -> Outcome {
        use oneshot::RecvTimeoutError;

        use crate::log::waiting::LONG;
        self.0.recv_timeout(LONG).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => panic!("an append has no outcome after {LONG:?}"),
            RecvTimeoutError::Disconnected => abandoned(oneshot::RecvError),
        })
    }
}

impl From<Outcome> for Acknowledgement {
    fn from(outcome: Outcome) -> Self {
        let (sender, acknowledgement) = Self::pending();
        // The receiver is there.
        let _ = sender.send(outcome);
        acknowledgement
    }
}

impl IntoFuture for Acknowledgement {
    type Output = Outcome;
    type IntoFuture =
        UnwrapOrElse<oneshot::AsyncReceiver<Outcome>, fn(oneshot::RecvError) -> Outcome>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.into_future().unwrap_or_else(abandoned as fn(_) -> _)
    }
}

/// The outcome of an append that the journal dropped without an answer.
fn abandoned(_: oneshot::RecvError) -> Outcome {
    Outcome::Unknown(JournalError::Abandoned)
}

/// An ordered, durable log of frames.
///
/// A frame that is durable enters the journal's tail before [`Self::tip`] or [`Self::wait`]
/// say so: what wakes for a frame finds it in memory.
pub trait Journal: Send + Sync + fmt::Debug {
    /// The last durable frame. A barrier: every append acknowledged before is included.
    fn tip(&self) -> Result<Tip, JournalError>;

    /// Appends a frame right after the tip that it is chained to; appends may be pipelined.
    fn append(&self, frame: NewFrame) -> Acknowledgement;

    /// Makes sure that the next frame finds a place, before anything is decided that rests on it.
    /// After an error nothing was written, and it may be tried again at any time.
    fn reserve(&self) -> Result<(), JournalError>;

    /// Makes a place for coming frames ahead of need, so that no append waits for that: waits until
    /// one should be made, for at most `timeout`. After an error nothing was written, and it may be
    /// tried again at any time. A journal whose places cost nothing has nothing to do.
    fn prepare(&self, timeout: Duration) -> Result<(), JournalError>;

    /// Durable frames after `after`, in order: at least one if there is one, then as many as fit
    /// into `max_bytes`. Frames that were released may be gone: [`JournalError::Released`]. An
    /// `after` of another history than this one's is [`JournalError::Damaged`].
    fn read(&self, after: Tip, max_bytes: usize) -> Result<Vec<Frame>, JournalError>;

    /// Waits until the tip is beyond `beyond` or the time is up, and returns the tip.
    fn wait(&self, beyond: Tip, timeout: Duration) -> Result<Tip, JournalError>;

    /// The tip just before the frame that holds `position`: where to read from to see it. `None`
    /// if that frame was released or is not there yet.
    fn locate(&self, position: Position) -> Option<Tip>;

    /// Frames up to `up_to` are kept elsewhere now; their space may be used again.
    fn release(&self, up_to: Tip) -> Result<(), JournalError>;

    /// Bytes of all frames that were not released.
    fn unreleased_bytes(&self) -> u64;

    /// What it takes, as far as it knows.
    fn usage(&self) -> JournalUsage {
        JournalUsage { unsealed_bytes: self.unreleased_bytes(), ..JournalUsage::default() }
    }

    /// Notes that the journal was stopped cleanly. To be called after the last append.
    fn close(&self) -> Result<(), JournalError>;
}

/// Why the journal could not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refused.
    #[error("{action} {path}: {source}{}", advice(source), path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// Durable bytes are not what was written.
    #[error("{path} is damaged at byte {offset}: {what}; {RESTORE}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What was found or missed.
        what: String,
    },
    /// A newer version of the program wrote this.
    #[error(
        "{path} is of format version {version}, which this program does not know: \
         start a newer one",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// The requested frames were released.
    #[error("frames up to index {up_to} were released from the journal")]
    Released {
        /// The last released frame.
        up_to: u64,
    },
    /// The journal ended while the append was under way.
    #[error("the journal gave up an append")]
    Abandoned,
    /// An earlier write or sync failed; nothing is appended any more.
    #[error("the journal stopped: {first}")]
    Stopped {
        /// The first failure.
        first: Arc<JournalError>,
    },
}

impl JournalError {
    /// Whether the system was short of something while a file was made, before its first sync: the
    /// same may be tried again. Any other failure of the disk lasts.
    pub(super) fn is_before_sync(&self) -> bool {
        let Self::Io { action, source, .. } = self else { return false };
        let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
        let making = [MAKE, LIST].contains(action);
        making && Errno::from_io_error(source).is_some_and(|it| short.contains(&it))
    }

    /// Whether a file could not be written with zeros, for whatever reason. No sync of it failed
    /// and it is not listed, so a journal that needs no such file yet goes on.
    pub(super) fn is_of_making(&self) -> bool {
        matches!(self, Self::Io { action, .. } if *action == MAKE)
    }

    /// The journal in this folder has stopped, because a thread panicked that appended to it.
    pub(super) fn panicked(dir: &Path) -> Self {
        let first = Self::io("append to", dir, io::Error::other("an append panicked"));
        Self::Stopped { first: Arc::new(first) }
    }

    /// Wraps an operating system's error.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source: Arc::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::waiting;

    fn durable(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Durable)
    }

    #[tokio::test]
    async fn an_acknowledgement_is_awaited_or_blocked_on_and_may_be_there_already() {
        assert!(durable(&Acknowledgement::from(Outcome::Durable).wait()));
        assert!(durable(&Acknowledgement::from(Outcome::Durable).await));
        let (answer, later) = Acknowledgement::pending();
        let blocked = waiting::spawn(|| later.wait());
        answer.send(Outcome::Durable).unwrap();
        assert!(durable(&blocked.join("a thread that waits for an outcome")));
        let (answer, later) = Acknowledgement::pending();
        let awaited = tokio::spawn(later.into_future());
        answer.send(Outcome::Durable).unwrap();
        assert!(durable(&awaited.await.unwrap()));
    }

    #[tokio::test]
    async fn an_append_that_the_journal_drops_has_an_unknown_outcome() {
        let unknown = |outcome| matches!(outcome, Outcome::Unknown(JournalError::Abandoned));
        let [(first, blocking), (second, awaiting)] =
            [Acknowledgement::pending(), Acknowledgement::pending()];
        drop((first, second));
        let blocked = waiting::spawn(|| blocking.wait());
        assert!(unknown(blocked.join("a wait for an outcome that does not come")));
        assert!(unknown(awaiting.await));
    }
}
