//! What the transport itself refuses, and what it packs: compression, limits, foreign services.

use std::fs;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::{TryStreamExt as _, stream};
use handover::domain::{
    limits,
    proto::{
        AppendResponse, AppendStreamRequest, AppendStreamResponse, GetCountryCountsRequest,
        SubscribeRequest, append_stream_response::Outcome, subscribe_response::Frame,
    },
};
use prost::Message as _;
use tonic::{
    Code, Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt as _;

use crate::support::{Server, append, data_dir, event};

const APPEND: &str = "/handover.v1.EventStoreService/Append";
const APPEND_STREAM: &str = "/handover.v1.EventStoreService/AppendStream";
/// How often a client cancels 500 calls at once: more than are free.
const ROUNDS: usize = 6;
const REGISTER_SOURCE: &str = "/handover.v1.SourceService/RegisterSource";

/// Messages that are sent and taken as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[tokio::test]
async fn calls_that_are_cancelled_at_once_end_nothing_but_themselves() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let mut frames = client.subscribe(SubscribeRequest::default());
    // It waits for more events than there will be.
    let question = GetCountryCountsRequest { min_position: 1_000, ..Default::default() };
    // The later ones come faster than the server takes cancelled calls.
    for _ in 0..ROUNDS {
        let calls: Vec<_> = (0..500)
            .map(|_| {
                let (client, question) = (client.clone(), question.clone());
                tokio::spawn(async move { client.country_counts(question).await })
            })
            .collect();
        // All of them are under way once a call that came later is answered.
        client.append(append("x/a", vec![event("one", &[])])).await.expect("it is recorded");
        calls.iter().for_each(tokio::task::JoinHandle::abort);
    }
    client.append(append("x/a", vec![event("two", &[])])).await.expect("it is recorded");
    let mut seen = 0;
    while seen <= ROUNDS {
        let frame = frames.try_next().await.expect("the subscription goes on").expect("frames");
        if let Some(Frame::Events(batch)) = frame.frame {
            seen += batch.events.len();
        }
    }
}

async fn channel(server: &Server) -> Channel {
    let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
    endpoint.connect().await.expect("the server can be reached")
}

async fn unary(
    grpc: Grpc<Channel>,
    path: &'static str,
    message: Bytes,
) -> Result<Response<Bytes>, Status> {
    let mut grpc = grpc;
    grpc.ready().await.expect("the connection stands");
    grpc.unary(Request::new(message), PathAndQuery::from_static(path), Raw).await
}

/// What a stream of these messages is answered with, up to its error.
async fn streamed(channel: Channel, messages: Vec<Bytes>) -> (Vec<Bytes>, Option<Status>) {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.expect("the connection stands");
    let path = PathAndQuery::from_static(APPEND_STREAM);
    let answers = grpc.streaming(Request::new(stream::iter(messages)), path, Raw).await;
    let mut answers: Streaming<Bytes> = answers.expect("the stream opens").into_inner();
    let mut answered = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => answered.push(answer),
            Ok(None) => return (answered, None),
            Err(status) => return (answered, Some(status)),
        }
    }
}

/// The reason of the error, if it has exactly one.
fn reason(status: &Status) -> String {
    let details = tonic_types::pb::Status::decode(status.details()).expect("it has details");
    let infos = details.details.iter().filter(|it| it.type_url.ends_with("google.rpc.ErrorInfo"));
    assert_eq!(infos.count(), 1, "{status:?}");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, "handover");
    info.reason
}

#[track_caller]
fn check(status: &Status, code: Code, expected: &str) {
    assert_eq!((status.code(), reason(status).as_str()), (code, expected), "{status:?}");
}

/// Names the limit, and the value where it is known.
#[track_caller]
fn check_too_large(status: &Status, value: Option<usize>) {
    check(status, Code::InvalidArgument, "LIMIT_EXCEEDED");
    let violations = status.get_details_bad_request().expect("a BadRequest").field_violations;
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "request");
    let reported = &violations[0].description;
    assert!(reported.contains(&limits::REQUEST_BYTES.to_string()), "{reported}");
    assert!(value.is_none_or(|value| reported.contains(&value.to_string())), "{reported}");
}

fn good() -> Bytes {
    let append = Some(append("x/a", vec![event("noted", &[])]));
    AppendStreamRequest { append }.encode_to_vec().into()
}

fn good_append() -> Bytes {
    append("x/a", vec![event("noted", &[])]).encode_to_vec().into()
}

fn too_large() -> Bytes {
    vec![0; limits::REQUEST_BYTES + 1].into()
}

#[tokio::test]
async fn a_message_that_is_too_large_or_no_message_is_reported_as_every_error_is() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let channel = channel(&server).await;
    for path in [APPEND, REGISTER_SOURCE] {
        let status = unary(Grpc::new(channel.clone()), path, too_large()).await;
        check_too_large(&status.expect_err(path), Some(limits::REQUEST_BYTES + 1));
        let status = unary(Grpc::new(channel.clone()), path, Bytes::from_static(b"\xff")).await;
        check(&status.expect_err(path), Code::InvalidArgument, "INVALID_FIELD");
    }
    // What was accepted before it is answered.
    let (answered, status) = streamed(channel.clone(), vec![good(), good(), too_large()]).await;
    assert_eq!(answered.len(), 2);
    check_too_large(&status.expect("an error"), Some(limits::REQUEST_BYTES + 1));
    // What is no message, though it is framed as one, is refused in its place.
    let messages = vec![good(), Bytes::from_static(b"\xff"), good()];
    let (answered, status) = streamed(channel, messages).await;
    assert!(status.is_none(), "{status:?}");
    let answers = answered.into_iter().map(|it| AppendStreamResponse::decode(it).expect("one"));
    let outcomes: Vec<_> = answers.map(|answer| answer.outcome.expect("an outcome")).collect();
    let [Outcome::Appended(one), Outcome::Rejection(refused), Outcome::Appended(two)] =
        &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!((one.first_position, two.first_position), (3, 4));
    let code = Code::from_i32(refused.code);
    let status = Status::with_details(code, &refused.message, refused.status.clone());
    check(&status, Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn headers_that_are_too_large_are_reported_as_every_limit_is() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let channel = channel(&server).await;
    let call = async |bytes: usize| {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.expect("the connection stands");
        let mut request = Request::new(good_append());
        request.metadata_mut().insert("x-note", "n".repeat(bytes).parse().expect("a value"));
        let path = PathAndQuery::from_static(APPEND);
        let answer: Result<Response<Bytes>, Status> = grpc.unary(request, path, Raw).await;
        answer
    };
    assert!(call(limits::HEADER_BYTES - 1_000).await.is_ok());
    let status = call(limits::HEADER_BYTES + 1_000).await.expect_err("too large");
    check(&status, Code::InvalidArgument, "LIMIT_EXCEEDED");
    assert!(status.message().starts_with("metadata: has 17"), "{status:?}");
    assert!(call(1).await.is_ok(), "the connection goes on");
}

#[tokio::test]
async fn what_is_not_there_is_reported_with_its_reason() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let channel = channel(&server).await;
    for path in ["/handover.v1.EventStoreService/Remove", "/handover.v2.Nothing/Get"] {
        let status = unary(Grpc::new(channel.clone()), path, Bytes::new()).await;
        check(&status.expect_err(path), Code::Unimplemented, "UNIMPLEMENTED");
    }
    let request = HealthCheckRequest { service: "handover.v1.NoService".to_owned() };
    let status = HealthClient::new(channel.clone()).check(request).await;
    check(&status.expect_err("no such service"), Code::NotFound, "NOT_FOUND");

    let symbol = MessageRequest::FileContainingSymbol("handover.v1.Nonsense".to_owned());
    let request = ServerReflectionRequest { message_request: Some(symbol), ..Default::default() };
    let mut reflection = ServerReflectionClient::new(channel);
    let answers = reflection.server_reflection_info(stream::iter([request])).await;
    let status = answers.expect("it is there").into_inner().message().await;
    check(&status.expect_err("no such symbol"), Code::NotFound, "NOT_FOUND");
}

fn gzip(channel: Channel) -> Grpc<Channel> {
    let grpc = Grpc::new(channel).max_encoding_message_size(usize::MAX);
    grpc.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip)
}

fn encoding(response: &Response<Bytes>) -> Option<&str> {
    response.metadata().get("grpc-encoding").map(|value| value.to_str().expect("a name"))
}

#[tokio::test]
async fn a_client_that_compresses_is_understood_and_answered_alike() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let channel = channel(&server).await;
    let request = || Bytes::from(append("x/a", vec![event("noted", &[])]).encode_to_vec());
    let plain = unary(Grpc::new(channel.clone()), APPEND, request()).await.expect("an answer");
    assert_eq!(encoding(&plain), None);
    let accepting = Grpc::new(channel.clone()).accept_compressed(CompressionEncoding::Gzip);
    let plain = unary(accepting, APPEND, request()).await.expect("an answer");
    assert_eq!(encoding(&plain), None, "many clients accept it without wanting it");
    let answer = unary(gzip(channel.clone()), APPEND, request()).await.expect("an answer");
    assert_eq!(encoding(&answer), Some("gzip"));
    let appended = AppendResponse::decode(answer.into_inner()).expect("it is unpacked");
    assert_eq!(appended.first_position, 3);
    for path in [
        "/handover.v1.CountService/GetCountryCounts",
        "/handover.v1.EventStoreService/GetHead",
        "/grpc.health.v1.Health/Check",
    ] {
        let answer = unary(gzip(channel.clone()), path, Bytes::new()).await.expect(path);
        assert_eq!(encoding(&answer), Some("gzip"), "{path}");
    }
    // Every service takes it: what they refuse is the empty message, by its fields.
    for method in [
        "SourceService/RegisterSource",
        "StatementService/RecordStatement",
        "ExchangeService/ReportExchange",
        "TransferService/RecordTotal",
    ] {
        let path = format!("/handover.v1.{method}");
        let mut grpc = gzip(channel.clone());
        grpc.ready().await.expect("the connection stands");
        let path = PathAndQuery::try_from(path.as_str()).expect("a path");
        let status = grpc.unary(Request::new(Bytes::new()), path, Raw).await;
        let status: Status = status.map(|_: Response<Bytes>| ()).expect_err(method);
        check(&status, Code::InvalidArgument, "INVALID_FIELD");
    }
}

/// The most memory that the server has had, in bytes.
fn peak(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: usize = line.trim_end_matches("kB").trim().parse().expect("a number");
    kib << 10
}

#[tokio::test]
async fn a_small_message_that_unpacks_to_a_thousand_times_its_size_is_refused() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let channel = channel(&server).await;
    let before = peak(&server);
    // Zeros pack to a thousandth, so this is well below the limit on its way.
    let bomb = Bytes::from(vec![0; 128 << 20]);
    let status = unary(gzip(channel.clone()), APPEND, bomb).await;
    check_too_large(&status.expect_err("it is too large"), None);
    // The kernel counts pages by processor: a peak that has not risen can read a little lower.
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 8 * limits::REQUEST_BYTES, "it was unpacked: {grown} bytes more");
    let request = append("x/a", vec![event("noted", &[])]).encode_to_vec().into();
    unary(gzip(channel), APPEND, request).await.expect("it goes on");
}
