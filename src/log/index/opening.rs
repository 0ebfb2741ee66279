//! Opens the index: takes up the runs that fit the sealed volumes and removes everything else.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, RwLock, atomic::AtomicU64},
};

use super::{
    Index, State,
    cover::{self, SealedRange},
    key::Keys,
    layout::{EXTENSION, Layout},
    run::{KeyBudget, Run, Sizes},
};
use crate::{
    domain::measure::{self, Histogram},
    log::{
        error::LogError,
        files::{Files, folder_of},
        volume::SealedVolume,
    },
};

/// Bytes of keys and filters of all runs that are kept in memory: about 28 million terms. What
/// goes beyond is looked up with one read more, from the largest runs.
const FILTER_BYTES: usize = 32 << 20;

/// What an index is opened with.
#[derive(Clone, Debug)]
pub(in crate::log) struct Opening<'a> {
    /// The file system.
    pub(in crate::log) files: &'a Arc<dyn Files>,
    /// The folder of the runs; it is made if there is none.
    pub(in crate::log) dir: &'a Path,
    /// The store.
    pub(in crate::log) store_id: [u8; 16],
    /// The sealed volumes, by rising positions.
    pub(in crate::log) volumes: &'a [SealedVolume],
}

impl Index {
    /// Opens the index of the sealed volumes. What its folder lacks is built later, by
    /// [`super::Maintenance`].
    pub(in crate::log) fn open(opening: &Opening<'_>) -> Result<Self, LogError> {
        Self::open_with(opening, Sizes::default(), FILTER_BYTES)
    }

    /// The same, with other sizes and another memory for keys and filters.
    pub(super) fn open_with(
        opening: &Opening<'_>,
        sizes: Sizes,
        budget: usize,
    ) -> Result<Self, LogError> {
        let Opening { files, dir, store_id, volumes } = opening;
        let volumes: Vec<SealedRange> = volumes.iter().map(SealedRange::of).collect();
        let (runs, next_number) = take_up(files.as_ref(), dir, *store_id, &volumes)
            .map_err(|error| LogError::io("open the index in", dir, error))?;
        let budget = KeyBudget::new(budget);
        load(&runs, &budget);
        let begin = volumes.last().map_or_else(Default::default, |volume| volume.tip);
        Ok(Self {
            keys: Keys::new(store_id),
            store_id: *store_id,
            files: Arc::clone(files),
            dir: (*dir).to_owned(),
            sizes,
            budget,
            layout: RwLock::new(Arc::new(Layout::new(runs, begin.position))),
            state: Mutex::new(State { volumes, begin, stalled: false }),
            changed: Condvar::new(),
            next_number: AtomicU64::new(next_number),
            interests: Arc::default(),
            awaited: Arc::default(),
            indexing: Histogram::new(measure::MICROSECONDS),
        })
    }
}

/// The runs that fit, by rising positions, and a number that no file has. All other files are
/// removed: unfinished ones, what merging has left, and whatever belongs to another history.
fn take_up(
    files: &dyn Files,
    dir: &Path,
    store_id: [u8; 16],
    volumes: &[SealedRange],
) -> std::io::Result<(Vec<Arc<Run>>, u64)> {
    files.create_dir(dir)?;
    files.sync_dir(folder_of(dir))?;
    let paths = files.list(dir)?;
    let named = paths.iter().filter(|path| path.extension().is_some_and(|end| end == EXTENSION));
    let runs: Vec<_> = named.filter_map(|path| open(files, path)).collect();
    let headers: Vec<_> = runs.iter().map(|run| *run.header()).collect();
    let chosen: Vec<Arc<Run>> = cover::choose(&headers, store_id, volumes)
        .into_iter()
        .filter_map(|place| runs.get(place).cloned())
        .collect();
    for path in paths.iter().filter(|path| chosen.iter().all(|run| run.path() != path.as_path())) {
        tracing::info!(file = %path.display(), "removing a file of the index that is of no use");
        if let Err(error) = files.remove(path) {
            // The file does no harm: its number is not used again.
            tracing::warn!(%error, file = %path.display(), "it could not be removed");
        }
    }
    let number = |path: &Path| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let greatest = paths.iter().filter_map(|path| number(path)).max().unwrap_or(0);
    Ok((chosen, greatest.saturating_add(1)))
}

fn open(files: &dyn Files, path: &Path) -> Option<Arc<Run>> {
    let opened = Run::open(files, path);
    opened
        .inspect_err(|error| tracing::warn!(%error, "a run of the index cannot be opened"))
        .map(Arc::new)
        .ok()
}

/// Takes keys and filters of runs into memory as far as they may, those of the newest first:
/// these are small, and each question goes to every run.
pub(super) fn load(runs: &[Arc<Run>], budget: &Arc<KeyBudget>) {
    for run in runs.iter().rev() {
        if let Err(error) = run.load(budget) {
            // The run has noted its damage; it is built again.
            tracing::warn!(%error, "a run of the index is damaged");
        }
    }
}
