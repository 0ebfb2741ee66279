//! Refuses a restore for which there is too little room, before anything is written.

use std::{io, path::Path};

use super::choice::{At, Chosen};
use crate::log::{
    LogError,
    backup::{
        BackupError,
        manifest::{FramesEntry, Manifest, VolumeEntry},
    },
    file_journal::RestoredJournal,
    files::Files,
};

/// Compares what would be written with what is free. The folder is empty, or holds what the same
/// restore had written, whose room is used again.
pub(super) fn check(
    files: &dyn Files,
    dir: &Path,
    chosen: &Chosen,
    journal_file_bytes: u64,
) -> Result<(), BackupError> {
    let used = used(files, dir).map_err(|error| LogError::io("look at", dir, error))?;
    let needed = bytes(&chosen.manifest, chosen.at, journal_file_bytes).saturating_sub(used);
    match free(files, dir)? {
        Some(free) if free < needed => {
            Err(BackupError::NoRoom { path: dir.to_owned(), needed, free })
        }
        _ => Ok(()),
    }
}

/// Bytes of the volumes up to the end, and of the files of the journal at most.
fn bytes(manifest: &Manifest, at: Option<At>, journal_file_bytes: u64) -> u64 {
    let before = |entry: &&VolumeEntry| match at {
        None => true,
        Some(At::Position(position)) => entry.volume.tip.position < position,
        Some(At::Time(time)) => entry.recorded_at <= time,
    };
    let kept = manifest.volumes.iter().take_while(before).count();
    // The volume that the end lies in is written too, because it is read at its offsets. Its
    // events go into the journal.
    let cut = manifest.volumes.get(kept);
    let volumes = manifest.volumes.iter().take(kept + 1).flat_map(|entry| &entry.pieces);
    let volumes: u64 = volumes.map(|piece| piece.length).sum();
    let frames = match cut {
        Some(entry) => (1, entry.volume.contents.bytes),
        None => frames(manifest),
    };
    volumes.saturating_add(RestoredJournal::room(frames, journal_file_bytes))
}

/// The number of frames in a backup, and their bytes.
fn frames(manifest: &Manifest) -> (u64, u64) {
    manifest.frames.iter().fold((0, 0), |(frames, bytes), FramesEntry { after, tip, piece }| {
        (frames + tip.index.saturating_sub(after.index), bytes + piece.length)
    })
}

/// Bytes of the files in a folder, which need not exist.
fn used(files: &dyn Files, dir: &Path) -> io::Result<u64> {
    let paths = match files.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        listed => listed?,
    };
    let mut bytes = 0;
    for path in paths {
        bytes += match used(files, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                files.open_to_read(&path)?.len()?
            }
            within => within?,
        };
    }
    Ok(bytes)
}

/// Bytes that are free where the folder is, or will be made; absent: that is not known.
fn free(files: &dyn Files, dir: &Path) -> Result<Option<u64>, LogError> {
    for place in dir.ancestors() {
        let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        match files.free_bytes(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            free => {
                return free.map(Some).map_err(|error| LogError::io("look at", place, error));
            }
        }
    }
    Ok(None)
}
