//! One `Consume` call: passes what the consumer says to the engine, and deliveries back to the
//! consumer.

use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::{runtime::Handle, time::Instant};
use tonic::{Status, Streaming};

use super::request;
use crate::{
    domain::{proto, violation::Violations},
    engine::{Consumer, Delivered, Engine, GroupError},
    grpc::{
        access::Caller, connection::ConnectionInfo, passthrough::ConsumeFrame, status::RpcError,
    },
};

type Requests = Streaming<proto::ConsumeRequest>;

/// A consumer that has said one thing and ends its requests within this time, before any event has
/// come, does not know that it answers by them. Without an error it would take the group for empty.
const EARLY: Duration = Duration::from_secs(1);

/// Reads the first message and takes part in the group that it names.
pub(super) async fn begin(
    engine: &Engine,
    caller: &Caller,
    mut requests: Requests,
    connection: Option<ConnectionInfo>,
) -> Result<impl Stream<Item = Result<ConsumeFrame, Status>> + Send + use<>, Status> {
    // A call without any message names no group.
    let mut first = requests.message().await?.unwrap_or_default();
    let (group, name) = (std::mem::take(&mut first.group), std::mem::take(&mut first.consumer));
    let reach = engine.expect_store(&std::mem::take(&mut first.store)).map_err(RpcError::from)?;
    // A consumer knows repeated events by the positions that it has handled.
    reach.check_present().map_err(RpcError::from)?;
    may_consume(engine, caller, &group).await?;
    let consumer = Consumer::join(engine.groups(), &group, &name).await.map_err(RpcError::from)?;
    let part = Part { consumer: Some(consumer), connection };
    part.say(first).await?;
    let (early_until, store) = (Some(Instant::now() + EARLY), engine.store_name());
    let call = Some(Call { part, requests, early_until, store });
    Ok(stream::try_unfold(call, |call| async {
        match call {
            Some(call) => call.next().await,
            None => Ok(None),
        }
    }))
}

/// Refuses a group that is for events which the caller may not see. A caller that may not see all
/// gets the same answer where there is no such group.
async fn may_consume(engine: &Engine, caller: &Caller, group: &str) -> Result<(), RpcError> {
    if caller.sees_all() {
        return Ok(());
    }
    let origin = match engine.groups().list(Some(group)).await {
        Ok((groups, _)) => groups.into_iter().next().and_then(|status| status.origin),
        Err(_) => None,
    };
    match origin {
        Some(origin) => caller.may_see(&origin.filter),
        None => Err(caller.not_among(
            "the filter can match others; each of its items has to name streams or categories \
             among them",
        )),
    }
}

struct Call {
    part: Part,
    requests: Requests,
    /// Until when an end of the requests is too early; absent: both sides have said something.
    early_until: Option<Instant>,
    /// The name of the store, for the first frame.
    store: String,
}

impl Call {
    /// The next frame; `None`: the consumer has said that it is done, and has left.
    async fn next(mut self) -> Result<Option<(ConsumeFrame, Option<Self>)>, Status> {
        loop {
            tokio::select! {
                // What it has to answer first is not made more.
                biased;
                said = self.requests.message() => {
                    let Some(said) = said? else { return self.end().await };
                    self.early_until = None;
                    self.part.say(said).await?;
                }
                delivered = self.part.next() => {
                    let mut frame: ConsumeFrame = delivered.map_err(RpcError::from)?.into();
                    frame.rest.store = std::mem::take(&mut self.store);
                    self.early_until = None;
                    return Ok(Some((frame, Some(self))));
                }
            }
        }
    }

    /// Leaves, because the requests have ended.
    async fn end<T>(self) -> Result<Option<T>, Status> {
        self.part.leave().await;
        if self.early_until.is_none_or(|until| until < Instant::now()) {
            return Ok(None);
        }
        let mut violations = Violations::default();
        let problem = "ended before any event could be delivered; keep them open for as long as \
                       the consumer takes part, because they carry its answers";
        violations.add("requests", problem);
        Err(RpcError::from(violations).into())
    }
}

/// The part that a call takes in a group.
struct Part {
    /// Absent once it has left.
    consumer: Option<Consumer>,
    connection: Option<ConnectionInfo>,
}

impl Part {
    async fn say(&self, said: proto::ConsumeRequest) -> Result<(), Status> {
        let said = request::said(said).map_err(RpcError::from)?;
        let Some(consumer) = &self.consumer else { return Ok(()) };
        consumer.say(said).await.map_err(|error| RpcError::from(error).into())
    }

    async fn next(&mut self) -> Result<Delivered, GroupError> {
        match &mut self.consumer {
            Some(consumer) => consumer.next().await,
            None => std::future::pending().await,
        }
    }

    async fn leave(mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.leave().await;
        }
    }
}

/// A call that breaks off counts as a try of the event that the consumer was at, because the
/// consumer may have broken at that event. If the server cut the connection, because some other
/// call broke the bounds of HTTP/2, the consumer only leaves.
impl Drop for Part {
    fn drop(&mut self) {
        let broken_off = self.consumer.take().zip(self.connection.take());
        if let (Some((consumer, connection)), Ok(runtime)) = (broken_off, Handle::try_current()) {
            runtime.spawn(async move {
                if connection.was_cut().await {
                    consumer.leave().await;
                }
            });
        }
    }
}

impl From<Delivered> for ConsumeFrame {
    fn from(delivered: Delivered) -> Self {
        let Delivered { events, first_delivery, attempts, withdrawn } = delivered;
        let rest = proto::ConsumeResponse {
            first_delivery,
            attempts,
            withdrawn,
            ..proto::ConsumeResponse::default()
        };
        Self { encoded: events, rest }
    }
}
