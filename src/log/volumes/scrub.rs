//! The scrub: reads every sealed volume through, one after the other and slowly, so that damage is
//! found while there is still a backup to mend it from. It also makes missing offset tables, and
//! closes unused databases.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Volumes, damage::ReadTarget, tables::PROGRESS};
use crate::{
    domain::event::Position,
    log::{
        checked_text,
        error::LogError,
        files::Files,
        volume::{Audit, Piece, SealedVolume, VolumeError},
    },
};

/// Bytes that are read together.
const PIECE: u64 = 1 << 20;
/// How much slower it goes while events are appended.
const WHILE_BUSY: u32 = 8;
/// How long after the start the first volume is read at the latest: a server that starts often gets
/// round, too.
const FIRST: Duration = Duration::from_mins(1);
/// The longest time for which nothing is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How the scrub goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubSettings {
    /// In what time every volume is read once.
    pub interval: Duration,
    /// Bytes a second that it reads at most.
    pub bytes_per_second: u64,
}

/// What keeps the volumes in the background.
#[derive(Debug)]
pub(in crate::log) struct Scrubber {
    volumes: Arc<Volumes>,
    files: Arc<dyn Files>,
    progress: PathBuf,
    settings: Option<ScrubSettings>,
    /// Last position of the volume that was read last.
    done: Position,
    pub(super) reading: Option<ScrubPass>,
    /// Nothing is read before; `None` until the first step.
    pub(super) next: Option<Instant>,
}

/// A volume that is being read through.
#[derive(Debug)]
pub(super) struct ScrubPass {
    volume: Arc<SealedVolume>,
    audit: Audit,
    began: Instant,
    /// Bytes of the last piece.
    pub(super) piece: u64,
}

impl Default for ScrubSettings {
    fn default() -> Self {
        Self { interval: Duration::from_hours(7 * 24), bytes_per_second: 8 << 20 }
    }
}

impl Scrubber {
    /// Keeps these volumes; without settings they are not read through. `offsets` is the folder of
    /// the tables.
    pub(in crate::log) fn new(
        volumes: Arc<Volumes>,
        files: Arc<dyn Files>,
        offsets: &Path,
        settings: Option<ScrubSettings>,
    ) -> Self {
        let progress = offsets.join(PROGRESS);
        // It only says where to go on: if it cannot be read, that is at the beginning.
        let done = checked_text::read(files.as_ref(), &progress).ok().flatten();
        let done = done.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
        Self { volumes, files, progress, settings, done, reading: None, next: None }
    }

    /// Does what is due; the pause until the next step. While the log is `busy` it reads
    /// less. Ends soon once `go_on` says no.
    pub(in crate::log) fn step(
        &mut self,
        now: Instant,
        busy: bool,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Duration, LogError> {
        self.volumes.pool.sweep(now);
        self.volumes.find_missing_offsets(now, go_on)?;
        let Some(settings) = self.settings else { return Ok(LOOK) };
        let next = *self.next.get_or_insert(now + settings.interval.min(FIRST));
        if now >= next {
            self.read(settings, now, go_on)?;
            if let Some(reading) = &self.reading {
                let slower = if busy { WHILE_BUSY } else { 1 };
                self.next = Some(now + settings.time_for(reading.piece) * slower);
            }
        }
        let next = self.next.unwrap_or(now);
        Ok(next.saturating_duration_since(now).min(LOOK))
    }

    /// Reads the next piece of the volume that is due.
    fn read(
        &mut self,
        settings: ScrubSettings,
        now: Instant,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), LogError> {
        let Some(mut reading) = self.reading.take().or_else(|| self.begin(now)) else {
            self.next = Some(now + LOOK);
            return Ok(());
        };
        match reading.piece(&self.volumes, go_on) {
            Ok(true) => {
                self.reading = Some(reading);
                Ok(())
            }
            found => {
                let count = u32::try_from(self.volumes.sealed().len()).unwrap_or(u32::MAX).max(1);
                self.next = Some(reading.began + settings.interval / count);
                self.end(&reading.volume)?;
                Ok(found.map(drop)?)
            }
        }
    }

    /// The volume after the one that was read last, or the first; `None` if there is none at all.
    fn begin(&self, now: Instant) -> Option<ScrubPass> {
        let volume = {
            let sealed = self.volumes.sealed();
            let next = sealed.range(self.done + 1..).next().or_else(|| sealed.iter().next());
            Arc::clone(next?.1)
        };
        if let Some(by_offset) = self.volumes.tables.get(&volume) {
            by_offset.forget();
        }
        let audit = Audit::new(volume.contents.clone());
        Some(ScrubPass { volume, audit, began: now, piece: 0 })
    }

    fn end(&mut self, volume: &SealedVolume) -> Result<(), LogError> {
        self.done = volume.contents.last_position;
        checked_text::write(self.files.as_ref(), &self.progress, &format!("{}\n", self.done))
    }
}

impl ScrubSettings {
    /// How long so many bytes take at its rate.
    fn time_for(self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl ScrubPass {
    /// Reads on for a while; false if the volume has been read through, or is damaged. Damage is
    /// reported once, whichever reader meets it first.
    fn piece(&mut self, volumes: &Volumes, go_on: &dyn Fn() -> bool) -> Result<bool, VolumeError> {
        let whole = volumes.whole(&self.volume);
        let dir = volumes.dir.join(&self.volume.directory);
        let mut read = || -> Result<bool, VolumeError> {
            if self.piece == 0 {
                self.volume.check_files(&volumes.dir)?;
            }
            self.piece = 0;
            while self.piece < PIECE && go_on() {
                match self.audit.step(&dir, &whole)? {
                    Some(Piece::Events(chunk)) => self.piece += chunk.events().len() as u64,
                    Some(Piece::Appends(page)) => self.piece += page.len() as u64,
                    None => return Ok(false),
                }
            }
            Ok(true)
        };
        match read() {
            Err(error @ VolumeError::Damaged { .. }) => {
                volumes.met(&self.volume, ReadTarget::All, error);
                Ok(false)
            }
            read => read,
        }
    }
}
