//! `ConsumerGroupService`: services that share the work of following the log.

mod consuming;
mod listed;
mod request;

use tonic::{Request, Response, Status, Streaming};

use crate::{
    domain::{group::CATEGORY, proto, recorded::timestamp},
    engine::{
        Appended, ConsumerStatus, Engine, GroupProgress, GroupRequest, GroupState, GroupStatus,
        ParkedEvent, Repeatable, Start,
    },
    grpc::{
        access::Caller,
        answers::Answers,
        heartbeat::lively,
        paged::paged,
        passthrough::ConsumeFrame,
        server_stubs::consumer_group_service_server::ConsumerGroupService,
        service::{Service, by_caller, unary},
        status::RpcError,
    },
};

#[tonic::async_trait]
impl ConsumerGroupService for Service {
    by_caller! {
        create_group(CreateGroupRequest) -> CreateGroupResponse = create;
        replay_parked(ReplayParkedRequest) -> ReplayParkedResponse = replay;
        delete_group(DeleteGroupRequest) -> DeleteGroupResponse = delete;
    }

    unary! {
        list_groups(ListGroupsRequest) -> ListGroupsResponse = listed::list;
        list_parked(ListParkedRequest) -> ListParkedResponse = parked;
    }

    type ConsumeStream = Answers<ConsumeFrame>;

    async fn consume(
        &self,
        request: Request<Streaming<proto::ConsumeRequest>>,
    ) -> Result<Response<Self::ConsumeStream>, Status> {
        let (metadata, extensions, requests) = request.into_parts();
        let connection = extensions.get().cloned();
        let caller = Caller::of(&extensions);
        let consuming = consuming::begin(&self.0, &caller, requests, connection).await?;
        Ok(paged(&metadata, lively(consuming, self.0.heartbeat(), 0)))
    }
}

async fn create(
    engine: &Engine,
    caller: &Caller,
    request: proto::CreateGroupRequest,
) -> Result<proto::CreateGroupResponse, RpcError> {
    let reach = engine.expect_store(&request.store)?;
    let (group, repeat) = request::group(request)?;
    if let Start::After(position) = group.start {
        reach.check("after_position", position)?;
    }
    caller.may_see(&group.filter)?;
    let name = group.name.to_string();
    let created = engine.groups().create(group, recorded(caller, repeat)).await?;
    Ok(proto::CreateGroupResponse { receipt: Some(receipt(&name, &created)) })
}

async fn parked(
    engine: &Engine,
    request: proto::ListParkedRequest,
) -> Result<proto::ListParkedResponse, RpcError> {
    let (group, after, limit) = request::parked(request)?;
    let page = engine.groups().parked(&group, after, limit).await?;
    Ok(proto::ListParkedResponse {
        parked: page.parked.into_iter().map(Into::into).collect(),
        next_after_position: page.more_after.unwrap_or_default(),
        total: count(page.total),
    })
}

async fn replay(
    engine: &Engine,
    caller: &Caller,
    request: proto::ReplayParkedRequest,
) -> Result<proto::ReplayParkedResponse, RpcError> {
    let reach = engine.expect_store(&request.store)?;
    let (group, positions, repeat) = request::replay(request)?;
    let last = positions.iter().max().copied();
    reach.check("positions", last.unwrap_or_default())?;
    let request = recorded(caller, repeat);
    let (appended, replayed) = engine.groups().replay(&group, positions, request).await?;
    let receipt = appended.map(|appended| receipt(&group, &appended));
    Ok(proto::ReplayParkedResponse { receipt, replayed: count(replayed) })
}

async fn delete(
    engine: &Engine,
    caller: &Caller,
    request: proto::DeleteGroupRequest,
) -> Result<proto::DeleteGroupResponse, RpcError> {
    let (name, repeat) = request::deletion(request)?;
    let deleted = engine.groups().delete(&name, recorded(caller, repeat)).await?;
    Ok(proto::DeleteGroupResponse { receipt: Some(receipt(&name, &deleted)) })
}

/// How a request of this caller is recorded.
fn recorded(caller: &Caller, repeat: Option<Repeatable>) -> GroupRequest {
    GroupRequest { repeat, by: caller.recorded_by() }
}

/// Where something about a group is recorded: the first of what was recorded with it.
fn receipt(group: &str, appended: &Appended) -> proto::Receipt {
    let Appended { first_position, last_position, revisions, duplicate, undone } = appended;
    let last = revisions.values().next().copied().unwrap_or_default();
    proto::Receipt {
        position: *first_position,
        stream: format!("{CATEGORY}/{group}"),
        revision: last - (last_position - first_position),
        duplicate: *duplicate,
        undone: undone.first().map(|undone| (*undone).into()),
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl From<GroupStatus> for proto::Group {
    fn from(status: GroupStatus) -> Self {
        let GroupStatus { name, state, origin, progress, stalled } = status;
        let mut group = Self { name, stalled, ..Self::default() };
        group.set_state(state.into());
        if let Some(origin) = origin {
            group.filter = Some((&origin.filter).into());
            group.began_after = origin.after_position;
            group.created_at = Some(timestamp(origin.created_at));
            group.settings = Some(origin.settings.into());
            group.recorded_from = origin.recorded_from.map(timestamp);
        }
        if let Some(progress) = progress {
            group.set_progress(progress);
        }
        group
    }
}

impl proto::Group {
    fn set_progress(&mut self, progress: GroupProgress) {
        let GroupProgress { position, lag_events, lag, resting, parked, consumers } = progress;
        self.position = position;
        self.lag_events = lag_events;
        self.lag = lag.and_then(|lag| prost_types::Duration::try_from(lag).ok());
        self.unanswered = count(consumers.iter().map(|consumer| consumer.unanswered).sum());
        self.resting = count(resting);
        self.parked = count(parked);
        self.consumers = consumers.into_iter().map(Into::into).collect();
    }
}

impl From<GroupState> for proto::GroupState {
    fn from(state: GroupState) -> Self {
        match state {
            GroupState::Ready => Self::Ready,
            GroupState::Restoring => Self::Restoring,
            GroupState::Damaged => Self::Damaged,
        }
    }
}

impl From<ConsumerStatus> for proto::GroupConsumer {
    fn from(status: ConsumerStatus) -> Self {
        let ConsumerStatus { name, since, unanswered, credit } = status;
        Self { name, since: Some(timestamp(since)), unanswered: count(unanswered), credit }
    }
}

impl From<ParkedEvent> for proto::ParkedEvent {
    fn from(parked: ParkedEvent) -> Self {
        let ParkedEvent { event, parked, parked_at } = parked;
        let proto::EventParked { position: _, attempts, reason, consumer } = parked;
        let parked_at = Some(timestamp(parked_at));
        Self { event: Some(event), attempts, reason, consumer, parked_at }
    }
}
