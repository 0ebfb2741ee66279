//! A target below a prefix of an object store. Each piece is an object.

use std::{
    fmt,
    io::{self, Read},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use object_store::{ObjectStore, path::Path};

use super::{
    address::Address,
    claims::{self, Own, Pace},
    fetched::Fetched,
    prefix::{Found, Prefix},
    upload::Upload,
};
use crate::log::backup::{
    is_piece,
    target::{Claim, ClaimKind, Fill, Target},
};

/// What the names of manifests begin with.
const BACKUPS: &str = "backups/";
/// The names of folders, for which some consoles make empty objects.
const FOLDERS: [&str; 4] = ["backups", "frames", "volumes", "claims"];

/// A target in an object store.
#[derive(Debug)]
pub struct ObjectTarget {
    pub(super) prefix: Arc<Prefix>,
    /// The address, as it was named.
    name: String,
    pub(super) pace: Pace,
    own: Own,
    fetched: Mutex<Fetched>,
}

impl ObjectTarget {
    /// The target at an address, or why there is none. Nothing is read yet.
    pub fn open(address: &str) -> Result<Self, String> {
        let parsed = Address::parse(address)?;
        let store = parsed.store()?;
        Self::new(store, parsed.prefix, address.to_owned()).map_err(|error| error.to_string())
    }

    /// The target below a path of a store.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, root: Path, name: String) -> io::Result<Self> {
        let (prefix, fetched) = (Arc::new(Prefix::new(store, root)?), Mutex::default());
        Ok(Self { prefix, name, pace: Pace::default(), own: Own::default(), fetched })
    }

    fn fetched(&self) -> MutexGuard<'_, Fetched> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first object of which this holds, by name.
    fn first(&self, holds: impl Fn(&Found) -> bool) -> io::Result<Option<String>> {
        let found = self.prefix.list("")?;
        Ok(found.into_iter().filter(|it| holds(it)).map(|it| it.name).min())
    }

    /// Manifests of the same number with other names.
    fn rivals(&self, name: &str) -> io::Result<bool> {
        let number = |name: &str| name.split('-').next().map(ToOwned::to_owned);
        let found = self.prefix.list(BACKUPS)?;
        Ok(found.iter().any(|it| it.name != name && number(&it.name) == number(name)))
    }
}

/// Whether an object is no part of a target: neither a piece, nor a claim, nor what is passed over.
fn is_strange(found: &Found) -> bool {
    let is_hidden = found.name.split('/').any(|part| part.starts_with('.'));
    let is_folder = found.length == 0 && FOLDERS.contains(&found.name.as_str());
    !(is_piece(&found.name) || claims::is_claim(&found.name) || is_hidden || is_folder)
}

impl fmt::Display for ObjectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Target for ObjectTarget {
    fn put(&self, name: &str, fill: Fill<'_>) -> io::Result<()> {
        if name.starts_with(BACKUPS) {
            self.own.check(&self.prefix, self.pace)?;
        }
        self.fetched().forget(name);
        let mut upload = Upload::new(&self.prefix, name);
        if let Err(error) = fill(&mut upload) {
            upload.abort();
            return Err(error);
        }
        upload.finish()
    }

    /// Puts a manifest, and looks for others of its number afterwards: of two processes at least
    /// one sees the other, and takes its own back.
    fn create(&self, name: &str, fill: Fill<'_>) -> io::Result<()> {
        self.own.check(&self.prefix, self.pace)?;
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        if !self.rivals(name)? {
            self.prefix.create(name, &bytes)?;
            if !self.rivals(name)? {
                return Ok(());
            }
            self.prefix.delete(name)?;
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn get(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        match self.fetched().piece(&self.prefix, name)? {
            Some(file) => Ok(Box::new(file)),
            None => Ok(Box::new(self.prefix.get(name)?)),
        }
    }

    fn list(&self, part: &str) -> io::Result<Vec<(String, u64)>> {
        let found = self.prefix.list(part)?.into_iter();
        Ok(found.filter(|it| is_piece(&it.name)).map(|it| (it.name, it.length)).collect())
    }

    fn file(&self, name: &str) -> io::Result<PathBuf> {
        self.fetched().beside_others(&self.prefix, name)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        if !is_piece(name) {
            return Err(io::Error::other("it has no name of a piece"));
        }
        self.own.check(&self.prefix, self.pace)?;
        self.fetched().forget(name);
        self.prefix.delete(name)
    }

    /// A restore and a verification claim nothing: their credentials may permit reading alone. If a
    /// backup removes what they read, they end with the piece that is missing.
    fn claim(&self, kind: ClaimKind) -> io::Result<Claim> {
        match kind {
            ClaimKind::Exclusive => {
                Ok(Claim::held_by(claims::take(&self.prefix, &self.own, self.pace)?))
            }
            ClaimKind::Shared => Ok(Claim::held_by(())),
        }
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn obstacle(&self) -> io::Result<Option<String>> {
        let strange =
            self.first(|it| is_strange(it) || is_piece(&it.name) && it.name != "BACKUP")?;
        Ok(strange.map(|name| {
            format!("it has no object BACKUP, but {name}; choose an empty or a new prefix")
        }))
    }

    fn foreign(&self) -> io::Result<Option<String>> {
        let strange = self.first(is_strange)?;
        Ok(strange.map(|name| {
            format!("it has {name}, an object that no backup has put there; move that out of it")
        }))
    }
}
