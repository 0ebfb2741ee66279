//! Backups: what the log has, read on the blocking pool, a piece at a time.

use std::{
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::log::backup::{
    BackupError,
    local::LocalSource,
    source::{Snapshot, Wanted},
};

/// Bytes of one read.
const CHUNK: usize = 512 << 10;
/// Pieces that are open at a time: each takes a thread while it is read, and memory for a chunk.
const OPEN_PIECES: usize = 8;

/// Reads what a backup needs.
#[derive(Clone, Debug)]
pub struct BackupReader {
    source: LocalSource,
    permits: Arc<Semaphore>,
    stopping: CancellationToken,
}

/// A piece that is being read.
pub struct PieceReader {
    from: Arc<Mutex<Box<dyn Read + Send>>>,
    stopping: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl std::fmt::Debug for PieceReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PieceReader").finish_non_exhaustive()
    }
}

impl BackupReader {
    pub(super) fn new(source: LocalSource, stopping: CancellationToken) -> Self {
        Self { source, permits: Arc::new(Semaphore::new(OPEN_PIECES)), stopping }
    }

    /// The record as it is now, without the volumes up to a position.
    pub async fn snapshot(&self, after: u64, most: usize) -> Result<Snapshot, BackupError> {
        let source = self.source.clone();
        blocking(move || source.snapshot_of(after, most)).await
    }

    /// Opens a piece behind so many bytes.
    pub async fn open(&self, wanted: Wanted, offset: u64) -> Result<PieceReader, BackupError> {
        let permit = tokio::select! {
            permit = Arc::clone(&self.permits).acquire_owned() => permit,
            () = self.stopping.cancelled() => return Err(BackupError::Stopping),
        };
        let permit = permit.map_err(|_| BackupError::Stopping)?;
        let source = self.source.clone();
        let from = blocking(move || source.read(&wanted, offset)).await?;
        let (from, stopping) = (Arc::new(Mutex::new(from)), self.stopping.clone());
        Ok(PieceReader { from, stopping, _permit: permit })
    }
}

impl PieceReader {
    /// The bytes that come next; `None`: those were all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BackupError> {
        if self.stopping.is_cancelled() {
            return Err(BackupError::Stopping);
        }
        let from = Arc::clone(&self.from);
        blocking(move || {
            let mut from = from.lock().unwrap_or_else(PoisonError::into_inner);
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = from.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
            read.map_err(BackupError::from_read)?;
            Ok((!chunk.is_empty()).then(|| chunk.into()))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(read).await.map_err(|_| BackupError::Stopping)?
}
