//! Checks every backup in a target, and goes on behind what is wrong.

use std::collections::HashSet;

use super::{
    error::BackupError,
    manifest::Manifest,
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

/// Reads every piece of every backup through, and sees that the frames of each follow one another.
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
    let all = pieces_of(manifests);
    inspector.expect(all.iter().map(|piece| piece.length).sum());
    let mut is_whole = true;
    for piece in all {
        if !inspector.goes_on() {
            return Ok(Inspected::default());
        }
        let checked = pieces::check(target, piece, &mut |bytes| inspector.read(bytes));
        is_whole &= noted(checked, inspector)?.is_some();
    }
    // Frames of pieces that are wrong are wrong as well.
    for manifest in manifests.iter().filter(|_| is_whole) {
        noted(restore::check_frames(target, manifest), inspector)?;
    }
    Ok(Inspected {
        store_id: opened.store_id,
        history: newest.history().and_then(|history| history.id()),
        position: newest.tip.position,
        volumes: newest.volumes.len(),
        backups: opened.manifests.len(),
    })
}

/// The pieces of all backups, each once: backups share what has not changed between them.
fn pieces_of(manifests: &[Manifest]) -> Vec<&Piece> {
    let mut names = HashSet::new();
    let all = manifests.iter().flat_map(Manifest::pieces);
    all.filter(|piece| names.insert(piece.name.as_str())).collect()
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
