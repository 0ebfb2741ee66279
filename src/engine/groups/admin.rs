//! Groups are created, deleted, and what they have parked is put back.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{
    GroupError, Groups, Repeatable,
    recording::{Recording, event},
    recovery::{self, Remembered},
    task::{Group, Message, Saved},
};
use crate::{
    domain::{
        event::{Micros, Position},
        filter::Filter,
        group::{GroupName, Settings},
        limits,
        proto::{EventParked, GroupCheckpointed, GroupCreated, GroupDeleted, ParkedReplayed},
        recorded::timestamp,
    },
    engine::{AppendError, Appended, ReadError, Start},
};

/// A group that is asked for.
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
        shared.recovered().await?;
        let _changing = shared.changing.lock().await;
        if let Some(earlier) = self.recall(request).await? {
            return Ok(earlier);
        }
        let NewGroup { name, filter, start, settings } = group;
        let (exists, count) = {
            let groups = shared.groups();
            (groups.contains_key(&name), groups.len())
        };
        if exists {
            return Err(GroupError::AlreadyExists { name: name.to_string() });
        }
        if count >= limits::GROUPS {
            let advice = "delete those that nobody needs";
            return Err(GroupError::TooMany { what: "groups", limit: limits::GROUPS, advice });
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
        let recording = Recording { name: name.clone(), appender: shared.appender.clone() };
        let appended = recording.record(vec![event(&created)], request, None).await?;
        let created = appended.first_position;
        let created_at = self.recorded_at(created).await?;
        let remembered = Remembered {
            name,
            created,
            created_at,
            filter,
            after_position,
            recorded_from,
            settings,
        };
        let checkpoint =
            GroupCheckpointed { position: after_position, ..GroupCheckpointed::default() };
        let saved = Saved { checkpoint, ..Saved::default() };
        recovery::begin(shared, Arc::new(remembered), saved);
        Ok(appended)
    }

    /// Deletes a group; the calls of its consumers end.
    pub async fn delete(
        &self,
        name: &str,
        request: Option<Repeatable>,
    ) -> Result<Appended, GroupError> {
        self.shared.recovered().await?;
        let _changing = self.shared.changing.lock().await;
        if let Some(earlier) = self.recall(request).await? {
            return Ok(earlier);
        }
        let (messages, remembered) = self.shared.group(name).await?;
        let (reply, deleted) = oneshot::channel();
        let deleted = ask(&messages, Message::Delete { request, reply }, deleted).await??;
        let running = self.shared.groups().remove(&remembered.name);
        if let Some(running) = running {
            // A group of the same name may be created at once; this one must not record any more.
            let _ = running.task.await;
        }
        Ok(deleted)
    }

    /// Puts parked events back; none are named: all. Tells what was recorded, if anything, and how
    /// many were put back.
    pub async fn replay(
        &self,
        name: &str,
        positions: Vec<Position>,
        request: Option<Repeatable>,
    ) -> Result<(Option<Appended>, usize), GroupError> {
        let (messages, _) = self.shared.group(name).await?;
        if let Some(earlier) = self.recall(request).await? {
            let event = self.shared.appender.reader.event(earlier.first_position).await?;
            let payload = event.payload.unwrap_or_default();
            let ParkedReplayed { positions } = recovery::decoded(&payload.value)?;
            return Ok((Some(earlier), positions.len()));
        }
        let (reply, replayed) = oneshot::channel();
        ask(&messages, Message::Replay { positions, request, reply }, replayed).await?
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
        let count = self.work.parks().len().min(limits::APPEND_EVENTS - 1);
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
        let checkpoint = event(&self.work.checkpoint(count));
        let events = parked.chain([checkpoint]).collect();
        match self.recording.record(events, None, None).await {
            Ok(appended) => {
                self.work.recorded(count);
                self.parked.extend(positions.into_iter().zip(appended.first_position..));
                self.record_by = None;
            }
            Err(error) => self.not_recorded(&error),
        }
    }

    fn not_recorded(&mut self, error: &AppendError) {
        let group = self.recording.name.as_str();
        tracing::warn!(group, %error, "how far a consumer group is could not be recorded");
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
        let streams = self.streams_of(&positions).await?;
        let mut checkpoint = self.work.checkpoint(0);
        checkpoint.unfinished.extend(&positions);
        checkpoint.unfinished.sort_unstable();
        let count = positions.len();
        // Together, so that they are neither parked nor unfinished at no moment.
        let events = vec![event(&ParkedReplayed { positions }), event(&checkpoint)];
        let appended = self.recording.record(events, request, None).await?;
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
