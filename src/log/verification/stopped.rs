//! Takes a stopped store for a verification: as its files lie there, whatever is wrong with them.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    finding::{Finding, Findings, Part},
    journal::{Unsealed, what},
    subject::{SledAccess, Verification},
};
use crate::log::{
    error::LogError,
    file_journal::InspectedJournal,
    files::{Files, ReadOnlyFiles},
    history,
    index::{Opening, StoredIndex},
    manifest::Manifest,
    store::StoppedStore,
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
        let files: Arc<dyn Files> = Arc::new(ReadOnlyFiles);
        let Some(store) = found(StoppedStore::open(files.as_ref(), dir), Part::Store, findings)?
        else {
            return Ok(None);
        };
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
            files: &files,
            dir: &store.index(),
            store_id: store.id(),
            volumes: manifest.volumes(),
        });
        let index = index.map_err(|error| LogError::io("read", &store.index(), error))?;
        check_progress(files.as_ref(), &store, findings);
        Ok(Some(Self {
            files,
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

/// Takes damage for a finding; nothing is left to look at then.
pub(super) fn found<T>(
    read: Result<T, LogError>,
    part: Part,
    findings: &Findings,
) -> Result<Option<T>, LogError> {
    match read.map_err(|error| (error.damage(), error)) {
        Ok(read) => Ok(Some(read)),
        Err((Some(damage), error)) => {
            findings.add(Finding::record(part, &damage.place, what(&error)));
            Ok(None)
        }
        Err((None, error)) => Err(error),
    }
}
