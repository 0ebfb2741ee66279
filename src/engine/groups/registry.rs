//! Which groups there are, and how each of them stands: it runs, or what is recorded of it is being
//! read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    books::Books,
    error::GroupError,
    finding::{self, Nameless},
    messages::Message,
    saved::GroupOrigin,
};
use crate::{
    domain::{event::Position, group::GroupName},
    engine::{Clock, ReadError, appender::Appender},
};

/// What the requests, the recovery and the groups share.
pub(super) struct Shared {
    pub(super) appender: Appender,
    pub(super) clock: Clock,
    pub(super) books: Books,
    /// Groups are created and deleted one at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
    groups: Mutex<BTreeMap<GroupName, Entry>>,
    /// Groups without a readable name.
    nameless: Mutex<Vec<Nameless>>,
    /// Whether the groups of the log were found, or why not yet.
    found: watch::Sender<Option<Result<(), ReadError>>>,
}

/// A group, and the task that restores it and then runs it.
#[derive(Debug)]
struct Entry {
    standing: watch::Receiver<GroupStanding>,
    task: JoinHandle<()>,
}

/// How a group stands.
#[derive(Clone, Debug)]
pub(super) enum GroupStanding {
    /// What is recorded of it is being read.
    Restoring(Restoring),
    /// Its task handles messages.
    Ready(Ready),
}

/// A group that is not restored yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Restoring {
    /// What was recorded when it was created; absent: that was not read yet.
    pub(super) origin: Option<Arc<GroupOrigin>>,
    /// Why it could not be restored so far; absent: that was not tried yet.
    pub(super) failure: Option<ReadError>,
}

/// A group that runs.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) origin: Arc<GroupOrigin>,
    pub(super) messages: mpsc::Sender<Message>,
}

impl GroupStanding {
    /// Whether there is something to report of it.
    pub(super) fn is_known(&self) -> bool {
        match self {
            Self::Restoring(restoring) => restoring.failure.is_some(),
            Self::Ready(_) => true,
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(appender: Appender, clock: Clock) -> Self {
        let (changing, found) = (tokio::sync::Mutex::default(), watch::Sender::new(None));
        let (groups, nameless) = (Mutex::default(), Mutex::default());
        let books = Books::default();
        Self { appender, clock, books, changing, groups, nameless, found }
    }

    /// The groups of the log are known from now on.
    pub(super) fn found(&self, nameless: Vec<Nameless>) {
        *self.nameless() = nameless;
        self.found.send_replace(Some(Ok(())));
    }

    /// The groups of the log could not be found yet.
    pub(super) fn not_found(&self, failure: ReadError) {
        self.found.send_replace(Some(Err(failure)));
    }

    /// Waits until the groups of the log are known, or it is known why they are not.
    pub(super) async fn known(&self) -> Result<(), GroupError> {
        let mut found = self.found.subscribe();
        let known = async { found.wait_for(Option::is_some).await.map(|known| known.clone()) };
        match self.appender.reader.wait(known).await? {
            Some(Ok(Some(Ok(())))) => Ok(()),
            Some(Ok(Some(Err(failure)))) => Err(GroupError::Unknown { reason: failure.into() }),
            Some(Ok(None) | Err(_)) => Err(GroupError::stopping()),
            None => Err(GroupError::Unknown { reason: None }),
        }
    }

    /// A group is there, and this task looks after it.
    pub(super) fn insert(
        &self,
        name: GroupName,
        standing: watch::Receiver<GroupStanding>,
        task: JoinHandle<()>,
    ) {
        self.groups().insert(name, Entry { standing, task });
    }

    /// A group was deleted; waits until it does nothing any more. A group of the same name may be
    /// created at once, and this one must not record anything behind that.
    pub(super) async fn remove(&self, name: &GroupName, is_ready: bool) {
        let Some(entry) = self.groups().remove(name) else { return };
        if !is_ready {
            entry.task.abort();
        }
        // A panic was logged where it happened.
        let _ = entry.task.await;
    }

    /// Waits until no group does anything any more, once the engine stops.
    pub(super) async fn stopped(&self) {
        loop {
            let groups = std::mem::take(&mut *self.groups());
            if groups.is_empty() {
                return;
            }
            for entry in groups.into_values() {
                let _ = entry.task.await;
            }
        }
    }

    /// How many groups there are.
    pub(super) fn count(&self) -> usize {
        self.groups().len() + self.nameless().len()
    }

    /// How each group stands, by name.
    pub(super) fn all(&self) -> Vec<(GroupName, watch::Receiver<GroupStanding>)> {
        let groups = self.groups();
        groups.iter().map(|(name, entry)| (name.clone(), entry.standing.clone())).collect()
    }

    /// Groups without a readable name.
    pub(super) fn all_nameless(&self) -> Vec<Nameless> {
        self.nameless().clone()
    }

    /// Removes a group without a readable name: it is deleted, or its name is known now. Returns
    /// whether there was such a group.
    pub(super) fn forget(&self, created: Position) -> bool {
        let mut nameless = self.nameless();
        let before = nameless.len();
        nameless.retain(|nameless| nameless.created != created);
        nameless.len() < before
    }

    /// How a group stands; absent: there is none of that name.
    pub(super) async fn standing(
        &self,
        name: &GroupName,
    ) -> Result<Option<watch::Receiver<GroupStanding>>, GroupError> {
        let standing = self.groups().get(name).map(|entry| entry.standing.clone());
        if standing.is_some() {
            return Ok(standing);
        }
        let damaged = self.nameless_of(name).await?.map(|nameless| {
            let failure = Some(nameless.failure);
            watch::channel(GroupStanding::Restoring(Restoring { origin: None, failure })).1
        });
        Ok(damaged)
    }

    /// The group of this name among those without a readable name. The position of its creation is
    /// known, and the index knows whether the event there is of the name's stream.
    pub(super) async fn nameless_of(
        &self,
        name: &GroupName,
    ) -> Result<Option<Nameless>, GroupError> {
        let reader = &self.appender.reader;
        for nameless in self.all_nameless() {
            let created = nameless.created;
            if finding::is_of(reader, name, created).await?
                && finding::deletion(reader, name, created).await?.is_none()
            {
                return Ok(Some(nameless));
            }
        }
        Ok(None)
    }

    /// A group by its name as the request states it.
    pub(super) async fn named(
        &self,
        name: &str,
    ) -> Result<(GroupName, watch::Receiver<GroupStanding>), GroupError> {
        self.known().await?;
        let parsed = GroupName::parse(name).map_err(|_| self.absent(name))?;
        let standing = self.standing(&parsed).await?.ok_or_else(|| self.absent(name))?;
        Ok((parsed, standing))
    }

    /// The task of a group, and what was recorded when it was created; or why it does not run.
    pub(super) async fn group(
        &self,
        name: &str,
    ) -> Result<(mpsc::Sender<Message>, Arc<GroupOrigin>), GroupError> {
        let (_, mut standing) = self.named(name).await?;
        let known = async { standing.wait_for(GroupStanding::is_known).await.map(|it| it.clone()) };
        match self.appender.reader.wait(known).await? {
            Some(Ok(GroupStanding::Ready(Ready { origin, messages }))) => Ok((messages, origin)),
            Some(Ok(GroupStanding::Restoring(Restoring { failure, .. }))) => {
                Err(GroupError::not_restored(name, failure))
            }
            Some(Err(_)) => Err(self.absent(name)),
            None => Err(GroupError::not_restored(name, None)),
        }
    }

    /// Why there is no group of that name. While the server stops, groups go without being deleted,
    /// and their consumers have to come back.
    pub(super) fn absent(&self, name: &str) -> GroupError {
        if self.appender.reader.stopping().is_cancelled() {
            return GroupError::stopping();
        }
        GroupError::NotFound { name: name.to_owned() }
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<GroupName, Entry>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nameless(&self) -> MutexGuard<'_, Vec<Nameless>> {
        self.nameless.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
