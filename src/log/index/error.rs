//! Why the index did not answer.

use std::path::{Path, PathBuf};

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
