//! A target in a folder: each piece is a file, written beside its name and renamed when durable.

mod contents;
mod lock;

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use self::{contents::IGNORED, lock::LOCK};
use super::{Claim, ClaimKind, Fill, Target};
use crate::log::{
    backup::{
        BackupError, shape,
        streams::{self, Reading},
    },
    files::{Files, Kind, RealFiles, folder_of, resolved},
    store,
};

/// The file by which a folder is known for a target, and what it begins with.
const TITLE: (&str, &[u8]) = ("BACKUP", b"handover backup\n");

/// A target in a folder.
#[derive(Clone, Debug)]
pub struct DirectoryTarget {
    files: Arc<dyn Files>,
    /// Without links, so that it cannot come to mean another folder.
    dir: PathBuf,
    /// As it was named.
    name: PathBuf,
    /// Absent in tests whose files are in memory.
    locks: bool,
}

impl DirectoryTarget {
    /// The target in this folder, which need not exist yet. Refuses a path that leads nowhere, or
    /// to something else than a folder.
    pub fn open(dir: &Path) -> Result<Self, BackupError> {
        let unfit = |what: String| BackupError::Unfit { place: dir.display().to_string(), what };
        let real = resolved(dir).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidInput {
                return unfit(error.to_string());
            }
            BackupError::target(&dir.display(), "look at", "", error)
        })?;
        if real.exists() && !real.is_dir() {
            return Err(unfit("it is a file; choose a folder".to_owned()));
        }
        Ok(Self { files: Arc::new(RealFiles), dir: real, name: dir.to_owned(), locks: true })
    }

    /// The same for tests, whose folders are no links.
    #[cfg(test)]
    pub(crate) fn new(dir: &Path) -> Self {
        Self::open(dir).expect("a folder, or nothing yet")
    }

    /// The same on other files, without a lock.
    #[cfg(test)]
    pub(crate) fn on(files: Arc<dyn Files>, dir: &Path) -> Self {
        Self { files, dir: dir.to_owned(), name: dir.to_owned(), locks: false }
    }

    /// The path of a piece, of which no part is a link.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        contents::piece(&*self.files, &self.dir, name)
    }

    /// Makes a folder and those above it, durably.
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        if self.files.list(dir).is_ok() {
            return Ok(());
        }
        let parent = folder_of(dir);
        if parent != dir && parent != Path::new(".") {
            self.make_dir(parent)?;
        }
        self.files.create_dir(dir)?;
        self.files.sync_dir(parent)
    }

    /// Removes what killed processes left half written.
    fn sweep(&self) -> io::Result<()> {
        contents::walk(&*self.files, &self.dir, "", &mut |name, path, kind| {
            let is_ours = shape::is_unfinished(name)
                || name.ends_with(shape::UNFINISHED) && planted!("foreign-swept");
            if kind == Kind::File && is_ours { self.files.remove(path) } else { Ok(()) }
        })
    }

    /// Refuses a folder that has become another one since it was named.
    fn check_same(&self) -> io::Result<()> {
        if self.locks && fs::canonicalize(&self.dir)? != self.dir {
            return Err(io::Error::other("it became a link to another folder"));
        }
        Ok(())
    }

    /// What data directory it is, or is part of.
    fn store_around(&self) -> Option<String> {
        let store = store::around(&self.dir)?;
        let what = if store == self.dir {
            "it is a data directory".to_owned()
        } else {
            format!("it lies within the data directory {}", store.display())
        };
        Some(format!("{what}, and a backup must outlive that; choose a folder on another disk"))
    }
}

impl fmt::Display for DirectoryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.display().fmt(f)
    }
}

impl Target for DirectoryTarget {
    fn put(&self, name: &str, fill: Fill<'_>) -> io::Result<()> {
        let path = self.path(name)?;
        let unfinished = self.path(&format!("{name}{}", shape::UNFINISHED))?;
        self.make_dir(folder_of(&path))?;
        let written = streams::write(&*self.files, &unfinished, fill);
        if let Err(error) = written {
            // It may take the room that is short. What cannot be removed goes with the next claim.
            let _ = self.files.remove(&unfinished);
            return Err(error);
        }
        self.files.rename(&unfinished, &path)?;
        self.files.sync_dir(folder_of(&path))
    }

    fn get(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let handle = self.files.open_to_read(&self.path(name)?)?;
        let length = handle.len()?;
        Ok(Box::new(Reading::new(handle, length)))
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        let part = prefix.trim_end_matches('/');
        contents::walk(&*self.files, &self.dir, part, &mut |name, path, kind| {
            if kind == Kind::File && (shape::is_piece(name) || planted!("foreign-swept")) {
                found.push((name.to_owned(), self.files.length(path)?));
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn file(&self, name: &str) -> io::Result<PathBuf> {
        self.path(name)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        if !shape::is_piece(name) && !planted!("foreign-swept") {
            return Err(io::Error::other("it has no name of a piece"));
        }
        let path = self.path(name)?;
        match self.files.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| self.files.sync_dir(folder_of(&path))),
        }
    }

    fn claim(&self, kind: ClaimKind) -> io::Result<Claim> {
        if kind == ClaimKind::Exclusive {
            self.make_dir(&self.dir)?;
            self.check_same()?;
        }
        let locks = self.locks && !planted!("backup-unclaimed");
        let lock = if locks { lock::lock(&*self.files, &self.dir.join(LOCK), kind)? } else { None };
        if kind == ClaimKind::Exclusive {
            self.sweep()?;
        }
        Ok(Claim::held_by(lock))
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        match self.files.free_bytes(&self.dir) {
            // It is made on a file system that nothing is known of yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            free => free.map(Some),
        }
    }

    fn obstacle(&self) -> io::Result<Option<String>> {
        if let Some(what) = self.store_around() {
            return Ok(Some(what));
        }
        let listed = match self.files.list(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            listed => listed?,
        };
        let ours = |path: &&PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            ![LOCK, IGNORED, "BACKUP.new"].contains(&name)
        };
        let strange = listed.iter().find(ours);
        Ok(strange.map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("it has no BACKUP file, but {name}; choose an empty or a new folder")
        }))
    }

    fn foreign(&self) -> io::Result<Option<String>> {
        if let Some(what) = self.store_around() {
            return Ok(Some(what));
        }
        contents::foreign(&*self.files, &self.dir)
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.dir)
    }
}

/// The target that a folder is, or lies in; absent: none. To be called without links in the path.
pub(in crate::log::backup) fn around(dir: &Path) -> Option<&Path> {
    let (name, begins) = TITLE;
    dir.ancestors().find(|dir| {
        let path = dir.join(name);
        // A pipe would have to be waited for.
        let is_file = RealFiles.kind(&path).is_ok_and(|kind| kind == Kind::File);
        is_file && fs::read(path).is_ok_and(|text| text.starts_with(begins))
    })
}
