//! Decides when a follower without new events gets a checkpoint, which says how far the log has
//! come.
//!
//! One task keeps the time for all followers, so a follower that waits for events holds no timer.
//! The task rests while nothing is recorded. Followers are spread over slots, so that they do not
//! all get their checkpoints at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{domain::event::Position, engine::Head};

/// Within this time after an event, every follower gets a tick.
const INTERVAL: Duration = Duration::from_secs(5);
/// In so many parts.
const SLOTS: u8 = 16;

/// Tells followers when they are due.
#[derive(Clone, Debug)]
pub(super) struct CheckpointTicker {
    slots: Arc<[watch::Sender<()>]>,
    next: Arc<AtomicUsize>,
}

impl CheckpointTicker {
    /// Keeps the time until the engine stops.
    pub(super) fn start(head: watch::Receiver<Head>, stopping: CancellationToken) -> Self {
        let slots: Arc<[_]> = (0..SLOTS).map(|_| watch::Sender::default()).collect();
        let keeping = keep(Arc::clone(&slots), head);
        tokio::spawn(async move { stopping.run_until_cancelled(keeping).await });
        Self { slots, next: Arc::default() }
    }

    /// Tells one more follower.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        let slot = self.next.fetch_add(1, Relaxed) % self.slots.len();
        self.slots.get(slot).map(watch::Sender::subscribe).expect("a remainder is below the number")
    }
}

async fn keep(slots: Arc<[watch::Sender<()>]>, mut head: watch::Receiver<Head>) {
    let mut reported: Vec<Position> = vec![head.borrow_and_update().position; slots.len()];
    loop {
        let reached = head.borrow_and_update().position;
        if reported.iter().all(|position| *position == reached) && head.changed().await.is_err() {
            return;
        }
        for (slot, reported) in slots.iter().zip(&mut reported) {
            tokio::time::sleep(INTERVAL / u32::from(SLOTS)).await;
            let reached = head.borrow().position;
            if *reported != reached {
                *reported = reached;
                slot.send_replace(());
            }
        }
    }
}
