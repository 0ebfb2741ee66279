//! Durability: frames, the journal, volumes in sled, and the index. Synchronous.
//!
//! [`Log`] joins them. An append goes to the journal; when it is durable there, the journal puts it
//! into the tail, and the feeder takes it to the index and into a volume. A read looks into the
//! tail, the sealed volumes and the journal, in this order.

mod advice;
pub mod backup;
mod checked_text;
#[cfg(test)]
pub(crate) mod contract;
pub mod encoded_events;
pub mod ends;
pub mod error;
pub mod feeder;
mod fetch;
pub mod file_journal;
pub mod files;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod frame;
#[cfg(test)]
pub(crate) mod gate;
pub mod history;
pub mod index;
pub mod journal;
pub mod journals;
pub mod manifest;
#[cfg(test)]
pub(crate) mod memory_journal;
mod open;
#[cfg(test)]
pub(crate) mod recorder;
pub mod store;
pub mod tail;
#[cfg(test)]
mod tests;
pub mod usage;
pub mod verification;
pub mod volume;
pub mod volumes;
#[cfg(test)]
pub(crate) mod waiting;

use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use self::{
    backup::local::LocalSource,
    feeder::Feeder,
    fetch::Fetcher,
    frame::{AppendEntry, NewFrame, Tip},
    index::{Blocking, Index},
    journal::{Acknowledgement, Journal},
    store::Store,
    usage::LogUsage,
};
pub use self::{
    encoded_events::EncodedEvents,
    error::LogError,
    feeder::{Follower, Hooks, give_way},
    store::{HISTORY_SEPARATOR, name_in},
    volumes::ScrubSettings,
};
use crate::domain::{
    digest,
    event::{Micros, Position, RequestId},
    history::History,
};

/// Sizes of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Bytes of one journal file.
    pub journal_file_bytes: u64,
    /// Bytes of events after which a volume is sealed.
    pub volume_bytes: u64,
    /// Number of events after which a volume is sealed.
    pub volume_events: u64,
    /// Volumes that may be open through sled at the same time, which is only done where reading
    /// them at their offsets fails. Each takes some tens of MiB, and a copy of the volume on disk.
    pub open_volumes: usize,
    /// Bytes of offset tables that are kept in memory: 256 KiB for a volume of 64 MiB.
    pub offset_table_bytes: usize,
    /// Volumes with open files, to be read at their offsets, each with one descriptor.
    pub open_files: usize,
    /// How sealed volumes are read through to find damage; absent: they are not.
    pub scrub: Option<ScrubSettings>,
    /// Bytes of the newest frames that are kept in memory.
    pub tail_bytes: usize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            journal_file_bytes: 32 << 20,
            volume_bytes: 64 << 20,
            volume_events: 200_000,
            open_volumes: 2,
            offset_table_bytes: 16 << 20,
            open_files: 128,
            scrub: Some(ScrubSettings::default()),
            tail_bytes: 16 << 20,
        }
    }
}

/// An open log.
#[derive(Debug)]
pub struct Log {
    /// Dropped first: its threads use the rest.
    feeder: Mutex<Option<Feeder>>,
    journal: Arc<dyn Journal>,
    index: Arc<Index>,
    fetcher: Fetcher,
    store: Store,
    history: History,
}

impl Log {
    /// The last durable frame.
    pub fn tip(&self) -> Result<Tip, LogError> {
        Ok(self.journal.tip()?)
    }

    /// Bytes of frames that are in no sealed volume yet: the journal keeps them, and each is still
    /// to be written once more.
    pub fn unsealed_bytes(&self) -> u64 {
        self.journal.unreleased_bytes()
    }

    /// Makes sure that the journal has a place for the next frame; may be tried again.
    pub fn reserve(&self) -> Result<(), LogError> {
        Ok(self.journal.reserve()?)
    }

    /// Appends a frame right after the tip that it is chained to. Once it is acknowledged, it can
    /// be read.
    pub fn append(&self, frame: NewFrame) -> Acknowledgement {
        self.journal.append(frame)
    }

    /// The events from `from` to at most `up_to`, rising, up to about `max_bytes`; at least one,
    /// so the head must have reached `from`. What comes after `last` is for the next call.
    pub fn page(
        &self,
        from: Position,
        up_to: Position,
        max_bytes: usize,
    ) -> Result<EncodedEvents, LogError> {
        self.fetcher.page(from, up_to, max_bytes)
    }

    /// The events from `from` down to at least `down_to`, falling, up to about `max_bytes`; at
    /// least one.
    pub fn page_back(
        &self,
        from: Position,
        down_to: Position,
        max_bytes: usize,
    ) -> Result<EncodedEvents, LogError> {
        let run = self.fetcher.page_back(from, down_to, max_bytes)?;
        run.ok_or(LogError::OutOfRange { position: from, last: down_to })
    }

    /// The events at these positions, in this order (rising or falling: neighbours are cheap), up
    /// to about `max_bytes`; at least one. `None` if no positions are given.
    pub fn events_at(
        &self,
        positions: &[Position],
        max_bytes: usize,
    ) -> Result<Option<EncodedEvents>, LogError> {
        self.fetcher.events_at(positions, max_bytes)
    }

    /// The same, if all of it is in memory, this process's or the operating system's; `None`: not
    /// all is, or something is wrong. The disk is not read, so a task may call it.
    pub fn resident(&self, positions: &[Position], max_bytes: usize) -> Option<EncodedEvents> {
        self.fetcher.resident(positions, max_bytes)
    }

    /// The append with this request id that begins at `position`, as the index tells; `None` if
    /// another one begins there.
    pub fn append_at(
        &self,
        position: Position,
        id: &RequestId,
        blocking: Blocking,
    ) -> Result<Option<AppendEntry>, LogError> {
        let entry = self.fetcher.append_at(position, blocking)?;
        Ok(entry.filter(|entry| entry.request_id == *id))
    }

    /// When the event at `position` was recorded, as it says itself.
    pub fn recorded_at(&self, position: Position) -> Result<Micros, LogError> {
        self.fetcher.recorded_at(position)
    }

    /// The store's id, drawn when it was made.
    pub fn store_id(&self) -> [u8; 16] {
        self.store.id()
    }

    /// The restores that led to this log.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A key that only this store has, one for each purpose: it outlives restarts, and says nothing
    /// about the id that it is made from.
    pub fn key_for(&self, purpose: &str) -> [u8; 16] {
        let hash = Sha256::new().chain_update(purpose).chain_update(self.store_id());
        digest::shortened(hash)
    }

    /// What the log takes of disk and memory, and how long its steps took. It reads no disk.
    pub fn usage(&self) -> LogUsage {
        LogUsage {
            journal: self.journal.usage(),
            tail: self.fetcher.frames.tail.usage(),
            volumes: self.fetcher.volumes.usage(),
            index: self.index.usage(),
        }
    }

    /// What a backup reads of it while it goes on.
    pub fn backup_source(&self) -> LocalSource {
        LocalSource {
            fetcher: self.fetcher.clone(),
            offset_tables: self.store.offset_tables(),
            store_id: self.store_id(),
            history: self.history.clone(),
        }
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Stops the feeder, marks the journal as cleanly stopped and releases the lock. Appends must
    /// have been answered. Dropping a log does the same without the mark, as a crash would.
    pub fn close(&self) -> Result<(), LogError> {
        let feeder = self.feeder.lock().map(|mut feeder| feeder.take());
        drop(feeder);
        let closed = self.journal.close();
        self.store.release()?;
        Ok(closed?)
    }
}
