//! Makes a journal of frames that were durable elsewhere: all of them first, then one sync a file.

use std::{path::Path, sync::Arc};

use super::{
    header::{self, Header},
    listing,
    marker::{self, CleanStopMarker},
    segment::{Pace, Segment},
};
use crate::log::{
    files::Files,
    frame::NewFrame,
    journal::{JournalError, Tip},
};

/// The epoch in which the frames are written; no journal was open before.
const EPOCH: u64 = 1;

/// More than the bytes of a line in the list of files.
const LINE: u64 = 64;

/// A journal that is being made. It counts once it is finished.
#[derive(Debug)]
pub(in crate::log) struct RestoredJournal {
    files: Arc<dyn Files>,
    dir: std::path::PathBuf,
    store_id: [u8; 16],
    /// Size of a file; a frame that is larger gets one of its own size.
    file_bytes: u64,
    tip: Tip,
    segments: Vec<Arc<Segment>>,
    offset: u64,
}

impl RestoredJournal {
    /// Begins behind the last sealed frame, in place of what is in the folder.
    pub(in crate::log) fn create(
        files: &Arc<dyn Files>,
        dir: &Path,
        (store_id, file_bytes): ([u8; 16], u64),
        sealed: Tip,
    ) -> Result<Self, JournalError> {
        let io = |error| JournalError::io("make", dir, error);
        match files.remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => files.create_dir(dir).map_err(io)?,
        }
        let (files, dir) = (Arc::clone(files), dir.to_owned());
        let (tip, segments) = (sealed, Vec::new());
        Ok(Self { files, dir, store_id, file_bytes, tip, segments, offset: 0 })
    }

    /// Bytes that the journal takes at most of so many frames with so many bytes in all. A frame
    /// that does not fit in the rest of a file begins the next one, so two neighbours hold more
    /// than one file: at most half of the room stays free, and one file more.
    pub(in crate::log) fn room((frames, bytes): (u64, u64), file_bytes: u64) -> u64 {
        let bytes = bytes.saturating_add(frames.saturating_mul(header::PAGE));
        let files = match bytes {
            within if within <= file_bytes => file_bytes,
            more => more.saturating_mul(2).saturating_add(file_bytes),
        };
        // The mark of the stop, and the list with its line for each file.
        let lines = files.div_ceil(file_bytes.max(1)).saturating_mul(LINE);
        files.saturating_add(header::PAGE).saturating_add(lines)
    }

    /// The last frame.
    pub(in crate::log) fn tip(&self) -> Tip {
        self.tip
    }

    /// Adds the frame behind the last one.
    pub(in crate::log) fn append(&mut self, mut frame: NewFrame) -> Result<(), JournalError> {
        let (after, tip) = (frame.after(), frame.tip());
        let header = Header {
            store_id: self.store_id,
            epoch: EPOCH,
            index: tip.index,
            first_position: after.position + 1,
            synced_index: after.index,
            previous: after.check,
            check: tip.check,
            length: frame.length() as u64,
        };
        let last = self.segments.last().filter(|last| last.fits(self.offset, header.length));
        let segment = match last {
            Some(last) => Arc::clone(last),
            None => self.next(header.length)?,
        };
        segment.write_frame(self.offset, frame.under(&header.encode()))?;
        self.offset += header::footprint(header.length).unwrap_or(header::PAGE);
        self.tip = tip;
        Ok(())
    }

    fn next(&mut self, length: u64) -> Result<Arc<Segment>, JournalError> {
        let size = self.file_bytes.max(header::footprint(length).unwrap_or(u64::MAX));
        let number = self.segments.len() as u64 + 1;
        let made = Arc::new(Segment::create(&*self.files, &self.dir, number, size, Pace::Full)?);
        self.segments.push(Arc::clone(&made));
        self.offset = 0;
        Ok(made)
    }

    /// Makes everything durable, and notes where it ends: damage even to the last frame is noticed.
    pub(in crate::log) fn finish(mut self) -> Result<(), JournalError> {
        if self.segments.is_empty() {
            self.next(0)?;
        }
        self.segments.iter().try_for_each(|segment| segment.sync())?;
        listing::write(&*self.files, &self.dir, &listing::of(&self.segments))?;
        let stop = CleanStopMarker { epoch: EPOCH, tip: self.tip };
        marker::write(&*self.files, &self.dir, self.store_id, stop)
    }
}
