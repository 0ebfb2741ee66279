//! Groups are created, deleted, and what they have parked is put back.

use super::{
    Groups,
    error::GroupError,
    messages::{Message, send_request},
    recording::{GroupRequest, Recording, Repeatable, event},
    recovery,
    registry::{GroupStanding, Ready},
    saved::GroupOrigin,
};
use crate::{
    domain::{
        event::{Micros, Position},
        filter::Filter,
        group::{Chain, GroupName, Settings},
        limits,
        proto::{GroupCreated, GroupDeleted},
        recorded::timestamp,
    },
    engine::{Appended, ReadError, Start},
};

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
        request: GroupRequest,
    ) -> Result<Appended, GroupError> {
        let shared = &self.shared;
        shared.known().await?;
        let _changing = shared.changing.lock().await;
        if let Some(earlier) = self.recall(request.repeat).await? {
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
    pub async fn delete(&self, name: &str, request: GroupRequest) -> Result<Appended, GroupError> {
        let shared = &self.shared;
        shared.known().await?;
        let _changing = shared.changing.lock().await;
        if let Some(earlier) = self.recall(request.repeat).await? {
            let name = GroupName::parse(name).map_err(|_| shared.absent(name))?;
            let undone = self.created_again(&name, earlier.first_position).await?;
            return Ok(Appended { undone: Vec::from_iter(undone), ..earlier });
        }
        let (name, standing) = shared.named(name).await?;
        let standing = standing.borrow().clone();
        match standing {
            GroupStanding::Ready(Ready { messages, .. }) => {
                let delete = |reply| Message::Delete { request, reply };
                let deleted = send_request(&messages, delete).await??;
                shared.remove(&name, true).await;
                Ok(deleted)
            }
            GroupStanding::Restoring(_) => {
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

    /// The stream of a group, for what is recorded beside its task.
    fn stream(&self, name: &GroupName) -> Recording {
        Recording::new(name.clone(), self.shared.appender.clone(), Chain::default())
    }

    /// Puts parked events back; none are named: all. Tells what was recorded, if anything, and how
    /// many were put back.
    pub async fn replay(
        &self,
        name: &str,
        positions: Vec<Position>,
        request: GroupRequest,
    ) -> Result<(Option<Appended>, usize), GroupError> {
        if let Some(earlier) = self.recall(request.repeat).await? {
            return self.replayed_before(name, earlier).await;
        }
        let (messages, _) = self.shared.group(name).await?;
        let repeat = request.repeat;
        let replay = |reply| Message::Replay { positions, request, reply };
        let answer = send_request(&messages, replay).await?;
        let is_recorded_now = matches!(&answer, Ok((Some(appended), _)) if !appended.duplicate);
        if is_recorded_now {
            return answer;
        }
        // The repetition may have waited behind the request itself, which has put the events back.
        match self.recall(repeat).await {
            Ok(Some(earlier)) => self.replayed_before(name, earlier).await,
            Ok(None) | Err(_) => answer,
        }
    }

    /// What was answered to a request before.
    async fn recall(&self, repeat: Option<Repeatable>) -> Result<Option<Appended>, GroupError> {
        let Some(Repeatable { request_id, digest }) = repeat else { return Ok(None) };
        Ok(self.shared.appender.recall(request_id, digest).await?)
    }

    pub(super) async fn recorded_at(&self, position: Position) -> Result<Micros, ReadError> {
        Ok(self.shared.appender.reader.recorded_at(position).await?.unwrap_or_default())
    }
}
