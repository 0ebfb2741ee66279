//! The file of tokens, as commands read and change it.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::files::{AccessError, TOKENS, parse_tokens, problem, read_tokens, wrong};
use crate::{domain::access::Tokens, grpc::file_access::ReadBy};

/// What the owner of a lock may do with it; others could keep it locked.
const LOCK_MODE: u32 = 0o600;
/// How long a command waits for another one that changes the same file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The file of tokens, as commands change it. It is locked until this is dropped.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    _lock: File,
}

impl TokenFile {
    /// Takes the file for a change; it need not be there yet. Behind a link it is the file that is
    /// changed: the server may know it by another name.
    pub fn open(path: &Path) -> Result<Self, AccessError> {
        let real = fs::canonicalize(path);
        let path = real.as_deref().unwrap_or(path);
        let failed =
            |error: io::Error| problem(TOKENS, path, format!("cannot be changed: {error}"));
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let mut options = File::options();
        let options = options.create(true).truncate(false).write(true).mode(LOCK_MODE);
        let lock = options.open(lock).map_err(failed)?;
        // An account that can read a file can lock it, and would keep tokens from being revoked.
        // What fails here is another's file, which is locked or not as its owner likes.
        let _ = lock.set_permissions(Permissions::from_mode(LOCK_MODE));
        keep_owner(path, &lock);
        locked(&lock, LOCK_TIMEOUT).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The tokens of a file.
    pub fn read(path: &Path) -> Result<Tokens, AccessError> {
        parse_tokens(path, &read_tokens(path, ReadBy::Command)?)
    }

    /// The tokens in it; none if there is no file yet.
    pub fn tokens(&self) -> Result<Tokens, AccessError> {
        match fs::exists(&self.path) {
            Ok(false) => Ok(Tokens::default()),
            Ok(true) | Err(_) => Self::read(&self.path),
        }
    }

    /// Writes the file anew: whole, or not at all. Only its owner may read it.
    pub fn write(&self, tokens: &Tokens) -> Result<(), AccessError> {
        let text = tokens.written().map_err(|error| wrong(TOKENS, &self.path, &error))?;
        let written = || {
            let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
            let folder = folder.unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.as_file().set_permissions(Permissions::from_mode(0o600))?;
            keep_owner(&self.path, file.as_file());
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            File::open(folder)?.sync_all()
        };
        written().map_err(|error: io::Error| {
            problem(TOKENS, &self.path, format!("cannot be written: {error}"))
        })
    }
}

/// Locks a file; an error if another process keeps it locked for so long.
fn locked(file: &File, timeout: Duration) -> io::Result<()> {
    let (waiting, (sender, outcome)) = (file.try_clone()?, mpsc::channel());
    // A lock has no wait with an end. The thread ends with the lock, or with the command.
    thread::spawn(move || sender.send(waiting.lock()));
    outcome.recv_timeout(timeout).unwrap_or_else(|_| {
        let problem = "another process has kept it locked for 10 s; `fuser` on the file with \
                       .lock behind its name finds the process";
        Err(io::Error::new(io::ErrorKind::TimedOut, problem))
    })
}

/// Gives a new file the owner of the one that it replaces: an administrator who changes it must not
/// take it from the server. Where that is not possible, the server says that it cannot read it.
fn keep_owner(replaced: &Path, new: &File) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    if let Ok(before) = fs::metadata(replaced) {
        let _ = fchown(new, Some(before.uid()), Some(before.gid()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_way_of_a_link_changes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (tokens, link) = (dir.path().join("tokens.toml"), dir.path().join("link"));
        let none = Tokens::default();
        TokenFile::open(&tokens).unwrap().write(&none).unwrap();
        std::os::unix::fs::symlink(&tokens, &link).unwrap();
        fs::write(&tokens, "[[token]]").unwrap();
        TokenFile::open(&link).unwrap().write(&none).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&tokens).unwrap(), none.written().unwrap());
    }

    #[test]
    fn no_other_account_can_lock_the_tokens_and_no_command_waits_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let (tokens, lock) = (dir.path().join("tokens.toml"), dir.path().join("tokens.toml.lock"));
        let mode = || fs::metadata(&lock).unwrap().permissions().mode() & 0o7777;
        drop(TokenFile::open(&tokens).unwrap());
        assert_eq!(mode(), LOCK_MODE);
        fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
        let held = TokenFile::open(&tokens).unwrap();
        assert_eq!(mode(), LOCK_MODE, "one that an older version made");

        let other = File::open(&lock).unwrap();
        let error = locked(&other, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        drop(held);
        locked(&other, LOCK_TIMEOUT).unwrap();
    }
}
