//! Looks through the values of volumes in a target. A digest says that a piece is as it was copied;
//! the values say whether it was right then.

use std::path::{Path, PathBuf};

use super::{
    BackupError,
    manifest::VolumeEntry,
    pieces::{self, Piece},
    shape::{DATABASE, OFFSETS},
    target::Target,
};
use crate::log::{
    verification::values::VolumeFiles,
    volume::{Marker, SealedVolume, VolumeError},
};

/// What to do about a piece that was damaged when it was copied.
const COPIED_SO: &str = "the record was damaged when it was copied: mend the record first, then \
     move that piece out of the folder, and the next backup copies it again. To restore now, name \
     a backup that does not need it (--backup), or take another copy of this folder";

/// Where the values of a volume lie in a target.
pub(super) struct Place<'a> {
    target: &'a dyn Target,
    /// The name of the piece with the values.
    pub(super) values: String,
    marker: Marker,
}

impl<'a> Place<'a> {
    /// The volume whose pieces have names that begin with `folder`, which ends with a slash.
    pub(super) fn new(target: &'a dyn Target, folder: &str, store_id: [u8; 16]) -> Self {
        Self { target, values: format!("{folder}{DATABASE}"), marker: Marker::of(store_id) }
    }

    /// Reads every value at the offsets of a table, else through sled; whether the table is right.
    /// The outer error is one of the operating system.
    pub(super) fn look_through(
        &self,
        volume: &SealedVolume,
        table: Option<&[u8]>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Result<bool, Lost>, BackupError> {
        if planted!("volume-values-unchecked") {
            return Ok(Ok(table.is_some()));
        }
        let path = self.target.file(&self.values);
        let path = path
            .map_err(|error| BackupError::target(&self.target, "look at", &self.values, error))?;
        let (volumes, directory) = folders(&path);
        let volume = SealedVolume { directory, ..volume.clone() };
        let files = VolumeFiles { volumes, volume: &volume, marker: self.marker, table };
        match files.check(on_bytes) {
            Ok(is_right) => Ok(Ok(is_right)),
            Err(VolumeError::Damaged { position, what, .. }) => Ok(Err(Lost { position, what })),
            Err(VolumeError::Io { action, source, .. }) => {
                let (target, piece) = (self.target.to_string(), self.values.clone());
                Err(BackupError::Target { target, action, piece, source })
            }
        }
    }
}

/// The folder around that of a file, and the name of that.
fn folders(path: &Path) -> (&Path, String) {
    let folder = path.parent().unwrap_or(path);
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (folder.parent().unwrap_or(folder), name)
}

/// What is lost of a volume.
#[derive(Debug)]
pub(super) struct Lost {
    /// The first event; absent: the volume as a whole.
    position: Option<u64>,
    what: String,
}

impl Lost {
    /// The error for the piece that has the values.
    fn of_piece(self, target: &dyn Target, piece: &str) -> BackupError {
        let at = self.position.map_or_else(String::new, |it| format!(" at position {it}"));
        let what = format!("is damaged{at}: {}", self.what);
        BackupError::advised(&target, piece, what, COPIED_SO)
    }

    /// The error for the volume that was copied.
    pub(super) fn of_source(self, volume: &SealedVolume) -> BackupError {
        let (volume, position) = (PathBuf::from(&volume.directory), self.position);
        VolumeError::Damaged { volume, position, what: self.what }.into()
    }
}

/// Whether a piece is the offset table of a volume.
pub(super) fn is_table(piece: &Piece) -> bool {
    piece.name.rsplit('/').next() == Some(OFFSETS)
}

/// Looks through the values of a volume as a manifest lists it, whose pieces are as they were
/// copied; whether its table is right.
pub(super) fn check_entry(
    target: &dyn Target,
    entry: &VolumeEntry,
    store_id: [u8; 16],
    on_bytes: &mut dyn FnMut(u64),
) -> Result<bool, BackupError> {
    let of_volume = VolumeEntry::folder(&entry.volume)?;
    let listed = entry.pieces.iter().find_map(|piece| piece.name.strip_suffix(DATABASE));
    let Some(folder) = listed.filter(|folder| folder.ends_with('/')) else {
        let what = "is in no list of the volume's pieces";
        return Err(BackupError::piece(&target, &format!("{of_volume}{DATABASE}"), what));
    };
    let table = entry.pieces.iter().find(|piece| is_table(piece));
    let table = table.map(|piece| pieces::bytes(target, piece)).transpose()?;
    let place = Place::new(target, folder, store_id);
    let looked = place.look_through(&entry.volume, table.as_deref(), on_bytes)?;
    looked.map_err(|lost| lost.of_piece(target, &place.values))
}
