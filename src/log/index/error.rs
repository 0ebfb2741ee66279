//! Why the index did not answer.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::log::error::LogError;

/// Whether a lookup may block its thread: the blocking mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// The lookup ends with [`IndexError::WouldBlock`] where it would read from the disk or take
    /// long. For tasks, which must not block.
    Never,
    /// The lookup reads from the disk and takes as long as it needs.
    Allowed,
}

/// Why the index did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The answer needs the disk or takes long, and the blocking mode allows neither.
    #[error("the index has to read from the disk")]
    WouldBlock,
    /// A file of the index is not what was written. It is built again from the record.
    #[error(
        "{path} is damaged: {what}; the index is being rebuilt from the record, try again later",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
}

impl IndexError {
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}

/// Why a run was not written.
#[derive(Clone, Debug)]
pub(super) enum WriteError {
    /// The caller wants the work to stop.
    Stopped,
    /// It failed; it can be tried again.
    Failed(LogError),
}

impl From<LogError> for WriteError {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

impl From<IndexError> for WriteError {
    fn from(error: IndexError) -> Self {
        Self::Failed(error.into())
    }
}

/// Tells long work whether to go on.
#[derive(Clone, Copy)]
pub(super) struct GoOn<'a>(pub(super) &'a dyn Fn() -> bool);

impl GoOn<'_> {
    /// Fails if the work is to stop.
    pub(super) fn check(self) -> Result<(), WriteError> {
        if (self.0)() { Ok(()) } else { Err(WriteError::Stopped) }
    }
}

impl fmt::Debug for GoOn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoOn({})", (self.0)())
    }
}
