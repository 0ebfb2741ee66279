//! Reads values through sled, in bounded memory.
//!
//! An open database keeps whatever was read of it, at worst all of it, whatever its cache is set
//! to. So it is closed and opened again after a number of reads, which takes a few milliseconds.
//! The same is done after a read that failed, because the state of sled is unknown then.

use std::{
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use super::{
    VolumeError, database::Database, folder, folder::FileRecord, key::Key, values::Values,
};
use crate::domain::event::Position;

/// Reads of one opening when they come in order: then each leaf is read once, with 9 values on
/// average, and up to 8 MiB are kept.
pub(super) const READS_IN_ORDER: usize = 2_048;
/// Reads of one opening when they come in any order: each may read another leaf, of about 36 KiB.
const READS_AT_RANDOM: usize = 512;

/// A database that is only read.
#[derive(Debug)]
pub(super) struct ThroughSled {
    dir: PathBuf,
    volume: PathBuf,
    most_reads: usize,
    reads: AtomicUsize,
    /// `None` until it is opened, and when it has to be opened again.
    db: RwLock<Option<Database>>,
    /// Whether the folder is a copy, which goes when it is no longer needed.
    is_copy: bool,
}

impl ThroughSled {
    /// Reads the volume in `dir` itself, which is not sealed yet. It is opened at the first read.
    pub(super) fn of_unsealed(dir: &Path) -> Self {
        Self::new(dir, dir, READS_IN_ORDER)
    }

    /// Reads a copy, in `copy`, of the sealed volume in `dir`. A sealed volume itself is never
    /// opened: where sled meets damage it writes zeros over what lies behind it.
    pub(super) fn of_sealed(
        dir: &Path,
        recorded: &[FileRecord],
        copy: &Path,
    ) -> Result<Self, VolumeError> {
        // From here on the copy is removed when this is dropped.
        let mut made = Self::new(copy, dir, READS_AT_RANDOM);
        made.is_copy = true;
        folder::copy(dir, recorded, copy)?;
        made.open()?;
        Ok(made)
    }

    fn new(dir: &Path, volume: &Path, most_reads: usize) -> Self {
        Self {
            dir: dir.to_owned(),
            volume: volume.to_owned(),
            most_reads,
            reads: AtomicUsize::new(0),
            db: RwLock::new(None),
            is_copy: false,
        }
    }

    /// Closes it; dropping it does the same and swallows errors.
    pub(super) fn close(self) -> Result<(), VolumeError> {
        self.shut()
    }

    fn shut(&self) -> Result<(), VolumeError> {
        // The database must not be opened again before it is closed: sled refuses that while it
        // holds its lock.
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        db.take().map_or(Ok(()), Database::close)
    }

    fn open(&self) -> Result<(), VolumeError> {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // Another reader may have been faster.
        if db.is_none() {
            self.reads.store(0, Ordering::Relaxed);
            *db = Some(Database::open(&self.dir, &self.volume)?);
        }
        Ok(())
    }

    fn read<T>(
        &self,
        read: impl Fn(&Database) -> Result<T, VolumeError>,
    ) -> Result<T, VolumeError> {
        if self.reads.fetch_add(1, Ordering::Relaxed) >= self.most_reads {
            self.shut()?;
        }
        loop {
            let found = {
                let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
                db.as_ref().map(&read)
            };
            match found {
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => {
                    self.shut()?;
                    return Err(error);
                }
                None => self.open()?,
            }
        }
    }
}

impl Values for ThroughSled {
    fn block(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError> {
        // This serves a reader that goes on from block to block.
        if let Some(value) = self.value(Key::Block(position))? {
            return Ok(Some((position, value)));
        }
        // Parts sort behind the block of their event and before the next block, and there is a
        // block at each event that follows one in parts: what lies before is always a block.
        let found = self.read(|db| db.floor(&Key::Block(position).bytes()))?;
        Ok(found.and_then(|(key, value)| match Key::read(&key)? {
            Key::Block(first) => Some((first, value)),
            Key::Part(..) | Key::Page(_) => None,
        }))
    }

    fn value(&self, key: Key) -> Result<Option<Bytes>, VolumeError> {
        self.read(|db| db.get(&key.bytes()))
    }

    fn page(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let found = self.read(|db| db.floor(&Key::Page(position).bytes()))?;
        Ok(found.and_then(page))
    }

    fn page_after(
        &self,
        after: Option<Position>,
    ) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let found = match after {
            None => self.read(|db| db.after(&Key::BEFORE_PAGES)),
            Some(position) => self.read(|db| db.after(&Key::Page(position).bytes())),
        };
        Ok(found?.and_then(page))
    }
}

impl Drop for ThroughSled {
    fn drop(&mut self) {
        let shut = self.shut();
        let removed = if self.is_copy { folder::remove(&self.dir) } else { Ok(()) };
        if let Err(error) = shut.and(removed) {
            tracing::warn!(%error, "a copy of a volume could not be removed");
        }
    }
}

fn page((key, value): (Bytes, Bytes)) -> Option<(Position, Bytes)> {
    match Key::read(&key)? {
        Key::Page(position) => Some((position, value)),
        Key::Block(_) | Key::Part(..) => None,
    }
}
