//! Makes a data directory of a backup: all of it, or up to a position or a time.
//!
//! Everything is checked before anything is written: that each piece is there, whole, and follows
//! the one before. The directory is built under a mark that keeps servers away. `STORE`, which
//! makes it a data directory, is written last. A restore that was interrupted goes on: what is
//! there and right stays.

mod choice;
mod cut;
mod end;
mod place;
mod reach;
mod room;
mod tail;
mod volumes;

use std::{path::Path, sync::Arc};

pub use self::choice::{At, Request};
use self::{choice::Chosen, place::Place};
use super::{
    BackupError, looking,
    manifest::{FramesEntry, Manifest, VolumeEntry},
    opened::{self, Survey},
    parallel, pieces,
    run::claim,
    summary::Progress,
    target::{ClaimKind, Target},
};
use crate::{
    domain::{event::Position, history::History},
    log::{
        LogSettings,
        files::Files,
        history,
        manifest::Manifest as Volumes,
        store::{self, public_name},
    },
};

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Name of the backup.
    pub backup: String,
    /// The last position.
    pub position: Position,
    /// The last position of the backup.
    pub backup_position: Position,
    /// The store's public name.
    pub store: String,
    /// The histories that led to the record, the new one last.
    pub history: History,
    /// Files that an interrupted restore had left, and that were right.
    pub kept: usize,
}

/// Restores a backup into `dir`, which must not exist, be empty, or be where the same restore was
/// interrupted.
pub fn restore(
    files: &Arc<dyn Files>,
    target: &dyn Target,
    dir: &Path,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Restored, BackupError> {
    let dir = &place::resolved_apart(target, dir)?;
    let _claim = claim(target, ClaimKind::Shared)?;
    let chosen = choice::choose(target, Survey::of(target)?, request)?;
    let mark = chosen.mark();
    place::check(files.as_ref(), dir, &mark)?;
    // Each piece is read twice, and the values of volumes once more, so that nothing is written of
    // a backup that is damaged.
    let values = |entry: &VolumeEntry| entry.volume.contents.bytes;
    let total = 2 * chosen.manifest.pieces().map(|piece| piece.length).sum::<u64>()
        + chosen.manifest.volumes.iter().map(values).sum::<u64>();
    let mut done = 0;
    let mut on_bytes = |bytes: u64| {
        done += bytes;
        progress(done, total.max(done));
    };
    if !planted!("restore-unchecked") {
        check(target, &chosen.manifest, &mut on_bytes)?;
    }
    reach::check(target, &chosen)?;
    let usual = LogSettings::default().journal_file_bytes;
    let file_bytes = request.journal_file_bytes.unwrap_or(usual);
    room::check(files.as_ref(), dir, &chosen, file_bytes)?;
    let place = Place::open(files, dir, &mark, chosen.store_id, file_bytes)?;
    build(&place, target, &chosen, &mut on_bytes)
}

/// Checks every piece of a backup, every value of its volumes, and that its frames follow one
/// another.
pub(super) fn check(
    target: &dyn Target,
    manifest: &Manifest,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(), BackupError> {
    // What is missing is found before the first byte is read.
    let listing = opened::list(target, "")?;
    opened::check_listed(target, &listing, manifest.pieces())?;
    // A target that is no folder fetches the file of one volume at a time.
    let most = if target.folder().is_some() { parallel::THREADS } else { 1 };
    parallel::for_each((&manifest.volumes, most), on_bytes, |entry, on_bytes| {
        check_volume(target, manifest, entry, on_bytes)
    })?;
    for FramesEntry { piece, .. } in &manifest.frames {
        pieces::check(target, piece, on_bytes)?;
    }
    tail::check(target, manifest)
}

/// Checks the pieces of a volume, and its values while they are in memory.
fn check_volume(
    target: &dyn Target,
    manifest: &Manifest,
    entry: &VolumeEntry,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(), BackupError> {
    for piece in &entry.pieces {
        pieces::check(target, piece, on_bytes)?;
    }
    let store_id = manifest.store_id().unwrap_or_default();
    looking::check_entry(target, entry, store_id, on_bytes).map(drop)
}

/// Checks that the frames of a backup follow one another up to the end that it names.
pub(super) fn check_frames(target: &dyn Target, manifest: &Manifest) -> Result<(), BackupError> {
    tail::check(target, manifest)
}

/// Builds the directory, and makes it valid at the end.
fn build(
    place: &Place<'_>,
    target: &dyn Target,
    chosen: &Chosen,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Restored, BackupError> {
    let Chosen { manifest, at, store_id, history: before } = chosen;
    if planted!("store-before-record") {
        store::identify(place.files(), place.dir(), *store_id, before)?;
    }
    let end = match end::find(place, target, chosen, on_bytes) {
        // The first volume had no offset table, so its first append was not known before.
        Err(error @ BackupError::Beyond { .. }) => {
            place.abandon()?;
            return Err(error);
        }
        found => found?,
    };
    // A volume that ends at the last event is not kept: the journal has to begin with a frame that
    // is chained to the last volume.
    let kept: Vec<_> = manifest.volumes.iter().filter(|it| it.volume.tip.position < end).collect();
    let right = parallel::for_each((&kept, parallel::THREADS), on_bytes, |entry, on_bytes| {
        volumes::restore(place, target, entry, on_bytes)
    })?;
    let right = right.into_iter().sum();
    tail::restore(place, target, manifest, (kept.len(), end))?;
    let volumes = kept.iter().map(|entry| entry.volume.clone()).collect();
    let volumes = Volumes::of(*store_id, volumes);
    volumes.save(place.files(), &place.store.manifest())?;
    place.remove_others(&volumes)?;
    let history = begin_history(place, chosen, end)?;
    store::identify(place.files(), place.dir(), *store_id, &history)?;
    place.finish()?;
    debug_assert!(at.is_some() || end == manifest.tip.position, "a whole backup is restored whole");
    Ok(Restored {
        backup: manifest.name(),
        position: end,
        backup_position: manifest.tip.position,
        store: public_name(*store_id).urn().to_string(),
        history,
        kept: right,
    })
}

/// Begins another history behind the end of what was restored.
fn begin_history(
    place: &Place<'_>,
    Chosen { store_id, history: before, .. }: &Chosen,
    end: Position,
) -> Result<History, BackupError> {
    history::save(place.files(), place.dir(), *store_id, before)?;
    if planted!("restore-without-branch") {
        return Ok(before.clone());
    }
    Ok(history::branch(place.files(), place.dir(), *store_id, end)?)
}

/// The manifest that a restore would take, without looking at its pieces.
pub fn chosen(target: &dyn Target, request: &Request) -> Result<Manifest, BackupError> {
    Ok(choice::choose(target, Survey::of(target)?, request)?.manifest)
}
