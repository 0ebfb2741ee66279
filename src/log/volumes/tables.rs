//! The offset tables, of which some are kept in memory together with the open files that they
//! report.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::settings::VolumeSettings;
use crate::{
    domain::event::Position,
    log::{
        error::LogError,
        files::{Files, write_atomically},
        usage::Used,
        volume::{Marker, OffsetTableBytes, SealedVolume, VolumeByOffset},
    },
};

/// The file among them that says which volume the scrub has read last.
pub(in crate::log) const PROGRESS: &str = "scrubbed";

/// Offset tables, read when they are needed.
#[derive(Debug)]
pub(super) struct Tables {
    files: Arc<dyn Files>,
    offsets: PathBuf,
    volumes: PathBuf,
    marker: Marker,
    max_bytes: usize,
    max_files: usize,
    open: Mutex<OpenVolumes>,
}

/// The volumes that are open at their offsets, by last position.
#[derive(Debug, Default)]
pub(super) struct OpenVolumes {
    pub(super) volumes: HashMap<Position, (Arc<VolumeByOffset>, u64)>,
    pub(super) bytes: usize,
    /// Counts uses, to tell which volume was used longest ago.
    uses: u64,
}

impl Tables {
    /// The tables in a folder, which is made if there is none; tables of other volumes than these
    /// are removed.
    pub(super) fn open(
        files: Arc<dyn Files>,
        settings: &VolumeSettings,
        sealed: &[SealedVolume],
    ) -> Result<Self, LogError> {
        let offsets = &settings.offsets;
        let clean_up = || -> io::Result<()> {
            files.create_dir(offsets)?;
            for path in files.list(offsets)? {
                let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
                if name != PROGRESS && sealed.iter().all(|it| it.directory != name) {
                    files.remove(&path)?;
                }
            }
            Ok(())
        };
        clean_up().map_err(|error| LogError::io("clean up", offsets, error))?;
        Ok(Self {
            files,
            offsets: offsets.clone(),
            volumes: settings.volumes.clone(),
            marker: settings.marker,
            max_bytes: settings.offset_table_bytes,
            max_files: settings.open_files,
            open: Mutex::default(),
        })
    }

    /// Where the tables are kept.
    pub(super) fn files(&self) -> &Arc<dyn Files> {
        &self.files
    }

    /// Whether there is a table of this volume; it may be a bad one.
    pub(super) fn has(&self, volume: &SealedVolume) -> bool {
        self.files.open(&self.path(volume), false).is_ok()
    }

    /// The volume with its offsets; `None` if there is no table of it that can be used.
    pub(super) fn get(&self, volume: &SealedVolume) -> Option<Arc<VolumeByOffset>> {
        if let Some(open) = self.get_open(volume) {
            return Some(open);
        }
        let table = self.read(&self.path(volume)).ok()?;
        let by_offset = volume.by_offset(&self.volumes, self.marker, &table);
        // Every read comes here again until there is a good table: that is no news for a log.
        let by_offset =
            by_offset.inspect_err(|error| tracing::debug!(%error, "offsets are not used"));
        let by_offset = Arc::new(by_offset.ok()?);
        self.lock().put(
            volume.contents.last_position,
            &by_offset,
            (self.max_bytes, self.max_files),
        );
        Some(by_offset)
    }

    /// The same, if it is in memory.
    pub(super) fn get_open(&self, volume: &SealedVolume) -> Option<Arc<VolumeByOffset>> {
        self.lock().get(volume.contents.last_position)
    }

    /// Keeps a table, in place of the one before.
    pub(super) fn keep(
        &self,
        volume: &SealedVolume,
        table: &OffsetTableBytes,
    ) -> Result<(), LogError> {
        let path = self.path(volume);
        let kept = write_atomically(self.files.as_ref(), &path, table.bytes());
        self.lock().remove(volume.contents.last_position);
        kept.map_err(|error| LogError::io("write", &path, error))
    }

    /// The bytes of the tables in memory, and the volumes whose files are open.
    pub(super) fn usage(&self) -> (Used, Used) {
        let open = self.lock();
        (Used::of(open.bytes, self.max_bytes), Used::of(open.volumes.len(), self.max_files))
    }

    fn path(&self, volume: &SealedVolume) -> PathBuf {
        self.offsets.join(&volume.directory)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.files.open(path, false)?;
        let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, OpenVolumes> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenVolumes {
    fn get(&mut self, last: Position) -> Option<Arc<VolumeByOffset>> {
        self.uses += 1;
        let (by_offset, used) = self.volumes.get_mut(&last)?;
        *used = self.uses;
        Some(Arc::clone(by_offset))
    }

    /// Takes a volume, and lets go of those that were used longest ago until the others fit.
    fn put(&mut self, last: Position, by_offset: &Arc<VolumeByOffset>, most: (usize, usize)) {
        let (max_bytes, max_files) = most;
        self.remove(last);
        let room = max_bytes.saturating_sub(by_offset.bytes());
        while self.bytes > room || self.volumes.len() >= max_files {
            let oldest = self.volumes.iter().min_by_key(|(_, (_, used))| *used).map(|(it, _)| *it);
            let Some(oldest) = oldest else { break };
            self.remove(oldest);
        }
        self.bytes += by_offset.bytes();
        self.volumes.insert(last, (Arc::clone(by_offset), self.uses));
    }

    fn remove(&mut self, last: Position) {
        let removed = self.volumes.remove(&last);
        self.bytes -= removed.map_or(0, |(by_offset, _)| by_offset.bytes());
    }
}
