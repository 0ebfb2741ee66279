//! Consumer groups: a task for each, which alone knows who has what, and the desk that finds them.
//!
//! What a group has to remember stands in the log, in its own stream; the tasks are begun anew from
//! there at every start. Everybody else talks to a group's task by messages.

mod admin;
mod consumer;
mod error;
mod lag;
mod pages;
mod parked;
mod reading;
mod recording;
mod recovery;
mod task;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinHandle,
};

pub use self::{
    admin::NewGroup,
    consumer::{Consumer, Delivered, Said},
    error::GroupError,
    lag::{ConsumerStatus, GroupStatus},
    parked::{ParkedEvent, ParkedPage},
    recording::Repeatable,
};
use self::{recovery::Remembered, task::Message};
use crate::{
    domain::group::GroupName,
    engine::{Clock, appender::Appender},
};

/// All groups of a store.
#[derive(Debug)]
pub struct Groups {
    shared: Arc<Shared>,
    recovering: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

/// What the desk and the recovery share.
struct Shared {
    appender: Appender,
    clock: Clock,
    groups: Mutex<BTreeMap<GroupName, Running>>,
    /// Groups are created and deleted one at a time.
    changing: tokio::sync::Mutex<()>,
    /// Whether the groups of the log were found, or why not.
    recovered: watch::Sender<Option<Result<(), GroupError>>>,
}

/// A group whose task runs.
#[derive(Debug)]
struct Running {
    remembered: Arc<Remembered>,
    messages: mpsc::Sender<Message>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Groups {
    /// Begins to look for the groups that the log knows of; whoever asks for one waits for that.
    pub(super) fn start(appender: Appender, clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            appender,
            clock,
            groups: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            recovered: watch::Sender::new(None),
        });
        let recovering = tokio::spawn(recovery::recover(Arc::clone(&shared)));
        let recovering = Mutex::new(Some(recovering));
        Self { shared, recovering, runtime: Handle::current() }
    }

    /// Waits until every group has recorded how far it is and has ended, once the engine stops.
    pub(super) fn stop(&self) {
        let recovering = self.recovering.lock().unwrap_or_else(PoisonError::into_inner).take();
        let groups = std::mem::take(&mut *self.shared.groups());
        self.runtime.block_on(async {
            // A panic was logged where it happened.
            if let Some(recovering) = recovering {
                let _ = recovering.await;
            }
            for (_, group) in groups {
                drop(group.messages);
                let _ = group.task.await;
            }
        });
    }
}

impl Shared {
    fn groups(&self) -> MutexGuard<'_, BTreeMap<GroupName, Running>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the groups of the log are known.
    async fn recovered(&self) -> Result<(), GroupError> {
        let mut recovered = self.recovered.subscribe();
        let known = async { recovered.wait_for(Option::is_some).await.map(|known| known.clone()) };
        match self.appender.reader.wait(known).await? {
            Some(Ok(Some(known))) => known,
            Some(Ok(None) | Err(_)) | None => Err(GroupError::stopping()),
        }
    }

    /// The task of a group, and what was recorded when it was created.
    async fn group(
        &self,
        name: &str,
    ) -> Result<(mpsc::Sender<Message>, Arc<Remembered>), GroupError> {
        self.recovered().await?;
        let not_found = || self.absent(name);
        let parsed = GroupName::parse(name).map_err(|_| not_found())?;
        let groups = self.groups();
        let group = groups.get(&parsed).ok_or_else(not_found)?;
        Ok((group.messages.clone(), Arc::clone(&group.remembered)))
    }

    /// Why there is no group of that name: while the server stops, groups go although nobody has
    /// deleted them, and their consumers have to come back.
    fn absent(&self, name: &str) -> GroupError {
        if self.appender.reader.stopping().is_cancelled() {
            return GroupError::stopping();
        }
        GroupError::NotFound { name: name.to_owned() }
    }
}
