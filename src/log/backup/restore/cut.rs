//! Finds where a restored record ends: an append is never cut.
//!
//! An append with a request id is known by its entry. Where appends have none, their events are
//! known to belong to different ones if they were recorded at different times: all events of a
//! batch have the same.

use super::{
    choice::{At, Chosen},
    place::Place,
    tail, volumes,
};
use crate::{
    domain::event::{Micros, Position},
    log::{
        LogError,
        backup::{BackupError, manifest::VolumeEntry, target::Target},
        frame::AppendEntry,
        index::Labels,
        volume::{Marker, Pieces, SealedVolume},
    },
};

/// Events that lie together, with the appends among them.
pub(super) struct Stretch<'a> {
    pub(super) first: Position,
    pub(super) last: Position,
    pub(super) entries: &'a [AppendEntry],
    /// When the event at a position was recorded.
    pub(super) recorded_at: &'a dyn Fn(Position) -> Result<Micros, BackupError>,
}

impl Stretch<'_> {
    /// The last position at or before `at` with which an append ends; the one before the first, if
    /// that is inside of the first append. The stretch itself begins and ends with whole appends.
    pub(super) fn end_at(&self, at: Position) -> Result<Position, BackupError> {
        let mut end = at;
        while end >= self.first && end < self.last {
            let behind = self.entries.partition_point(|entry| entry.first_position <= end);
            let before = behind.checked_sub(1).and_then(|place| self.entries.get(place));
            if let Some(entry) = before {
                let last = entry.first_position + u64::from(entry.count) - 1;
                if end < last {
                    end = entry.first_position - 1;
                    continue;
                }
                if end == last {
                    return Ok(end);
                }
            }
            let next = self.entries.get(behind).map(|entry| entry.first_position);
            if next == Some(end + 1) || (self.recorded_at)(end)? != (self.recorded_at)(end + 1)? {
                return Ok(end);
            }
            end -= 1;
        }
        Ok(end.min(self.last))
    }

    /// The last position whose event was recorded at or before a time; the one before the first,
    /// if there is none.
    pub(super) fn last_until(&self, time: Micros) -> Result<Position, BackupError> {
        let (mut low, mut high) = (self.first, self.last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if (self.recorded_at)(middle)? <= time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low - 1)
    }

    /// The end that is requested.
    pub(super) fn end(&self, at: At) -> Result<Position, BackupError> {
        match at {
            At::Position(position) => self.end_at(position),
            At::Time(time) => self.end_at(self.last_until(time)?),
        }
    }
}

/// The last position of the restored record.
pub(super) fn find(
    place: &Place<'_>,
    target: &dyn Target,
    chosen: &Chosen,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Position, BackupError> {
    let manifest = &chosen.manifest;
    let Some(at) = chosen.at else { return Ok(manifest.tip.position) };
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
    if end == 0 {
        let what = "no append ends at or before that; choose a later one".to_owned();
        return Err(BackupError::Beyond { what });
    }
    Ok(end)
}

/// Reads a volume that was restored: at its offsets if they are known, else through sled.
pub(super) fn with_volume<T>(
    place: &Place<'_>,
    volume: &SealedVolume,
    question: &mut dyn FnMut(&dyn Pieces, &[AppendEntry]) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    let (dir, marker) = (place.store.volumes(), Marker::of(place.store.id()));
    let table = place.store.offset_tables().join(&volume.directory);
    let table = crate::log::files::read_whole(place.files(), &table);
    if let Some(table) = table.ok().flatten()
        && let Ok(by_offset) = volume.by_offset(&dir, marker, &table)
        && let Ok(entries) = all_entries(by_offset.pieces())
        && let Ok(answer) = question(by_offset.pieces(), &entries)
    {
        return Ok(answer);
    }
    let through_sled = volume.through_sled(&dir, marker)?;
    let entries = all_entries(through_sled.pieces())?;
    question(through_sled.pieces(), &entries)
}

fn all_entries(pieces: &dyn Pieces) -> Result<Vec<AppendEntry>, BackupError> {
    let (mut all, mut after) = (Vec::new(), None);
    while let Some((position, page)) = pieces.page_after(after)? {
        all.extend(page);
        after = Some(position);
    }
    Ok(all)
}

fn recorded_at(pieces: &dyn Pieces, position: Position) -> Result<Micros, BackupError> {
    let event = pieces.chunk_at(position)?.event(position);
    Ok(Labels::decode(position, &event).map_err(LogError::from)?.recorded_at())
}
