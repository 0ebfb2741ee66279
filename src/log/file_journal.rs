//! The journal in local files.
//!
//! Frames are appended to files that were written with zeros beforehand and are used again when
//! their frames are released; `docs/FORMAT.md` draws the bytes.
//!
//! - A frame is acknowledged after one `fdatasync`, and never before. One that may have been
//!   written but was not acknowledged is either found whole and made durable when the journal is
//!   opened again, or it never was.
//! - After a failed write or sync nothing more is written, and no sync is tried again: the
//!   operating system reports a lost write once and then forgets it.
//! - The file of the last frame is never used again, so that what is durable is always found by
//!   what the manifest of sealed volumes vouches for.

mod envelope;
mod header;
mod inspection;
mod listing;
mod maker;
mod marker;
mod recovery;
mod restored;
mod segment;
mod slots;
mod survey;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod failure_tests;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod preparation_tests;
#[cfg(test)]
mod reserve_tests;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

pub(super) use self::{
    inspection::InspectedJournal, listing::NAME as LISTING, marker::NAME as CLEAN_STOP,
    restored::RestoredJournal,
};

use self::{
    envelope::Decoded,
    header::Header,
    listing::Listing,
    maker::FileMaker,
    marker::CleanStopMarker,
    recovery::{Known, Recovered},
    segment::{Pace, Segment},
    slots::{Slot, Slots},
};
use super::{
    files::{Files, folder_of},
    frame::{Frame, NewFrame},
    journal::{Acknowledgement, Journal, JournalError, Outcome, Tip},
    tail::Tail,
    usage::JournalUsage,
};
use crate::domain::{
    event::Position,
    limits,
    measure::{self, Histogram},
};

/// What a journal is made with.
#[derive(Clone, Copy, Debug)]
pub struct JournalSettings {
    /// The store it belongs to: random, and given to backups alone.
    pub store_id: [u8; 16],
    /// Size of a file, in bytes. A frame that is larger gets a file of its own size.
    pub file_bytes: u64,
}

/// The journal in local files; see the module.
#[derive(Debug)]
pub struct FileJournal {
    files: Arc<dyn Files>,
    dir: PathBuf,
    settings: JournalSettings,
    epoch: u64,
    /// Taken before the maker's lock and `slots`; held while a frame is written, so that frames and
    /// their outcomes keep their order. Readers need only `slots`.
    writer: Mutex<JournalWriter>,
    /// Its lock is taken before `slots`.
    maker: FileMaker,
    slots: Mutex<Slots>,
    advanced: Condvar,
    /// A file should be made ahead of need.
    low: Condvar,
    /// The first failure, after which nothing is written.
    stopped: OnceLock<Arc<JournalError>>,
    /// Where frames that become durable go.
    tail: Arc<Tail>,
    /// How long the syncs of frames took.
    syncs: Histogram,
}

/// Bytes of the body of the largest frame: its events, and the table of its appends, which takes
/// less than one append's events.
const LARGEST_BODY: u64 = (limits::FRAME_BYTES + 2 * limits::APPEND_BYTES) as u64;

/// Where the next frame goes.
#[derive(Debug)]
struct JournalWriter {
    segment: Arc<Segment>,
    offset: u64,
}

impl FileJournal {
    /// Makes an empty journal in `dir`: the folder, and one durable file of zeros. To be called
    /// before the store counts as made; what an earlier attempt left behind is made anew, but a
    /// journal that holds a frame is refused.
    #[expect(clippy::needless_pass_by_value, reason = "takes what `open` takes")]
    pub fn create(
        files: Arc<dyn Files>,
        dir: &Path,
        settings: &JournalSettings,
    ) -> Result<(), JournalError> {
        let io = |error| JournalError::io("make", dir, error);
        files.create_dir(dir).map_err(io)?;
        for segment in Segment::open_all(&*files, dir)? {
            let used = segment.length > 0
                && Header::decode(&segment.read_header(0)?, settings.store_id) != Decoded::Nothing;
            if used {
                return Err(segment.damaged(0, "a journal is here already; nothing was changed"));
            }
        }
        let first = Segment::create(&*files, dir, 1, settings.file_bytes, Pace::Full)?;
        listing::write(&*files, dir, &listing::of(&[Arc::new(first)]))?;
        files.sync_dir(folder_of(dir)).map_err(io)
    }

    /// Opens the journal in `dir` and finds every acknowledged frame after `sealed`, the last one
    /// that sealed volumes vouch for. Frames up to `sealed` count as released.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        settings: JournalSettings,
        sealed: Tip,
    ) -> Result<Self, JournalError> {
        let segments = Segment::open_all(&*files, dir)?;
        let (listed, found) = (listing::read(&*files, dir)?, listing::of(&segments));
        listed.iter().try_for_each(|listed| listing::check(listed, &found, dir))?;
        let marker = marker::read(&*files, dir, settings.store_id)?;
        let known = Known { dir, store_id: settings.store_id, sealed, marker };
        let mut recovered = recovery::recover(&segments, &known)?;
        make_durable(&recovered, sealed)?;
        let unused = std::mem::take(&mut recovered.unused);
        let (listed, spares) =
            sort_out(&*files, dir, settings.file_bytes, (listed, found), unused)?;
        for spare in spares {
            recovered.slots.add_spare(spare);
        }
        let numbers = segments.iter().map(|segment| segment.number);
        let there = (numbers.max().unwrap_or(0) + 1, listed);
        let file_maker =
            FileMaker::new(Arc::clone(&files), dir.to_owned(), settings.file_bytes, there);
        let writer = JournalWriter { segment: recovered.segment, offset: recovered.offset };
        Ok(Self {
            files,
            dir: dir.to_owned(),
            settings,
            epoch: recovered.epoch.saturating_add(1),
            writer: Mutex::new(writer),
            maker: file_maker,
            slots: Mutex::new(recovered.slots),
            advanced: Condvar::new(),
            low: Condvar::new(),
            stopped: OnceLock::new(),
            tail: Arc::new(Tail::new(0)),
            syncs: Histogram::new(measure::MICROSECONDS),
        })
    }

    /// The same journal, with this tail for the frames that become durable from now on.
    #[must_use]
    pub fn with_tail(self, tail: Arc<Tail>) -> Self {
        Self { tail, ..self }
    }

    /// Never poisoned for long: each change to the list is whole or does not begin.
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, writer: &mut JournalWriter, frame: NewFrame) -> Outcome {
        if let Some(first) = self.stopped.get() {
            return Outcome::Unknown(JournalError::Stopped { first: Arc::clone(first) });
        }
        if frame.after() != self.slots().tip() {
            return Outcome::Conflict;
        }
        match self.write(writer, frame) {
            Ok((slot, frame)) => {
                let mut slots = self.slots();
                // Before the tip moves: what waits for it finds the frame in memory.
                self.tail.push(Arc::new(frame));
                slots.push(slot);
                let low = slots.is_low();
                drop(slots);
                self.advanced.notify_all();
                if low {
                    self.low.notify_one();
                }
                Outcome::Durable
            }
            Err(error) => {
                if !planted!("go-on-after-failed-sync") {
                    self.stop(error.clone());
                }
                Outcome::Unknown(error)
            }
        }
    }

    /// Makes the frame durable where the next one goes.
    fn write(
        &self,
        writer: &mut JournalWriter,
        mut frame: NewFrame,
    ) -> Result<(Slot, Frame), JournalError> {
        let (after, tip) = (frame.after(), frame.tip());
        let header = Header {
            store_id: self.settings.store_id,
            epoch: self.epoch,
            index: tip.index,
            first_position: after.position + 1,
            synced_index: after.index,
            previous: after.check,
            check: tip.check,
            length: frame.length() as u64,
        };
        if !writer.segment.fits(writer.offset, header.length) {
            writer.segment = self.next_segment(header.length)?;
            writer.offset = 0;
        }
        let offset = writer.offset;
        writer.segment.write_frame(offset, frame.under(&header.encode()))?;
        let begun = Instant::now();
        if !planted!("no-sync") {
            writer.segment.sync_data()?;
        }
        self.syncs.record_time(begun.elapsed());
        writer.offset += header::footprint(header.length).unwrap_or(header::PAGE);
        let slot = Slot {
            segment: Arc::clone(&writer.segment),
            offset,
            length: header.length,
            check: header.check,
            last: tip.position,
        };
        Ok((slot, frame.into_durable()))
    }

    /// A file to go on in: one with released frames only, else a new one.
    fn next_segment(&self, length: u64) -> Result<Arc<Segment>, JournalError> {
        let spare = || self.slots().take_spare(length);
        if let Some(spare) = spare() {
            return Ok(spare);
        }
        let mut made = self.maker.lock()?;
        // One may have been made meanwhile.
        match spare() {
            Some(spare) => Ok(spare),
            None => self.maker.make(&mut made, length, Pace::Full),
        }
    }

    /// Makes a file that is free for a frame with a body of `length` bytes, if there is none. After
    /// an error nothing was listed and it may be tried again; any other failure stops the journal.
    fn make_spare(&self, length: u64, pace: Pace) -> Result<(), JournalError> {
        let mut made = self.maker.lock()?;
        if self.stopped.get().is_some() || self.slots().has_spare(length) {
            return Ok(());
        }
        match self.maker.make(&mut made, length, pace) {
            Ok(spare) => self.slots().add_spare(spare),
            Err(error) if error.is_before_sync() => return Err(error),
            // Ahead of need, a disk that is full or does not take the zeros refuses no append yet.
            Err(error) if pace == Pace::Pieces && error.is_of_making() => return Err(error),
            Err(error) => self.stop(error),
        }
        Ok(())
    }

    /// Bytes of the body of the largest frame that a file of the usual size takes.
    fn largest_usual_body(&self) -> u64 {
        LARGEST_BODY.min(self.settings.file_bytes.saturating_sub(header::PAGE))
    }

    /// Keeps the first failure.
    fn stop(&self, error: JournalError) {
        let _ = self.stopped.set(Arc::new(error));
    }
}

/// Refuses a journal whose files are not as its list says; a journal may be open meanwhile.
pub(super) fn check_listed(files: &dyn Files, dir: &Path) -> Result<(), JournalError> {
    // Read before the files are: none is listed before it is there.
    let Some(listed) = listing::read(files, dir)? else { return Ok(()) };
    listing::check(&listed, &listing::of(&Segment::open_all(files, dir)?), dir)
}

impl Journal for FileJournal {
    fn tip(&self) -> Result<Tip, JournalError> {
        Ok(self.slots().tip())
    }

    fn append(&self, frame: NewFrame) -> Acknowledgement {
        // The lock is held until the frame is durable, so outcomes keep the order of the appends.
        let outcome = match self.writer.lock() {
            Ok(mut writer) => self.append_now(&mut writer, frame),
            Err(_) => Outcome::Unknown(JournalError::panicked(&self.dir)),
        };
        outcome.into()
    }

    /// Keeps a file in reserve, so that a shortage that passes (descriptors, memory) is met before
    /// anything is decided. Where files are smaller than a large frame, such a frame may still
    /// need one of its own when it is written.
    fn reserve(&self) -> Result<(), JournalError> {
        let length = self.largest_usual_body();
        let there = {
            let writer = self.writer.lock().map_err(|_| JournalError::panicked(&self.dir))?;
            writer.segment.fits(writer.offset, length) || self.slots().has_spare(length)
        };
        // A journal that has stopped says so when something is appended.
        if there || self.stopped.get().is_some() {
            Ok(())
        } else {
            self.make_spare(length, Pace::Full)
        }
    }

    fn prepare(&self, timeout: Duration) -> Result<(), JournalError> {
        // A journal that has stopped needs no file, however low it is.
        let is_due = |slots: &Slots| slots.is_low() && self.stopped.get().is_none();
        let waited = self.low.wait_timeout_while(self.slots(), timeout, |slots| !is_due(slots));
        let (slots, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let due = is_due(&slots);
        drop(slots);
        if due { self.make_spare(self.largest_usual_body(), Pace::Pieces) } else { Ok(()) }
    }

    fn read(&self, after: Tip, max_bytes: usize) -> Result<Vec<Frame>, JournalError> {
        let found = self.slots().after(after, max_bytes)?;
        let frames = found.iter().map(|(previous, slot)| read_frame(*previous, slot)).collect();
        // While it was read without a lock, the file may have been released and used again.
        if self.slots().is_released(after.index.saturating_add(1)) {
            self.slots().after(after, max_bytes)?;
        }
        frames
    }

    fn wait(&self, beyond: Tip, timeout: Duration) -> Result<Tip, JournalError> {
        let still = |slots: &mut Slots| slots.tip().index <= beyond.index;
        let waited = self.advanced.wait_timeout_while(self.slots(), timeout, still);
        let (slots, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(slots.tip())
    }

    fn locate(&self, position: Position) -> Option<Tip> {
        self.slots().locate(position)
    }

    fn release(&self, up_to: Tip) -> Result<(), JournalError> {
        self.slots().release(up_to.index);
        Ok(())
    }

    fn unreleased_bytes(&self) -> u64 {
        self.slots().unreleased_bytes()
    }

    /// Takes only the lock that is not held while a frame is written: a disk that hangs does not
    /// keep this from being answered.
    fn usage(&self) -> JournalUsage {
        JournalUsage {
            unsealed_bytes: self.unreleased_bytes(),
            file_bytes: Some(self.maker.total_bytes()),
            syncs: Some(self.syncs.read()),
        }
    }

    /// Damage even to the last frame will be noticed after this.
    fn close(&self) -> Result<(), JournalError> {
        let _writer = self.writer.lock().map_err(|_| JournalError::panicked(&self.dir))?;
        if let Some(first) = self.stopped.get() {
            return Err(JournalError::Stopped { first: Arc::clone(first) });
        }
        let marker = CleanStopMarker { epoch: self.epoch, tip: self.slots().tip() };
        marker::write(&*self.files, &self.dir, self.settings.store_id, marker)
    }
}

/// Removes those of the unused files that no frame may go into. The list as it is then, and the
/// others.
fn sort_out(
    files: &dyn Files,
    dir: &Path,
    file_bytes: u64,
    (listed, mut found): (Option<Listing>, Listing),
    unused: Vec<Arc<Segment>>,
) -> Result<(Listing, Vec<Arc<Segment>>), JournalError> {
    // Of a smaller setting; or left by a stop while it was made, so that its sync may have failed
    // and its length may not last.
    let unfit = |file: &Arc<Segment>| {
        let unlisted = listed.as_ref().is_some_and(|it| !it.contains_key(&file.number));
        unlisted || file.length < file_bytes
    };
    let (removed, spares) = unused.into_iter().partition::<Vec<_>, _>(unfit);
    for file in &removed {
        found.remove(&file.number);
    }
    if listed.as_ref() != Some(&found) {
        listing::write(files, dir, &found)?;
    }
    for Segment { path, .. } in removed.iter().map(|it| &**it) {
        files.remove(path).map_err(|error| JournalError::io("remove", path, error))?;
    }
    files.sync_dir(dir).map_err(|error| JournalError::io("sync", dir, error))?;
    Ok((found, spares))
}

/// Makes durable what was found and may be in the page cache only, and files that may not have been
/// made to the end.
fn make_durable(recovered: &Recovered, sealed: Tip) -> Result<(), JournalError> {
    let slots = &recovered.slots;
    let synced = slots.tip_at(recovered.synced).unwrap_or(sealed);
    let synced = if planted!("unsynced-tail") { slots.tip() } else { synced };
    for (_, slot) in slots.after(synced, usize::MAX)? {
        slot.segment.rewrite_frame(slot.offset, slot.length)?;
    }
    recovered.unused.iter().chain([&recovered.segment]).try_for_each(|segment| segment.sync())
}

fn read_frame(previous: u32, slot: &Slot) -> Result<Frame, JournalError> {
    let body = slot.segment.read_body(slot.offset, slot.length)?;
    let frame = Frame::decode(previous, slot.check, body);
    frame.map_err(|error| slot.segment.damaged(slot.offset, error.to_string()))
}
