//! Volumes: the record, one sled database per stretch of the log.
//!
//! A volume is built from durable frames, sealed once sled has been read back, and from then on
//! only read: at the offsets where its values were found in sled's file, and through sled only
//! where that fails, on a copy. sled is trusted for nothing more: what it returns is checked value
//! by value, what it panics over is caught, and an unsealed volume is thrown away rather than
//! repaired.

mod audit;
mod batch;
mod block;
mod builder;
mod contents;
mod database;
mod finding;
mod folder;
mod key;
mod offsets;
mod reader;
mod sealed;
mod sealing;
#[cfg(test)]
mod tests;
mod through_sled;
mod values;

pub use self::{
    audit::{Audit, Piece},
    block::Marker,
    builder::{Built, VolumeBuilder},
    contents::{Contents, ContentsTally, VolumeSize},
    database::FILE as DATABASE,
    folder::FileRecord,
    offsets::DatabaseBytes,
    reader::{AppendPage, Pieces},
    sealed::{Blocks, OffsetTableBytes, SealedVolume, SledVolume, VolumeByOffset},
    sealing::NewVolume,
};

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::domain::event::Position;

/// Why a volume could not be built or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VolumeError {
    /// The operating system refused.
    #[error("volume {volume}: {action}: {source}", volume = volume.display())]
    Io {
        /// The volume's folder.
        volume: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// sled failed or panicked, or gave back other bytes than it was given.
    #[error("volume {volume} is damaged{}: {what}", at(*.position), volume = volume.display())]
    Damaged {
        /// The volume's folder.
        volume: PathBuf,
        /// The event that cannot be read; `None`: the volume as a whole.
        position: Option<Position>,
        /// What was found.
        what: String,
    },
}

impl VolumeError {
    fn io(volume: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { volume: volume.to_owned(), action, source: Arc::new(source) }
    }

    fn damaged(volume: &Path, position: Option<Position>, what: impl Into<String>) -> Self {
        Self::Damaged { volume: volume.to_owned(), position, what: what.into() }
    }

    /// What became of reading a file of a volume: a disk that does not give the bytes back, or a
    /// file that is missing or too short, is damage; anything else may pass.
    fn unreadable(volume: &Path, position: Option<Position>, source: io::Error) -> Self {
        let lost = source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
            || matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound);
        if lost {
            Self::damaged(volume, position, format!("its file cannot be read: {source}"))
        } else {
            Self::io(volume, "read its file", source)
        }
    }
}

fn at(position: Option<Position>) -> String {
    position.map_or_else(String::new, |position| format!(" at position {position}"))
}
