//! What can go wrong with the log, in words that say where, and what to do.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    domain::event::Position,
    log::{
        advice::{RESTORE, advice},
        index::{IndexError, Unindexable},
        journal::JournalError,
        volume::VolumeError,
    },
};

/// Why the log could not be opened, read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process works on the data directory.
    #[error(
        "{path} is in use by process {holder}: stop it, or choose another data directory",
        path = path.display()
    )]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The process as it named itself.
        holder: String,
    },
    /// A newer version of the program wrote this.
    #[error(
        "{path} has format {found}, this program knows up to {known}: use a newer program",
        path = path.display()
    )]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// The directory holds something else.
    #[error(
        "{path} is not a data directory of handover: {what}; choose an empty or a new directory",
        path = path.display()
    )]
    NotAStore {
        /// The directory.
        path: PathBuf,
        /// What was found in it.
        what: String,
    },
    /// A restore into the directory has not ended.
    #[error(
        "{path} is not whole: a restore into it was interrupted; run the same `handover restore` \
         again, or remove the folder",
        path = path.display()
    )]
    Unfinished {
        /// The directory.
        path: PathBuf,
    },
    /// The folder is a copy of one that a process had open, and it is not whole.
    #[error(
        "{source}; {path} was copied while a process had it open: copy the folder of a running \
         server by `handover backup`",
        path = path.display()
    )]
    Copied {
        /// The directory.
        path: PathBuf,
        /// What is missing or damaged in it.
        source: Box<LogError>,
    },
    /// A file of the log's own is not what was written.
    #[error("{path} is damaged: {what}; {RESTORE}", path = path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What was found or missed.
        what: String,
        /// The first event that cannot be read; `None`: not one in particular.
        position: Option<Position>,
    },
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
    /// There is no event at this position (yet).
    #[error("there is no event at position {position}: the last is at {last}")]
    OutOfRange {
        /// The requested position.
        position: Position,
        /// What there is.
        last: Position,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A stored event is not one: a fault of the program that wrote it.
    #[error(transparent)]
    Unindexable(#[from] Unindexable),
    /// The index did not answer.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A volume failed.
    #[error("{error}{advice}", error = .0, advice = volume_advice(.0))]
    Volume(#[from] VolumeError),
}

fn volume_advice(error: &VolumeError) -> String {
    match error {
        VolumeError::Damaged { .. } => format!("; {RESTORE}"),
        VolumeError::Io { source, .. } => advice(source).to_owned(),
    }
}

/// Stored data that cannot be served, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, or the folder of the volume.
    pub place: PathBuf,
    /// The first event that cannot be read; `None`: not one in particular.
    pub position: Option<Position>,
}

impl LogError {
    /// What is damaged, if that is the trouble; everything else goes on.
    pub fn damage(&self) -> Option<Damage> {
        let (place, position) = match self {
            Self::Damaged { path, position, .. } => (path, *position),
            Self::Volume(VolumeError::Damaged { volume, position, .. }) => (volume, *position),
            Self::Journal(JournalError::Damaged { path, .. }) => (path, None),
            Self::Copied { source, .. } => return source.damage(),
            Self::Locked { .. }
            | Self::NewerFormat { .. }
            | Self::NotAStore { .. }
            | Self::Unfinished { .. }
            | Self::Io { .. }
            | Self::OutOfRange { .. }
            | Self::Journal(_)
            | Self::Unindexable(_)
            | Self::Index(_)
            | Self::Volume(_) => return None,
        };
        Some(Damage { place: place.clone(), position })
    }

    /// What the operating system refused, and where; `None`: it is no such error.
    pub fn refused(&self) -> Option<(&Path, &io::Error)> {
        let (place, source) = match self {
            Self::Io { path, source, .. }
            | Self::Journal(JournalError::Io { path, source, .. })
            | Self::Volume(VolumeError::Io { volume: path, source, .. }) => (path, source),
            Self::Copied { source, .. } => return source.refused(),
            Self::Locked { .. }
            | Self::NewerFormat { .. }
            | Self::NotAStore { .. }
            | Self::Unfinished { .. }
            | Self::Damaged { .. }
            | Self::OutOfRange { .. }
            | Self::Journal(_)
            | Self::Unindexable(_)
            | Self::Index(_)
            | Self::Volume(_) => return None,
        };
        Some((place, source))
    }

    /// Whether it will be over by itself: a part of the index is being built again.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Index(_))
    }

    /// Names the copy in which this was found, if that can be the cause: something is damaged or
    /// missing.
    pub(super) fn in_copy(self, dir: &Path) -> Self {
        let missing =
            matches!(&self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        if missing || self.damage().is_some() {
            Self::Copied { path: dir.to_owned(), source: Box::new(self) }
        } else {
            self
        }
    }

    /// Wraps an operating system's error.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into(), position: None }
    }
}
