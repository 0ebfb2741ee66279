//! The database pool: the one way to read a sealed volume through sled.
//!
//! A bounded number of databases is open at a time. A reader waits while all are in use. A database
//! without a reader for a while is closed.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::log::{
    usage::Used,
    volume::{Marker, SealedVolume, SledVolume, VolumeError},
};

/// How long a database stays open without a reader.
const IDLE: Duration = Duration::from_secs(10);

/// Lends open databases.
#[derive(Debug)]
pub(super) struct DatabasePool {
    volumes: PathBuf,
    marker: Marker,
    most: usize,
    slots: Mutex<Vec<Slot>>,
    changed: Condvar,
}

/// A database that is open, or that is being opened or closed: that counts as well.
#[derive(Debug)]
struct Slot {
    directory: String,
    /// `None` while it is being opened or closed.
    sled: Option<Arc<SledVolume>>,
    users: usize,
    used: Instant,
}

impl DatabasePool {
    /// Lends up to `most` databases of the volumes in a folder at a time.
    pub(super) fn new(volumes: &Path, marker: Marker, most: usize) -> Self {
        let (volumes, slots) = (volumes.to_owned(), Mutex::default());
        Self { volumes, marker, most, slots, changed: Condvar::new() }
    }

    /// Uses a volume through sled, opening it if it is not open. Must not be called again from
    /// within `work`, which would wait for itself.
    pub(super) fn with<T>(
        &self,
        volume: &SealedVolume,
        work: impl FnOnce(&SledVolume) -> Result<T, VolumeError>,
    ) -> Result<T, VolumeError> {
        let sled = self.borrow(volume)?;
        let result = work(&sled);
        drop(sled);
        let mut slots = self.lock();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.directory == volume.directory) {
            slot.users -= 1;
            slot.used = Instant::now();
        }
        self.changed.notify_all();
        result
    }

    /// The databases that are open, or are being opened or closed.
    pub(super) fn usage(&self) -> Used {
        Used::of(self.lock().len(), self.most)
    }

    /// Closes the databases that had no reader for a while.
    pub(super) fn sweep(&self, now: Instant) {
        let idle = |slot: &Slot| now.saturating_duration_since(slot.used) >= IDLE;
        loop {
            let closing = take_unused(&mut self.lock(), idle);
            let Some(closing) = closing else { return };
            self.close(closing);
        }
    }

    fn borrow(&self, volume: &SealedVolume) -> Result<Arc<SledVolume>, VolumeError> {
        let mut slots = self.lock();
        loop {
            let open = slots.iter_mut().find(|slot| slot.directory == volume.directory);
            if let Some(slot) = open {
                if let Some(sled) = &slot.sled {
                    slot.users += 1;
                    return Ok(Arc::clone(sled));
                }
            } else if slots.len() < self.most {
                return self.open(slots, volume);
            } else if let Some(closing) = take_unused(&mut slots, |_| true) {
                drop(slots);
                self.close(closing);
                slots = self.lock();
                continue;
            }
            slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(
        &self,
        mut slots: MutexGuard<'_, Vec<Slot>>,
        volume: &SealedVolume,
    ) -> Result<Arc<SledVolume>, VolumeError> {
        let directory = volume.directory.clone();
        slots.push(Slot { directory, sled: None, users: 1, used: Instant::now() });
        drop(slots);
        let opened = volume.through_sled(&self.volumes, self.marker).map(Arc::new);
        let mut slots = self.lock();
        match &opened {
            Ok(sled) => {
                let slot = slots.iter_mut().find(|slot| slot.directory == volume.directory);
                if let Some(slot) = slot {
                    slot.sled = Some(Arc::clone(sled));
                }
            }
            Err(_) => slots.retain(|slot| slot.directory != volume.directory),
        }
        self.changed.notify_all();
        opened
    }

    /// Closes a database, and only then gives its slot free.
    fn close(&self, (directory, sled): (String, Arc<SledVolume>)) {
        drop(sled);
        self.lock().retain(|slot| slot.directory != directory);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the database that was used longest ago out of its slot, of the unused ones that `may`
/// names. The slot stays until the database is closed.
fn take_unused(
    slots: &mut [Slot],
    may: impl Fn(&Slot) -> bool,
) -> Option<(String, Arc<SledVolume>)> {
    let unused = slots.iter_mut().filter(|slot| slot.users == 0 && may(slot));
    let slot = unused.filter(|slot| slot.sled.is_some()).min_by_key(|slot| slot.used)?;
    Some((slot.directory.clone(), slot.sled.take()?))
}
