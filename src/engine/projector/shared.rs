//! What the task of a projection and its readers share: the register, and how far it is.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use tokio::sync::watch;

use crate::{
    domain::{
        event::{Direction, Position},
        filter::{Filter, FilterItem},
        known::Known,
        name::TypeName,
        proto::RecordedEvent,
        recorded::{decode_events, micros},
    },
    engine::{
        Clock, ReadError,
        kept::KeptLists,
        lanes::{Lane, Lanes},
        reader::{Reader, Span},
    },
    log::{
        EncodedEvents,
        files::{RealFiles, write_atomically},
    },
    projections::{
        Event, Projection as _,
        claims::Taken,
        register::Register,
        snapshot::{self, StoreId},
    },
};

/// Events after which the state is saved while running; it is saved at a stop as well. What came
/// since is applied again at the next start, which takes a second or two.
const SAVE_EVERY: u64 = 250_000;
/// Events that are applied before readers get in.
const EVENTS_AT_ONCE: usize = 32;

/// Decodes encoded events; of types that are none of ours, nothing.
pub(super) fn decoded(encoded: bytes::Bytes) -> Result<Vec<(Position, Option<Taken>)>, ReadError> {
    decode_events(encoded).map_err(failed)?.into_iter().map(taken).collect()
}

/// What the register takes of an event.
pub(in crate::engine) fn taken(
    event: RecordedEvent,
) -> Result<(Position, Option<Taken>), ReadError> {
    let payload = event.payload.unwrap_or_default();
    let event = Event {
        position: event.position,
        recorded_at: event.recorded_at.as_ref().map_or(0, micros),
        type_name: payload.type_name(),
        payload: &payload.value,
    };
    Ok((event.position, Register::take(&event).map_err(failed)?))
}

pub(in crate::engine) fn failed(error: impl fmt::Display) -> ReadError {
    ReadError::Projection { name: Register::NAME, reason: error.to_string().into() }
}

/// What the projection's task and its readers share.
pub(in crate::engine) struct Shared {
    pub(in crate::engine) reader: Reader,
    pub(in crate::engine) clock: Clock,
    pub(super) register: RwLock<Register>,
    pub(in crate::engine) progress: watch::Sender<Progress>,
    pub(in crate::engine) lanes: Lanes,
    pub(in crate::engine) kept: KeptLists,
    pub(in crate::engine) applying: tokio::sync::Mutex<()>,
    pub(in crate::engine) rebuild: watch::Sender<Rebuild>,
    pub(super) file: PathBuf,
    pub(super) store: StoreId,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A register that is being built anew.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Rebuild {
    /// The last position that it has taken in; absent: none is being built.
    pub(in crate::engine) position: Option<Position>,
    /// Why the last one failed.
    pub(in crate::engine) failure: Option<ReadError>,
}

/// How far the projection has come.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Progress {
    pub(in crate::engine) position: Position,
    /// Why it has stopped, if it has.
    pub(in crate::engine) failed: Option<ReadError>,
}

impl Shared {
    pub(super) async fn catch_up(self: &Arc<Self>, end: Position) -> Result<(), ReadError> {
        let mut cursor = self.progress.borrow().position;
        let mut saved = cursor;
        while cursor < end {
            // Held for a page: a new register takes over only between two of them.
            let applying = self.applying.lock().await;
            cursor = match self.page(cursor, end).await? {
                Some(encoded) => {
                    self.blocking(move |shared| shared.apply(encoded.events)).await??;
                    encoded.last
                }
                None => end,
            };
            self.progress.send_modify(|progress| progress.position = cursor);
            drop(applying);
            if cursor - saved >= SAVE_EVERY {
                self.blocking(Self::save).await?;
                saved = cursor;
            }
        }
        Ok(())
    }

    /// The next events after `cursor` that the register takes notice of; absent: none up to `end`.
    pub(super) async fn page(
        &self,
        cursor: Position,
        end: Position,
    ) -> Result<Option<EncodedEvents>, ReadError> {
        let filter = Filter::of_server(vec![FilterItem {
            types: Known::TYPE_NAMES.iter().filter_map(|name| TypeName::parse(name).ok()).collect(),
            ..FilterItem::default()
        }]);
        let span = Span { cursor, end, direction: Direction::Forwards };
        self.reader.next(&filter, span, u64::MAX).await
    }

    /// Applies events. No reader waits for the decoding, and readers get in every few events.
    fn apply(&self, encoded: bytes::Bytes) -> Result<(), ReadError> {
        for taken in decoded(encoded)?.chunks_mut(EVENTS_AT_ONCE) {
            let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
            for (position, taken) in taken {
                register.apply(*position, taken.take()).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Where the state is saved.
    pub(in crate::engine) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn register(&self) -> RwLockReadGuard<'_, Register> {
        self.register.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps all other code from the register.
    #[cfg(test)]
    pub(in crate::engine) fn hold(&self) -> std::sync::RwLockWriteGuard<'_, Register> {
        self.register.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Computes something from the claims, a few things at once and apart from the tasks of
    /// appends, which must not wait for it.
    pub(in crate::engine) async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        lane: Lane,
        compute: impl FnOnce(&Register) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit = self.lanes.turn(lane).await?;
        self.blocking(move |shared| {
            // The permit ends with the computing, even if no caller waits for that any more.
            let _permit = permit;
            compute(&shared.register())
        })
        .await
    }

    pub(in crate::engine) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| match error.try_into_panic() {
            Ok(_) => ReadError::Projection { name: Register::NAME, reason: "it panicked".into() },
            Err(_) => ReadError::Stopping,
        })
    }

    /// Saves the state. A failure costs time at the next start, nothing else.
    pub(super) fn save(&self) {
        let bytes = snapshot::encode(&*self.register(), self.store);
        let dir = self.file.parent().unwrap_or(Path::new("."));
        let saved =
            fs::create_dir_all(dir).and_then(|()| write_atomically(&RealFiles, &self.file, &bytes));
        if let Err(error) = saved {
            tracing::warn!(%error, file = %self.file.display(), "a projection was not saved");
        }
    }
}
