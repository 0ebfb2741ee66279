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
    engine::{self, Engine, Scan, Subscription, SubscriptionItem},
    grpc::{
        access::Caller,
        answers::Answers,
        convert,
        heartbeat::lively,
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
        self.0.expect_store(&request.store).map_err(RpcError::from)?;
        let min_position = request.min_position;
        let spec = convert::read(request).map_err(RpcError::from)?;
        Caller::of(&extensions).may_see(&spec.filter)?;
        self.0.reached(min_position).await.map_err(RpcError::from)?;
        let scan = self.0.read(spec).await.map_err(RpcError::from)?;
        let head = scan.head();
        let batches = stream::try_unfold(Batches::First(scan), Batches::next);
        Ok(paged(&metadata, lively(batches, self.0.heartbeat(), head)))
    }

    type SubscribeStream = Answers<SubscribeFrame>;

    async fn subscribe(
        &self,
        request: Request<proto::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        self.0.expect_store(&request.store).map_err(RpcError::from)?;
        let (filter, start) = convert::subscribe(request).map_err(RpcError::from)?;
        Caller::of(&extensions).may_see(&filter)?;
        let subscription = self.0.subscribe(filter, start).await.map_err(RpcError::from)?;
        Ok(paged(&metadata, Box::pin(stream::try_unfold(subscription, next_frame))))
    }
}

async fn head(
    engine: &Engine,
    request: proto::GetHeadRequest,
) -> Result<proto::GetHeadResponse, RpcError> {
    let proto::GetHeadRequest { min_position } = request;
    let head = engine.reached(min_position).await?;
    let recorded_at = head.recorded_at.map(timestamp);
    Ok(proto::GetHeadResponse { position: head.position, recorded_at, store: engine.store_name() })
}

/// A read's answers: at least one, so that the client gets the position even when nothing matches.
enum Batches {
    First(Scan),
    More(Scan),
}

impl Batches {
    async fn next(self) -> Result<Option<(ReadFrame, Self)>, Status> {
        let (mut scan, first) = match self {
            Self::First(scan) => (scan, true),
            Self::More(scan) => (scan, false),
        };
        let encoded = scan.next().await.map_err(RpcError::from)?;
        if encoded.is_none() && !first {
            return Ok(None);
        }
        let encoded = encoded.map(|encoded| encoded.events).unwrap_or_default();
        let rest = proto::ReadResponse { position: scan.head(), ..Default::default() };
        Ok(Some((ReadFrame { encoded, rest }, Self::More(scan))))
    }
}

async fn next_frame(
    mut subscription: Subscription,
) -> Result<Option<(SubscribeFrame, Subscription)>, Status> {
    let frame = subscription.next().await.map_err(RpcError::from)?;
    Ok(Some((frame.into(), subscription)))
}

impl From<SubscriptionItem> for SubscribeFrame {
    fn from(item: SubscriptionItem) -> Self {
        let parts = |mark: engine::Mark| (mark.position, mark.recorded_at.map(timestamp));
        match item {
            SubscriptionItem::Events(encoded) => Self::Events(encoded.events),
            SubscriptionItem::CaughtUp(mark) => {
                let (position, recorded_at) = parts(mark);
                Mark::CaughtUp(proto::CaughtUp { position, recorded_at }).into()
            }
            SubscriptionItem::Checkpoint(mark) => {
                let (position, recorded_at) = parts(mark);
                Mark::Checkpoint(proto::Checkpoint { position, recorded_at }).into()
            }
            SubscriptionItem::FellBehind(mark) => {
                let (position, recorded_at) = parts(mark);
                Mark::FellBehind(proto::FellBehind { position, recorded_at }).into()
            }
            SubscriptionItem::Heartbeat => {
                Self::Mark(proto::SubscribeResponse { frame: None, heartbeat: true })
            }
        }
    }
}
