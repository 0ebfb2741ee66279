//! A server for tests of clients: an event store in memory, spoken to over a real connection.
//!
//! It keeps the promises that clients build on (request ids, expected revisions, order of answers,
//! rejections in the pipeline) and nothing else: no conditions, no filters. Of a claim it asks only
//! that it is there.

mod beside;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{BoxStream, iter, once, unfold},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::http,
    server::{Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService},
    transport::{Channel, Endpoint, Server},
};
use tonic_prost::ProstCodec;

use crate::{
    domain::{
        examine::examine,
        known::Known,
        name::{RESERVED_TAG_KEYS, StreamName},
        proto::{
            self, AppendRequest, AppendResponse, AppendStreamRequest, AppendStreamResponse,
            ReadRequest, ReadResponse, RecordedEvent,
        },
        wire::Room,
    },
    engine::AppendError,
    grpc::{client::Client, status::RpcError},
};

/// The store; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    events: Vec<RecordedEvent>,
    answered: BTreeMap<String, (AppendRequest, AppendResponse)>,
    /// The positions that the figures had to include before an answer.
    waited_for: Vec<u64>,
    /// Stops accepting when so many events are there.
    full_at: Option<usize>,
}

impl Fake {
    /// A client of this store, over a connection within the process.
    pub(crate) async fn client(&self) -> Client {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = Server::builder()
            .add_service(self.clone())
            .serve_with_incoming(once(std::future::ready(Ok::<_, io::Error>(theirs))));
        tokio::spawn(server);
        let mut ours = Some(ours);
        let connector = tower::service_fn(move |_: http::Uri| {
            let end = ours.take().map(TokioIo::new);
            std::future::ready(end.ok_or_else(|| io::Error::other("connected once already")))
        });
        let endpoint = Endpoint::from_static("http://fake");
        let channel: Channel = endpoint.connect_with_connector(connector).await.unwrap();
        Client::from_channel(channel)
    }

    /// Listens on this machine, until the test ends; the address.
    pub(crate) async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let incoming = unfold(listener, |listener: TcpListener| async move {
            let accepted = listener.accept().await.map(|(connection, _)| connection);
            Some((accepted, listener))
        });
        let server = Server::builder()
            .add_service(self.clone())
            .add_service(beside::Sources(self.clone()))
            .add_service(beside::Claims)
            .serve_with_incoming(incoming.boxed());
        tokio::spawn(server);
        address
    }

    /// The positions that the figures had to include before an answer, in order.
    pub(crate) fn waited_for(&self) -> Vec<u64> {
        self.0.lock().unwrap().waited_for.clone()
    }

    pub(crate) fn events(&self) -> Vec<RecordedEvent> {
        self.0.lock().unwrap().events.clone()
    }

    /// From that many events on, appends fail as they do when the store has failed.
    pub(crate) fn fails_at(&self, events: Option<usize>) {
        self.0.lock().unwrap().full_at = events;
    }

    fn append(&self, mut request: AppendRequest) -> Result<AppendResponse, Status> {
        let mut state = self.0.lock().unwrap();
        let id = std::mem::take(&mut request.request_id);
        if let Some((content, response)) = state.answered.get(&id) {
            if *content != request {
                let first_position = response.first_position;
                return Err(RpcError::from(AppendError::RequestIdReused { first_position }).into());
            }
            return Ok(AppendResponse { duplicate: true, ..response.clone() });
        }
        let events = state.recorded(&request)?;
        if state.full_at.is_some_and(|at| state.events.len() + events.len() > at) {
            return Err(Status::unavailable("the store has failed"));
        }
        let response = AppendResponse {
            first_position: events.first().map_or(0, |event| event.position),
            last_position: events.last().map_or(0, |event| event.position),
            revisions: events.iter().map(|e| (e.stream.clone(), e.revision)).collect(),
            ..AppendResponse::default()
        };
        state.events.extend(events);
        if !id.is_empty() {
            state.answered.insert(id, (request, response.clone()));
        }
        Ok(response)
    }
}

impl State {
    fn recorded(&self, request: &AppendRequest) -> Result<Vec<RecordedEvent>, Status> {
        let mut events = Vec::new();
        for write in &request.writes {
            let stream = folded(&write.stream);
            let held = self.events.iter().filter(|event| event.stream == stream).count();
            if write.expected_revision.is_some_and(|expected| expected != held as u64) {
                return Err(Status::aborted("the stream holds another number of events"));
            }
            for (event, revision) in write.events.iter().zip(held + 1..) {
                let held = self.events.len() + events.len();
                let (mut tags, rewritten) = looked_at(&write.stream, event, held)?;
                tags.extend(event.tags.iter().cloned());
                let mut payload = event.payload.clone();
                if let (Some(payload), Some(value)) = (&mut payload, rewritten) {
                    payload.value = value;
                }
                events.push(RecordedEvent {
                    position: (self.events.len() + events.len() + 1) as u64,
                    stream: folded(&write.stream),
                    revision: revision as u64,
                    recorded_at: Some(prost_types::Timestamp::default()),
                    payload,
                    tags,
                    metadata: event.metadata.clone(),
                    recorded_by: String::new(),
                });
            }
        }
        Ok(events)
    }
}

/// The name under which a server records a stream.
fn folded(stream: &str) -> String {
    StreamName::parse(stream).map_or_else(|_| stream.to_owned(), |it| it.folded().to_string())
}

/// The tags that a server adds to an event that comes after so many others, and its payload with
/// folded identity texts if that differs.
fn looked_at(
    stream: &str,
    event: &proto::NewEvent,
    held: usize,
) -> Result<(Vec<String>, Option<bytes::Bytes>), Status> {
    let any = event.payload.clone().unwrap_or_default();
    let refused = |problem: String| Status::invalid_argument(problem);
    let stream = StreamName::parse(stream).map_err(|error| refused(error.to_string()))?;
    let examined = examine(&stream, any.type_name(), &any.value, &mut Room::default())
        .map_err(|violations| refused(format!("writes[0].events[0].{violations}")))?;
    let (known, rewritten) = examined.map(|it| (it.known, it.rewritten)).unzip();
    if let Some(claim) = known.as_ref().and_then(Known::about).filter(|claim| *claim > held as u64)
    {
        return Err(Status::failed_precondition(format!("there is no claim {claim}")));
    }
    let tags: Vec<String> = known.iter().flat_map(Known::tags).map(|tag| tag.to_string()).collect();
    assert!(tags.iter().all(|tag| RESERVED_TAG_KEYS.contains(&tag.split(':').next().unwrap())));
    Ok((tags, rewritten.flatten()))
}

impl NamedService for Fake {
    const NAME: &'static str = "handover.v1.EventStoreService";
}

impl tower::Service<http::Request<Body>> for Fake {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let fake = self.clone();
        async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(match method.as_str() {
                "Append" => {
                    let mut grpc =
                        Grpc::new(ProstCodec::<AppendResponse, AppendRequest>::default());
                    grpc.unary(fake, request).await
                }
                "GetHead" => {
                    let codec =
                        ProstCodec::<proto::GetHeadResponse, proto::GetHeadRequest>::default();
                    Grpc::new(codec).unary(fake, request).await
                }
                "AppendStream" => Grpc::new(ProstCodec::default()).streaming(fake, request).await,
                "Read" => Grpc::new(ProstCodec::default()).server_streaming(fake, request).await,
                other => panic!("{other} is not faked"),
            })
        }
        .boxed()
    }
}

type Answer<T> = BoxFuture<'static, Result<Response<T>, Status>>;
type Stream<T> = BoxStream<'static, Result<T, Status>>;

impl UnaryService<AppendRequest> for Fake {
    type Response = AppendResponse;
    type Future = Answer<AppendResponse>;

    fn call(&mut self, request: Request<AppendRequest>) -> Self::Future {
        let answer = self.append(request.into_inner()).map(Response::new);
        std::future::ready(answer).boxed()
    }
}

impl StreamingService<AppendStreamRequest> for Fake {
    type Response = AppendStreamResponse;
    type ResponseStream = Stream<AppendStreamResponse>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, request: Request<Streaming<AppendStreamRequest>>) -> Self::Future {
        use proto::append_stream_response::Outcome;
        let fake = self.clone();
        let answers = request.into_inner().map_ok(move |request| {
            let outcome = match fake.append(request.append.unwrap_or_default()) {
                Ok(response) => Outcome::Appended(response),
                Err(status) => Outcome::Rejection(proto::AppendRejection {
                    code: status.code().into(),
                    message: status.message().to_owned(),
                    status: status.details().to_vec().into(),
                }),
            };
            AppendStreamResponse { outcome: Some(outcome), heartbeat: false }
        });
        std::future::ready(Ok(Response::new(answers.boxed()))).boxed()
    }
}

impl ServerStreamingService<ReadRequest> for Fake {
    type Response = ReadResponse;
    type ResponseStream = Stream<ReadResponse>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, _: Request<ReadRequest>) -> Self::Future {
        let events = self.events();
        let position = events.len() as u64;
        let pages: Vec<_> = events
            .chunks(7)
            .map(|events| {
                let events = events.to_vec();
                Ok(ReadResponse { events, position, ..Default::default() })
            })
            .collect();
        std::future::ready(Ok(Response::new(iter(pages).boxed()))).boxed()
    }
}
