//! Finds where a volume's values lie in sled's file, while all of them are compared.

use std::{fs::File, path::Path};

use super::{
    VolumeError,
    audit::Audit,
    contents::Contents,
    database,
    offsets::{OffsetTable, Wanted},
    reader::VolumeReader,
    through_sled::ThroughSled,
};

/// Reads a volume through sled, compares it with `contents`, and looks in the file of the volume
/// in `dir` for what was read. Ends early, with nothing, once `go_on` says no.
pub(super) fn find_offsets(
    dir: &Path,
    contents: &Contents,
    sled: &ThroughSled,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<OffsetTable>, VolumeError> {
    let range = (contents.first_position, contents.last_position);
    let reader = VolumeReader::new(dir, range, Wanted::new(sled));
    let mut audit = Audit::new(contents.clone());
    while audit.step(dir, &reader)?.is_some() {
        if !go_on() {
            return Ok(None);
        }
    }
    let found = File::open(dir.join(database::FILE))
        .and_then(|file| reader.values.find(&file, contents.first_position));
    found.map_err(|error| VolumeError::unreadable(dir, None, error))
}
