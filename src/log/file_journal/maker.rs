//! Makes the journal's files: ahead of need, or at once where an append needs one now.
//!
//! A file is written with zeros and synced, which takes as long as hundreds of appends. So one is
//! made on a thread of its own when the file in use is half full and none is free.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    header,
    listing::{self, Listing},
    segment::{Pace, Segment},
};
use crate::log::{files::Files, journal::JournalError};

/// Makes and lists files; see the module.
#[derive(Debug)]
pub(super) struct FileMaker {
    files: Arc<dyn Files>,
    dir: PathBuf,
    /// Size of a file, in bytes.
    file_bytes: u64,
    made: Mutex<MadeFiles>,
    /// Bytes of all files.
    total: AtomicU64,
}

/// The files there are; locked while one is made, so that the list has each.
#[derive(Debug)]
pub(super) struct MadeFiles {
    next_number: u64,
    /// The files that may hold frames.
    listed: Listing,
}

impl FileMaker {
    /// Goes on where files with these numbers and lengths are.
    pub(super) fn new(
        files: Arc<dyn Files>,
        dir: PathBuf,
        file_bytes: u64,
        (next_number, listed): (u64, Listing),
    ) -> Self {
        let total = AtomicU64::new(listed.values().sum());
        Self { files, dir, file_bytes, made: Mutex::new(MadeFiles { next_number, listed }), total }
    }

    /// Bytes of all files, without waiting for one that is being made.
    pub(super) fn total_bytes(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// The right to make a file: waits for one that is being made. What is missing is to be looked
    /// for again after that.
    pub(super) fn lock(&self) -> Result<MutexGuard<'_, MadeFiles>, JournalError> {
        self.made.lock().map_err(|_| JournalError::panicked(&self.dir))
    }

    /// Makes a file of zeros, of the usual size or for a frame with a body of `length` bytes, and
    /// lists it: a frame in a file that is not listed could be cut off unnoticed.
    pub(super) fn make(
        &self,
        made: &mut MadeFiles,
        length: u64,
        pace: Pace,
    ) -> Result<Arc<Segment>, JournalError> {
        let size = self.file_bytes.max(header::footprint(length).unwrap_or(u64::MAX));
        let segment = Segment::create(&*self.files, &self.dir, made.next_number, size, pace)?;
        let mut listed = made.listed.clone();
        listed.insert(segment.number, segment.on_disk);
        if !planted!("file-unlisted") {
            listing::write(&*self.files, &self.dir, &listed)?;
        }
        self.total.fetch_add(segment.on_disk, Relaxed);
        made.listed = listed;
        made.next_number += 1;
        Ok(Arc::new(segment))
    }
}
