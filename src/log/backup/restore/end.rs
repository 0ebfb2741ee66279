//! Finds where a restored record ends.

use super::{
    choice::{At, Chosen, too_early},
    cut::{Stretch, with_volume},
    place::Place,
    tail, volumes,
};
use crate::{
    domain::event::{Micros, Position},
    log::{
        LogError,
        backup::{BackupError, manifest::VolumeEntry, target::Target},
        index::Labels,
        volume::Pieces,
    },
};

/// The last position of the restored record.
pub(super) fn find(
    place: &Place<'_>,
    target: &dyn Target,
    chosen: &Chosen,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Position, BackupError> {
    let manifest = &chosen.manifest;
    let at = chosen.at.filter(|_| !planted!("restore-past-its-end"));
    let Some(at) = at else { return Ok(manifest.tip.position) };
    let reaches = |entry: &&VolumeEntry| match at {
        At::Position(position) => entry.volume.tip.position >= position,
        At::Time(time) => entry.recorded_at > time,
    };
    let end = match manifest.volumes.iter().find(reaches) {
        Some(entry) => {
            // It is read at its offsets, so it has to be a file.
            volumes::restore(place, target, entry, on_bytes)?;
            with_volume(place, &entry.volume, &mut |pieces, entries| {
                let contents = &entry.volume.contents;
                let recorded_at = |position| recorded_at(pieces, position);
                let (first, last) = (contents.first_position, contents.last_position);
                Stretch { first, last, entries, recorded_at: &recorded_at }.end(at)
            })?
        }
        None => tail::find(target, manifest, at)?,
    };
    if end == 0 { Err(too_early(&manifest.name(), at)) } else { Ok(end) }
}

pub(super) fn recorded_at(pieces: &dyn Pieces, position: Position) -> Result<Micros, BackupError> {
    let event = pieces.chunk_at(position)?.event(position);
    Ok(Labels::decode(position, &event).map_err(LogError::from)?.recorded_at())
}
