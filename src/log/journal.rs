//! The seam between deciding and everything else: an ordered log of frames.
//!
//! The journal alone decides what is durable. It may be a local file
//! ([`super::file_journal`]) or, one day, a replicated service that fences on the frame index;
//! this is all that the rest may ask of it. One contract suite is run on every implementation.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use rustix::io::Errno;

use crate::{
    domain::event::Position,
    log::{
        advice::{RESTORE, advice},
        frame::Frame,
    },
};

/// The action of an error in making a file, until its first sync. It may be tried again: the file
/// holds no frame, and the next attempt writes all of it anew. A failed sync is never repeated.
pub(super) const MAKE: &str = "make";

/// A place in the journal: just after a frame. `Tip::default()` is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tip {
    /// Index of the frame; 0: none.
    pub index: u64,
    /// Position of the frame's last event; 0: none.
    pub position: Position,
    /// The frame's check, which the next one is chained to.
    pub check: u32,
}

impl Tip {
    /// Whether `frame` says of itself that it comes right after this.
    pub fn precedes(self, frame: &Frame) -> bool {
        frame.count > 0
            && self.index.checked_add(1) == Some(frame.index)
            && self.position.checked_add(1) == Some(frame.first_position)
    }

    /// The tip just after `frame`; `check` is the checksum of its body.
    pub fn after(frame: &Frame, check: u32) -> Self {
        Self { index: frame.index, position: frame.last_position(), check }
    }
}

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

/// Called once with the outcome; calls come in the order of the appends. It may run before
/// [`Journal::append`] returns, and must not call the journal.
pub type Done = Box<dyn FnOnce(Outcome) + Send>;

/// An ordered, durable log of frames.
pub trait Journal: Send + Sync + fmt::Debug {
    /// The last durable frame. A barrier: every append acknowledged before is included.
    fn tip(&self) -> Result<Tip, JournalError>;

    /// Appends `frame` right after `after`; appends may be pipelined. A frame is a conflict too if
    /// its own index and first position do not come next: it can have no place here.
    fn append(&self, after: Tip, frame: Frame, done: Done);

    /// Makes sure that the next frame finds a place, before anything is decided that rests on it.
    /// After an error nothing was written, and it may be tried again at any time.
    fn reserve(&self) -> Result<(), JournalError>;

    /// Durable frames after `after`, in order: at least one if there is one, then as many as fit
    /// into `max_bytes`. Frames that were released may be gone: [`JournalError::Released`]. An
    /// `after` of another history than this one's is [`JournalError::Damaged`].
    fn read(&self, after: Tip, max_bytes: usize) -> Result<Vec<Frame>, JournalError>;

    /// Waits until the tip is beyond `beyond` or the time is up, and tells the tip.
    fn wait(&self, beyond: Tip, timeout: Duration) -> Result<Tip, JournalError>;

    /// The tip just before the frame that holds `position`: where to read from to see it. `None`
    /// if that frame was released or is not there yet.
    fn locate(&self, position: Position) -> Option<Tip>;

    /// Frames up to `up_to` are kept elsewhere now; their space may be used again.
    fn release(&self, up_to: Tip) -> Result<(), JournalError>;

    /// Bytes of all frames that were not released.
    fn unreleased_bytes(&self) -> u64;
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
        *action == MAKE && Errno::from_io_error(source).is_some_and(|it| short.contains(&it))
    }

    /// Wraps an operating system's error.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source: Arc::new(source) }
    }
}
