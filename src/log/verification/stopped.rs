//! Takes a stopped store for a verification: as its files lie there, whatever is wrong with them.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    finding::{Finding, Findings, Part},
    found::{found, what},
    journal::Unsealed,
    subject::{SledAccess, Verification},
};
use crate::log::{
    error::LogError,
    file_journal::InspectedJournal,
    files::{Files, ReadOnlyFiles},
    history,
    index::{Opening, StoredIndex},
    manifest::Manifest,
    store::{HISTORY, STORE, StoppedStore},
};

impl Verification {
    /// Begins to verify the store in `dir`, on which no process works; nothing in `dir` is changed.
    /// Where a volume must be read through sled, a copy is made in `copies`. `None`: what was found
    /// lets nothing else be checked. An error is what the operating system refuses, or that this is
    /// no store to be verified here.
    pub fn stopped(
        dir: &Path,
        copies: &Path,
        findings: &Findings,
    ) -> Result<Option<Self>, LogError> {
        Self::stopped_on(&(Arc::new(ReadOnlyFiles) as Arc<dyn Files>), dir, copies, findings)
    }

    /// The same by other files.
    pub(super) fn stopped_on(
        files: &Arc<dyn Files>,
        dir: &Path,
        copies: &Path,
        findings: &Findings,
    ) -> Result<Option<Self>, LogError> {
        let store = match StoppedStore::open(files.as_ref(), dir) {
            // Without a look at the folder and its lock nothing can be said of the store.
            Err(error) if error.refused().is_some_and(|(place, _)| !is_named_store(place)) => {
                return Err(error);
            }
            opened => found(opened, Part::Store, findings)?,
        };
        let Some(store) = store else { return Ok(None) };
        let manifest = Manifest::load(files.as_ref(), &store.manifest(), store.id());
        let Some(manifest) = found(manifest, Part::Manifest, findings)? else { return Ok(None) };
        let journal =
            InspectedJournal::read(files.as_ref(), &store.journal(), store.id(), manifest.tip());
        let history = history::load(files.as_ref(), store.dir(), store.id());
        let history = found(history, Part::Store, findings)?;
        let mut head = manifest.tip().position;
        let unsealed = match journal {
            Ok(journal) => {
                head = journal.tip().position;
                if let Some(history) = &history {
                    let reached = history::check_reached(store.dir(), history, journal.tip());
                    found(reached, Part::Journal, findings)?;
                }
                Unsealed::Files(store.journal(), journal)
            }
            Err(errors) => {
                for error in errors.into_iter().filter(|_| !planted!("verify-passes-journal")) {
                    found(Err::<(), _>(error.into()), Part::Journal, findings)?;
                }
                Unsealed::Unknown
            }
        };
        let index = StoredIndex::find(&Opening {
            files,
            dir: &store.index(),
            store_id: store.id(),
            volumes: manifest.volumes(),
        });
        check_progress(files.as_ref(), &store, findings);
        Ok(Some(Self {
            files: Arc::clone(files),
            store_id: store.id(),
            history,
            volumes_dir: store.volumes(),
            tables_dir: store.offset_tables(),
            volumes: manifest.volumes().to_vec(),
            index,
            unsealed,
            head,
            sled: SledAccess::Copies(copies.to_owned(), Mutex::default()),
            stopped: Some(store),
        }))
    }
}

/// The note of how far the scrub is, which is among the tables.
fn check_progress(files: &dyn Files, store: &StoppedStore, findings: &Findings) {
    let path = store.offset_tables().join(crate::log::volumes::PROGRESS);
    if let Err(error) = crate::log::checked_text::read(files, &path) {
        findings.add(Finding::derived(Part::OffsetTable, &path, what(&error)));
    }
}

/// Whether it is a file that says which store it is.
fn is_named_store(place: &Path) -> bool {
    [STORE, HISTORY].into_iter().any(|name| place.ends_with(name))
}
