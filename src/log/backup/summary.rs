//! What a backup did, and how far it is meanwhile.

use crate::domain::event::{Micros, Position};

/// Is called with the bytes that are done and the bytes there are, again and again.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// What a backup did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Name of the manifest.
    pub name: String,
    /// The last position in it.
    pub position: Position,
    /// When that event was recorded; absent: there is none.
    pub recorded_at: Option<Micros>,
    /// Restores that led to the record, one of another.
    pub restores: usize,
    /// What was copied now.
    pub copied: Total,
    /// What earlier backups had copied.
    pub kept: Total,
    /// What was removed: backups, and pieces that no backup names.
    pub removed: Removed,
}

/// Pieces, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub pieces: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Backups.
    pub backups: usize,
    /// Pieces that no backup names.
    pub pieces: usize,
}
