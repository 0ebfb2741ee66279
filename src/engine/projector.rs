//! Runs the projection of claims: follows the head, applies events in order, saves its state.
//!
//! The state is saved together with its position, so that it starts from there the next time; a
//! saved state that does not fit is not used, and the projection starts from the beginning.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

mod rebuild;

pub use rebuild::{ProjectionState, ProjectionStatus};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use rebuild::Rebuild;

use crate::{
    domain::{
        event::{Direction, Position},
        filter::{Filter, FilterItem},
        known::Known,
        name::TypeName,
        proto::RecordedEvent,
        recorded::{decode_run, micros},
    },
    engine::{
        Clock, ReadError,
        kept::KeptLists,
        lanes::{Lane, Lanes},
        reader::{Reader, Span},
        retries::Retries,
    },
    log::{
        Run,
        files::{RealFiles, write_atomically},
    },
    projections::{
        Event, Projection,
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

/// The running projection.
#[derive(Debug)]
pub(super) struct Projector {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

/// Decodes the events of a run; of types that are none of ours, nothing.
fn decoded(run: bytes::Bytes) -> Result<Vec<(Position, Option<Taken>)>, ReadError> {
    let event = |event: RecordedEvent| {
        let payload = event.payload.unwrap_or_default();
        let event = Event {
            position: event.position,
            recorded_at: event.recorded_at.as_ref().map_or(0, micros),
            type_name: payload.type_name(),
            payload: &payload.value,
        };
        Ok((event.position, Register::take(&event).map_err(failed)?))
    };
    decode_run(run).map_err(failed)?.into_iter().map(event).collect()
}

fn failed(error: impl fmt::Display) -> ReadError {
    ReadError::Projection { name: Register::NAME, reason: error.to_string().into() }
}

/// What the projection's task and its readers share.
pub(super) struct Shared {
    pub(super) reader: Reader,
    pub(super) clock: Clock,
    register: RwLock<Register>,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) lanes: Lanes,
    pub(super) kept: KeptLists,
    pub(super) applying: tokio::sync::Mutex<()>,
    pub(super) rebuild: watch::Sender<Rebuild>,
    file: PathBuf,
    store: StoreId,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("file", &self.file).finish_non_exhaustive()
    }
}

/// How far the projection has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) position: Position,
    /// Why it has stopped, if it has.
    pub(super) failed: Option<ReadError>,
}

impl Projector {
    /// Starts the projection, from its saved state in `dir` if there is a good one.
    pub(super) fn start(dir: &Path, store: StoreId, reader: Reader, clock: Clock) -> Self {
        let stopping = reader.stopping().clone();
        let file = dir.join(Register::NAME);
        let register = load(&file, store, reader.head().position).unwrap_or_default();
        let progress = Progress { position: register.position(), failed: None };
        let shared = Arc::new(Shared {
            reader,
            clock,
            register: RwLock::new(register),
            progress: watch::Sender::new(progress),
            lanes: Lanes::default(),
            kept: KeptLists::default(),
            applying: tokio::sync::Mutex::default(),
            rebuild: watch::Sender::default(),
            file,
            store,
        });
        let task = tokio::spawn(follow(Arc::clone(&shared), stopping));
        Self { shared, task: Mutex::new(Some(task)), runtime: Handle::current() }
    }

    /// Waits for the projection to end, which it does once the engine is stopping, and saves it.
    pub(super) fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends at its next step; a panic was logged where it happened.
            let _ = self.runtime.block_on(task);
            self.shared.save();
        }
    }
}

/// How long a projection rests between two looks at the head. Under load it takes a few batches
/// together instead of each by itself, and no client notices the difference.
const REST: Duration = Duration::from_millis(2);

/// Applies what is durable, then waits for more, until the engine stops or an event cannot be
/// applied. A read that fails is tried again, one of damaged data as well: a disk can come back.
async fn follow(shared: Arc<Shared>, stopping: CancellationToken) {
    let mut head = shared.reader.watch_head();
    let mut index = shared.reader.watch_index();
    let mut retries = Retries::default();
    loop {
        let available = head.borrow_and_update().position;
        index.borrow_and_update();
        // The stop comes first: a read that it ends has not failed.
        let caught_up = tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            caught_up = shared.catch_up(available) => caught_up,
        };
        if let Err(error) = caught_up {
            let is_new = retries.failed(error.cause());
            if error.is_passing() {
                if is_new {
                    tracing::info!(projection = Register::NAME, %error, "the projection waits");
                }
                tokio::select! {
                    moved = index.changed() => if moved.is_err() { return },
                    () = stopping.cancelled() => return,
                }
                continue;
            }
            let lasts = error.lasts();
            if is_new {
                tracing::error!(projection = Register::NAME, %error, lasts, "the projection stops");
            }
            let failed = Some(error.stopping(Register::NAME));
            shared.progress.send_modify(|progress| progress.failed = failed);
            if lasts || !retries.rest(&stopping).await {
                return;
            }
            continue;
        }
        retries.succeeded();
        shared.progress.send_if_modified(|progress| progress.failed.take().is_some());
        let moved = async {
            tokio::time::sleep(REST).await;
            head.changed().await
        };
        tokio::select! {
            moved = moved => if moved.is_err() { return },
            () = stopping.cancelled() => return,
        }
    }
}

impl Shared {
    async fn catch_up(self: &Arc<Self>, end: Position) -> Result<(), ReadError> {
        let mut cursor = self.progress.borrow().position;
        let mut saved = cursor;
        while cursor < end {
            // Held for a page: a new register takes over only between two of them.
            let applying = self.applying.lock().await;
            cursor = match self.page(cursor, end).await? {
                Some(run) => {
                    self.blocking(move |shared| shared.apply(run.events)).await??;
                    run.last
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
    async fn page(&self, cursor: Position, end: Position) -> Result<Option<Run>, ReadError> {
        let filter = Filter::of_server(vec![FilterItem {
            types: Known::TYPE_NAMES.iter().filter_map(|name| TypeName::parse(name).ok()).collect(),
            ..FilterItem::default()
        }]);
        let span = Span { cursor, end, direction: Direction::Forwards };
        self.reader.next(&filter, span, u64::MAX).await
    }

    /// Applies a run. No reader waits for the decoding, and readers get in every few events.
    fn apply(&self, run: bytes::Bytes) -> Result<(), ReadError> {
        for taken in decoded(run)?.chunks_mut(EVENTS_AT_ONCE) {
            let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
            for (position, taken) in taken {
                register.apply(*position, taken.take()).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn register(&self) -> RwLockReadGuard<'_, Register> {
        self.register.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps all other code from the register.
    #[cfg(test)]
    pub(super) fn hold(&self) -> std::sync::RwLockWriteGuard<'_, Register> {
        self.register.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Computes something from the claims, a few things at once and apart from the tasks of
    /// appends, which must not wait for it.
    pub(super) async fn compute<T: Send + 'static>(
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

    pub(super) async fn blocking<T: Send + 'static>(
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
    fn save(&self) {
        let bytes = snapshot::encode(&*self.register(), self.store);
        let dir = self.file.parent().unwrap_or(Path::new("."));
        let saved =
            fs::create_dir_all(dir).and_then(|()| write_atomically(&RealFiles, &self.file, &bytes));
        if let Err(error) = saved {
            tracing::warn!(%error, file = %self.file.display(), "a projection was not saved");
        }
    }
}

/// A saved state that fits the store and does not reach beyond its head.
fn load(file: &Path, store: StoreId, head: Position) -> Option<Register> {
    let bytes = fs::read(file).ok()?;
    let loaded = snapshot::decode::<Register>(&bytes, store);
    let claims = loaded
        .inspect_err(|error| tracing::info!(%error, "the claims are projected from the beginning"))
        .ok()?;
    (claims.position() <= head).then_some(claims)
}
