//! What a log takes of disk and memory, and how long its steps took. Plain numbers: the layers
//! above decide how they are shown.

use crate::domain::{event::Position, measure::Distribution};

/// How much of something is used, and how much of it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// In use.
    pub used: u64,
    /// The most that may be in use.
    pub limit: u64,
}

impl Used {
    /// So much of so much.
    pub fn of(used: usize, limit: usize) -> Self {
        Self { used: used as u64, limit: limit as u64 }
    }
}

/// What a log takes.
#[derive(Clone, Debug)]
pub struct LogUsage {
    /// The journal.
    pub journal: JournalUsage,
    /// Bytes of the newest frames in memory.
    pub tail: Used,
    /// The sealed volumes.
    pub volumes: VolumesUsage,
    /// The index.
    pub index: IndexUsage,
}

/// What a journal takes.
#[derive(Clone, Debug, Default)]
pub struct JournalUsage {
    /// Bytes of frames that are in no sealed volume yet.
    pub unsealed_bytes: u64,
    /// Bytes of its files; absent: it has none of its own.
    pub file_bytes: Option<u64>,
    /// How long the syncs of frames took, in microseconds; absent: it makes none.
    pub syncs: Option<Distribution>,
}

/// What sealed volumes take.
#[derive(Clone, Debug)]
pub struct VolumesUsage {
    /// How many there are.
    pub sealed: usize,
    /// Bytes of the events in them.
    pub event_bytes: u64,
    /// Bytes of their files.
    pub file_bytes: u64,
    /// Those in which damage was met since the start.
    pub damaged: usize,
    /// Bytes of offset tables in memory.
    pub offset_tables: Used,
    /// Volumes whose files are open.
    pub open_files: Used,
    /// Volumes that are open through sled.
    pub open_databases: Used,
}

/// What the index takes.
#[derive(Clone, Debug)]
pub struct IndexUsage {
    /// Everything up to here is indexed.
    pub watermark: Position,
    /// Runs on disk.
    pub runs: usize,
    /// Bytes of their files.
    pub file_bytes: u64,
    /// Bytes of their keys and filters in memory.
    pub keys: Used,
    /// How long frames took to be indexed, in microseconds.
    pub indexing: Distribution,
}
