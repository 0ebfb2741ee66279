//! Groups are created, deleted, and what they have parked is put back.

use tokio::sync::{mpsc, oneshot};

use super::{
    GroupError, Groups, Repeatable,
    recording::{Recording, event},
    recovery,
    registry::{Ready, Standing},
    saved::{GroupOrigin, streams_of},
    task::{Group, Message},
};
use crate::{
    domain::{
        event::{Micros, Position},
        filter::Filter,
        group::{Chain, GroupName, Settings},
        limits,
        proto::{EventParked, GroupCreated, GroupDeleted, ParkedReplayed},
        recorded::timestamp,
    },
    engine::{AppendError, Appended, ReadError, Start},
};

/// Parked events that are recorded at once; the rest of an append is for how far the group is.
const PARKED_AT_ONCE: usize = limits::APPEND_EVENTS - 100;

/// A group to create.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Its name.
    pub name: GroupName,
    /// Which events it is for.
    pub filter: Filter,
    /// Where it begins.
    pub start: Start,
    /// Its settings.
    pub settings: Settings,
}

impl Groups {
    /// Creates a group.
    pub async fn create(
        &self,
        group: NewGroup,
        request: Option<Repeatable>,
    ) -> Result<Appended, GroupError> {
        let shared = &self.shared;
        shared.known().await?;
        let _changing = shared.changing.lock().await;
        if let Some(earlier) = self.recall(request).await? {
            let undone = self.deleted(&group.name, earlier.first_position).await?;
            return Ok(Appended { undone: Vec::from_iter(undone), ..earlier });
        }
        let NewGroup { name, filter, start, settings } = group;
        if shared.standing(&name).await?.is_some() {
            return Err(GroupError::AlreadyExists { name: name.to_string() });
        }
        if shared.count() >= limits::GROUPS {
            return Err(GroupError::TooManyGroups { limit: limits::GROUPS });
        }
        let reader = &shared.appender.reader;
        let (after_position, recorded_from) =
            reader.begin(start, &filter, (shared.clock)()).await?;
        let created = GroupCreated {
            filter: Some((&filter).into()),
            after_position,
            settings: Some(settings.into()),
            recorded_from: recorded_from.map(timestamp),
        };
        let appended = self.stream(&name).record(vec![event(&created)], request, None).await?;
        let created = appended.first_position;
        let created_at = self.recorded_at(created).await?;
        let origin = GroupOrigin {
            name,
            created,
            created_at,
            filter,
            after_position,
            recorded_from,
            settings,
        };
        recovery::begin(shared, origin);
        Ok(appended)
    }

    /// Deletes a group; the calls of its consumers end. A group that is not restored is deleted as
    /// well, since that takes nothing but its name.
    pub async fn delete(
        &self,
        name: &str,
        request: Option<Repeatable>,
    ) -> Result<Appended, GroupError> {
        let shared = &self.shared;
        shared.known().await?;
        let _changing = shared.changing.lock().await;
        if let Some(earlier) = self.recall(request).await? {
            let name = GroupName::parse(name).map_err(|_| shared.absent(name))?;
            let undone = self.created_again(&name, earlier.first_position).await?;
            return Ok(Appended { undone: Vec::from_iter(undone), ..earlier });
        }
        let (name, standing) = shared.named(name).await?;
        let standing = standing.borrow().clone();
        match standing {
            Standing::Ready(Ready { messages, .. }) => {
                let (reply, deleted) = oneshot::channel();
                let deleted = ask(&messages, Message::Delete { request, reply }, deleted).await??;
                shared.remove(&name, true).await;
                Ok(deleted)
            }
            Standing::Restoring(_) => {
                let nameless = shared.nameless_of(&name).await?;
                let deleted = vec![event(&GroupDeleted {})];
                let deleted = self.stream(&name).record(deleted, request, None).await?;
                shared.remove(&name, false).await;
                if let Some(nameless) = nameless {
                    shared.forget(nameless.created);
                }
                Ok(deleted)
            }
        }
    }

    /// The stream of a group, for what is recorded by the desk.
    fn stream(&self, name: &GroupName) -> Recording {
        Recording::new(name.clone(), self.shared.appender.clone(), Chain::default())
    }

    /// Puts parked events back; none are named: all. Tells what was recorded, if anything, and how
    /// many were put back.
    pub async fn replay(
        &self,
        name: &str,
        positions: Vec<Position>,
        request: Option<Repeatable>,
    ) -> Result<(Option<Appended>, usize), GroupError> {
        if let Some(earlier) = self.recall(request).await? {
            return self.replayed_before(name, earlier).await;
        }
        let (messages, _) = self.shared.group(name).await?;
        let (reply, replayed) = oneshot::channel();
        let answer =
            ask(&messages, Message::Replay { positions, request, reply }, replayed).await?;
        let is_recorded_now = matches!(&answer, Ok((Some(appended), _)) if !appended.duplicate);
        if is_recorded_now {
            return answer;
        }
        // The repetition may have waited behind the request itself, which has put the events back.
        match self.recall(request).await {
            Ok(Some(earlier)) => self.replayed_before(name, earlier).await,
            Ok(None) | Err(_) => answer,
        }
    }

    /// What was answered to a request before.
    async fn recall(&self, request: Option<Repeatable>) -> Result<Option<Appended>, GroupError> {
        let Some(Repeatable { request_id, digest }) = request else { return Ok(None) };
        Ok(self.shared.appender.recall(request_id, digest).await?)
    }

    pub(super) async fn recorded_at(&self, position: Position) -> Result<Micros, ReadError> {
        Ok(self.shared.appender.reader.recorded_at(position).await?.unwrap_or_default())
    }
}

/// Asks a group's task, and waits for its answer.
pub(super) async fn ask<T>(
    messages: &mpsc::Sender<Message>,
    question: Message,
    answer: oneshot::Receiver<T>,
) -> Result<T, GroupError> {
    messages.send(question).await.map_err(|_| GroupError::stopping())?;
    answer.await.map_err(|_| GroupError::stopping())
}

impl Group {
    /// Records how far the group is, and what is parked. What fails is tried again later.
    pub(super) async fn record(&mut self) {
        let count = self.work.parks().len().min(PARKED_AT_ONCE);
        let parks = self.work.parks().iter().take(count);
        let positions: Vec<_> = parks.clone().map(|park| park.position).collect();
        let parked = parks.cloned().map(|park| {
            event(&EventParked {
                position: park.position,
                attempts: park.attempts,
                reason: park.reason,
                consumer: park.consumer,
            })
        });
        let (parked, now) = (parked.collect(), self.work.checkpoint(count));
        match self.recording.checkpoint(parked, now, None).await {
            Ok(appended) => {
                self.unrecorded.succeeded();
                self.work.recorded(count);
                self.parked.extend(positions.into_iter().zip(appended.first_position..));
                self.record_by = None;
            }
            Err(error) => self.not_recorded(&error),
        }
    }

    fn not_recorded(&mut self, error: &AppendError) {
        let group = self.recording.name.as_str();
        if self.unrecorded.failed(error.cause()) {
            tracing::warn!(group, %error, "how far a consumer group is could not be recorded");
        }
        self.record_later();
    }

    /// See [`Groups::replay`].
    pub(super) async fn replay(
        &mut self,
        mut positions: Vec<Position>,
        request: Option<Repeatable>,
    ) -> Result<(Option<Appended>, usize), GroupError> {
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            positions = self.parked.keys().copied().take(limits::PARKED_REPLAYED).collect();
        }
        let unknown = positions.iter().find(|position| !self.parked.contains_key(position));
        if let Some(&position) = unknown {
            let name = self.recording.name.to_string();
            return Err(GroupError::NotParked { name, position });
        }
        if positions.is_empty() {
            return Ok((None, 0));
        }
        let streams = streams_of(&self.reader, &positions).await?;
        let mut checkpoint = self.work.checkpoint(0);
        for position in &positions {
            checkpoint.unfinished.insert(*position, 0);
        }
        let count = positions.len();
        // Together, so that they are neither parked nor unfinished at no moment; and whole, because
        // an older program, which reads nothing else, must not lose them.
        self.recording.begin_anew();
        let replayed = vec![event(&ParkedReplayed { positions })];
        let appended = self.recording.checkpoint(replayed, checkpoint, request).await?;
        if appended.duplicate {
            return Ok((Some(appended), count));
        }
        let now = self.now();
        for (position, stream) in streams {
            self.parked.remove(&position);
            self.work.put(&stream, position, 0, now);
        }
        Ok((Some(appended), count))
    }

    /// See [`Groups::delete`].
    pub(super) async fn delete(
        &mut self,
        request: Option<Repeatable>,
    ) -> Result<Appended, GroupError> {
        let deleted = vec![event(&GroupDeleted {})];
        let appended = self.recording.record(deleted, request, None).await?;
        self.deleted = true;
        Ok(appended)
    }
}
