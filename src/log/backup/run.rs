//! Makes a backup: what the target does not have yet is copied, and the manifest comes last.

use std::{num::NonZeroUsize, path::Path};

use super::{
    BackupError, cleaning,
    entries::{self, Copied},
    manifest::{FramesEntry, Manifest, Parts, VolumeEntry, check_volume},
    opened::{self, Opened, check_place},
    source::{Snapshot, Source},
    summary::{Progress, Removed, Summary, Total},
    target::{ClaimKind, Target},
    volumes,
};
use crate::log::{frame::Tip, store};

/// How often frames may move into a volume while they are read, before the backup gives up.
const ATTEMPTS: usize = 10;

/// Backs a source up. With `keep`, only that many backups stay, the newest ones.
///
/// One process at a time works on a target. So a piece that no manifest names was left by a backup
/// that was killed. The next backup takes over the volumes that were copied whole, and removes the
/// rest at its end.
pub fn run(
    source: &dyn Source,
    target: &dyn Target,
    keep: Option<NonZeroUsize>,
    progress: Progress<'_>,
) -> Result<Summary, BackupError> {
    check_place(target)?;
    let snapshot = take_snapshot(source)?;
    Opened::read(target)?.expect(target, snapshot.store_id)?;
    let _claim = claim(target, ClaimKind::Exclusive)?;
    // Another backup may have ended meanwhile, and the place may be another one.
    check_place(target)?;
    let mut opened = Opened::read(target)?;
    opened.expect(target, snapshot.store_id)?;
    opened.check_number(target)?;
    let listing = opened::list(target, "")?;
    let known = entries::Known { manifests: &opened.manifests, listing: &listing };
    let expected = known.missing_bytes(target, &snapshot)?;
    check_room(target, expected)?;
    if !opened.is_titled {
        opened::entitle(target, snapshot.store_id)?;
    }
    let mut copied = Copied { bytes: 0, expected, total: Total::default(), progress };
    let (snapshot, frames) = newest_frames((source, target), snapshot, &opened, &mut copied)?;
    if planted!("manifest-before-volumes") {
        manifest(&opened, &snapshot, Vec::new(), frames.clone()).put(target)?;
    }
    let volumes = volumes::entries((source, target), &snapshot, &known, &mut copied)?;
    volumes::mend_older(target, &mut opened.manifests, &volumes)?;
    let total = copied.total;
    let manifest = manifest(&opened, &snapshot, volumes, frames);
    check_there(target, &manifest)?;
    manifest.create(target)?;
    // The place may have become another one in between.
    check_there(target, &manifest)?;
    let removed = cleaning::clean(target, opened.manifests, &manifest, keep)?;
    Ok(summary(&manifest, total, removed))
}

/// What the source consists of. A server may send anything, so no name is taken that is none.
fn take_snapshot(source: &dyn Source) -> Result<Snapshot, BackupError> {
    let snapshot = source.snapshot()?;
    let checked = snapshot.volumes.iter().try_for_each(|(volume, _)| check_volume(volume));
    checked.map_err(|what| {
        let what = format!("the record {what}; nothing was copied. Look at the server");
        BackupError::from_read(std::io::Error::other(what))
    })?;
    Ok(snapshot)
}

/// What was done: `copied` of the pieces are new.
fn summary(manifest: &Manifest, copied: Total, removed: Removed) -> Summary {
    let all = manifest.pieces().fold(Total::default(), |all, piece| Total {
        pieces: all.pieces + 1,
        bytes: all.bytes + piece.length,
    });
    Summary {
        name: manifest.name(),
        position: manifest.tip.position,
        recorded_at: manifest.recorded_at,
        restores: manifest.history().unwrap_or_default().branches().len(),
        copied,
        kept: Total { pieces: all.pieces - copied.pieces, bytes: all.bytes - copied.bytes },
        removed,
    }
}

/// Refuses what would not fit, before anything is put.
fn check_room(target: &dyn Target, needed: u64) -> Result<(), BackupError> {
    let free = target.free_bytes();
    let free = free.map_err(|error| BackupError::target(&target, "look at", "", error))?;
    match free {
        Some(free) if free < needed && !planted!("room-unchecked") => {
            Err(BackupError::Full { target: target.to_string(), needed, free })
        }
        _ => Ok(()),
    }
}

/// Refuses a target that became another one while pieces were put: its folder was exchanged, or
/// what was mounted there is gone. A manifest there would list what is not there.
fn check_there(target: &dyn Target, manifest: &Manifest) -> Result<(), BackupError> {
    if planted!("exchanged-target-unnoticed") {
        return Ok(());
    }
    let listing = opened::list(target, "")?;
    let is_there = |name: &str, length: u64| match listing.get(name) {
        Some(found) => *found == length || length == 0,
        None => false,
    };
    let pieces = manifest.pieces().map(|piece| (piece.name.as_str(), piece.length));
    match pieces.chain([(opened::BACKUP, 0)]).find(|(name, length)| !is_there(name, *length)) {
        None => Ok(()),
        Some((name, _)) => {
            let gone = "it was there while the backup was made, so the place became another one, \
                        or something removed it; see that the right disk is there, and repeat";
            let error = std::io::Error::new(std::io::ErrorKind::NotFound, gone);
            Err(BackupError::target(&target, "find", name, error))
        }
    }
}

/// Refuses a data directory, where what holds the lock is a server and no backup.
fn refuse_store(target: &dyn Target) -> Result<(), BackupError> {
    let is_store = |folder: &Path| store::around(folder).is_some_and(|found| found == folder);
    if !target.folder().is_some_and(is_store) {
        return Ok(());
    }
    let what = "it is a data directory: `handover verify --data` verifies it, and `handover \
                backup --data` makes a backup of it, while no server works there"
        .to_owned();
    Err(BackupError::NoBackup { place: target.to_string(), what })
}

/// Claims a target, or says what has it.
pub(super) fn claim(
    target: &dyn Target,
    kind: ClaimKind,
) -> Result<super::target::Claim, BackupError> {
    if kind == ClaimKind::Shared {
        refuse_store(target)?;
    }
    target.claim(kind).map_err(|error| {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            return BackupError::Busy { target: target.to_string(), holder: error.to_string() };
        }
        BackupError::target(&target, "lock", "", error)
    })
}

/// Copies the frames after the sealed volumes. They come first, because they are released once
/// their volume is sealed; then the record is looked at again.
fn newest_frames(
    (source, target): (&dyn Source, &dyn Target),
    mut snapshot: Snapshot,
    opened: &Opened,
    copied: &mut Copied<'_>,
) -> Result<(Snapshot, Vec<FramesEntry>), BackupError> {
    let mut attempts = 1;
    loop {
        match frames((source, target), &snapshot, opened, copied) {
            Err(BackupError::Released { .. }) if attempts < ATTEMPTS => attempts += 1,
            done => return Ok((snapshot, done?)),
        }
        snapshot = take_snapshot(source)?;
    }
}

/// The frames of the last backup that are not sealed yet, if it is of the same history, and those
/// after them.
fn frames(
    ends: (&dyn Source, &dyn Target),
    snapshot: &Snapshot,
    opened: &Opened,
    copied: &mut Copied<'_>,
) -> Result<Vec<FramesEntry>, BackupError> {
    let sealed = sealed(snapshot);
    let last = opened.manifests.last();
    let usable = |last: &&Manifest| {
        last.history().as_ref() == Some(&snapshot.history)
            && last.tip.index >= sealed.index
            && may_go_on(last.tip, snapshot.tip)
    };
    let listing = opened::list(ends.1, super::manifest::FRAMES)?;
    if let Some(last) = last.filter(usable) {
        let kept = last.frames.iter().filter(|entry| entry.tip.index > sealed.index);
        let kept: Vec<FramesEntry> = kept.cloned().collect();
        let there = put_again(ends, &kept, &listing, copied)?;
        // Frames of the last backup that are not sealed begin where the sealed ones end, or before.
        let reaches = kept.first().is_none_or(|first| first.after.index <= sealed.index);
        let begins = !kept.is_empty() || last.tip == sealed;
        if there && reaches && begins {
            match entries::frames(ends, (last.tip, snapshot.tip), copied) {
                Err(BackupError::OtherHistory { .. } | BackupError::Released { .. }) => {}
                more => return Ok(kept.into_iter().chain(more?).collect()),
            }
        }
    }
    entries::frames(ends, (sealed, snapshot.tip), copied)
}

/// Puts those of these frames again that are gone from the target; whether all are there then.
fn put_again(
    ends: (&dyn Source, &dyn Target),
    kept: &[FramesEntry],
    listing: &opened::Listing,
    copied: &mut Copied<'_>,
) -> Result<bool, BackupError> {
    let is_gone = |it: &&FramesEntry| listing.get(&it.piece.name) != Some(&it.piece.length);
    for entry in kept.iter().filter(is_gone) {
        match entries::frames(ends, (entry.after, entry.tip), copied) {
            Ok(made) if made == std::slice::from_ref(entry) => {}
            Ok(_) | Err(BackupError::OtherHistory { .. } | BackupError::Released { .. }) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Whether a record may have gone on from one frame to another: as many frames are the same ones
/// only if they end alike. With more frames, reading behind the first tip shows it.
fn may_go_on(from: Tip, to: Tip) -> bool {
    let as_many = from.index == to.index;
    from.index < to.index || as_many && (from == to || planted!("frames-of-another-record"))
}

/// The last sealed frame.
fn sealed(snapshot: &Snapshot) -> Tip {
    snapshot.volumes.last().map(|(volume, _)| volume.tip).unwrap_or_default()
}

fn manifest(
    opened: &Opened,
    snapshot: &Snapshot,
    volumes: Vec<VolumeEntry>,
    frames: Vec<FramesEntry>,
) -> Manifest {
    Manifest::new(Parts {
        sequence: opened.next_sequence(),
        store_id: snapshot.store_id,
        history: snapshot.history.clone(),
        tip: snapshot.tip,
        recorded_at: snapshot.recorded_at,
        volumes,
        frames,
    })
}
