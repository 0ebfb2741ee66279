//! Where a stretch of events can be cut: an append never is.
//!
//! An append with a request id is known by its entry. Where appends have none, their events are
//! known to belong to different ones if they were recorded at different times: all events of a
//! batch have the same.

use super::{choice::At, place::Place};
use crate::{
    domain::event::{Micros, Position},
    log::{
        backup::BackupError,
        frame::AppendEntry,
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
        if planted!("restore-cuts-append") {
            return Ok(at);
        }
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

    /// Whether an append of the stretch ends at or before an end. Two events are read at most.
    pub(super) fn reaches(&self, at: At) -> Result<bool, BackupError> {
        let at = match at {
            At::Time(time) => return Ok((self.recorded_at)(self.first)? <= time),
            At::Position(at) if at < self.first || at >= self.last => return Ok(at >= self.first),
            At::Position(at) => at,
        };
        match self.entries.first() {
            Some(entry) if entry.first_position == self.first => {
                Ok(at >= self.first + u64::from(entry.count) - 1)
            }
            Some(entry) if entry.first_position <= at + 1 => Ok(true),
            // No time is before that of the event before it.
            _ => Ok((self.recorded_at)(self.first)? != (self.recorded_at)(at + 1)?),
        }
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

/// What is looked up in a volume, given its values and its append entries.
pub(super) type Question<'a, T> =
    dyn FnMut(&dyn Pieces, &[AppendEntry]) -> Result<T, BackupError> + 'a;

/// Reads a volume that was restored: at its offsets if they are known, else through sled.
pub(super) fn with_volume<T>(
    place: &Place<'_>,
    volume: &SealedVolume,
    question: &mut Question<'_, T>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::fixtures::Random;

    /// Appends of a stretch: the number of events of each, whether it has a request id, and when
    /// its batch was recorded.
    fn stretch(random: &mut Random) -> (Vec<AppendEntry>, Vec<Micros>, Vec<bool>) {
        let (mut entries, mut times, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let mut time = 5;
        for _ in 0..=random.below(8) {
            let (count, named) = (1 + random.below(4), random.below(2) == 0);
            time += i64::from(random.below(2) == 0);
            if named {
                let first_position = 100 + times.len() as u64;
                let count = u32::try_from(count).unwrap();
                let (request_id, digest) = ([1; 16], [2; 16]);
                entries.push(AppendEntry { request_id, digest, first_position, count });
            }
            times.extend(std::iter::repeat_n(time, count));
            ends.extend((1..=count).map(|event| event == count));
        }
        (entries, times, ends)
    }

    /// Whether it is known that an append ends with the event of this number.
    fn is_known_end(entries: &[AppendEntry], times: &[Micros], number: usize) -> bool {
        let position = 100 + number as u64;
        let last = |entry: &AppendEntry| entry.first_position + u64::from(entry.count) - 1;
        let named =
            |entry: &AppendEntry| last(entry) == position || entry.first_position == position + 1;
        number + 1 == times.len() || entries.iter().any(named) || times[number] != times[number + 1]
    }

    #[test]
    fn an_end_is_the_last_known_one_and_never_inside_of_an_append() {
        let mut random = Random::new();
        for _ in 0..2_000 {
            let (entries, times, ends) = stretch(&mut random);
            let time_of = |position: Position| Ok(times[usize::try_from(position - 100).unwrap()]);
            let last = 99 + times.len() as u64;
            let all = Stretch { first: 100, last, entries: &entries, recorded_at: &time_of };
            for at in 100..=last {
                let end = all.end_at(at).unwrap();
                let numbers = 0..=usize::try_from(at - 100).unwrap();
                let known = numbers.rev().find(|it| is_known_end(&entries, &times, *it));
                assert_eq!(end, known.map_or(99, |it| 100 + it as u64), "{entries:?} {times:?}");
                assert!(end == 99 || ends[usize::try_from(end - 100).unwrap()], "{end} is a cut");
                assert_eq!(all.reaches(At::Position(at)).unwrap(), end > 99, "{at}: {entries:?}");
            }
            let time = times[random.below(times.len())];
            let until = times.iter().filter(|it| **it <= time).count() as u64;
            assert_eq!(all.end(At::Time(time)).unwrap(), 99 + until);
            assert_eq!(all.last_until(4).unwrap(), 99);
            for time in 4..=8 {
                let reaches = all.reaches(At::Time(time)).unwrap();
                assert_eq!(reaches, all.end(At::Time(time)).unwrap() > 99, "{time}: {times:?}");
            }
        }
    }
}
