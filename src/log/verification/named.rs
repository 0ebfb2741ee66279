//! Checks the small files that lead to the record of an open store: its name, its history, the list
//! of its volumes and that of the journal's files. The process has them in memory and does not miss
//! them, but the next one cannot open the store without them.

use std::path::Path;

use super::{
    finding::{Finding, Findings, Part},
    found::found,
};
use crate::log::{
    Log, LogError, file_journal,
    files::{Files, ReadOnlyFiles},
    history,
    manifest::Manifest,
    store,
    volume::SealedVolume,
};

/// Compares the files with what the process has. `volumes` are those that it had before.
pub(super) fn check(
    log: &Log,
    volumes: &[SealedVolume],
    findings: &Findings,
) -> Result<(), LogError> {
    let (files, dir) = (&ReadOnlyFiles, log.store.dir());
    let wrong = |part, name: &str, what: &str| {
        findings.add(Finding::record(part, &dir.join(name), what));
    };
    match found(store::read_store(files, dir), Part::Store, findings)? {
        Some(None) => wrong(Part::Store, store::STORE, "it is missing"),
        Some(Some(id)) if id != log.store_id() => {
            wrong(Part::Store, store::STORE, "it names another store than the server has");
        }
        Some(Some(_)) | None => {}
    }
    let history = found(history::load(files, dir, log.store_id()), Part::Store, findings)?;
    if history.is_some_and(|history| history != *log.history()) {
        wrong(Part::Store, store::HISTORY, "it is another history than the server has");
    }
    let manifest = Manifest::load(files, &log.store.manifest(), log.store_id());
    // Volumes may have been sealed since.
    if found(manifest, Part::Manifest, findings)?
        .is_some_and(|it| !it.volumes().starts_with(volumes))
    {
        findings.add(Finding::record(
            Part::Manifest,
            &log.store.manifest(),
            "it does not list the volumes that the server has",
        ));
    }
    check_journal(files, &log.store.journal(), findings)
}

fn check_journal(files: &dyn Files, dir: &Path, findings: &Findings) -> Result<(), LogError> {
    // Without files, as in tests, there is no list of them.
    let listed = file_journal::check_listed(files, dir).map_err(LogError::from);
    found(listed, Part::Journal, findings).map(drop)
}
