//! The end of a restored record: what is in no volume that is kept goes into the journal.

use std::io;

use super::{
    choice::At,
    cut::{Stretch, with_volume},
    place::Place,
};
use crate::{
    domain::event::{Micros, Position},
    log::{
        LogError,
        backup::{
            BackupError,
            frames::FrameSequence,
            manifest::{FramesEntry, Manifest, VolumeEntry},
            pieces,
            target::Target,
        },
        file_journal::RestoredJournal,
        frame::{AppendEntry, Frame, NewFrame, Tip},
        index::Labels,
        volume::Pieces,
    },
};

/// Bytes of events after which a frame ends that is made of a volume.
const FRAME: usize = 1 << 20;

/// Reads all frames through, and refuses those that do not follow one another.
pub(super) fn check(target: &dyn Target, manifest: &Manifest) -> Result<(), BackupError> {
    each_frame(target, manifest, &mut |_| Ok(true))
}

/// Takes the frames of a backup in their order, until `take` says that it has enough.
fn each_frame(
    target: &dyn Target,
    manifest: &Manifest,
    take: &mut dyn FnMut(Frame) -> Result<bool, BackupError>,
) -> Result<(), BackupError> {
    for FramesEntry { after, tip, piece } in &manifest.frames {
        let bytes = pieces::bytes(target, piece)?;
        let mut frames = FrameSequence::new(bytes.as_slice(), *after);
        let damaged = |error: io::Error| {
            BackupError::piece(&target, &piece.name, format!("is damaged: {error}"))
        };
        while let Some(frame) = frames.next().map_err(damaged)? {
            if !take(frame)? {
                return Ok(());
            }
        }
        if frames.tip() != *tip {
            let what = "does not end with the frame that the manifest says";
            return Err(BackupError::piece(&target, &piece.name, what));
        }
    }
    Ok(())
}

/// The end that is requested, which no volume reaches.
pub(super) fn find(
    target: &dyn Target,
    manifest: &Manifest,
    at: At,
) -> Result<Position, BackupError> {
    let mut end = manifest.sealed().position;
    each_frame(target, manifest, &mut |frame| {
        let (first, last) = (frame.first_position(), frame.tip().position);
        if last <= end {
            return Ok(true);
        }
        let recorded_at = |position| recorded_at(&frame, position);
        let entries = frame.appends();
        end = Stretch { first, last, entries, recorded_at: &recorded_at }.end(at)?;
        Ok(end == last)
    })?;
    Ok(end)
}

fn recorded_at(frame: &Frame, position: Position) -> Result<Micros, BackupError> {
    let labels = Labels::decode(position, &frame.chunk().event(position));
    Ok(labels.map_err(LogError::from)?.recorded_at())
}

/// Makes the journal: of the frames of the backup, if all of its volumes are kept, else of the
/// events of the first volume that is not.
pub(super) fn restore(
    place: &Place<'_>,
    target: &dyn Target,
    manifest: &Manifest,
    (kept, end): (usize, Position),
) -> Result<(), BackupError> {
    let before = kept.checked_sub(1).and_then(|last| manifest.volumes.get(last));
    let sealed = before.map(|entry| entry.volume.tip).unwrap_or_default();
    let mut journal = place.journal(sealed)?;
    match manifest.volumes.get(kept) {
        Some(entry) => of_volume(place, target, entry, end, &mut journal)?,
        None => of_frames(target, manifest, end, &mut journal)?,
    }
    if journal.tip().position != end {
        let what = format!("reaches to {} and not to {end}", journal.tip().position);
        return Err(BackupError::piece(&target, &manifest.name(), what));
    }
    Ok(journal.finish()?)
}

/// The frames behind the last volume, the last one cut.
fn of_frames(
    target: &dyn Target,
    manifest: &Manifest,
    end: Position,
    journal: &mut RestoredJournal,
) -> Result<(), BackupError> {
    each_frame(target, manifest, &mut |frame| {
        let after = journal.tip();
        if frame.index() <= after.index {
            return Ok(true);
        }
        let cut = frame.tip().position > end;
        if frame.first_position() <= end {
            journal.append(part(&frame, after, end)?)?;
        }
        Ok(!cut)
    })
}

/// The frame behind `after`, or its events up to `end`.
fn part(frame: &Frame, after: Tip, end: Position) -> Result<NewFrame, BackupError> {
    let last = frame.tip().position.min(end);
    let without = planted!("request-ids-unrestored");
    let entries = frame.appends().iter();
    let entries = entries.filter(|entry| entry.first_position <= last && !without);
    let chunk = frame.chunk();
    let bytes = (frame.first_position()..=last).map(|position| chunk.event(position).len());
    let bytes = chunk.events().slice(..bytes.sum::<usize>());
    encoded(after, entries.copied().collect(), &bytes)
}

fn encoded(after: Tip, entries: Vec<AppendEntry>, events: &[u8]) -> Result<NewFrame, BackupError> {
    let frame = NewFrame::encode(after, entries, events);
    frame.map_err(|error| BackupError::from(malformed(&error.to_string())))
}

fn malformed(what: &str) -> LogError {
    LogError::io("make a frame of", "the backup".as_ref(), io::Error::other(what.to_owned()))
}

/// The events of a volume up to `end`, in new frames of whole appends.
fn of_volume(
    place: &Place<'_>,
    target: &dyn Target,
    entry: &VolumeEntry,
    end: Position,
    journal: &mut RestoredJournal,
) -> Result<(), BackupError> {
    super::volumes::restore(place, target, entry, &mut |_| {})?;
    let begun = journal.tip();
    with_volume(place, &entry.volume, &mut |pieces, entries| {
        // Reading at the offsets may have failed half way; then this is the second time.
        if journal.tip() != begun {
            *journal = place.journal(begun)?;
        }
        let first = entry.volume.contents.first_position;
        reframe(pieces, entries, (first, end), journal)
    })
}

fn reframe(
    pieces: &dyn Pieces,
    entries: &[AppendEntry],
    (first, end): (Position, Position),
    journal: &mut RestoredJournal,
) -> Result<(), BackupError> {
    let mut appends = entries.iter().copied().peekable();
    let mut pending = Pending::default();
    let (mut next, mut time) = (first, None);
    while next <= end {
        let chunk = pieces.chunk_at(next)?;
        for position in next..=chunk.last().min(end) {
            let event = chunk.event(position);
            let labels = Labels::decode(position, &event).map_err(LogError::from)?;
            let begins = appends.peek().is_some_and(|entry| entry.first_position == position);
            let apart = time.is_some_and(|time| time != labels.recorded_at());
            // Behind an append with a request id, before one, and between two times.
            let ended = pending.open_until > 0 && position == pending.open_until + 1;
            let whole = position > pending.open_until && (begins || apart || ended);
            if whole && pending.events.len() >= FRAME {
                pending.flush(journal)?;
            }
            if let Some(entry) = appends.next_if(|entry| entry.first_position == position) {
                pending.open_until = position + u64::from(entry.count) - 1;
                pending.entries.push(entry);
            }
            pending.events.extend_from_slice(&event);
            time = Some(labels.recorded_at());
        }
        next = chunk.last().min(end) + 1;
    }
    pending.flush(journal)
}

/// Whole appends that become a frame.
#[derive(Default)]
struct Pending {
    entries: Vec<AppendEntry>,
    events: Vec<u8>,
    /// The last position of the last append with a request id.
    open_until: Position,
}

impl Pending {
    fn flush(&mut self, journal: &mut RestoredJournal) -> Result<(), BackupError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let entries = std::mem::take(&mut self.entries);
        let frame = encoded(journal.tip(), entries, &std::mem::take(&mut self.events))?;
        Ok(journal.append(frame)?)
    }
}
