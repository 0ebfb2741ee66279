//! Consumer groups: a task for each, which alone knows which consumer has which events, and the
//! registry that finds them.
//!
//! What a group has to remember stands in the log, in its own stream; the tasks are begun anew from
//! there at every start, each by itself. All other code talks to a group's task by messages.

mod admin;
mod books;
mod consumer;
mod counted;
mod error;
mod finding;
mod inbox;
mod lag;
mod members;
mod messages;
mod pages;
mod parked;
mod reading;
mod recorder;
mod recording;
mod recovery;
mod registry;
mod saved;
mod stalls;
mod status;
mod task;
mod undone;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{runtime::Handle, task::JoinHandle};

use self::registry::Shared;
pub use self::{
    admin::NewGroup,
    consumer::Consumer,
    counted::ConsumerStatus,
    error::GroupError,
    messages::{Delivered, Said},
    parked::{ParkedEvent, ParkedPage},
    recording::{GroupRequest, Repeatable},
    saved::GroupOrigin,
    status::{GroupPlace, GroupProgress, GroupState, GroupStatus},
};
use crate::engine::{Clock, appender::Appender};

/// All groups of a store.
#[derive(Debug)]
pub struct Groups {
    shared: Arc<Shared>,
    recovering: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

impl Groups {
    /// Begins to look for the groups that the log knows of; each request for a group waits for
    /// that.
    pub(super) fn start(appender: Appender, clock: Clock) -> Self {
        // All groups together, whatever readers hold.
        let reader = appender.reader.with_own_budget();
        let shared = Arc::new(Shared::new(Appender { reader, ..appender }, clock));
        let recovering = tokio::spawn(recovery::recover(Arc::clone(&shared)));
        let recovering = Mutex::new(Some(recovering));
        Self { shared, recovering, runtime: Handle::current() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shared.count()
    }

    /// Waits until every group has recorded how far it is and has ended, once the engine stops.
    pub(super) fn stop(&self) {
        let recovering = self.recovering.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.runtime.block_on(async {
            // It begins groups as long as it runs. A panic was logged where it happened.
            if let Some(recovering) = recovering {
                let _ = recovering.await;
            }
            self.shared.stopped().await;
        });
    }
}
