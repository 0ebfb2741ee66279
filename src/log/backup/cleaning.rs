//! Removes backups that are not to be kept, and pieces that no backup names.

use std::{collections::HashSet, num::NonZeroUsize};

use super::{
    BackupError,
    manifest::{FRAMES, Manifest, VOLUMES, VolumeEntry},
    opened,
    summary::Removed,
    target::Target,
};

/// Removes all but the newest backups, then every piece that none of those names. To be called
/// under the claim of the backup that put `newest`: whatever else is there was left by a backup
/// that was killed.
pub(super) fn clean(
    target: &dyn Target,
    mut older: Vec<Manifest>,
    newest: &Manifest,
    keep: Option<NonZeroUsize>,
) -> Result<Removed, BackupError> {
    let surplus = keep.map_or(0, |keep| (older.len() + 1).saturating_sub(keep.get()));
    let gone: Vec<Manifest> = older.drain(..surplus.min(older.len())).collect();
    // A manifest without its pieces would pass for a backup, so it goes first.
    for manifest in &gone {
        delete(target, &manifest.name())?;
    }
    let kept = older.iter().filter(|_| !planted!("prune-shared-pieces")).chain([newest]);
    let mut named: HashSet<String> = HashSet::new();
    for manifest in kept {
        named.extend(manifest.pieces().map(|piece| piece.name.clone()));
        for VolumeEntry { volume, .. } in &manifest.volumes {
            named.insert(VolumeEntry::receipt(&VolumeEntry::folder(volume)?));
        }
    }
    let mut removed = Removed { backups: gone.len(), pieces: 0 };
    // A list of pieces goes before them: it must never vouch for what is gone.
    for prefix in [VOLUMES, FRAMES] {
        let listing = opened::list(target, prefix)?;
        let mut unnamed: Vec<&String> =
            listing.keys().filter(|name| !named.contains(*name)).collect();
        unnamed.sort_by_key(|name| (!name.ends_with("/PIECES"), (*name).clone()));
        for name in unnamed {
            delete(target, name)?;
            removed.pieces += 1;
        }
    }
    Ok(removed)
}

fn delete(target: &dyn Target, name: &str) -> Result<(), BackupError> {
    target.delete(name).map_err(|error| BackupError::target(&target, "delete", name, error))
}
