//! The sealed volumes: finds the one that holds a position, and reads it.
//!
//! A block is read at its offset in the volume's file. That fails where there is no offset table,
//! or where wrong bytes lie at the offset. The block is then read through sled, on a copy of the
//! volume. If sled does not have it either it is damage, which is reported once and remembered; all
//! other reads go on. Memory and the number of open databases are bounded whatever is read.

mod cursor;
mod damage;
mod pool;
mod remaking;
mod scrub;
mod settings;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

pub(super) use self::{
    cursor::{Ahead, Cursor},
    scrub::Scrubber,
    tables::PROGRESS,
};
use self::{
    damage::{KnownDamage, ReadTarget},
    pool::DatabasePool,
    remaking::Remaking,
    tables::Tables,
};
pub use self::{scrub::ScrubSettings, settings::VolumeSettings};
use crate::{
    domain::event::Position,
    log::{
        encoded_events::Chunk,
        error::LogError,
        files::Files,
        frame::AppendEntry,
        index::SealedEvents,
        usage::VolumesUsage,
        volume::{AppendPage, Audit, OffsetTableBytes, Piece, Pieces, SealedVolume, VolumeError},
    },
};

/// Is called once for each damaged volume.
pub type Report = Box<dyn Fn(&VolumeError) + Send + Sync>;

/// The sealed volumes of a store.
pub struct Volumes {
    dir: PathBuf,
    /// By last position, so that a range's first entry is the volume that holds a position.
    sealed: RwLock<BTreeMap<Position, Arc<SealedVolume>>>,
    tables: Tables,
    pool: DatabasePool,
    damage: KnownDamage,
    remaking: Remaking,
    report: Report,
}

impl fmt::Debug for Volumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volumes").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Volumes {
    /// These volumes. Offset tables that belong to none of them are removed.
    pub fn open(
        files: Arc<dyn Files>,
        settings: &VolumeSettings,
        sealed: &[SealedVolume],
        report: Report,
    ) -> Result<Self, LogError> {
        let tables = Tables::open(files, settings, sealed)?;
        let volumes = Self {
            dir: settings.volumes.clone(),
            sealed: RwLock::default(),
            tables,
            pool: DatabasePool::new(
                &settings.volumes,
                settings.marker,
                settings.open_databases.max(1),
            ),
            damage: KnownDamage::default(),
            remaking: Remaking::default(),
            report,
        };
        for volume in sealed {
            if !volumes.tables.has(volume) {
                volumes.remaking.want(volume);
            }
            volumes.insert(volume.clone());
        }
        Ok(volumes)
    }

    /// The folder of the volumes.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the log's own files are kept.
    pub(super) fn files(&self) -> &Arc<dyn Files> {
        self.tables.files()
    }

    /// Every volume, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<SealedVolume>> {
        self.sealed().values().cloned().collect()
    }

    /// Takes a newly sealed volume, and where its values lie if that is known.
    pub fn add(&self, volume: SealedVolume, offsets: Option<&OffsetTableBytes>) {
        let kept = offsets.map(|offsets| self.tables.keep(&volume, offsets));
        if !matches!(kept, Some(Ok(()))) {
            // It is read through sled until there is a table.
            tracing::warn!(directory = volume.directory, "the offsets of a volume are not known");
            self.remaking.want(&volume);
        }
        self.insert(volume);
    }

    /// Reads a volume through sled, whatever its offsets are.
    pub(super) fn through_sled(
        &self,
        volume: &SealedVolume,
        work: &mut dyn FnMut(&dyn Pieces) -> Result<(), VolumeError>,
    ) -> Result<(), VolumeError> {
        self.pool.with(volume, |sled| work(sled.pieces()))
    }

    /// Position of the last sealed event.
    pub fn last_position(&self) -> Position {
        self.sealed().last_key_value().map_or(0, |(last, _)| *last)
    }

    /// The append that begins at `position`, if one with a request id does; `None` if the position
    /// is not sealed.
    pub fn append_at(
        &self,
        position: Position,
    ) -> Result<Option<Option<AppendEntry>>, VolumeError> {
        self.volume(position).map(|volume| self.whole(&volume).append_at(position)).transpose()
    }

    /// Checks the newest volume: its files, and all that is in it.
    pub fn verify_newest(&self) -> Result<(), VolumeError> {
        self.volume(self.last_position()).map_or(Ok(()), |volume| self.verify(&volume))
    }

    /// Checks every volume.
    pub fn verify_all(&self) -> Result<(), VolumeError> {
        let sealed: Vec<_> = self.sealed().values().cloned().collect();
        sealed.iter().try_for_each(|volume| self.verify(volume))
    }

    fn verify(&self, volume: &Arc<SealedVolume>) -> Result<(), VolumeError> {
        volume.check_files(&self.dir)?;
        let mut audit = Audit::new(volume.contents.clone());
        while audit.step(&self.dir.join(&volume.directory), &self.whole(volume))?.is_some() {}
        Ok(())
    }

    /// What the sealed volumes take.
    pub fn usage(&self) -> VolumesUsage {
        let sealed = self.sealed();
        let files = |it: &Arc<SealedVolume>| it.files.iter().map(|file| file.length).sum::<u64>();
        let (offset_tables, open_files) = self.tables.usage();
        VolumesUsage {
            sealed: sealed.len(),
            event_bytes: sealed.values().map(|volume| volume.contents.bytes).sum(),
            file_bytes: sealed.values().map(files).sum(),
            damaged: self.damage.first_of_each().len(),
            offset_tables,
            open_files,
            open_databases: self.pool.usage(),
        }
    }

    /// The damage that was met, for each volume what was met first.
    pub fn damaged(&self) -> Vec<VolumeError> {
        self.damage.first_of_each()
    }

    /// Finds the offsets of a volume that has no good table, if there is such a one.
    fn find_missing_offsets(&self, now: Instant, go_on: &dyn Fn() -> bool) -> Result<(), LogError> {
        let Some(last) = self.remaking.next(now) else { return Ok(()) };
        let Some(volume) = self.volume(last) else { return Ok(()) };
        let found = self.pool.with(&volume, |sled| sled.find_offsets(&volume, &self.dir, go_on));
        // Interrupted.
        if matches!(found, Ok(None)) && !go_on() {
            return Ok(());
        }
        self.remaking.failed(last, now);
        let found = match found {
            Err(error @ VolumeError::Damaged { .. }) => {
                self.met(&volume, ReadTarget::All, error);
                return Ok(());
            }
            found => found?,
        };
        let directory = &volume.directory;
        if let Some(offsets) = found {
            self.tables.keep(&volume, &offsets)?;
            self.remaking.done(last);
            tracing::info!(directory, "the offsets of a volume were found");
        } else {
            tracing::warn!(directory, "not all offsets were found; it is read through sled");
        }
        Ok(())
    }

    fn insert(&self, volume: SealedVolume) {
        let last = volume.contents.last_position;
        let mut sealed = self.sealed.write().unwrap_or_else(PoisonError::into_inner);
        sealed.insert(last, Arc::new(volume));
    }

    fn sealed(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Position, Arc<SealedVolume>>> {
        self.sealed.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The volume that holds `position`.
    fn volume(&self, position: Position) -> Option<Arc<SealedVolume>> {
        let (_, volume) =
            self.sealed().range(position..).next().map(|(l, v)| (*l, Arc::clone(v)))?;
        (volume.contents.first_position <= position).then_some(volume)
    }

    /// A volume as it is read piece by piece, at its offsets or through sled.
    fn whole<'a>(&'a self, volume: &'a SealedVolume) -> Whole<'a> {
        Whole { volumes: self, volume }
    }

    /// Asks sled for what could not be read at its offset.
    fn read_through_sled<T>(
        &self,
        volume: &SealedVolume,
        target: ReadTarget,
        question: &dyn Fn(&dyn Pieces) -> Result<T, VolumeError>,
    ) -> Result<T, VolumeError> {
        if let Some(known) = self.damage.known(volume, target, Instant::now()) {
            return Err(known);
        }
        let answer = self.pool.with(volume, |sled| question(sled.pieces()));
        match answer {
            Ok(answer) => {
                self.remaking.want(volume);
                Ok(answer)
            }
            Err(error) => Err(self.met(volume, target, error)),
        }
    }

    /// Remembers damage, and reports the first of each volume.
    fn met(&self, volume: &SealedVolume, target: ReadTarget, error: VolumeError) -> VolumeError {
        // Anything else may pass.
        let VolumeError::Damaged { volume: place, position, what } = error else { return error };
        let named = position.or(target.position());
        let error = VolumeError::Damaged { volume: place, position: named, what };
        if self.damage.note(volume, target, &error, Instant::now()) {
            tracing::error!(
                volume = %self.dir.join(&volume.directory).display(),
                position = named,
                %error,
                "a volume is damaged: stop the server and restore this folder from a backup; \
                 until then everything else goes on"
            );
            (self.report)(&error);
        }
        error
    }
}

/// One volume, each piece from where it can be had.
struct Whole<'a> {
    volumes: &'a Volumes,
    volume: &'a SealedVolume,
}

impl Whole<'_> {
    fn read_piece<T>(
        &self,
        target: ReadTarget,
        question: impl Fn(&dyn Pieces) -> Result<T, VolumeError>,
    ) -> Result<T, VolumeError> {
        if let Some(by_offset) = self.volumes.tables.get(self.volume) {
            match question(by_offset.pieces()) {
                Ok(answer) => return Ok(answer),
                Err(error) => tracing::debug!(%error, "sled is asked"),
            }
        }
        self.volumes.read_through_sled(self.volume, target, &question)
    }
}

impl Pieces for Whole<'_> {
    fn chunk_at(&self, position: Position) -> Result<Chunk, VolumeError> {
        self.read_piece(ReadTarget::Event(position), |pieces| pieces.chunk_at(position))
    }

    fn append_at(&self, position: Position) -> Result<Option<AppendEntry>, VolumeError> {
        self.read_piece(ReadTarget::Append(position), |pieces| pieces.append_at(position))
    }

    fn page_after(&self, after: Option<Position>) -> Result<Option<AppendPage>, VolumeError> {
        self.read_piece(ReadTarget::PageAfter(after), |pieces| pieces.page_after(after))
    }
}

impl SealedEvents for Volumes {
    fn replay(
        &self,
        first: Position,
        on_chunk: &mut dyn FnMut(&Chunk) -> bool,
        on_append: &mut dyn FnMut(&AppendEntry),
    ) -> Result<bool, LogError> {
        let Some(volume) = self.volume(first) else {
            return Err(LogError::OutOfRange { position: first, last: self.last_position() });
        };
        let (dir, whole) = (self.dir.join(&volume.directory), self.whole(&volume));
        let mut audit = Audit::new(volume.contents.clone());
        while let Some(piece) = audit.step(&dir, &whole)? {
            match piece {
                Piece::Events(chunk) if !on_chunk(&chunk) => return Ok(false),
                Piece::Events(_) => {}
                Piece::Appends(entries) => entries.iter().for_each(&mut *on_append),
            }
        }
        Ok(true)
    }
}
