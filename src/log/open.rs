//! Opens a log: what was interrupted is finished or thrown away before the first read.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    Log, LogError, LogSettings,
    feeder::{Feeder, FrameReader, Hooks, Keeper, Shared},
    fetch::Fetcher,
    files::Files,
    history,
    index::{Index, Opening},
    journals::{FileJournals, JournalFactory, JournalPlace},
    manifest::Manifest,
    store::Store,
    tail::Tail,
    volume::{Marker, VolumeSize},
    volumes::{Scrubber, VolumeSettings, Volumes},
};

impl Log {
    /// Opens the log in `dir`, making a new one if there is none: takes the lock, recovers the
    /// journal, throws away unsealed volumes, checks the newest sealed one, takes up the index and
    /// starts the feeder.
    pub fn open(
        dir: &Path,
        settings: &LogSettings,
        files: Arc<dyn Files>,
        hooks: Hooks,
    ) -> Result<Arc<Self>, LogError> {
        let journals = FileJournals { file_bytes: settings.journal_file_bytes };
        Self::open_on(dir, settings, &journals, files, hooks)
    }

    /// The same on journals of any kind.
    pub fn open_on(
        dir: &Path,
        settings: &LogSettings,
        journals: &dyn JournalFactory,
        files: Arc<dyn Files>,
        hooks: Hooks,
    ) -> Result<Arc<Self>, LogError> {
        let store = Store::open(&files, dir, &|dir, store_id| {
            Ok(journals.create(&JournalPlace { files: &files, dir, store_id })?)
        })?;
        let (kept, volumes) = (Arc::clone(&files), store.volumes());
        let copied = store.is_copy();
        remove_copies(kept.as_ref(), &volumes)?;
        let opened = open_store(store, settings, journals, files, hooks);
        if opened.is_err() {
            // A refused store is left as it was, so copies are removed again. Sled may have held on
            // to one for longer than the thread that worked on it could wait. What can't be removed
            // now goes at the next start.
            let _ = remove_copies(kept.as_ref(), &volumes);
        }
        opened.map(Arc::new).map_err(|error| if copied { error.in_copy(dir) } else { error })
    }
}

/// Opens a store that no other process has open.
fn open_store(
    store: Store,
    settings: &LogSettings,
    journals: &dyn JournalFactory,
    files: Arc<dyn Files>,
    hooks: Hooks,
) -> Result<Log, LogError> {
    let manifest = Manifest::load(files.as_ref(), &store.manifest(), store.id())?;
    let history = history::load(files.as_ref(), store.dir(), store.id())?;
    let hooks = Arc::new(hooks);
    let volumes = open_volumes(&files, &store, settings, &manifest, &hooks)?;
    // Before the record is changed, so that a store that is refused is left as it was. The others
    // are checked by the scrub: opening takes no longer the more there are. In a copy of the folder
    // of a running server, any of them may be the copy of an unfinished one.
    if store.is_copy() {
        tracing::info!("the folder is a copy that was made while a process had it open: checking");
        volumes.verify_all()?;
    } else {
        volumes.verify_newest()?;
    }
    // Before anything is removed: the journal must hold what the manifest does not vouch for.
    let tail = Arc::new(Tail::new(settings.tail_bytes));
    let place = JournalPlace { files: &files, dir: &store.journal(), store_id: store.id() };
    let journal = journals.open(&place, manifest.tip(), Arc::clone(&tail))?;
    history::check_reached(store.dir(), &history, journal.tip()?)?;
    remove_unsealed(files.as_ref(), &store.volumes(), &manifest)?;
    // The stop may have come between the manifest and this.
    journal.release(manifest.tip())?;
    let index = Arc::new(Index::open(&Opening {
        files: &files,
        dir: &store.index(),
        store_id: store.id(),
        volumes: manifest.volumes(),
    })?);
    let frames = FrameReader { journal: Arc::clone(&journal), tail };
    let size = VolumeSize { bytes: settings.volume_bytes, events: settings.volume_events };
    let shared = Shared { frames: frames.clone(), index: Arc::clone(&index), hooks, size };
    let offsets = store.offset_tables();
    let scrubber =
        Scrubber::new(Arc::clone(&volumes), Arc::clone(&files), &offsets, settings.scrub);
    let keeper = Keeper {
        files,
        volumes: Arc::clone(&volumes),
        manifest_path: store.manifest(),
        marker: Marker::of(store.id()),
    };
    let feeder = Feeder::start(shared, keeper, scrubber, manifest)
        .map_err(|error| LogError::io("start the feeder of", &store.volumes(), error))?;
    let fetcher = Fetcher { frames, volumes };
    store.accept()?;
    Ok(Log { feeder: Mutex::new(Some(feeder)), journal, index, fetcher, store, history })
}

fn open_volumes(
    files: &Arc<dyn Files>,
    store: &Store,
    settings: &LogSettings,
    manifest: &Manifest,
    hooks: &Arc<Hooks>,
) -> Result<Arc<Volumes>, LogError> {
    let volumes = VolumeSettings {
        volumes: store.volumes(),
        offsets: store.offset_tables(),
        open_databases: settings.open_volumes,
        offset_table_bytes: settings.offset_table_bytes,
        open_files: settings.open_files,
        marker: Marker::of(store.id()),
    };
    let hooks = Arc::clone(hooks);
    let report = Box::new(move |damage: &_| (hooks.on_damage)(damage));
    Volumes::open(Arc::clone(files), &volumes, manifest.volumes(), report).map(Arc::new)
}

/// What the copies of volumes that sled works on end with; see [`super::volume`].
const COPY: &str = "copy";

/// Removes copies of volumes that a killed process has left behind, before new ones are made.
fn remove_copies(files: &dyn Files, dir: &Path) -> Result<(), LogError> {
    remove(files, dir, is_copy)
}

/// Removes the folders that the manifest does not name: volumes that were never sealed. They are
/// built again from the journal, never compared. Copies of volumes may be in use by now.
fn remove_unsealed(files: &dyn Files, dir: &Path, manifest: &Manifest) -> Result<(), LogError> {
    remove(files, dir, |path| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let sealed = manifest.volumes().iter().any(|volume| volume.directory == name);
        !sealed && !is_copy(path)
    })
}

fn is_copy(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == COPY)
}

/// Removes the folders of volumes that are named.
fn remove(files: &dyn Files, dir: &Path, named: impl Fn(&Path) -> bool) -> Result<(), LogError> {
    let remove = || -> io::Result<()> {
        for path in files.list(dir)?.iter().filter(|path| named(path) && path.is_dir()) {
            files.remove_dir_all(path)?;
        }
        files.sync_dir(dir)
    };
    remove().map_err(|error| LogError::io("clean up", dir, error))
}
