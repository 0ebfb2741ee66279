//! Checks every backup in a target, and goes on behind what is wrong.

use std::collections::{HashMap, HashSet};

use rustix::io::Errno;

use super::{
    advice::TITLE,
    entries,
    error::BackupError,
    looking,
    manifest::{Manifest, VOLUMES, VolumeEntry},
    opened::{self, BACKUP, Survey},
    pieces::{self, Piece},
    restore,
    run::claim,
    shape,
    target::{ClaimKind, Target},
};
use crate::domain::{event::Position, history::HistoryId};

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

/// Something about a piece that is not as it must be.
#[derive(Clone, Copy, Debug)]
pub struct Wrong<'a> {
    /// The name of the piece.
    pub piece: &'a str,
    /// What was found, as the end of a sentence about the piece.
    pub what: &'a str,
    /// What to do.
    pub advice: &'a str,
    /// What it means for the backups.
    pub harm: Harm,
}

/// What a piece that is not as it must be means for the backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// A backup needs it, and it is missing or not what was put there.
    Damaged,
    /// A backup needs it, and it cannot be read: it may be whole.
    Unread,
    /// No backup needs it.
    Unneeded,
}

/// What is done with what is found, and with the bytes that were read.
pub trait Inspector {
    /// Something is wrong with a piece.
    fn wrong(&mut self, wrong: Wrong<'_>);

    /// So many bytes are to be read in all.
    fn expect(&mut self, bytes: u64);

    /// So many bytes more were read.
    fn read(&mut self, bytes: u64);

    /// Whether to go on with the next piece.
    fn goes_on(&self) -> bool;
}

/// What to do about a piece that cannot be read.
const UNREAD: &str = "look at the disk and at the rights of the file, and verify again. To restore \
     now, name a backup that does not need it (--backup)";
/// What to do about a list of the pieces of a volume.
const LIST_OF_PIECES: &str = "move it out of the folder: no restore needs it. Without it, a backup \
     that goes on after an interrupted one copies this volume again";

/// Reads every piece of every backup and every value of its volumes through, and sees that the
/// frames of each follow one another.
/// An error is that the target as a whole cannot be looked at, or that there is no backup.
pub fn inspect(
    target: &dyn Target,
    inspector: &mut dyn Inspector,
) -> Result<Inspected, BackupError> {
    let _claim = claim(target, ClaimKind::Shared)?;
    let Survey { opened, title, is_of_another: _, unread, mixed } = Survey::of(target)?;
    let is_missing = title.is_none() && !opened.is_titled && !opened.manifests.is_empty();
    if is_missing {
        let what = "is missing";
        let harm = Harm::Damaged;
        inspector.wrong(Wrong { piece: BACKUP, what, advice: TITLE, harm });
    }
    let is_named = title.is_some() || !unread.is_empty();
    let unread = unread.into_iter().map(|(name, error)| (Some(name), error));
    let others = title.into_iter().chain(mixed).map(|error| (None, error));
    for (name, error) in others.chain(unread) {
        note(target, name.as_deref(), error, inspector)?;
    }
    let Some(newest) = opened.manifests.last() else {
        let none = BackupError::none_complete(&target, opened.store_id);
        return if is_named { Ok(Inspected::default()) } else { Err(none) };
    };
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
            noted(target, restore::check_frames(target, manifest), inspector)?;
        }
    }
    check_lists(target, inspector)?;
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
    /// Reads the pieces of a backup that no other one has shown, and the values of its volumes
    /// while they are in memory; whether its frames are right.
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
                noted(target, looking::check_entry(target, entry, store_id, read), inspector)?;
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
                noted(target, checked, inspector)?.is_some()
            };
            self.0.insert(piece, is_right);
            are_right &= is_right;
        }
        Ok(are_right)
    }
}

/// Reads the lists of pieces that lie beside them. Backups have these entries in their manifests.
fn check_lists(target: &dyn Target, inspector: &mut dyn Inspector) -> Result<(), BackupError> {
    let mut names: Vec<String> = opened::list(target, VOLUMES)?.into_keys().collect();
    names.retain(|name| VolumeEntry::is_receipt(name));
    names.sort();
    for name in names {
        noted(target, entries::check_receipt(target, &name), &mut Unneeded(inspector))?;
    }
    Ok(())
}

/// Takes what is wrong with lists of pieces, which no restore needs.
struct Unneeded<'a>(&'a mut dyn Inspector);

impl Inspector for Unneeded<'_> {
    fn wrong(&mut self, wrong: Wrong<'_>) {
        self.0.wrong(Wrong { advice: LIST_OF_PIECES, harm: Harm::Unneeded, ..wrong });
    }

    fn expect(&mut self, bytes: u64) {
        self.0.expect(bytes);
    }

    fn read(&mut self, bytes: u64) {
        self.0.read(bytes);
    }

    fn goes_on(&self) -> bool {
        self.0.goes_on()
    }
}

/// Takes what is wrong with a piece for a finding; `None`: it was one.
fn noted<T>(
    target: &dyn Target,
    checked: Result<T, BackupError>,
    inspector: &mut dyn Inspector,
) -> Result<Option<T>, BackupError> {
    match checked {
        Ok(checked) => Ok(Some(checked)),
        Err(error) => note(target, None, error, inspector).map(|()| None),
    }
}

/// Takes an error for a finding: one of a piece, or any with a manifest of this name. A store of
/// objects that gives one piece not gives none, so its refusals end the inspection.
fn note(
    target: &dyn Target,
    name: Option<&str>,
    error: BackupError,
    inspector: &mut dyn Inspector,
) -> Result<(), BackupError> {
    let mut wrong = |piece: &str, what: &str, advice: &str, harm| {
        inspector.wrong(Wrong { piece, what, advice, harm });
    };
    match (error, name) {
        (BackupError::Piece { piece, what, advice, .. }, _) => {
            wrong(&piece, &what, &advice, Harm::Damaged);
        }
        (BackupError::NewerFormat { piece, found, known, .. }, _) => {
            let what = format!("has format {found}, and this program knows up to {known}");
            wrong(&piece, &what, "use a newer program", Harm::Damaged);
        }
        (BackupError::Target { piece, source, .. }, _)
            if target.folder().is_some() && shape::is_piece(&piece) =>
        {
            let is_lost = Errno::from_io_error(&source) == Some(Errno::IO);
            let harm = if is_lost { Harm::Damaged } else { Harm::Unread };
            wrong(&piece, &format!("cannot be read: {source}"), UNREAD, harm);
        }
        (error, Some(name)) => {
            wrong(name, &format!("cannot be read: {error}"), "look at the disk", Harm::Unread);
        }
        (error, None) => return Err(error),
    }
    Ok(())
}
