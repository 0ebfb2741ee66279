//! Why the index did not answer.

use std::path::{Path, PathBuf};

/// How long whoever asks can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: the question is given up if it would read from the disk or take long. For
    /// tasks, which must not block.
    Now,
    /// As long as it takes.
    Disk,
}

/// Why the index did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The answer takes longer than the patience allows.
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
