//! An event store without a store: it answers every append at once, and keeps nothing.
//!
//! What it can answer in a second, over the same transport with the same messages, is the most
//! that a store behind this interface could. The bench measures one beside the other.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status, Streaming, service::Routes};

use crate::{
    domain::{
        limits,
        proto::{self, ErrorReason, append_stream_response::Outcome},
    },
    grpc::{
        event_store::Answers,
        intake::IntakeLayer,
        outbound::SendingLayer,
        passthrough::{ReadFrame, SubscribeFrame},
        pipelined::Pipelined,
        serve,
        server_stubs::event_store_service_server::{EventStoreService, EventStoreServiceServer},
        status::RpcError,
        web::Origins,
    },
};

/// Counts positions, so that its answers are as long as a store's.
#[derive(Clone, Debug, Default)]
struct Echo(Arc<AtomicU64>);

/// Answers appends on `listener` until `stop`; other calls are refused.
pub async fn listen(
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let echo = EventStoreServiceServer::new(Echo::default())
        .max_decoding_message_size(limits::REQUEST_BYTES);
    let (origins, intake) = (Origins::default(), IntakeLayer::prepared());
    let sending = SendingLayer::default();
    let router = serve::bounded(Routes::new(echo).prepare(), sending, origins, intake);
    serve::listen(router, listener, usize::MAX, stop).await
}

impl Echo {
    fn answer(&self, request: proto::AppendRequest) -> proto::AppendResponse {
        let writes = request.writes.into_iter();
        let revisions: std::collections::BTreeMap<String, u64> =
            writes.map(|write| (write.stream, write.events.len() as u64)).collect();
        let events = revisions.values().sum();
        let before = self.0.fetch_add(events, Ordering::Relaxed);
        proto::AppendResponse {
            first_position: before + 1,
            last_position: before + events,
            revisions,
            ..Default::default()
        }
    }
}

#[tonic::async_trait]
impl EventStoreService for Echo {
    async fn append(
        &self,
        request: Request<proto::AppendRequest>,
    ) -> Result<Response<proto::AppendResponse>, Status> {
        Ok(Response::new(self.answer(request.into_inner())))
    }

    type AppendStreamStream = Answers<proto::AppendStreamResponse>;

    async fn append_stream(
        &self,
        request: Request<Streaming<Pipelined>>,
    ) -> Result<Response<Self::AppendStreamStream>, Status> {
        let echo = self.clone();
        let answers = request.into_inner().map_ok(move |Pipelined(request)| {
            let outcome = match request {
                Ok(append) => Outcome::Appended(echo.answer(append)),
                Err(violations) => Outcome::Rejection(RpcError::from(violations).into()),
            };
            proto::AppendStreamResponse { outcome: Some(outcome), heartbeat: false }
        });
        Ok(Response::new(answers.boxed()))
    }

    type ReadStream = Answers<ReadFrame>;

    async fn read(
        &self,
        _: Request<proto::ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        Err(keeps_nothing())
    }

    type SubscribeStream = Answers<SubscribeFrame>;

    async fn subscribe(
        &self,
        _: Request<proto::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(keeps_nothing())
    }

    async fn get_head(
        &self,
        _: Request<proto::GetHeadRequest>,
    ) -> Result<Response<proto::GetHeadResponse>, Status> {
        Err(keeps_nothing())
    }
}

fn keeps_nothing() -> Status {
    let message = "this server only answers appends and keeps nothing";
    RpcError::new(Code::Unimplemented, ErrorReason::Unimplemented, message).into()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::{
        domain::proto::{AppendRequest, NewEvent, ReadRequest, StreamWrite},
        grpc::client::{Client, ClientErrorKind},
    };

    fn request(events: usize) -> AppendRequest {
        let write = StreamWrite {
            stream: "demo/1".to_owned(),
            expected_revision: None,
            events: vec![NewEvent::default(); events],
        };
        AppendRequest { writes: vec![write], ..AppendRequest::default() }
    }

    #[tokio::test]
    async fn appends_are_answered_as_a_store_answers_and_nothing_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(listen(listener, std::future::pending()));
        let client = Client::connect(&address).await.unwrap();
        let answer = client.append(request(2)).await.unwrap();
        assert_eq!((answer.first_position, answer.last_position), (1, 2));
        assert_eq!(answer.revisions, [("demo/1".to_owned(), 2)].into());

        let pipeline = client.append_stream(stream::iter([request(1), request(3)]));
        let answers: Vec<_> = pipeline.try_collect().await.unwrap();
        let places = answers.iter().map(|it| it.as_ref().unwrap().last_position);
        assert_eq!(places.collect::<Vec<_>>(), [3, 6]);

        let error = client.read(ReadRequest::default()).try_next().await.unwrap_err();
        assert_eq!(error.kind, ClientErrorKind::Other);
        assert!(error.message.contains("keeps nothing"), "{error}");
    }
}
