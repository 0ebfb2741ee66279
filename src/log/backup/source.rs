//! The seam to what is backed up: a record that is consistent at its end, and its pieces.

use std::io::Read;

use super::error::BackupError;
use crate::{
    domain::{event::Micros, history::History},
    log::{frame::Tip, volume::SealedVolume},
};

/// What a record consists of at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The store's id.
    pub store_id: [u8; 16],
    /// The histories that led to the record.
    pub history: History,
    /// The sealed volumes, oldest first, with the time at which the last event of each was
    /// recorded.
    pub volumes: Vec<(SealedVolume, Micros)>,
    /// The last durable frame, not before that of the last volume.
    pub tip: Tip,
    /// When the last event was recorded; absent: there is none.
    pub recorded_at: Option<Micros>,
}

/// A stretch of bytes that a source can be read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A file of a sealed volume, as long as the volume's entry says.
    VolumeFile {
        /// The volume's directory.
        directory: String,
        /// The file's name.
        name: String,
    },
    /// Where the values of a sealed volume lie; empty: that is not known.
    OffsetTable {
        /// The volume's directory.
        directory: String,
    },
    /// The frames after one up to and including another, as `log::backup::frames` draws them.
    Frames {
        /// The frame before the first.
        after: Tip,
        /// Index of the last.
        up_to: u64,
    },
}

/// A record that can be backed up.
pub trait Source: Send + Sync {
    /// The record as it is now. What it names can be read afterwards, except frames that are in a
    /// newer volume by then.
    fn snapshot(&self) -> Result<Snapshot, BackupError>;

    /// Reads one stretch of bytes. An error that a read gives is a [`BackupError`] within, or one
    /// of the operating system.
    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Read + Send + '_>, BackupError>;

    /// Whether the bytes come from another process, so that they may change on their way.
    fn is_remote(&self) -> bool {
        false
    }
}

/// The error of a source as a read gives it.
pub fn as_io(error: BackupError) -> std::io::Error {
    std::io::Error::other(error)
}
