//! Refuses an end before that of the first append, before anything is written.

use std::io::{self, Read as _};

use super::{
    choice::{At, Chosen, too_early},
    cut::Stretch,
    end::recorded_at,
    tail,
};
use crate::log::{
    backup::{
        BackupError,
        manifest::VolumeEntry,
        pieces::{self, Piece},
        shape::OFFSETS,
        target::Target,
    },
    volume::{DATABASE, DatabaseBytes, Marker, Pieces},
};

/// Looks for the end of the first append in the first volume, or else in the frames.
pub(super) fn check(target: &dyn Target, chosen: &Chosen) -> Result<(), BackupError> {
    let Some(at) = chosen.at else { return Ok(()) };
    let manifest = &chosen.manifest;
    let reaches = match manifest.volumes.first() {
        Some(first) => of_volume(target, first, chosen.store_id, at)?,
        None => tail::find(target, manifest, at)? > 0,
    };
    if reaches { Ok(()) } else { Err(too_early(&manifest.name(), at)) }
}

/// Whether an append of the first volume ends at or before an end. Without an offset table that is
/// seen once the volume is restored.
fn of_volume(
    target: &dyn Target,
    entry: &VolumeEntry,
    store_id: [u8; 16],
    at: At,
) -> Result<bool, BackupError> {
    let piece = |wanted: &str| {
        entry.pieces.iter().find(|piece| piece.name.rsplit('/').next() == Some(wanted))
    };
    let (Some(database), Some(table)) = (piece(DATABASE), piece(OFFSETS)) else {
        return Ok(true);
    };
    let table = pieces::bytes(target, table)?;
    let file = DatabasePiece { target, piece: database };
    let Ok(volume) = entry.volume.kept_elsewhere(file, Marker::of(store_id), &table) else {
        return Ok(true);
    };
    let entries = volume.page_after(None)?.map(|(_, entries)| entries).unwrap_or_default();
    let recorded_at = |position| recorded_at(&volume, position);
    let contents = &entry.volume.contents;
    let (first, last) = (contents.first_position, contents.last_position);
    Stretch { first, last, entries: &entries, recorded_at: &recorded_at }.reaches(at)
}

/// The values of a volume in a target.
#[derive(Debug)]
struct DatabasePiece<'a> {
    target: &'a dyn Target,
    piece: &'a Piece,
}

impl DatabaseBytes for DatabasePiece<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut from = self.target.get(&self.piece.name)?;
        // A target gives pieces from their start.
        io::copy(&mut from.by_ref().take(offset), &mut io::sink())?;
        from.read_exact(buffer)
    }
}
