//! A data directory that is looked at and left as it is: locked, and nothing is written.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use super::{
    INDEX, JOURNAL, MANIFEST, OFFSET_TABLES, PROJECTIONS, STORE, VOLUMES, check_ours,
    lock::{LOCK, Lock},
};
use crate::log::{error::LogError, files::Files};

/// A data directory that no server works on while this is held.
#[derive(Debug)]
pub(in crate::log) struct StoppedStore {
    dir: PathBuf,
    id: [u8; 16],
    /// Absent: there is no file to lock. A copy of the record may come without it.
    lock: Option<File>,
}

impl StoppedStore {
    /// Locks the store in `dir` as a server does, but leaves the text in `LOCK` as it is.
    pub(in crate::log) fn open(files: &dyn Files, dir: &Path) -> Result<Self, LogError> {
        let paths = files.list(dir).map_err(|error| LogError::io("list", dir, error))?;
        let is_there = |name: &str| paths.iter().any(|path| path.ends_with(name));
        let lock = Lock::look(dir)?;
        if let Some(id) = super::read_store(files, dir)? {
            return Ok(Self { dir: dir.to_owned(), id, lock });
        }
        // A restore that was interrupted says so.
        check_ours(files, dir)?;
        if [MANIFEST, JOURNAL, VOLUMES].into_iter().any(is_there) {
            return Err(LogError::damaged(&dir.join(STORE), "it is missing"));
        }
        let what = format!("it has no {STORE} file");
        Err(LogError::NotAStore { path: dir.to_owned(), what })
    }

    /// Whether a server may have begun to work here meanwhile: there was nothing to lock, and now
    /// there is.
    pub(in crate::log) fn was_opened(&self) -> bool {
        self.lock.is_none() && self.dir.join(LOCK).exists()
    }

    /// The data directory.
    pub(in crate::log) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The store's id.
    pub(in crate::log) fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Where the manifest is.
    pub(in crate::log) fn manifest(&self) -> PathBuf {
        self.dir.join(MANIFEST)
    }

    /// The journal's folder.
    pub(in crate::log) fn journal(&self) -> PathBuf {
        self.dir.join(JOURNAL)
    }

    /// The folder of the volumes.
    pub(in crate::log) fn volumes(&self) -> PathBuf {
        self.dir.join(VOLUMES)
    }

    /// The folder of the offset tables.
    pub(in crate::log) fn offset_tables(&self) -> PathBuf {
        self.dir.join(OFFSET_TABLES)
    }

    /// The folder of the index.
    pub(in crate::log) fn index(&self) -> PathBuf {
        self.dir.join(INDEX)
    }

    /// The folder of saved states.
    pub(in crate::log) fn projections(&self) -> PathBuf {
        self.dir.join(PROJECTIONS)
    }
}
