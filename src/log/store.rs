//! The data directory: which process may work on it, and whether it is one of ours.
//!
//! ```text
//! LOCK        locked while a process works here; names the process, and itself, to tell copies
//! STORE       format and id of the store; written last, so a store without it was never finished
//! MANIFEST    the sealed volumes
//! HISTORY     the restores that led here, if there were any
//! journal/    frames that are not sealed yet
//! volumes/    a folder for each volume
//! places/     where in the volumes' files their values lie
//! index/      the runs of the index
//! ```

mod lock;
mod stopped;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use self::lock::Lock;
use crate::{
    domain::{
        digest,
        history::{History, HistoryId},
    },
    log::{
        checked_text,
        error::LogError,
        file_journal::LISTING,
        files::{Files, folder_of, read_whole},
        manifest::{Manifest, hex},
    },
};

pub(super) use self::{lock::LOCK, stopped::StoppedStore};

/// Makes an empty journal in a folder, for the store with an id.
pub type CreateJournal<'a> = &'a dyn Fn(&Path, [u8; 16]) -> Result<(), LogError>;

/// The newest format of the data directory that is known here: that of restored stores. A store
/// that was never restored has format 1.
pub const FORMAT: u32 = RESTORED;

const NEVER_RESTORED: u32 = 1;
const RESTORED: u32 = 2;

pub(super) const STORE: &str = "STORE";
/// Is there while a restore makes a data directory, which is none until then.
pub(super) const RESTORING: &str = "RESTORING";
const MANIFEST: &str = "MANIFEST";
/// The file of the restores; see [`super::history`].
pub(super) const HISTORY: &str = "HISTORY";
/// The first line of `STORE`.
const TITLE: &str = "handover";
/// What separates the id of a history from the name of its store.
pub const HISTORY_SEPARATOR: char = '#';
/// What the store's id is hashed with for [`public_name`].
const PUBLIC_NAME: &[u8] = b"store name";
const JOURNAL: &str = "journal";
const VOLUMES: &str = "volumes";
const OFFSET_TABLES: &str = "places";
const INDEX: &str = "index";
/// The folder in which layers above keep what they derive from the log.
pub const PROJECTIONS: &str = "projections";

/// A data directory that this process holds the lock of, until it is released or dropped.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    id: [u8; 16],
    lock: Lock,
}

impl Store {
    /// Locks the data directory, making a new store, with an empty journal, if there is none.
    pub fn open(
        files: &Arc<dyn Files>,
        dir: &Path,
        create_journal: CreateJournal<'_>,
    ) -> Result<Self, LogError> {
        make_dir(files.as_ref(), dir)?;
        check_ours(files.as_ref(), dir)?;
        // A store of a newer program is left alone, its lock included.
        read_store(files.as_ref(), dir)?;
        let lock = Lock::take(dir)?;
        let id = match read_store(files.as_ref(), dir)? {
            Some(id) => {
                check_folders(files.as_ref(), dir)
                    .map_err(|error| if lock.is_copy() { error.in_copy(dir) } else { error })?;
                id
            }
            None => initialise(files.as_ref(), dir, create_journal)?,
        };
        // What is found here may be in memory only: an earlier process may have failed or been
        // killed between giving a file its name and making the name durable. Frames that MANIFEST
        // vouches for may be overwritten from now on, so it must not be gone after a power cut.
        files.sync_dir(dir).map_err(|error| LogError::io("sync", dir, error))?;
        Ok(Self { dir: dir.to_owned(), id, lock })
    }

    /// Locks the data directory of a store that exists; what is there is only looked at.
    pub fn open_existing(files: &dyn Files, dir: &Path) -> Result<Self, LogError> {
        let missing = || LogError::NotAStore {
            path: dir.to_owned(),
            what: format!("it has no {STORE} file"),
        };
        if files.list(dir).is_ok() {
            check_ours(files, dir)?;
        }
        read_store(files, dir)?.ok_or_else(missing)?;
        let lock = Lock::take(dir)?;
        let id = read_store(files, dir)?.ok_or_else(missing)?;
        check_folders(files, dir)?;
        files.sync_dir(dir).map_err(|error| LogError::io("sync", dir, error))?;
        Ok(Self { dir: dir.to_owned(), id, lock })
    }

    /// Locks a directory in which the store with this id is to be made, and makes it if there is
    /// none.
    pub(super) fn begin(files: &dyn Files, dir: &Path, id: [u8; 16]) -> Result<Self, LogError> {
        make_dir(files, dir)?;
        let lock = Lock::take(dir)?;
        Ok(Self { dir: dir.to_owned(), id, lock })
    }

    /// The store's id.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Whether the folder was copied while a process had it open, or after that was killed.
    pub fn is_copy(&self) -> bool {
        self.lock.is_copy()
    }

    /// Takes a copy that is whole for what it is: the next opening does not check all of it.
    pub fn accept(&self) -> Result<(), LogError> {
        self.lock.accept().map_err(|error| LogError::io("write", &self.dir, error))
    }

    /// Lets go of the lock: nothing may be written here any more, and copies are whole.
    pub fn release(&self) -> Result<(), LogError> {
        self.lock.release().map_err(|error| LogError::io("unlock", &self.dir, error))
    }

    /// Lets go of the lock, and leaves its text as it was found: nothing but the end of the journal
    /// was looked at, and a copy of the folder is as good as it was before.
    pub(super) fn leave(&self) -> Result<(), LogError> {
        self.lock.leave().map_err(|error| LogError::io("unlock", &self.dir, error))
    }

    /// Where the manifest is.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join(MANIFEST)
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The journal's folder.
    pub fn journal(&self) -> PathBuf {
        self.dir.join(JOURNAL)
    }

    /// The folder of the volumes.
    pub fn volumes(&self) -> PathBuf {
        self.dir.join(VOLUMES)
    }

    /// The folder of the offset tables.
    pub fn offset_tables(&self) -> PathBuf {
        self.dir.join(OFFSET_TABLES)
    }

    /// The folder of the index.
    pub fn index(&self) -> PathBuf {
        self.dir.join(INDEX)
    }
}

/// The data directory that a path is, or lies in; absent: none. Links are followed, and the path
/// has no `..` ([`super::files::resolved`]).
pub(super) fn around(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().find_map(|part| {
        let part = if part.as_os_str().is_empty() { Path::new(".") } else { part };
        fs::canonicalize(part).ok().map(|real| (part.to_owned(), real))
    });
    let (part, real) = existing?;
    let is_store = |dir: &&Path| {
        let path = dir.join(STORE);
        // A pipe would have to be waited for.
        path.is_file() && fs::read(path).is_ok_and(|text| text.starts_with(TITLE.as_bytes()))
    };
    let found = real.ancestors().find(is_store)?;
    Some(if found == real && part == path { path.to_owned() } else { found.to_owned() })
}

/// The public name of the store with an id: it says nothing about the id that it is made from.
pub fn public_name(id: [u8; 16]) -> Uuid {
    let hash = Sha256::new().chain_update(PUBLIC_NAME).chain_update(id);
    uuid::Builder::from_custom_bytes(digest::shortened(hash)).into_uuid()
}

/// The name of a store with one of its histories, as clients see it; no history stands for the
/// original one.
pub fn name_in(id: [u8; 16], history: Option<HistoryId>) -> String {
    let store = public_name(id).urn();
    let with = |history| format!("{store}{HISTORY_SEPARATOR}{history}");
    history.map_or_else(|| store.to_string(), with)
}

fn make_dir(files: &dyn Files, dir: &Path) -> Result<(), LogError> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = folder_of(dir);
    make_dir(files, parent)?;
    let make = || {
        files.create_dir(dir)?;
        files.sync_dir(parent)
    };
    make().map_err(|error| LogError::io("create", dir, error))
}

/// Refuses a directory with things in it that are not ours, unless it says that it is a store.
/// Only looks: the lock is not taken yet.
fn check_ours(files: &dyn Files, dir: &Path) -> Result<(), LogError> {
    let folders = [JOURNAL, VOLUMES, OFFSET_TABLES, INDEX, PROJECTIONS];
    let texts = [LOCK, STORE, MANIFEST, HISTORY, "STORE.new", "MANIFEST.new"];
    let paths = files.list(dir).map_err(|error| LogError::io("list", dir, error))?;
    let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    if names.contains(&STORE) {
        return Ok(());
    }
    if names.contains(&RESTORING) {
        return Err(LogError::Unfinished { path: dir.to_owned() });
    }
    match names.iter().find(|name| !folders.contains(name) && !texts.contains(name)) {
        Some(foreign) => {
            let what = format!("it has no {STORE} file, but {foreign}");
            Err(LogError::NotAStore { path: dir.to_owned(), what })
        }
        None => Ok(()),
    }
}

/// Refuses a store without a folder of the record.
fn check_folders(files: &dyn Files, dir: &Path) -> Result<(), LogError> {
    for folder in [JOURNAL, VOLUMES].map(|name| dir.join(name)) {
        match files.list(&folder) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LogError::damaged(&folder, "it is missing"));
            }
            Err(error) => return Err(LogError::io("list", &folder, error)),
        }
    }
    Ok(())
}

/// Writes `STORE`, which makes the directory a store. Its format says whether it was restored.
pub fn identify(
    files: &dyn Files,
    dir: &Path,
    id: [u8; 16],
    history: &History,
) -> Result<(), LogError> {
    let restored = history.id().is_some() && !planted!("restored-as-original");
    let format = if restored { RESTORED } else { NEVER_RESTORED };
    let text = format!("{TITLE}\nformat {format}\nstore {}\n", hex(id));
    checked_text::write(files, &dir.join(STORE), &text)
}

/// The id in `STORE`; `None` if there is no such file.
pub(super) fn read_store(files: &dyn Files, dir: &Path) -> Result<Option<[u8; 16]>, LogError> {
    let path = dir.join(STORE);
    let Some(text) = checked_text::read(files, &path)? else {
        return Ok(None);
    };
    let value = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        found.ok_or_else(|| LogError::damaged(&path, format!("it does not say its {key}")))
    };
    let malformed = |_| LogError::damaged(&path, "it has a number that is none");
    let found = value("format")?.parse().map_err(malformed)?;
    if found > FORMAT {
        return Err(LogError::NewerFormat { path, found, known: FORMAT });
    }
    let history = dir.join(HISTORY);
    let restored = found >= RESTORED && !planted!("history-lost");
    if restored && read_whole(files, &history).is_ok_and(|bytes| bytes.is_none()) {
        return Err(LogError::damaged(&history, "it is missing, and the store was restored"));
    }
    let id = u128::from_str_radix(value("store")?, 16).map_err(malformed)?;
    Ok(Some(id.to_be_bytes()))
}

/// Makes a store, `STORE` last. What an interrupted attempt left is removed, once it is certain
/// that it is no more than that.
fn initialise(
    files: &dyn Files,
    dir: &Path,
    create_journal: CreateJournal<'_>,
) -> Result<[u8; 16], LogError> {
    let id = Uuid::new_v4().into_bytes();
    let (journal, volumes) = (dir.join(JOURNAL), dir.join(VOLUMES));
    let failed = |error| LogError::io("initialise", dir, error);
    // An earlier attempt may have ended between making the directory and this. A folder that must
    // not be looked into was not made by any attempt of ours.
    match files.sync_dir(folder_of(dir)) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(failed(error)),
        _ => {}
    }
    check_unused(files, dir).map_err(failed)?.map_or(Ok(()), |used| {
        let what = format!("it is missing, but {} has been used", used.display());
        Err(LogError::damaged(&dir.join(STORE), what))
    })?;
    for folder in [&journal, &volumes] {
        match files.remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => files.create_dir(folder).map_err(failed)?,
        }
    }
    create_journal(&journal, id)?;
    Manifest::empty(id).save(files, &dir.join(MANIFEST))?;
    identify(files, dir, id, &History::default())?;
    Ok(id)
}

/// A volume, the file of the restores, or a journal file with anything but zeros where its first
/// frame would be.
fn check_unused(files: &dyn Files, dir: &Path) -> io::Result<Option<PathBuf>> {
    let list = |folder: &str| match files.list(&dir.join(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    };
    if let Some(volume) = list(VOLUMES)?.pop() {
        return Ok(Some(volume));
    }
    let history = dir.join(HISTORY);
    if read_whole(files, &history)?.is_some() {
        return Ok(Some(history));
    }
    // The list of the journal's files is written before anything is recorded.
    let is_list = |path: &PathBuf| path.file_stem().is_some_and(|name| name == LISTING);
    for path in list(JOURNAL)?.into_iter().filter(|path| !is_list(path)) {
        let file = files.open(&path, false)?;
        let mut head = vec![0; usize::try_from(file.len()?.min(4096)).unwrap_or_default()];
        file.read_exact_at(&mut head, 0)?;
        if head.iter().any(|byte| *byte != 0) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
