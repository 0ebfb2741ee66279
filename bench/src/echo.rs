//! An event store without a store: it answers every append at once, and keeps nothing.
//!
//! What it can answer in a second, over the same transport with the same messages, is the most
//! that a store behind this interface could. The bench measures one beside the other.

use std::{
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use handover::{
    cli::exit::{Exit, Failure},
    domain::{
        limits,
        proto::{self, append_stream_response::Outcome},
    },
    grpc::serve,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tonic::{Request, Response, Status, Streaming, service::Routes};

use self::stubs::event_store_service_server::{EventStoreService, EventStoreServiceServer};

handover::generated! {
    /// The generated server of `EventStoreService`, over the product's messages.
    mod stubs = "/handover.v1.rs";
}

/// Counts positions, so that its answers are as long as a store's.
#[derive(Clone, Debug, Default)]
struct Echo(Arc<AtomicU64>);

/// Serves on a free port of this machine, and prints its address as `handover serve` does, until a
/// signal stops it.
pub(super) async fn run() -> Result<Exit, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut terminate = signal(SignalKind::terminate())?;
    writeln!(io::stdout(), "serving on http://{}", listener.local_addr()?)?;
    io::stdout().flush()?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    listen(listener, stop).await?;
    Ok(Exit::Done)
}

/// Answers appends on `listener` until `stop`; other calls are refused.
async fn listen(listener: TcpListener, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let echo = EventStoreServiceServer::new(Echo::default())
        .max_decoding_message_size(limits::REQUEST_BYTES);
    serve::routes(Routes::new(echo), listener, usize::MAX, stop).await
}

/// What a streaming call answers with.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

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
        request: Request<Streaming<proto::AppendStreamRequest>>,
    ) -> Result<Response<Self::AppendStreamStream>, Status> {
        let echo = self.clone();
        let answers = request.into_inner().map_ok(move |request| {
            let appended = echo.answer(request.append.unwrap_or_default());
            let outcome = Some(Outcome::Appended(appended));
            proto::AppendStreamResponse { outcome, heartbeat: false }
        });
        Ok(Response::new(answers.boxed()))
    }

    type ReadStream = Answers<proto::ReadResponse>;

    async fn read(
        &self,
        _: Request<proto::ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        Err(keeps_nothing())
    }

    type SubscribeStream = Answers<proto::SubscribeResponse>;

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
    Status::unimplemented("this server only answers appends and keeps nothing")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use handover::{
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
