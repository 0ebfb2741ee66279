//! The lock of a data directory: one process at a time works there, and names itself in it. The
//! text shows whether the folder is a copy of one that a process had open.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

use crate::log::error::LogError;

/// The file that is locked.
pub(in crate::log) const LOCK: &str = "LOCK";
/// Before the number of the lock's file, in it.
const NUMBER: &str = "inode ";

/// A lock that this process has, until it lets go of it or ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// The text that was found in it.
    before: Vec<u8>,
    copied: bool,
}

impl Lock {
    /// Takes the lock and leaves this process's id in it, for the message of a process that comes
    /// too late, and the number of the file: a copy has another one.
    pub(super) fn take(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(LOCK);
        let failed = |error| LogError::io("lock", &path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(failed)?;
        lock(&file, dir)?;
        let number = file.metadata().map_err(failed)?.ino().to_string();
        // Whatever its bytes are, nothing of the record follows from them.
        let before = fs::read(&path).map_err(failed)?;
        let text = String::from_utf8_lossy(&before);
        let named = text.lines().find_map(|line| line.strip_prefix(NUMBER));
        let is_other = named.is_some_and(|named| *named != number);
        let copied = is_other && !planted!("copy-unnoticed");
        // Until it is found to be whole it stays a copy, whatever ends the process.
        name_holder(&file, named.unwrap_or(&number)).map_err(failed)?;
        Ok(Self { file, before, copied })
    }

    /// Locks a folder that is only looked at, and leaves the text as it is. `None`: there is no
    /// file to lock.
    pub(super) fn look(dir: &Path) -> Result<Option<File>, LogError> {
        let path = dir.join(LOCK);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| LogError::io("open", &path, error))?,
        };
        lock(&file, dir)?;
        Ok(Some(file))
    }

    /// Whether the folder was copied while a process had it open, or after that was killed.
    pub(super) fn is_copy(&self) -> bool {
        self.copied
    }

    /// Takes a copy for what it is.
    pub(super) fn accept(&self) -> io::Result<()> {
        if self.copied {
            name_holder(&self.file, &self.file.metadata()?.ino().to_string())?;
        }
        Ok(())
    }

    /// Lets go: from now on a copy of the folder is whole.
    pub(super) fn release(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.unlock()
    }

    /// Lets go, with the text that was found.
    pub(super) fn leave(&self) -> io::Result<()> {
        self.file.write_all_at(&self.before, 0)?;
        self.file.set_len(self.before.len() as u64)?;
        self.file.unlock()
    }
}

fn lock(file: &File, dir: &Path) -> Result<(), LogError> {
    let path = dir.join(LOCK);
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let holder = text.lines().next().unwrap_or_default().to_owned();
            Err(LogError::Locked { path: dir.to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => Err(LogError::io("lock", &path, error)),
    }
}

/// Writes into the lock's file which process has it, and the file's number.
fn name_holder(file: &File, number: &str) -> io::Result<()> {
    let text = format!("{}\n{NUMBER}{number}\n", std::process::id());
    file.write_all_at(text.as_bytes(), 0)?;
    file.set_len(text.len() as u64)
}
