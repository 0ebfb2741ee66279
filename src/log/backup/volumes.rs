//! The volumes of a backup: what is there already is taken over, the rest is copied. No volume gets
//! into a manifest before its values were looked through in the target.

use std::{
    collections::HashMap,
    io::{self, Read as _},
};

use super::{
    BackupError,
    copying::{self, Expected},
    entries::{Copied, Known, put_bytes, put_receipt},
    looking::{self, Place},
    manifest::{Manifest, VolumeEntry},
    pieces::{self, Piece},
    shape::{OFFSETS, SNAPSHOT},
    source::{Snapshot, Source, Wanted},
    target::{DirectoryTarget, Target},
};
use crate::{
    domain::event::Micros,
    log::{
        LogError,
        volume::{FileRecord, SealedVolume, VolumeError},
    },
};

/// The most bytes of an offset table that are read: a volume of the largest size has far fewer.
const TABLE: u64 = 256 << 20;

/// The entries of all volumes, with their pieces in the target.
pub(super) fn entries(
    (source, target): (&dyn Source, &dyn Target),
    snapshot: &Snapshot,
    known: &Known<'_>,
    copied: &mut Copied<'_>,
) -> Result<Vec<VolumeEntry>, BackupError> {
    copied.expected = copied.bytes + known.missing_bytes(target, snapshot)?;
    let mut entries = Vec::new();
    for (volume, recorded_at) in &snapshot.volumes {
        let wanted = (volume, *recorded_at, snapshot.store_id);
        let had = match known.entry(target, volume)? {
            Some(entry) => looked_through(target, entry, snapshot.store_id)?,
            None => None,
        };
        entries.push(match had {
            Some(entry) => entry,
            None if known.is_listed(volume) => copy_again((source, target), wanted, copied)?,
            None => copy_volume((source, target), wanted, copied)?,
        });
    }
    Ok(entries)
}

/// The entry of a volume that is there, if it is right. What this version has copied was looked
/// through then.
fn looked_through(
    target: &dyn Target,
    mut entry: VolumeEntry,
    store_id: [u8; 16],
) -> Result<Option<VolumeEntry>, BackupError> {
    if entry.checked || planted!("unchecked-volume-taken-over") {
        return Ok(Some(entry));
    }
    let check = || {
        for piece in &entry.pieces {
            pieces::check(target, piece, &mut |_| {})?;
        }
        looking::check_entry(target, &entry, store_id, &mut |_| {})
    };
    match check() {
        Ok(is_table_right) => {
            entry.pieces.retain(|piece| is_table_right || !looking::is_table(piece));
            Ok(Some(VolumeEntry { checked: true, ..entry }))
        }
        Err(BackupError::Piece { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A volume to be copied: its entry in the store, when its last event was recorded, and the store.
type Sought<'a> = (&'a SealedVolume, Micros, [u8; 16]);

/// Copies a volume. What comes changed from another process is read a second time.
fn copy_volume(
    ends: (&dyn Source, &dyn Target),
    wanted: Sought<'_>,
    copied: &mut Copied<'_>,
) -> Result<VolumeEntry, BackupError> {
    let is_damage = |error: &BackupError| {
        matches!(error, BackupError::Log(LogError::Volume(VolumeError::Damaged { .. })))
    };
    match copy_once(ends, wanted, copied) {
        Err(error) if ends.0.is_remote() && is_damage(&error) => {}
        made => return made,
    }
    match copy_once(ends, wanted, copied) {
        Err(BackupError::Log(LogError::Volume(VolumeError::Damaged {
            volume,
            position,
            what,
        }))) => {
            let at = position.map_or_else(String::new, |it| format!(" at position {it}"));
            let what = format!("volume {}{at}: {what}", volume.display());
            Err(BackupError::Altered { what })
        }
        made => made,
    }
}

/// Copies a volume, looks through its values, and lists its pieces then.
fn copy_once(
    ends: (&dyn Source, &dyn Target),
    (volume, recorded_at, store_id): Sought<'_>,
    copied: &mut Copied<'_>,
) -> Result<VolumeEntry, BackupError> {
    let folder = VolumeEntry::folder(volume)?;
    let mut pieces = Vec::new();
    for file in &volume.files {
        pieces.extend(copy_file(ends, volume, file, &folder, copied)?);
    }
    let table = offset_table(ends.0, volume, copied)?;
    let place = Place::new(ends.1, &folder, store_id);
    match place.look_through(volume, table.as_deref(), &mut |_| {})? {
        Ok(is_right) => {
            if let Some(table) = table.filter(|_| is_right) {
                pieces.push(put_bytes(ends.1, &format!("{folder}{OFFSETS}"), &table)?);
            }
        }
        Err(lost) => {
            // Bytes that changed on their way to the target are no damage of the record.
            for piece in &pieces {
                pieces::check(ends.1, piece, &mut |_| {})?;
            }
            return Err(lost.of_source(volume));
        }
    }
    for piece in &pieces {
        copied.add(piece);
    }
    let entry = VolumeEntry { volume: volume.clone(), recorded_at, checked: true, pieces };
    put_receipt(ends.1, &entry)?;
    Ok(entry)
}

/// Copies a volume that backups in the target list, of which a piece is gone or wrong. What is
/// there stays until the record is known to have all of it right: it may be the better copy.
fn copy_again(
    (source, target): (&dyn Source, &dyn Target),
    wanted: Sought<'_>,
    copied: &mut Copied<'_>,
) -> Result<VolumeEntry, BackupError> {
    let failed = |error| BackupError::target(&target, "make a folder for a copy of", "", error);
    let dir = tempfile::Builder::new().prefix("handover-backup-").tempdir().map_err(failed)?;
    let aside = DirectoryTarget::open(dir.path())?;
    let entry = copy_volume((source, &aside), wanted, copied)?;
    for piece in &entry.pieces {
        let mut read = Ok(());
        let put = target.put(&piece.name, &mut |to| {
            read = pieces::read(&aside, piece, to, &mut |_| {})?;
            if read.is_err() { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
        });
        read?;
        put.map_err(|error| BackupError::target(&target, "write", &piece.name, error))?;
    }
    put_receipt(target, &entry)?;
    Ok(entry)
}

/// The bytes of a volume's table of offsets; absent: the source has none.
fn offset_table(
    source: &dyn Source,
    volume: &SealedVolume,
    copied: &mut Copied<'_>,
) -> Result<Option<Vec<u8>>, BackupError> {
    let from = source.open(&Wanted::OffsetTable { directory: volume.directory.clone() })?;
    let mut table = Vec::new();
    let read = from.take(TABLE).read_to_end(&mut table);
    read.map_err(BackupError::from_read)?;
    copied.on_bytes(table.len() as u64);
    Ok(Some(table).filter(|table| !table.is_empty()))
}

/// Copies a file of a volume. It must be as the store's manifest says; only a snapshot of sled may
/// be missing or other, and is left out then.
fn copy_file(
    ends: (&dyn Source, &dyn Target),
    volume: &SealedVolume,
    file: &FileRecord,
    folder: &str,
    copied: &mut Copied<'_>,
) -> Result<Option<Piece>, BackupError> {
    let directory = volume.directory.clone();
    let wanted = Wanted::VolumeFile { directory, name: file.name.clone() };
    let expected = Expected { length: Some(file.length), crc: file.crc };
    let name = format!("{folder}{}", file.name);
    let made = copying::copy(ends, &wanted, &name, expected, &mut |bytes| copied.on_bytes(bytes));
    match made {
        Ok(Ok(piece)) => Ok(Some(piece)),
        Ok(Err(_)) | Err(BackupError::Log(_)) if file.name.starts_with(SNAPSHOT) => Ok(None),
        Ok(Err(what)) => Err(VolumeError::Damaged {
            volume: volume.directory.clone().into(),
            position: None,
            what: format!("{} {what}", file.name),
        }
        .into()),
        Err(error) => Err(error),
    }
}

/// Enters the pieces of volumes that were copied again in the older manifests that list them. The
/// events of such a volume are the same; its pieces may be other ones, because those were damaged.
pub(super) fn mend_older(
    target: &dyn Target,
    older: &mut [Manifest],
    entries: &[VolumeEntry],
) -> Result<(), BackupError> {
    let by_directory: HashMap<&str, &VolumeEntry> =
        entries.iter().map(|entry| (entry.volume.directory.as_str(), entry)).collect();
    for manifest in older {
        let mut is_other = false;
        for entry in &mut manifest.volumes {
            let now = by_directory.get(entry.volume.directory.as_str());
            let now = now.filter(|now| now.volume == entry.volume && differ(entry, now));
            if let Some(now) = now {
                *entry = VolumeEntry::clone(now);
                is_other = true;
            }
        }
        if is_other {
            manifest.put(target)?;
        }
    }
    Ok(())
}

/// Whether pieces of the same name are listed with other bytes.
fn differ(entry: &VolumeEntry, now: &VolumeEntry) -> bool {
    let other = |piece: &Piece| now.pieces.iter().any(|it| it.name == piece.name && it != piece);
    entry.pieces.iter().any(other)
}
