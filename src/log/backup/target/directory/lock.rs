//! The lock of a target: which process puts and deletes, and what is said of one that is in the
//! way.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::Path,
};

use crate::log::{
    backup::target::ClaimKind,
    files::{Files, Kind},
};

/// The file that is locked.
pub(super) const LOCK: &str = "LOCK";

/// Locks a file. `None`: it is only read here, and there is none.
pub(super) fn lock(files: &dyn Files, path: &Path, kind: ClaimKind) -> io::Result<Option<File>> {
    match files.kind(path) {
        Ok(Kind::File) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(other) => {
            let what = format!("its LOCK is {other}, and no file; remove it");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Err(error) => return Err(error),
    }
    let exclusive = kind == ClaimKind::Exclusive;
    let mut options = OpenOptions::new();
    options.read(true).write(exclusive).create(exclusive).truncate(false);
    let mut file = match options.open(path) {
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
            return Err(io::Error::new(io::ErrorKind::WouldBlock, holder(&file, path, exclusive)));
        }
    }
    Ok(Some(file))
}

/// What has the lock. Only a backup writes its process id there, and it stays when that has ended:
/// it is the holder's only if the lock cannot be shared.
fn holder(file: &File, path: &Path, exclusive: bool) -> String {
    if exclusive && file.try_lock_shared().is_ok() {
        return "a restore or a verification".to_owned();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let id = text.lines().next().unwrap_or_default();
    if !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit()) {
        format!("a backup (process {id})")
    } else {
        "another backup".to_owned()
    }
}
