//! Runs the projection of claims: follows the head, applies events in order, saves its state.
//!
//! The state is saved together with its position, so that it starts from there the next time; a
//! saved state that does not fit is not used, and the projection starts from the beginning.

mod rebuild;
mod shared;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use rebuild::{ProjectionState, ProjectionStatus};

use crate::{
    domain::event::Position,
    engine::{
        Clock, kept::KeptLists, lanes::Lanes, reader::Reader, record::RecordReader,
        retries::Retries,
    },
    projections::{
        Projection as _,
        register::Register,
        snapshot::{self, StoreId},
    },
};
pub(super) use shared::{Progress, Shared, failed, taken};

/// The running projection.
#[derive(Debug)]
pub(super) struct Projector {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

impl Projector {
    /// Starts the projection, from its saved state in `dir` if there is a good one.
    pub(super) fn start(dir: &Path, store: StoreId, reader: Reader, clock: Clock) -> Self {
        let stopping = reader.stopping().clone();
        let file = dir.join(Register::NAME);
        let register = load(&file, store, reader.head().position).unwrap_or_default();
        let ahead = planted!("projection-ahead-of-state");
        let position = if ahead { reader.head().position } else { register.position() };
        let progress = Progress { position, failed: None };
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

    /// Questions about what the record says.
    pub(super) fn record(&self) -> RecordReader {
        RecordReader(Arc::clone(&self.shared))
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

/// A saved state that fits the store and does not reach beyond its head.
fn load(file: &Path, store: StoreId, head: Position) -> Option<Register> {
    let bytes = fs::read(file).ok()?;
    let loaded = snapshot::decode::<Register>(&bytes, store);
    let claims = loaded
        .inspect_err(|error| tracing::info!(%error, "the claims are projected from the beginning"))
        .ok()?;
    (claims.position() <= head).then_some(claims)
}
