//! The directory that is restored into, closed to servers until it is whole.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::choice::described;
use crate::log::{
    backup::{
        BackupError,
        target::{Target, around},
    },
    checked_text,
    error::LogError,
    file_journal::RestoredJournal,
    files::{self, Files, Kind},
    frame::Tip,
    journal::JournalError,
    manifest::Manifest,
    store::{self, RESTORING, Store},
};

/// A directory that this process alone restores into.
#[derive(Debug)]
pub(super) struct Place<'a> {
    files: &'a Arc<dyn Files>,
    journal_file_bytes: u64,
    pub(super) store: Store,
}

const DATA_DIRECTORY: &str = "it is a data directory, and a restore overwrites none; choose a \
    folder that does not exist, and stop the server before the folders are exchanged";

/// The directory without links and `..`, which could come to mean another one. Refuses one in a
/// folder of backups, and one that the backup lies in.
pub(super) fn resolved_apart(target: &dyn Target, dir: &Path) -> Result<PathBuf, BackupError> {
    let occupied = |what: String| BackupError::Occupied { path: dir.to_owned(), what };
    let real = files::resolved(dir).map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidInput {
            return occupied(error.to_string());
        }
        LogError::io("look at", dir, error).into()
    })?;
    let folder = target.folder().filter(|_| !planted!("restore-into-backup"));
    if let Some(folder) = folder.filter(|folder| folder.starts_with(&real)) {
        let what = format!("the backup {} lies in it", folder.display());
        return Err(occupied(format!("{what}; choose a folder that does not exist")));
    }
    let within = folder.filter(|folder| real.starts_with(folder)).or_else(|| around(&real));
    if let Some(folder) = within.filter(|_| !planted!("restore-into-backup")) {
        let what = format!("it lies within the folder of backups {}", folder.display());
        return Err(occupied(format!("{what}; choose a folder outside of it")));
    }
    Ok(real)
}

/// Refuses a directory that holds anything but what the same restore has left. It changes nothing.
pub(super) fn check(files: &dyn Files, dir: &Path, mark: &str) -> Result<(), BackupError> {
    let occupied = |what: String| BackupError::Occupied { path: dir.to_owned(), what };
    if let Some(around) = store::around(dir).filter(|around| around != dir) {
        let what = format!("it lies within the data directory {}", around.display());
        return Err(occupied(format!("{what}; choose a folder outside of it")));
    }
    let listed = match files.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(occupied("it is a file; choose a folder that does not exist".to_owned()));
        }
        listed => listed.map_err(|error| LogError::io("list", dir, error))?,
    };
    if listed.is_empty() {
        return Ok(());
    }
    // Also one that was restored, and then killed before its mark was gone: it may have grown.
    let is_store = listed.iter().any(|path| path.ends_with(store::STORE));
    if is_store && !planted!("restore-over-store") {
        return Err(occupied(DATA_DIRECTORY.to_owned()));
    }
    match checked_text::read(files, &dir.join(RESTORING)) {
        Ok(Some(found)) if found == mark => match strange(files, dir) {
            Ok(None) => Ok(()),
            Ok(Some((path, kind))) => Err(occupied(format!(
                "it has {}, {kind} that no restore has made; remove the folder, and restore anew",
                path.display()
            ))),
            Err(error) => Err(LogError::io("look through", dir, error).into()),
        },
        Ok(Some(found)) => {
            let found = described(&found);
            Err(occupied(format!(
                "another restore into it was interrupted ({found}); run that one again, or remove \
                 the folder"
            )))
        }
        // Cut off when it was begun: then there is nothing else.
        Err(_) | Ok(None) if only_begun(&listed) => Ok(()),
        Err(LogError::Damaged { .. }) => Err(occupied(format!(
            "the mark {RESTORING} of an interrupted restore in it is damaged; remove the folder, \
             and restore anew"
        ))),
        Err(error) => Err(error.into()),
        Ok(None) => {
            Err(occupied("it is not empty; choose a folder that does not exist".to_owned()))
        }
    }
}

/// A link, or something to which nothing can be written, in what an interrupted restore has left:
/// going on would write elsewhere.
fn strange(files: &dyn Files, dir: &Path) -> io::Result<Option<(PathBuf, Kind)>> {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in files.list(&folder)? {
            match files.kind(&path)? {
                Kind::File => {}
                Kind::Folder => folders.push(path),
                kind @ (Kind::Link | Kind::Other) => return Ok(Some((path, kind))),
            }
        }
    }
    Ok(None)
}

/// Whether a restore did no more here than to begin.
fn only_begun(listed: &[PathBuf]) -> bool {
    let new = format!("{RESTORING}.new");
    listed.iter().all(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        [store::LOCK, &new].contains(&name)
    })
}

impl<'a> Place<'a> {
    /// Locks the directory and marks it. A server that finds the mark does not start.
    pub(super) fn open(
        files: &'a Arc<dyn Files>,
        dir: &Path,
        mark: &str,
        store_id: [u8; 16],
        journal_file_bytes: u64,
    ) -> Result<Self, BackupError> {
        let store = Store::begin(files.as_ref(), dir, store_id)?;
        // Another restore may have ended here before the lock was taken.
        check(files.as_ref(), dir, mark)?;
        checked_text::write(files.as_ref(), &dir.join(RESTORING), mark)?;
        let made = |folder: &Path| {
            let made = files.create_dir(folder);
            made.map_err(|error| LogError::io("create", folder, error))
        };
        made(&store.volumes())?;
        made(&store.offset_tables())?;
        Ok(Self { files, journal_file_bytes, store })
    }

    pub(super) fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    /// Begins the journal anew, behind the last frame that is sealed.
    pub(super) fn journal(&self, sealed: Tip) -> Result<RestoredJournal, JournalError> {
        let settings = (self.store.id(), self.journal_file_bytes);
        RestoredJournal::create(self.files, &self.store.journal(), settings, sealed)
    }

    pub(super) fn dir(&self) -> &Path {
        self.store.dir()
    }

    /// Removes volumes that are not among these: one that was cut is in the journal now.
    pub(super) fn remove_others(&self, kept: &Manifest) -> Result<(), LogError> {
        let named = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            kept.volumes().iter().any(|volume| volume.directory == name)
        };
        let (volumes, offsets) = (self.store.volumes(), self.store.offset_tables());
        let remove = || -> io::Result<()> {
            for path in self.files.list(&volumes)?.iter().filter(|path| !named(path)) {
                self.files.remove_dir_all(path)?;
            }
            for path in self.files.list(&offsets)?.iter().filter(|path| !named(path)) {
                self.files.remove(path)?;
            }
            self.files.sync_dir(&volumes)?;
            self.files.sync_dir(&offsets)
        };
        remove().map_err(|error| LogError::io("clean up", self.dir(), error))
    }

    /// Removes what was restored so far, and the mark last: the same restore would never end.
    pub(super) fn abandon(&self) -> Result<(), LogError> {
        let remove = |removed: io::Result<()>| match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let folders = [self.store.journal(), self.store.volumes(), self.store.offset_tables()];
        let mut all = folders.iter().map(|folder| remove(self.files.remove_dir_all(folder)));
        let removed = all.try_for_each(|removed| removed).and_then(|()| {
            self.files.sync_dir(self.dir())?;
            self.files.remove(&self.dir().join(RESTORING))?;
            self.files.sync_dir(self.dir())
        });
        removed.map_err(|error| LogError::io("clean up", self.dir(), error))?;
        self.store.release()
    }

    /// Takes the mark away: `STORE` is there.
    pub(super) fn finish(&self) -> Result<(), LogError> {
        let remove = || {
            self.files.remove(&self.dir().join(RESTORING))?;
            self.files.sync_dir(self.dir())
        };
        remove().map_err(|error| LogError::io("finish", self.dir(), error))?;
        self.store.release()
    }
}
