//! Brings the groups of the log back after a start: finds them, and restores each by itself. What
//! fails is tried again for as long as the engine runs, and holds up nothing else.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    finding::{self, Creation, Found},
    registry::{GroupStanding, Ready, Restoring, Shared},
    saved::{GroupOrigin, Saved},
    task,
};
use crate::{
    domain::{event::Position, group::GroupName},
    engine::{ReadError, reader::Reader, retries::Retries},
};

/// How long a caller waits before it gets the reason of the wait instead.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// Finds the groups, and begins to restore them.
pub(super) async fn recover(shared: Arc<Shared>) {
    let stopping = shared.appender.reader.stopping().clone();
    let mut retries = Retries::default();
    let found = loop {
        let failure = match find(&shared).await {
            Ok(found) => break found,
            Err(failure) => failure,
        };
        if retries.failed(failure.cause()) && !stopping.is_cancelled() {
            tracing::error!(%failure, "the consumer groups are not found yet; it is tried again");
        }
        shared.not_found(failure);
        if !retries.rest(&stopping).await {
            return;
        }
    };
    for nameless in &found.nameless {
        let (position, failure) = (nameless.created, &nameless.failure);
        tracing::error!(position, %failure, "of a consumer group not even the name can be read");
    }
    for (name, creation) in found.groups {
        restore(&shared, name, creation);
    }
    shared.found(found.nameless);
    find_names(&shared).await;
}

/// Looks again for the names of groups that cannot be read, as long as there are any.
async fn find_names(shared: &Arc<Shared>) {
    let reader = &shared.appender.reader;
    let mut retries = Retries::default();
    while let Some(nameless) = shared.all_nameless().into_iter().next() {
        retries.failed(nameless.failure.cause());
        if !retries.rest(reader.stopping()).await {
            return;
        }
        let Ok(found) = finding::find(reader).await else { continue };
        // None may be deleted meanwhile.
        let _changing = shared.changing.lock().await;
        for (name, creation) in found.groups {
            if shared.forget(creation.position) {
                restore(shared, name, creation);
            }
        }
    }
}

/// Finds the groups. If that takes longer than a moment, callers get what is known of the reason.
async fn find(shared: &Shared) -> Result<Found, ReadError> {
    let reader = &shared.appender.reader;
    let mut finding = pin!(finding::find(reader));
    tokio::select! {
        found = &mut finding => return found,
        () = tokio::time::sleep(MOMENT) => {}
    }
    let (position, indexed) = (reader.head().position, *reader.watch_index().borrow());
    if indexed < position {
        shared.not_found(ReadError::Indexing { position, indexed });
    }
    finding.await
}

/// Begins the task of a group of which something is recorded.
fn restore(shared: &Arc<Shared>, name: GroupName, creation: Creation) {
    let Creation { position, origin } = creation;
    let known = match origin {
        Ok(origin) => Restoring { origin: Some(Arc::new(origin)), failure: None },
        Err(failure) => Restoring { origin: None, failure: Some(failure) },
    };
    let (standing, watched) = watch::channel(GroupStanding::Restoring(known.clone()));
    let group = Restoration { shared: Arc::clone(shared), name: name.clone(), created: position };
    let task = tokio::spawn(group.run(known.origin, standing));
    shared.insert(name, watched, task);
}

/// A group that has to be restored.
struct Restoration {
    shared: Arc<Shared>,
    name: GroupName,
    created: Position,
}

impl Restoration {
    /// Restores the group and then runs it.
    async fn run(self, origin: Option<Arc<GroupOrigin>>, standing: watch::Sender<GroupStanding>) {
        let Some((origin, saved)) = self.restored(origin, &standing).await else { return };
        let (messages, running) = task::begin(&self.shared, &origin, saved);
        standing.send_replace(GroupStanding::Ready(Ready { origin, messages }));
        running.await;
    }

    /// Reads what is recorded of the group, until that succeeds; absent: the engine stops.
    async fn restored(
        &self,
        mut origin: Option<Arc<GroupOrigin>>,
        standing: &watch::Sender<GroupStanding>,
    ) -> Option<(Arc<GroupOrigin>, Saved)> {
        let reader = &self.shared.appender.reader;
        let group = self.name.as_str();
        let mut retries = Retries::default();
        loop {
            let failure = match self.read(reader, &mut origin).await {
                Ok(saved) => {
                    if retries.succeeded() {
                        tracing::info!(group, "the consumer group is restored");
                    }
                    return origin.map(|origin| (origin, saved));
                }
                Err(failure) => failure,
            };
            if retries.failed(failure.cause()) && !reader.stopping().is_cancelled() {
                tracing::error!(group, %failure, "a consumer group is not restored yet");
            }
            let known = Restoring { origin: origin.clone(), failure: Some(failure) };
            standing.send_replace(GroupStanding::Restoring(known));
            if !retries.rest(reader.stopping()).await {
                return None;
            }
        }
    }

    /// Reads how far the group was, and before that, if it is not known, what it is for.
    async fn read(
        &self,
        reader: &Reader,
        origin: &mut Option<Arc<GroupOrigin>>,
    ) -> Result<Saved, ReadError> {
        let known = if let Some(known) = origin {
            known
        } else {
            let event = reader.event(self.created).await?;
            origin.insert(Arc::new(GroupOrigin::read(self.name.clone(), &event)?))
        };
        Saved::read(reader, known).await
    }
}

/// Begins the task of a group that was just created.
pub(super) fn begin(shared: &Shared, origin: GroupOrigin) {
    let saved = Saved::begun(&origin);
    let (name, origin) = (origin.name.clone(), Arc::new(origin));
    let (messages, running) = task::begin(shared, &origin, saved);
    let (_, standing) = watch::channel(GroupStanding::Ready(Ready { origin, messages }));
    shared.insert(name, standing, tokio::spawn(running));
}
