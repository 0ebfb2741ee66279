//! Puts a volume's pieces back where they were.

use std::{io, path::Path};

use super::place::Place;
use crate::log::{
    LogError,
    backup::{
        BackupError,
        looking::is_table,
        manifest::VolumeEntry,
        pieces::{self, Piece, Tallying},
        streams,
        target::Target,
    },
    files::Files,
};

/// Restores the files of a volume, and says how many were there already.
pub(super) fn restore(
    place: &Place<'_>,
    target: &dyn Target,
    entry: &VolumeEntry,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<usize, BackupError> {
    let directory = &entry.volume.directory;
    let (volumes, offsets) = (place.store.volumes(), place.store.offset_tables());
    let dir = volumes.join(directory);
    let files = place.files();
    files.create_dir(&dir).map_err(|error| LogError::io("create", &dir, error))?;
    let mut right = 0;
    for piece in &entry.pieces {
        let path = if is_table(piece) {
            offsets.join(directory)
        } else {
            dir.join(piece.name.rsplit('/').next().unwrap_or_default())
        };
        // Earlier versions put an empty piece where the source had no table.
        if is_table(piece) && !is_usable(target, piece, entry)? {
            on_bytes(piece.length);
            remove(files, &path)?;
            continue;
        }
        if is_right(files, &path, piece) {
            right += 1;
            on_bytes(piece.length);
        } else {
            write(files, target, piece, &path, on_bytes)?;
        }
    }
    for folder in [&dir, &volumes, &offsets] {
        files.sync_dir(folder).map_err(|error| LogError::io("sync", folder, error))?;
    }
    Ok(right)
}

/// Whether a piece is a table of the volume, and not empty or that of another one. It is derived,
/// so a restored store can do without.
fn is_usable(target: &dyn Target, piece: &Piece, entry: &VolumeEntry) -> Result<bool, BackupError> {
    let table = pieces::bytes(target, piece)?;
    Ok(entry.volume.has_table(&table) || planted!("restore-wrong-table"))
}

/// Removes what an interrupted restore has left of a table that is left out.
fn remove(files: &dyn Files, path: &Path) -> Result<(), BackupError> {
    match files.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::io("remove", path, error).into())
        }
        _ => Ok(()),
    }
}

/// Whether an interrupted restore has left the piece here as it should be.
fn is_right(files: &dyn Files, path: &Path, piece: &Piece) -> bool {
    let compared = || -> io::Result<bool> {
        let file = files.open_to_read(path)?;
        let length = file.len()?;
        if length != piece.length {
            return Ok(false);
        }
        let mut tally = Tallying::new(io::sink());
        io::copy(
            &mut io::BufReader::with_capacity(pieces::READ, streams::Reading::new(file, length)),
            &mut tally,
        )?;
        Ok(tally.finish(&piece.name) == *piece || planted!("resume-keeps-wrong-file"))
    };
    compared().unwrap_or(false)
}

fn write(
    files: &dyn Files,
    target: &dyn Target,
    piece: &Piece,
    path: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(), BackupError> {
    let mut failed = None;
    let written = streams::write(files, path, &mut |to| {
        // It was right when it was looked through. It is compared again, because this is what the
        // record will consist of.
        failed = pieces::read(target, piece, to, on_bytes)?.err();
        Ok(())
    });
    match (failed, written) {
        (Some(error), _) => Err(error),
        (None, written) => Ok(written.map_err(|error| LogError::io("write", path, error))?),
    }
}
