//! Which files the journal has, and how long each is.
//!
//! A file is listed when it is durable and before it holds a frame, and its length never changes
//! after that. So a listed file that is shorter or missing was not left so by a crash: it may have
//! held frames that were acknowledged, of which nothing else in the journal knows.
//!
//! ```text
//! 1 33554432            the number in the file's name, its length in bytes
//! crc32c 1a2b3c4d
//! ```

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::segment::{Segment, path_of};
use crate::log::{
    checked_text,
    files::{Files, read_whole, write_atomically},
    journal::{JournalError, LIST},
};

/// The list's name in the journal's folder.
pub(in crate::log) const NAME: &str = "FILES";

/// The length of each file, by the number in its name.
pub(super) type Listing = BTreeMap<u64, u64>;

/// The files as they are.
pub(super) fn of(segments: &[Arc<Segment>]) -> Listing {
    segments.iter().map(|segment| (segment.number, segment.on_disk)).collect()
}

/// Puts the list in place. Only opening a file can fail for want of something that comes back, and
/// nothing was written then, so a list that was not written may be tried again as the file may.
pub(super) fn write(files: &dyn Files, dir: &Path, listing: &Listing) -> Result<(), JournalError> {
    let lines = listing.iter().map(|(number, length)| format!("{number} {length}\n"));
    let text: String = lines.collect();
    let path = dir.join(NAME);
    write_atomically(files, &path, checked_text::sealed(&text).as_bytes())
        .map_err(|error| JournalError::io(LIST, path, error))
}

/// The list; absent: the journal was last open in a build that kept none.
pub(super) fn read(files: &dyn Files, dir: &Path) -> Result<Option<Listing>, JournalError> {
    let path = dir.join(NAME);
    let bytes = read_whole(files, &path).map_err(|error| JournalError::io("read", &path, error))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let listing = checked_text::unsealed(bytes).and_then(|text| parse(&text));
    let damaged =
        || JournalError::Damaged { path, offset: 0, what: "it is no list of files".into() };
    listing.map(Some).ok_or_else(damaged)
}

fn parse(text: &str) -> Option<Listing> {
    let line = |line: &str| {
        let (number, length) = line.split_once(' ')?;
        Some((number.parse().ok()?, length.parse().ok()?))
    };
    text.lines().map(line).collect()
}

/// Refuses files that are not as they were listed.
pub(super) fn check(listing: &Listing, found: &Listing, dir: &Path) -> Result<(), JournalError> {
    for (number, length) in listing {
        let what = match found.get(number) {
            Some(now) if now == length => continue,
            Some(now) => format!("it has {now} bytes and had {length}; that never changes"),
            None => format!("the file is missing; it had {length} bytes"),
        };
        let offset = found.get(number).copied().unwrap_or_default().min(*length);
        return Err(JournalError::Damaged { path: path_of(dir, *number), offset, what });
    }
    Ok(())
}
