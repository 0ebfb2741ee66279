//! `EventStoreService`: the log itself.

mod append;
mod pipeline;

use std::sync::Arc;

use futures_util::stream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    domain::{
        proto::{self, subscribe_response::Frame as Mark},
        recorded::timestamp,
    },
    engine::{self, Engine, Scan, Start, Subscription, SubscriptionItem},
    grpc::{
        access::Caller,
        answers::Answers,
        convert,
        heartbeat::lively,
        history,
        paged::paged,
        passthrough::{ReadFrame, SubscribeFrame},
        pipelined::Pipelined,
        server_stubs::event_store_service_server::EventStoreService,
        service::{Service, by_caller, unary},
        status::RpcError,
    },
};

#[tonic::async_trait]
impl EventStoreService for Service {
    by_caller! {
        append(AppendRequest) -> AppendResponse = append::append;
    }

    unary! {
        get_head(GetHeadRequest) -> GetHeadResponse = head;
    }

    type AppendStreamStream = Answers<proto::AppendStreamResponse>;

    async fn append_stream(
        &self,
        request: Request<Streaming<Pipelined>>,
    ) -> Result<Response<Self::AppendStreamStream>, Status> {
        let (_, extensions, requests) = request.into_parts();
        let answers = pipeline::begin(Arc::clone(&self.0), Caller::of(&extensions), requests);
        Ok(Response::new(lively(answers, self.0.heartbeat(), 0)))
    }

    type ReadStream = Answers<ReadFrame>;

    async fn read(
        &self,
        request: Request<proto::ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let scan = begin_read(&self.0, &Caller::of(&extensions), request).await?;
        let head = scan.head();
        let first = Batches::First(scan, self.0.store_name());
        let batches = stream::try_unfold(first, Batches::next);
        Ok(paged(&metadata, lively(batches, self.0.heartbeat(), head)))
    }

    type SubscribeStream = Answers<SubscribeFrame>;

    async fn subscribe(
        &self,
        request: Request<proto::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let following = Following::begin(&self.0, &Caller::of(&extensions), request).await?;
        Ok(paged(&metadata, Box::pin(stream::try_unfold(following, Following::next))))
    }
}

async fn head(
    engine: &Engine,
    request: proto::GetHeadRequest,
) -> Result<proto::GetHeadResponse, RpcError> {
    let proto::GetHeadRequest { min_position } = request;
    let head = engine.reached(min_position).await?;
    let recorded_at = head.recorded_at.map(timestamp);
    let (store, history) = (engine.store_name(), Some(history::of(engine)));
    Ok(proto::GetHeadResponse { position: head.position, recorded_at, store, history })
}

/// Starts a read, if its positions are of this history and its caller may see what it selects.
async fn begin_read(
    engine: &Engine,
    caller: &Caller,
    request: proto::ReadRequest,
) -> Result<Scan, RpcError> {
    let (reach, min_position) = (engine.expect_store(&request.store)?, request.min_position);
    let spec = convert::read(request)?;
    caller.may_see(&spec.filter)?;
    reach.check("min_position", min_position)?;
    engine.check_start(&spec, &reach).await?;
    engine.reached(min_position).await?;
    Ok(engine.read(spec).await?)
}

/// A read's answers: at least one, so that the client gets the position even when nothing matches.
enum Batches {
    /// With the name of the store, which the first answer has.
    First(Scan, String),
    More(Scan),
}

impl Batches {
    async fn next(self) -> Result<Option<(ReadFrame, Self)>, Status> {
        let (mut scan, first) = match self {
            Self::First(scan, store) => (scan, Some(store)),
            Self::More(scan) => (scan, None),
        };
        let encoded = scan.next().await.map_err(RpcError::from)?;
        if encoded.is_none() && first.is_none() {
            return Ok(None);
        }
        let encoded = encoded.map(|encoded| encoded.events).unwrap_or_default();
        let (position, store) = (scan.head(), first.unwrap_or_default());
        let rest = proto::ReadResponse { position, store, ..Default::default() };
        Ok(Some((ReadFrame { encoded, rest }, Self::More(scan))))
    }
}

/// A subscription, and the name of the store for its first frame and for each without events.
struct Following {
    subscription: Subscription,
    store: String,
    first: bool,
}

impl Following {
    async fn begin(
        engine: &Engine,
        caller: &Caller,
        request: proto::SubscribeRequest,
    ) -> Result<Self, RpcError> {
        let reach = engine.expect_store(&request.store)?;
        let (filter, start) = convert::subscribe(request)?;
        caller.may_see(&filter)?;
        if let Start::After(position) = start {
            reach.check("after_position", position)?;
        }
        let subscription = engine.subscribe(filter, start).await?;
        Ok(Self { subscription, store: engine.store_name(), first: true })
    }

    async fn next(mut self) -> Result<Option<(SubscribeFrame, Self)>, Status> {
        let item = self.subscription.next().await.map_err(RpcError::from)?;
        let named = self.first || !matches!(item, SubscriptionItem::Events(_));
        self.first = false;
        let store = if named { self.store.clone() } else { String::new() };
        Ok(Some((SubscribeFrame::of(item, store), self)))
    }
}

impl SubscribeFrame {
    /// The frame of an item; without the name of the store if that is empty.
    fn of(item: SubscriptionItem, store: String) -> Self {
        let parts = |mark: engine::Mark| (mark.position, mark.recorded_at.map(timestamp));
        let frame = match item {
            SubscriptionItem::Events(encoded) => return Self::Events(encoded.events, store),
            SubscriptionItem::CaughtUp(mark) => {
                let (position, recorded_at) = parts(mark);
                Some(Mark::CaughtUp(proto::CaughtUp { position, recorded_at }))
            }
            SubscriptionItem::Checkpoint(mark) => {
                let (position, recorded_at) = parts(mark);
                Some(Mark::Checkpoint(proto::Checkpoint { position, recorded_at }))
            }
            SubscriptionItem::FellBehind(mark) => {
                let (position, recorded_at) = parts(mark);
                Some(Mark::FellBehind(proto::FellBehind { position, recorded_at }))
            }
            SubscriptionItem::Heartbeat => None,
        };
        let heartbeat = frame.is_none();
        Self::Mark(proto::SubscribeResponse { frame, heartbeat, store })
    }
}
