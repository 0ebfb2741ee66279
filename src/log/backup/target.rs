//! The seam to where backups are kept: whole pieces under names, and nothing else.
//!
//! A folder is one implementation; a store of objects is another. So there is no rename, no copy
//! and no order of listings, which stores of objects do not have, or not reliably.

mod directory;

use std::{
    fmt,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

pub use self::directory::DirectoryTarget;
pub(super) use self::directory::around;

/// Where backups are kept. Displayed as its address.
///
/// Names are parts of `[A-Za-z0-9._-]`, joined by slashes.
pub trait Target: Send + Sync + fmt::Debug + fmt::Display {
    /// Puts a piece: all that `fill` writes, durable and under its name once this returns. Before
    /// that, and after an error, what the name stood for is still there.
    fn put(&self, name: &str, fill: Fill<'_>) -> io::Result<()>;

    /// Puts the manifest of a new backup. `AlreadyExists` if another backup has its number: another
    /// process works here in spite of the claim. A place whose claims are locks has no such case.
    fn create(&self, name: &str, fill: Fill<'_>) -> io::Result<()> {
        self.put(name, fill)
    }

    /// The bytes of a piece from its start; `NotFound` if there is none. `InvalidData`, as the end
    /// of a sentence about it, if its name stands for something else than bytes.
    fn get(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Names and lengths of the pieces whose names begin with `prefix`, in any order. The prefix is
    /// empty or ends with a slash. What was not put to its end is not among them.
    fn list(&self, prefix: &str) -> io::Result<Vec<(String, u64)>>;

    /// A file with the bytes of a piece, for reads at any offset. Those whose names begin alike lie
    /// in one folder, under the last parts of their names. A store of objects fetches them first.
    fn file(&self, name: &str) -> io::Result<PathBuf>;

    /// Deletes a piece, durably. Fine if there is none. What has no name of a piece is refused.
    fn delete(&self, name: &str) -> io::Result<()>;

    /// Keeps other processes from writing here (`Exclusive`), or from deleting what is read
    /// (`Shared`), for as long as the claim lives. `WouldBlock`, with what holds it, if another
    /// process has a claim in the way.
    fn claim(&self, kind: ClaimKind) -> io::Result<Claim>;

    /// Bytes that may still be put here; absent: that is not known.
    fn free_bytes(&self) -> io::Result<Option<u64>>;

    /// What keeps this place from being a target that holds nothing yet; absent: nothing does.
    fn obstacle(&self) -> io::Result<Option<String>>;

    /// What lies among backups here and is no piece, or what this place is part of, and what to do;
    /// absent: nothing. Names that begin with a dot are passed over, and `lost+found` is: file
    /// systems and desktops put them anywhere.
    fn foreign(&self) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// The folder that it is, without links; absent: it is none.
    fn folder(&self) -> Option<&Path> {
        None
    }
}

/// Writes a piece into what it is given.
pub type Fill<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// What a process is about to do with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// To put and to delete. What killed processes left half written is removed.
    Exclusive,
    /// To read.
    Shared,
}

/// A claim on a target; it ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Claim(
    #[expect(dead_code, reason = "the claim lives as long as what holds it")]
    Box<dyn fmt::Debug + Send + Sync>,
);

impl Claim {
    /// A claim that ends when this is dropped.
    pub fn held_by(holder: impl fmt::Debug + Send + Sync + 'static) -> Self {
        Self(Box::new(holder))
    }
}
