//! Opens a log: what was interrupted is finished or thrown away before anybody looks.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    Log, LogError, LogSettings,
    feeder::{Feeder, Hooks, IndexFeed, Source, VolumeFeed},
    file_journal::{FileJournal, JournalSettings},
    files::Files,
    index::{Index, Unindexable},
    journal::{Journal, Tip},
    manifest::Manifest,
    reader::Reader,
    store::Store,
    tail::Tail,
    volumes::Volumes,
};

/// Bytes of frames that are read from the journal at once.
const READ_BYTES: usize = 8 << 20;

/// See [`Log::open`].
pub(super) fn open(
    dir: &Path,
    settings: &LogSettings,
    files: Arc<dyn Files>,
    hooks: Hooks,
) -> Result<Log, LogError> {
    let journal_settings =
        |store_id| JournalSettings { store_id, file_bytes: settings.journal_file_bytes };
    let store = Store::open(&files, dir, &|path, id| {
        Ok(FileJournal::create(Arc::clone(&files), path, &journal_settings(id))?)
    })?;
    let manifest = Manifest::load(files.as_ref(), &store.manifest(), store.id())?;
    // Before anything is removed: the journal must hold what the manifest does not vouch for.
    let journal = FileJournal::open(
        Arc::clone(&files),
        &store.journal(),
        journal_settings(store.id()),
        manifest.tip(),
    )?;
    let journal = Arc::new(journal);
    remove_unsealed(files.as_ref(), &store.volumes(), &manifest)?;
    // The stop may have come between the manifest and this.
    journal.release(manifest.tip())?;

    let volumes = Volumes::new(store.volumes(), manifest.volumes(), settings.open_volumes);
    let tail = Arc::new(Tail::new(settings.tail_bytes));
    let shared: Arc<dyn Journal> = Arc::clone(&journal) as Arc<dyn Journal>;
    let source = Source { journal: shared, tail: Arc::clone(&tail) };
    let index = Arc::new(Index::new(&store.id()));
    index_volumes(&index, &volumes, &manifest)?;
    let tip = index_journal(&index, &source, manifest.tip())?;

    let reader = Reader { source: source.clone(), volumes: Arc::new(volumes) };
    let hooks = Arc::new(hooks);
    let index_feed = IndexFeed {
        source: source.clone(),
        index: Arc::clone(&index),
        hooks: Arc::clone(&hooks),
        tip,
    };
    let volume_feed = VolumeFeed {
        source,
        files,
        volumes: Arc::clone(&reader.volumes),
        hooks,
        manifest,
        manifest_path: store.manifest(),
        volume_bytes: settings.volume_bytes,
        builder: None,
        sealed: None,
    };
    let feeder = Feeder::start(index_feed, volume_feed)
        .map_err(|error| LogError::io("start the feeder of", dir, error))?;
    Ok(Log { feeder: Mutex::new(Some(feeder)), journal, tail, index, reader, store })
}

/// Removes the folders that the manifest does not name: volumes that were never sealed. They are
/// built again from the journal, never compared.
fn remove_unsealed(files: &dyn Files, dir: &Path, manifest: &Manifest) -> Result<(), LogError> {
    let remove = || -> io::Result<()> {
        for path in files.list(dir)? {
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            let sealed = manifest.volumes().iter().any(|volume| volume.directory == name);
            if !sealed && path.is_dir() {
                files.remove_dir_all(&path)?;
            }
        }
        files.sync_dir(dir)
    };
    remove().map_err(|error| LogError::io("clean up", dir, error))
}

/// Reads every sealed volume through, which also checks it whole.
fn index_volumes(index: &Index, volumes: &Volumes, manifest: &Manifest) -> Result<(), LogError> {
    for volume in manifest.volumes() {
        let first = volume.contents.first_position;
        let reader =
            volumes.open(first)?.ok_or(LogError::OutOfRange { position: first, last: 0 })?;
        let mut appends = Vec::new();
        reader.replay(&mut |_| (), &mut |entry| appends.push(*entry))?;
        let mut appends = appends.into_iter().peekable();
        let mut indexed: Result<(), Unindexable> = Ok(());
        reader.replay(
            &mut |chunk| {
                let here: Vec<_> =
                    std::iter::from_fn(|| appends.next_if(|it| chunk.holds(it.first_position)))
                        .collect();
                if indexed.is_ok() {
                    indexed = index.apply_events(chunk, &here);
                }
            },
            &mut |_| (),
        )?;
        indexed?;
    }
    Ok(())
}

/// Indexes the frames that are not sealed, and leaves the newest of them in the tail.
fn index_journal(index: &Index, source: &Source, sealed: Tip) -> Result<Tip, LogError> {
    let tip = source.journal.tip()?;
    let mut at = sealed;
    while at.index < tip.index {
        let frames = source.frames(at, READ_BYTES)?;
        let Some((_, last)) = frames.last() else { break };
        at = *last;
        for (frame, _) in frames {
            index.apply(&frame)?;
            source.tail.push(frame.as_ref().clone());
        }
    }
    Ok(at)
}
