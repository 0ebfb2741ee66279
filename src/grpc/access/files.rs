//! The files of access: policy and tokens. What does not fit is refused, saying what and where.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::fetch::CA;
use crate::{
    domain::access::{Issuer, KeySource, Keys, Policy, Rights, Tokens},
    grpc::{reloads::Reloaded, tls::for_https},
};

/// Bytes that such a file may have.
const FILE_BYTES: u64 = 4 << 20;
/// What others may not do with tokens: anything.
const OTHERS: u32 = 0o077;
/// What others may not do with a policy: change it.
const OTHERS_WRITE: u32 = 0o022;
/// What the owner of a lock may do with it; others could keep it locked.
const LOCK_MODE: u32 = 0o600;
/// How long a command waits for another one that changes the same file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// What names a file, and what it is of: two settings, and the key of the policy for the keys of an
/// issuer.
const POLICY: Named = ("policy", Reloaded::Policy);
const TOKENS: Named = ("tokens", Reloaded::Tokens);
const JWKS: Named = ("jwks", Reloaded::Keys);
/// The key of the policy for the authorities of an issuer's address.
const AUTHORITIES: Named = (CA, Reloaded::Keys);

type Named = (&'static str, Reloaded);

/// What is wrong with a file of access.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {} {problem}", path.display())]
pub struct AccessError {
    /// The setting that names the file.
    setting: &'static str,
    path: PathBuf,
    problem: String,
    pub(super) of: Reloaded,
}

/// The files that say who may do what; at least one is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFiles {
    /// Identities and grants.
    pub policy: Option<PathBuf>,
    /// Tokens, hashed.
    pub tokens: Option<PathBuf>,
}

/// What was in the files when they were read together.
pub(super) struct Contents {
    policy: Option<String>,
    tokens: Option<String>,
    /// The keys of the issuers that the policy names; absent: they are fetched.
    keys: Vec<Option<String>>,
}

impl AccessFiles {
    /// What the files say. Keys that are fetched are not there.
    pub fn rights(&self) -> Result<Rights, AccessError> {
        self.parsed(&self.read()?)
    }

    pub(super) fn read(&self) -> Result<Contents, AccessError> {
        let policy = |path: &PathBuf| read(POLICY, path, OTHERS_WRITE, "change who may do what");
        let policy = self.policy.as_ref().map(policy).transpose()?;
        let tokens = self.tokens.as_ref().map(|path| read_tokens(path)).transpose()?;
        // A policy that does not parse names no files; it is refused when it is looked at.
        let parsed = policy.as_deref().and_then(|text| Policy::parse(text).ok());
        let issuers = parsed.iter().flat_map(Policy::issuers);
        let keys = issuers.map(|it| match &it.keys {
            KeySource::File(path) => {
                read(JWKS, &self.of_policy(path), OTHERS_WRITE, "add keys").map(Some)
            }
            KeySource::Address(_) | KeySource::Discovery(_) => Ok(None),
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Contents { policy, tokens, keys })
    }

    /// The path of a file that the policy names: from the policy's own folder on.
    fn of_policy(&self, path: &str) -> PathBuf {
        let folder = self.policy.as_deref().and_then(Path::parent);
        folder.unwrap_or(Path::new("")).join(path)
    }

    /// The file with the authorities of an issuer's address.
    pub(super) fn authorities_of(&self, issuer: &Issuer) -> Option<PathBuf> {
        issuer.ca.as_ref().map(|ca| self.of_policy(ca))
    }

    fn keys(&self, policy: &Policy, contents: &Contents) -> Result<Vec<Option<Keys>>, AccessError> {
        let sets = policy.issuers().iter().zip(&contents.keys);
        let parsed = sets.map(|(issuer, text)| match (&issuer.keys, text) {
            (KeySource::File(path), Some(text)) => Keys::parse(text)
                .map(Some)
                .map_err(|error| wrong(JWKS, &self.of_policy(path), &error)),
            // They are read again whenever keys are fetched.
            _ => self.check_authorities(issuer).map(|()| None),
        });
        parsed.collect()
    }

    fn check_authorities(&self, issuer: &Issuer) -> Result<(), AccessError> {
        let Some(path) = self.authorities_of(issuer) else { return Ok(()) };
        let loaded = for_https(CA, Some(&path));
        loaded.map(drop).map_err(|error| wrong(AUTHORITIES, &path, &error))
    }

    pub(super) fn parsed(&self, contents: &Contents) -> Result<Rights, AccessError> {
        let policy = match (&self.policy, &contents.policy) {
            (Some(path), Some(text)) => {
                Policy::parse(text).map_err(|error| wrong(POLICY, path, &error))?
            }
            _ => Policy::default(),
        };
        let tokens = match (&self.tokens, &contents.tokens) {
            (Some(path), Some(text)) => parse_tokens(path, text)?,
            _ => Tokens::default(),
        };
        let keys = self.keys(&policy, contents)?;
        Ok(Rights::new(&policy, tokens, keys))
    }
}

impl Contents {
    /// Differs if either of the files differs.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut all = Sha256::new();
        let named = [&self.policy, &self.tokens].map(|text| text.as_deref().unwrap_or_default());
        let keys = self.keys.iter().map(|text| text.as_deref().unwrap_or_default());
        for text in named.into_iter().chain(keys) {
            let bytes = text.as_bytes();
            all.update((bytes.len() as u64).to_be_bytes());
            all.update(bytes);
        }
        all.finalize().into()
    }
}

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
        parse_tokens(path, &read_tokens(path)?)
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

fn read_tokens(path: &Path) -> Result<String, AccessError> {
    read(TOKENS, path, OTHERS, "read or change the tokens")
}

fn parse_tokens(path: &Path, text: &str) -> Result<Tokens, AccessError> {
    Tokens::parse(text).map_err(|error| wrong(TOKENS, path, &error))
}

/// Reads a file, unless others may do with it what its mode must not permit.
fn read(named: Named, path: &Path, forbidden: u32, harm: &str) -> Result<String, AccessError> {
    let failed = |error: io::Error| problem(named, path, format!("cannot be read: {error}"));
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_file() && mode & forbidden != 0 {
        let mended = 0o700 & mode;
        let problem = format!(
            "has mode {mode:04o}, which lets others than its owner {harm}; \
             `chmod {mended:o} {}` mends that",
            path.display()
        );
        return Err(self::problem(named, path, problem));
    }
    let mut text = String::new();
    let read = file.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > FILE_BYTES {
        return Err(problem(named, path, format!("has more than {FILE_BYTES} bytes")));
    }
    Ok(text)
}

fn wrong(named: Named, path: &Path, error: &dyn std::fmt::Display) -> AccessError {
    problem(named, path, format!("is refused: {error}"))
}

fn problem((setting, of): Named, path: &Path, problem: String) -> AccessError {
    AccessError { setting, path: path.to_owned(), problem, of }
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
