//! The entries of a manifest: what is there already is taken over, the rest is copied.

use super::{
    BackupError,
    copying::{self, Expected},
    frames::{self, FrameSequence},
    manifest::{FramesEntry, Manifest, VolumeEntry, get_text, put_text},
    opened::Listing,
    pieces::{Piece, Tallying},
    shape::{OFFSETS, SNAPSHOT},
    source::{Snapshot, Source, Wanted},
    summary::{Progress, Total},
    target::Target,
};
use crate::{
    domain::event::Micros,
    log::{
        frame::Tip,
        volume::{FileRecord, SealedVolume, VolumeError},
    },
};

/// Bytes of frames after which a piece ends.
const PIECE: usize = 16 << 20;

/// What was copied so far.
pub(super) struct Copied<'a> {
    /// Bytes, for the progress that is shown.
    pub(super) bytes: u64,
    /// Bytes that are known to be copied in all.
    pub(super) expected: u64,
    /// Whole pieces.
    pub(super) total: Total,
    pub(super) progress: Progress<'a>,
}

impl Copied<'_> {
    fn on_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
        (self.progress)(self.bytes, self.expected.max(self.bytes));
    }

    fn add(&mut self, piece: &Piece) {
        self.total.pieces += 1;
        self.total.bytes += piece.length;
    }
}

/// What a target has.
pub(super) struct Known<'a> {
    pub(super) manifests: &'a [Manifest],
    pub(super) listing: &'a Listing,
}

impl Known<'_> {
    /// The entry of a volume that was copied before, if all of its pieces are still there.
    fn entry(
        &self,
        target: &dyn Target,
        volume: &SealedVolume,
    ) -> Result<Option<VolumeEntry>, BackupError> {
        let newest_first = self.manifests.iter().rev();
        let mut listed = newest_first.flat_map(|manifest| &manifest.volumes);
        let entry = if let Some(entry) = listed.find(|entry| is_of(entry, volume)) {
            entry.clone()
        } else {
            let receipt = VolumeEntry::receipt(&VolumeEntry::folder(volume)?);
            if !self.listing.contains_key(&receipt) {
                return Ok(None);
            }
            // What a backup that was killed had copied whole.
            match get_text::<Receipt>(target, &receipt) {
                Ok(receipt) if receipt.entry.is_list_of(volume) => receipt.entry,
                _ => return Ok(None),
            }
        };
        let there = |piece: &Piece| {
            self.listing.get(&piece.name) == Some(&piece.length) || planted!("reuse-missing-piece")
        };
        Ok(Some(entry).filter(|entry| entry.pieces.iter().all(there)))
    }

    /// Bytes of the volumes that are still to be copied.
    pub(super) fn missing_bytes(
        &self,
        target: &dyn Target,
        snapshot: &Snapshot,
    ) -> Result<u64, BackupError> {
        let mut bytes = 0;
        for (volume, _) in &snapshot.volumes {
            if self.entry(target, volume)?.is_none() {
                bytes += volume.files.iter().map(|file| file.length).sum::<u64>();
            }
        }
        Ok(bytes)
    }
}

/// Whether an entry is that of a volume, and not of one that only has the same directory.
fn is_of(entry: &VolumeEntry, volume: &SealedVolume) -> bool {
    let same = entry.volume.directory == volume.directory;
    entry.volume == *volume || same && planted!("reuse-by-directory")
}

/// The list of a volume's pieces beside them.
#[derive(serde::Serialize, serde::Deserialize)]
struct Receipt {
    format: u32,
    entry: VolumeEntry,
}

/// The entries of all volumes, with their pieces in the target.
pub(super) fn volumes(
    (source, target): (&dyn Source, &dyn Target),
    snapshot: &Snapshot,
    known: &Known<'_>,
    copied: &mut Copied<'_>,
) -> Result<Vec<VolumeEntry>, BackupError> {
    copied.expected = copied.bytes + known.missing_bytes(target, snapshot)?;
    let mut entries = Vec::new();
    for (volume, recorded_at) in &snapshot.volumes {
        entries.push(match known.entry(target, volume)? {
            Some(entry) => entry,
            None => copy_volume((source, target), volume, *recorded_at, copied)?,
        });
    }
    Ok(entries)
}

fn copy_volume(
    ends: (&dyn Source, &dyn Target),
    volume: &SealedVolume,
    recorded_at: Micros,
    copied: &mut Copied<'_>,
) -> Result<VolumeEntry, BackupError> {
    let folder = VolumeEntry::folder(volume)?;
    let mut pieces = Vec::new();
    for file in &volume.files {
        pieces.extend(copy_file(ends, volume, file, &folder, copied)?);
    }
    let directory = volume.directory.clone();
    let wanted = Wanted::OffsetTable { directory };
    let (name, any) = (format!("{folder}{OFFSETS}"), Expected::default());
    let table = copying::copy(ends, &wanted, &name, any, &mut |bytes| copied.on_bytes(bytes))?;
    pieces.extend(table.ok());
    for piece in &pieces {
        copied.add(piece);
    }
    let entry = VolumeEntry { volume: volume.clone(), recorded_at, pieces };
    let receipt = Receipt { format: super::manifest::FORMAT, entry };
    put_text(ends.1, &VolumeEntry::receipt(&folder), &receipt)?;
    Ok(receipt.entry)
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

/// Copies the frames after one up to another, in pieces.
pub(super) fn frames(
    (source, target): (&dyn Source, &dyn Target),
    (after, tip): (Tip, Tip),
    copied: &mut Copied<'_>,
) -> Result<Vec<FramesEntry>, BackupError> {
    let mut entries = Vec::new();
    if after.index >= tip.index {
        return Ok(entries);
    }
    let from = source.open(&Wanted::Frames { after, up_to: tip.index })?;
    let mut reader = FrameSequence::new(from, after);
    let (mut begun, mut bytes) = (after, Vec::new());
    loop {
        let previous = reader.tip();
        let frame = reader.next().map_err(BackupError::from_read)?;
        if let Some(frame) = &frame {
            copied.on_bytes(frame.body().len() as u64);
            frames::put(&mut bytes, previous.check, frame);
        }
        let end = reader.tip();
        if end != begun && (frame.is_none() || bytes.len() >= PIECE) {
            entries.push(put_frames(target, (begun, end), &bytes, copied)?);
            (begun, bytes) = (end, Vec::new());
        }
        if frame.is_none() {
            break;
        }
    }
    if reader.tip() != tip {
        let what =
            format!("the frames of the record end at {} of {}", reader.tip().index, tip.index);
        return Err(BackupError::from_read(std::io::Error::other(what)));
    }
    Ok(entries)
}

fn put_frames(
    target: &dyn Target,
    (after, tip): (Tip, Tip),
    bytes: &[u8],
    copied: &mut Copied<'_>,
) -> Result<FramesEntry, BackupError> {
    let name = FramesEntry::name(after, tip);
    let mut piece = None;
    let put = target.put(&name, &mut |to| {
        let mut tally = Tallying::new(to);
        std::io::Write::write_all(&mut tally, bytes)?;
        piece = Some(tally.finish(&name));
        Ok(())
    });
    put.map_err(|error| BackupError::target(&target, "write", &name, error))?;
    let Some(piece) = piece else {
        return Err(BackupError::piece(&target, &name, "was not written"));
    };
    copied.add(&piece);
    Ok(FramesEntry { after, tip, piece })
}
