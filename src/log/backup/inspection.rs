//! Checks every backup in a target, and goes on behind what is wrong.

use std::collections::{HashMap, HashSet};

use super::{
    error::BackupError,
    looking,
    manifest::{Manifest, VolumeEntry},
    opened::{BACKUP, Opened},
    pieces::{self, Piece},
    restore,
    run::claim,
    target::{ClaimKind, Target},
};
use crate::domain::{event::Position, history::HistoryId};

/// What to do without the piece that says what the target is.
const MISSING_TITLE: &str = "the next backup of the same store into this folder puts it there \
     again, and a restore needs no more than the manifests";

/// What the backups in a target hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// The id of the store; absent: it cannot be read.
    pub store_id: Option<[u8; 16]>,
    /// The history that the newest backup is of; absent: the original one.
    pub history: Option<HistoryId>,
    /// The last position of the newest backup.
    pub position: Position,
    /// Sealed volumes in the newest backup.
    pub volumes: usize,
    /// The complete backups.
    pub backups: usize,
}

/// What is done with what is found, and with the bytes that were read.
pub trait Inspector {
    /// A piece that is missing or not what was put there, why, and what to do.
    fn wrong(&mut self, piece: &str, what: &str, advice: &str);

    /// So many bytes are to be read in all.
    fn expect(&mut self, bytes: u64);

    /// So many bytes more were read.
    fn read(&mut self, bytes: u64);

    /// Whether to go on with the next piece.
    fn goes_on(&self) -> bool;
}

/// Reads every piece of every backup and every value of its volumes through, and sees that the
/// frames of each follow one another.
/// An error is what the target refuses, or that there is no backup.
pub fn inspect(
    target: &dyn Target,
    inspector: &mut dyn Inspector,
) -> Result<Inspected, BackupError> {
    let _claim = claim(target, ClaimKind::Shared)?;
    let Some(opened) = noted(Opened::read(target), inspector)? else {
        return Ok(Inspected::default());
    };
    let Some(newest) = opened.manifests.last() else {
        return Err(BackupError::none_complete(&target, opened.store_id));
    };
    if !opened.is_titled {
        inspector.wrong(BACKUP, "is missing", MISSING_TITLE);
    }
    let passed =
        if planted!("verify-newest-backup-alone") { opened.manifests.len() - 1 } else { 0 };
    let manifests = opened.manifests.get(passed..).unwrap_or_default();
    inspector.expect(bytes_of(manifests));
    let mut pieces = Pieces::default();
    for manifest in manifests {
        let is_whole = pieces.check(target, manifest, inspector)?;
        if !inspector.goes_on() {
            return Ok(Inspected::default());
        }
        // Frames of pieces that are wrong are wrong as well.
        if is_whole {
            noted(restore::check_frames(target, manifest), inspector)?;
        }
    }
    Ok(Inspected {
        store_id: opened.store_id,
        history: newest.history().and_then(|history| history.id()),
        position: newest.tip.position,
        volumes: newest.volumes.len(),
        backups: opened.manifests.len(),
    })
}

/// Bytes that are read of these backups: those of all pieces, and the values of all volumes.
fn bytes_of(manifests: &[Manifest]) -> u64 {
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    for manifest in manifests {
        for VolumeEntry { volume, pieces, .. } in &manifest.volumes {
            if pieces.first().is_some_and(|first| !seen.contains(first)) {
                bytes += volume.contents.bytes;
            }
            seen.extend(pieces);
        }
        seen.extend(manifest.frames.iter().map(|entry| &entry.piece));
    }
    bytes + seen.into_iter().map(|piece| piece.length).sum::<u64>()
}

/// What became of the pieces of all backups. Each is read once: backups share what has not changed
/// between them.
#[derive(Default)]
struct Pieces<'a>(HashMap<&'a Piece, bool>);

impl<'a> Pieces<'a> {
    /// Reads the pieces of a backup that no other one has shown, and the values of its volumes while
    /// they are in memory; whether its frames are right.
    fn check(
        &mut self,
        target: &dyn Target,
        manifest: &'a Manifest,
        inspector: &mut dyn Inspector,
    ) -> Result<bool, BackupError> {
        let store_id = manifest.store_id().unwrap_or_default();
        for entry in &manifest.volumes {
            let is_new = entry.pieces.iter().any(|piece| !self.0.contains_key(piece));
            let is_right = self.are_right(target, &entry.pieces, inspector)?;
            if is_new && is_right && inspector.goes_on() {
                let read = &mut |bytes| inspector.read(bytes);
                noted(looking::check_entry(target, entry, store_id, read), inspector)?;
            }
        }
        self.are_right(target, manifest.frames.iter().map(|entry| &entry.piece), inspector)
    }

    /// Compares pieces with what the manifest lists.
    fn are_right(
        &mut self,
        target: &dyn Target,
        pieces: impl IntoIterator<Item = &'a Piece>,
        inspector: &mut dyn Inspector,
    ) -> Result<bool, BackupError> {
        let mut are_right = true;
        for piece in pieces {
            if !inspector.goes_on() {
                return Ok(false);
            }
            let known = self.0.get(piece).copied();
            let is_right = if let Some(is_right) = known {
                is_right
            } else {
                let checked = pieces::check(target, piece, &mut |bytes| inspector.read(bytes));
                noted(checked, inspector)?.is_some()
            };
            self.0.insert(piece, is_right);
            are_right &= is_right;
        }
        Ok(are_right)
    }
}

/// Takes what is wrong with a piece for a finding; `None`: it was one.
fn noted<T>(
    checked: Result<T, BackupError>,
    inspector: &mut dyn Inspector,
) -> Result<Option<T>, BackupError> {
    match checked {
        Ok(checked) => Ok(Some(checked)),
        Err(BackupError::Piece { piece, what, advice, .. }) => {
            inspector.wrong(&piece, &what, advice);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
