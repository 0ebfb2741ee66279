//! sled, and the only room that says its name: every call is fenced against panics.
//!
//! sled 0.34.7 panics where it meets bytes that it does not expect, at open as well as at reads,
//! so each call runs under `catch_unwind` and what it throws becomes a [`VolumeError`].

use std::{
    fs::{File, TryLockError},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use bytes::Bytes;

use super::VolumeError;

/// Small, and yet a leaf of 17 values of 4 KiB stays far under a quarter of it: larger ones would
/// go to files of their own.
const SEGMENT_BYTES: usize = 512 << 10;
/// sled does not keep to it: see [`super::through_sled`].
const CACHE_BYTES: u64 = 8 << 20;
/// The file that sled locks while a database is open.
pub const FILE: &str = "db";
/// How often, and after what pause, a lock that sled has not let go yet is tried again.
const LOCK_ATTEMPTS: usize = 5_000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// One sled database.
#[derive(Debug)]
pub(super) struct Database {
    dir: PathBuf,
    /// The volume that is named when something is wrong.
    volume: PathBuf,
    db: Option<sled::Db>,
}

impl Database {
    /// Opens the database in `dir`, making an empty one if there is none. `volume` is the folder
    /// that errors name: the same, or the one of which this is a copy.
    pub(super) fn open(dir: &Path, volume: &Path) -> Result<Self, VolumeError> {
        let open = || {
            sled::Config::new()
                .path(dir)
                .segment_size(SEGMENT_BYTES)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(None)
                .use_compression(false)
                .open()
        };
        let db = fenced(open).map_err(|fault| fault.on(volume, "open"))?;
        Ok(Self { dir: dir.to_owned(), volume: volume.to_owned(), db: Some(db) })
    }

    /// Stores a value.
    pub(super) fn insert(&self, key: &[u8], value: Vec<u8>) -> Result<(), VolumeError> {
        self.call("insert", |db| db.insert(key, value).map(drop))
    }

    /// The value under `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, VolumeError> {
        Ok(self.call("read", |db| db.get(key))?.map(Bytes::from_owner))
    }

    /// The greatest key that is at most `key`, and its value.
    pub(super) fn floor(&self, key: &[u8]) -> Result<Option<(Bytes, Bytes)>, VolumeError> {
        let found = self.call("read", |db| db.range(..=key).next_back().transpose())?;
        Ok(found.map(|(key, value)| (Bytes::from_owner(key), Bytes::from_owner(value))))
    }

    /// The smallest key that is greater than `key`, and its value.
    pub(super) fn after(&self, key: &[u8]) -> Result<Option<(Bytes, Bytes)>, VolumeError> {
        let found = self.call("read", |db| db.get_gt(key))?;
        Ok(found.map(|(key, value)| (Bytes::from_owner(key), Bytes::from_owner(value))))
    }

    /// Hands everything to the operating system. That is all that sled's flush does on Linux: it
    /// is no fsync, which [`super::builder`] does by itself.
    pub(super) fn flush(&self) -> Result<(), VolumeError> {
        self.call("flush", |db| db.flush().map(drop))
    }

    /// Closes it and waits until sled has left its files; dropping it does not wait, and swallows
    /// a panic.
    pub(super) fn close(mut self) -> Result<(), VolumeError> {
        // Also where sled panics: it may be opened again all the same.
        let released = self.release();
        released.and(self.wait_until_let_go())
    }

    fn release(&mut self) -> Result<(), VolumeError> {
        let db = self.db.take();
        fenced(|| {
            drop(db);
            Ok(())
        })
        .map_err(|fault| fault.on(&self.volume, "close"))
    }

    /// Waits until the database's lock is free. The threads of sled go on for a moment after the
    /// database is dropped, and its files may change until the lock is free.
    fn wait_until_let_go(&self) -> Result<(), VolumeError> {
        let failed = |error| VolumeError::io(&self.volume, "wait for the lock of", error);
        let file = match File::open(self.dir.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(failed)?,
        };
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Ok(()) => return Ok(()),
            }
        }
        Err(VolumeError::damaged(&self.volume, None, "sled does not let go of its lock"))
    }

    fn call<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, VolumeError> {
        let db = self.db.as_ref().expect("only close and drop take the database out");
        fenced(|| work(db)).map_err(|fault| fault.on(&self.volume, action))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::warn!(%error, "sled failed while it was closed");
        }
    }
}

/// What went wrong inside sled.
enum SledFault {
    Sled(sled::Error),
    Panic(String),
}

impl SledFault {
    fn on(self, dir: &Path, action: &'static str) -> VolumeError {
        match self {
            // What sled knows lies behind the end of its file, which is shorter than it was.
            Self::Sled(sled::Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                VolumeError::damaged(dir, None, format!("sled failed to {action} it: {error}"))
            }
            Self::Sled(sled::Error::Io(error)) => VolumeError::io(dir, action, error),
            Self::Sled(error) => {
                VolumeError::damaged(dir, None, format!("sled failed to {action} it: {error}"))
            }
            Self::Panic(text) => {
                VolumeError::damaged(dir, None, format!("sled panicked in {action}: {text}"))
            }
        }
    }
}

fn fenced<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, SledFault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(SledFault::Sled),
        Err(payload) => {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied());
            Err(SledFault::Panic(text.unwrap_or("without a message").to_owned()))
        }
    }
}
