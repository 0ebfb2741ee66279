//! The entries of a manifest: what a target has already, and frames that are copied.

use std::io;

use super::{
    BackupError,
    frames::{self, FrameSequence},
    manifest::{FORMAT, FramesEntry, Manifest, VolumeEntry, get_text, put_text},
    opened::Listing,
    pieces::{Piece, Tallying},
    source::{Snapshot, Source, Wanted},
    summary::{Progress, Total},
    target::Target,
};
use crate::log::{frame::Tip, volume::SealedVolume};

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
    pub(super) fn on_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
        (self.progress)(self.bytes, self.expected.max(self.bytes));
    }

    pub(super) fn add(&mut self, piece: &Piece) {
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
    pub(super) fn entry(
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

    /// Whether a backup lists a volume.
    pub(super) fn is_listed(&self, volume: &SealedVolume) -> bool {
        self.manifests.iter().flat_map(|it| &it.volumes).any(|entry| entry.volume == *volume)
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

/// Puts the list of a volume's pieces beside them.
pub(super) fn put_receipt(target: &dyn Target, entry: &VolumeEntry) -> Result<(), BackupError> {
    let name = VolumeEntry::receipt(&VolumeEntry::folder(&entry.volume)?);
    put_text(target, &name, &Receipt { format: FORMAT, entry: entry.clone() })
}

/// Refuses a list of pieces that no backup would take over.
pub(super) fn check_receipt(target: &dyn Target, name: &str) -> Result<(), BackupError> {
    let Receipt { entry, .. } = get_text(target, name)?;
    let wrong = |what: String| BackupError::piece(&target, name, what);
    entry.check_pieces().map_err(wrong)?;
    if VolumeEntry::receipt(&VolumeEntry::folder(&entry.volume)?) != name {
        return Err(wrong(format!(
            "lists the pieces of another volume, {}",
            entry.volume.directory
        )));
    }
    Ok(())
}

/// Copies the frames after one up to another, in pieces. What comes changed from another process is
/// read a second time.
pub(super) fn frames(
    ends: (&dyn Source, &dyn Target),
    stretch: (Tip, Tip),
    copied: &mut Copied<'_>,
) -> Result<Vec<FramesEntry>, BackupError> {
    match frames_once(ends, stretch, copied) {
        Err(BackupError::Altered { .. }) => frames_once(ends, stretch, copied),
        made => made,
    }
}

fn frames_once(
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
        let frame = reader.next().map_err(|error| of_frames(source, error, previous))?;
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
        return Err(BackupError::from_read(io::Error::other(what)));
    }
    Ok(entries)
}

/// The error of reading frames. Bytes from another process that are none may have changed.
fn of_frames(source: &dyn Source, error: io::Error, after: Tip) -> BackupError {
    let kinds = [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];
    if source.is_remote() && kinds.contains(&error.kind()) {
        let what = format!("what follows frame {} is no frame ({error})", after.index);
        return BackupError::Altered { what };
    }
    BackupError::from_read(error)
}

fn put_frames(
    target: &dyn Target,
    (after, tip): (Tip, Tip),
    bytes: &[u8],
    copied: &mut Copied<'_>,
) -> Result<FramesEntry, BackupError> {
    let name = FramesEntry::name(after, tip);
    let piece = put_bytes(target, &name, bytes)?;
    copied.add(&piece);
    Ok(FramesEntry { after, tip, piece })
}

/// Puts a piece whose bytes are in memory.
pub(super) fn put_bytes(
    target: &dyn Target,
    name: &str,
    bytes: &[u8],
) -> Result<Piece, BackupError> {
    let mut piece = None;
    let put = target.put(name, &mut |to| {
        let mut tally = Tallying::new(to);
        io::Write::write_all(&mut tally, bytes)?;
        piece = Some(tally.finish(name));
        Ok(())
    });
    put.map_err(|error| BackupError::target(&target, "write", name, error))?;
    piece.ok_or_else(|| BackupError::piece(&target, name, "was not written"))
}
