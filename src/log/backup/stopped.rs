//! The source that no server works on: a data directory, locked while it is read.

use std::{io::Read, path::Path, sync::Arc};

use super::{
    BackupError,
    local::LocalSource,
    source::{Snapshot, Source, Wanted},
};
use crate::log::{
    LogSettings,
    feeder::FrameReader,
    fetch::Fetcher,
    files::Files,
    history,
    journals::{FileJournals, JournalFactory as _, JournalPlace},
    manifest::Manifest,
    store::Store,
    tail::Tail,
    volume::Marker,
    volumes::{VolumeSettings, Volumes},
};

/// A data directory that this process alone works on.
#[derive(Debug)]
pub struct StoppedStore {
    local: LocalSource,
    /// Holds the lock.
    store: Store,
}

impl Drop for StoppedStore {
    fn drop(&mut self) {
        // If that fails, a copy of the folder is checked as that of a killed process is.
        let _ = self.store.leave();
    }
}

impl StoppedStore {
    /// Locks a data directory and recovers its journal, as a server does when it starts: what a
    /// crash left in memory only is made durable before it is backed up.
    pub fn open(files: &Arc<dyn Files>, dir: &Path) -> Result<Self, BackupError> {
        let store = Store::open_existing(files.as_ref(), dir)?;
        let manifest = Manifest::load(files.as_ref(), &store.manifest(), store.id())?;
        let history = history::load(files.as_ref(), dir, store.id())?;
        let settings = LogSettings::default();
        let volumes = VolumeSettings {
            volumes: store.volumes(),
            offsets: store.offset_tables(),
            open_databases: settings.open_volumes,
            offset_table_bytes: settings.offset_table_bytes,
            open_files: settings.open_files,
            marker: Marker::of(store.id()),
        };
        let report = Box::new(|_: &_| {});
        let volumes = Volumes::open(Arc::clone(files), &volumes, manifest.volumes(), report)?;
        let tail = Arc::new(Tail::new(0));
        let place = JournalPlace { files, dir: &store.journal(), store_id: store.id() };
        // Files of any size stay: which one a server wants is not known here.
        let journals = FileJournals { file_bytes: 0 };
        let journal = journals.open(&place, manifest.tip(), Arc::clone(&tail))?;
        let frames = FrameReader { journal, tail };
        let fetcher = Fetcher { frames, volumes: Arc::new(volumes) };
        let (store_id, offset_tables) = (store.id(), store.offset_tables());
        let local = LocalSource { fetcher, offset_tables, store_id, history };
        Ok(Self { local, store })
    }
}

impl Source for StoppedStore {
    fn snapshot(&self) -> Result<Snapshot, BackupError> {
        self.local.snapshot()
    }

    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Read + Send + '_>, BackupError> {
        self.local.open(wanted)
    }
}
