//! The names and numbers in a manifest. It may be damaged or made up, and what it names is opened,
//! written and deleted: only names that a backup gives are taken.

use std::collections::HashSet;

use super::{FRAMES, FramesEntry, Manifest, VolumeEntry};
use crate::log::{
    backup::{
        pieces::Piece,
        shape::{self, DATABASE, OFFSETS, SNAPSHOT},
    },
    frame::Tip,
    volume::SealedVolume,
};

/// The last number of a backup: names have ten digits.
pub(in crate::log::backup) const LAST_SEQUENCE: u64 = 9_999_999_999;
/// More bytes than any backup has, and few enough to be added up.
const MOST_BYTES: u64 = 1 << 60;

impl Manifest {
    /// Refuses what no backup has written; says what, as the end of a sentence about the manifest.
    pub(super) fn check_names(&self) -> Result<(), String> {
        if self.format == 0 || self.sequence == 0 || self.sequence > LAST_SEQUENCE {
            let (format, number) = (self.format, self.sequence);
            return Err(format!("has format {format} and number {number}, which no backup has"));
        }
        self.volumes.iter().try_for_each(VolumeEntry::check_pieces)?;
        for FramesEntry { after, tip, piece } in &self.frames {
            if piece.name != FramesEntry::name(*after, *tip) {
                return Err(format!("lists frames as {:?}", piece.name));
            }
        }
        let bytes = self.pieces().try_fold(0, |all: u64, piece| all.checked_add(piece.length));
        match bytes {
            Some(..=MOST_BYTES) => Ok(()),
            _ => Err("lists more bytes than there can be".to_owned()),
        }
    }
}

impl FramesEntry {
    /// The name of the piece with these frames.
    pub(in crate::log::backup) fn name(after: Tip, tip: Tip) -> String {
        let first = after.index.saturating_add(1);
        format!("{FRAMES}{first:020}-{:020}-{:08x}", tip.index, tip.check)
    }
}

impl VolumeEntry {
    /// Whether it lists the pieces of this volume, and nothing else.
    pub(in crate::log::backup) fn is_list_of(&self, volume: &SealedVolume) -> bool {
        self.volume == *volume && self.check_pieces().is_ok()
    }

    /// Refuses an entry whose pieces are not the files of its volume.
    pub(in crate::log::backup) fn check_pieces(&self) -> Result<(), String> {
        check_volume(&self.volume)?;
        if planted!("pieces-uncompared") {
            return Ok(());
        }
        let directory = &self.volume.directory;
        let folder = Self::folder(&self.volume).map_err(|error| error.to_string())?;
        let mut found = HashSet::new();
        for Piece { name, length, sha256: _ } in &self.pieces {
            let file = name.strip_prefix(&folder).unwrap_or_default();
            let listed = self.volume.files.iter().find(|listed| listed.name == file);
            if file != OFFSETS && listed.is_none_or(|listed| listed.length != *length) {
                return Err(format!("lists {name:?} for the volume {directory}, which has none"));
            }
            if !found.insert(file) {
                return Err(format!("lists {name:?} twice"));
            }
        }
        // sled makes its snapshots again.
        let needed = |name: &&str| !name.starts_with(SNAPSHOT) && !found.contains(name);
        match self.volume.files.iter().map(|file| file.name.as_str()).find(needed) {
            Some(name) => Err(format!("lists no piece for {name} of the volume {directory}")),
            None => Ok(()),
        }
    }
}

/// Refuses a volume whose names are none of a volume: paths are made of them.
pub(in crate::log::backup) fn check_volume(volume: &SealedVolume) -> Result<(), String> {
    let SealedVolume { directory, files, .. } = volume;
    if planted!("names-unchecked") {
        return Ok(());
    }
    if !shape::is_volume(directory) {
        return Err(format!("lists the volume {directory:?}, which is no name of one"));
    }
    let mut names = HashSet::new();
    for file in files {
        if !shape::is_volume_file(&file.name) || !names.insert(&file.name) {
            return Err(format!("lists the file {:?} of the volume {directory}", file.name));
        }
    }
    if names.iter().all(|name| *name != DATABASE) {
        return Err(format!("lists no {DATABASE} of the volume {directory}"));
    }
    Ok(())
}
