//! A target in a folder: each piece is a file, written beside its name and renamed when durable.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Claim, ClaimKind, Fill, Target};
use crate::log::{
    backup::streams::{self, Reading},
    files::{Files, RealFiles, folder_of},
    store,
};

const LOCK: &str = "LOCK";
/// What the name of a piece ends with until all of it is durable.
const UNFINISHED: &str = "new";
/// What may lie in a folder that is a file system of its own, and is no reason to refuse it.
const IGNORED: &str = "lost+found";

/// A target in a folder.
#[derive(Clone, Debug)]
pub struct DirectoryTarget {
    files: Arc<dyn Files>,
    dir: PathBuf,
    /// Absent in tests whose files are in memory.
    locks: bool,
}

impl DirectoryTarget {
    /// The target in this folder, which need not exist yet.
    pub fn new(dir: &Path) -> Self {
        Self { files: Arc::new(RealFiles), dir: dir.to_owned(), locks: true }
    }

    /// The same on other files, without a lock.
    #[cfg(test)]
    pub(crate) fn on(files: Arc<dyn Files>, dir: &Path) -> Self {
        Self { files, dir: dir.to_owned(), locks: false }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
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

    /// Every file below a folder, except what was not written to its end.
    fn walk(&self, dir: &Path, found: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
        let paths = match self.files.list(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        for path in paths {
            if path.file_name().is_some_and(|name| name == IGNORED) {
                continue;
            }
            match self.files.list(&path) {
                Ok(_) => self.walk(&path, found)?,
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => found(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what killed processes left half written.
    fn sweep(&self) -> io::Result<()> {
        self.walk(&self.dir, &mut |path| {
            if is_unfinished(path) { self.files.remove(path) } else { Ok(()) }
        })
    }

    fn lock(&self, kind: ClaimKind) -> io::Result<Option<File>> {
        let path = self.path(LOCK);
        let exclusive = kind == ClaimKind::Exclusive;
        let mut options = OpenOptions::new();
        options.read(true).write(exclusive).create(exclusive).truncate(false);
        let mut file = match options.open(&path) {
            // No backup was made here since the folder was copied: there is nothing to keep away.
            Err(error) if !exclusive && error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let locked = if exclusive { file.try_lock() } else { file.try_lock_shared() };
        match locked {
            Ok(()) if exclusive => {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
            }
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let process = fs::read_to_string(&path).unwrap_or_default();
                let holder = match process.trim() {
                    "" => "another process".to_owned(),
                    id => format!("a backup (process {id}) or a restore"),
                };
                return Err(io::Error::new(io::ErrorKind::WouldBlock, holder));
            }
        }
        Ok(Some(file))
    }
}

impl fmt::Display for DirectoryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dir.display().fmt(f)
    }
}

impl Target for DirectoryTarget {
    fn put(&self, name: &str, fill: Fill<'_>) -> io::Result<()> {
        let path = self.path(name);
        let unfinished = self.path(&format!("{name}.{UNFINISHED}"));
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
        let handle = self.files.open_to_read(&self.path(name))?;
        let length = handle.len()?;
        Ok(Box::new(Reading::new(handle, length)))
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        self.walk(&self.path(prefix), &mut |path| {
            let name = path.strip_prefix(&self.dir).ok().and_then(Path::to_str);
            if let Some(name) = name.filter(|name| *name != LOCK && !is_unfinished(path)) {
                found.push((name.to_owned(), self.files.open_to_read(path)?.len()?));
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn file(&self, name: &str) -> io::Result<PathBuf> {
        Ok(self.path(name))
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        match self.files.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| self.files.sync_dir(folder_of(&path))),
        }
    }

    fn claim(&self, kind: ClaimKind) -> io::Result<Claim> {
        if kind == ClaimKind::Exclusive {
            self.make_dir(&self.dir)?;
        }
        let locks = self.locks && !planted!("backup-unclaimed");
        let lock = if locks { self.lock(kind)? } else { None };
        if kind == ClaimKind::Exclusive {
            self.sweep()?;
        }
        Ok(Claim(lock))
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        match self.files.free_bytes(&self.dir) {
            // It is made on a file system that nothing is known of yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            free => free.map(Some),
        }
    }

    fn obstacle(&self) -> io::Result<Option<String>> {
        if let Some(store) = store::around(&self.dir) {
            let what = if store == self.dir {
                "it is a data directory".to_owned()
            } else {
                format!("it lies within the data directory {}", store.display())
            };
            return Ok(Some(format!(
                "{what}, and a backup must outlive that; choose a folder on another disk"
            )));
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
}

fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == UNFINISHED)
}
