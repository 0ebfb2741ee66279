//! Seals a volume that was built: nothing counts before it has been read back from the disk.

use std::path::Path;

use super::{
    VolumeError,
    builder::Built,
    contents::Contents,
    database::Database,
    finding::find_offsets,
    folder::{self, FileRecord},
    offsets::OffsetTable,
    sealed::{OffsetTableBytes, SealedVolume},
    through_sled::ThroughSled,
};

/// Openings after which sled must have left its files alone; two or three are what it takes.
const OPENINGS: usize = 8;
/// Readings after which it must have; mostly it does so at the first. It may split a leaf when it
/// comes across it.
const READINGS: usize = 4;

/// A volume that was read back, and where its values lie.
#[derive(Clone, Debug)]
pub struct NewVolume {
    /// The volume: an entry of the manifest.
    pub volume: SealedVolume,
    /// Bytes of the offset table; absent if they could not all be found, which costs time
    /// and nothing else.
    pub offsets: Option<OffsetTableBytes>,
}

impl Built {
    /// Makes what was built durable, reads all of it back from the disk and compares it with what
    /// was fed. `before_read_back` runs on the closed database; tests break it there.
    pub fn seal(self, before_read_back: &dyn Fn(&Path)) -> Result<NewVolume, VolumeError> {
        let Self { dir, contents, tip } = self;
        folder::check_no_blobs(&dir)?;
        folder::sync(&dir)?;
        before_read_back(&dir);
        let unread = planted!("seal-unread").then(|| folder::record(&dir)).transpose()?;
        let (files, table) = match unread {
            Some(files) => (files, None),
            None => read_back(&dir, &contents)?,
        };
        let offsets = table.map(|table| OffsetTableBytes(table.encode(&contents)));
        let directory = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(NewVolume { volume: SealedVolume { directory, contents, tip, files }, offsets })
    }
}

/// Compares all of the volume, as sled gives it from the disk, with `contents`, until that has
/// changed none of its files; returns how they are then, and where in them lies what was read.
fn read_back(
    dir: &Path,
    contents: &Contents,
) -> Result<(Vec<FileRecord>, Option<OffsetTable>), VolumeError> {
    for _ in 0..READINGS {
        let files = settle(dir)?;
        folder::forget(dir)?;
        let sled = ThroughSled::of_unsealed(dir);
        let table = find_offsets(dir, contents, &sled, &|| true)?;
        sled.close()?;
        if folder::record(dir)? == files {
            return Ok((files, table));
        }
    }
    Err(VolumeError::damaged(dir, None, CHANGES))
}

/// Opens and closes the volume until that has changed none of its files, which is fast, as nothing
/// is read; returns how they are then.
fn settle(dir: &Path) -> Result<Vec<FileRecord>, VolumeError> {
    let mut files = folder::record(dir)?;
    for _ in 0..OPENINGS {
        Database::open(dir, dir)?.close()?;
        folder::check_no_blobs(dir)?;
        folder::sync(dir)?;
        let found = folder::record(dir)?;
        if found == files {
            return Ok(files);
        }
        files = found;
    }
    Err(VolumeError::damaged(dir, None, CHANGES))
}

const CHANGES: &str = "its files change whenever sled opens it";
