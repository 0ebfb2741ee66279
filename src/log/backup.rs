//! Backups: copies of the record in another place, and the way back.
//!
//! A backup is a set of pieces and a manifest that names them, written last. Sealed volumes are
//! copied file by file, and what is not sealed yet as frames of the journal. A piece that an
//! earlier backup of the same target holds is not read again. [`run`] makes a backup of a
//! [`source::Source`] in a [`target::Target`]; [`restore`] makes a data directory of one.
//! `docs/BACKUP.md` draws the bytes.

mod advice;
mod cleaning;
mod copying;
mod entries;
mod error;
mod frames;
pub mod inspection;
pub mod local;
mod looking;
pub mod manifest;
mod opened;
mod parallel;
mod pieces;
pub mod restore;
pub mod run;
mod shape;
pub mod source;
pub mod stopped;
mod streams;
mod summary;
pub mod target;
mod volumes;

use self::target::Target;
pub use self::{
    error::BackupError,
    manifest::Manifest,
    opened::{Opened, check_place},
    pieces::Piece,
    shape::is_piece,
    summary::{Progress, Removed, Summary, Total},
};

/// Reads every piece of a backup through, and refuses one that is missing, not what was put there,
/// or does not follow the one before.
pub fn verify(target: &dyn Target, manifest: &Manifest) -> Result<(), BackupError> {
    restore::check(target, manifest, &mut |_| {})
}
