//! No stream of answers is silent for long: over gRPC-Web and HTTP/1.1, which has no pings, each
//! brings a heartbeat.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::ready, stream};
use handover::domain::proto::{
    AppendStreamRequest, AppendStreamResponse, ConsumeRequest, ConsumeResponse, CreateGroupRequest,
    DESCRIPTORS, SubscribeRequest, SubscribeResponse, WatchCountryCountsRequest,
    WatchCountryCountsResponse, WatchExchangeRequest, WatchExchangeResponse, subscribe_request,
    subscribe_response::Frame,
};
use http::{Method, Request, StatusCode, header};
use http_body::Frame as Part;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tokio::net::TcpStream;

use crate::support::{Server, append, data_dir, event, new_id};

/// Heartbeats that are waited for.
const BEATS: usize = 2;
/// How long one may take, where the server is set to send it after a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls a method over HTTP/1.1; if it takes several requests, they stay open behind the first.
async fn call(server: &Server, path: &str, request: Vec<u8>, goes_on: bool) -> Incoming {
    let address = server.address.trim_start_matches("http://");
    let io = TokioIo::new(TcpStream::connect(address).await.expect("the server can be reached"));
    let (mut browser, connection) = http1::handshake(io).await.expect("a connection");
    tokio::spawn(connection);
    let length = u32::try_from(request.len()).expect("it is small").to_be_bytes();
    let message = Bytes::from([&[0], length.as_slice(), &request].concat());
    let first = stream::once(ready(Ok::<_, Infallible>(Part::data(message))));
    let body = if goes_on { first.chain(stream::pending()).boxed() } else { first.boxed() };
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header(header::HOST, "127.0.0.1").header("x-grpc-web", "1");
    let request = request.header(header::CONTENT_TYPE, "application/grpc-web+proto");
    let request = request.body(StreamBody::new(body)).expect("a request");
    let answer = tokio::time::timeout(PATIENCE, browser.send_request(request)).await;
    let answer = answer.expect("it answers in time").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.into_body()
}

/// The messages of an answer, until enough of them are heartbeats.
async fn until_beats(path: &str, mut body: Incoming, is_beat: IsBeat) {
    let (mut read, mut beats) = (Vec::<u8>::new(), 0);
    while beats < BEATS {
        let part = tokio::time::timeout(PATIENCE, body.frame()).await;
        let part = part.unwrap_or_else(|_| panic!("{path} is silent")).expect("it goes on");
        read.extend(part.expect("it goes on").into_data().expect("HTTP/1 has no other frames"));
        while let [flag, a, b, c, d, rest @ ..] = read.as_slice() {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if rest.len() < length {
                break;
            }
            assert_eq!(*flag, 0, "{path} ended: {rest:?}");
            beats += usize::from(is_beat(Bytes::copy_from_slice(&rest[..length])));
            read.drain(..5 + length);
        }
    }
}

/// Whether an answer is a heartbeat.
type IsBeat = fn(Bytes) -> bool;

/// A request that is answered with a stream on which nothing happens, and what its heartbeats are.
/// None: the stream ends by itself.
fn silent(method: &MethodDescriptor) -> Option<(Vec<u8>, IsBeat)> {
    fn decoded<M: Message + Default>(bytes: Bytes) -> M {
        M::decode(bytes).expect("an answer")
    }
    Some(match method.name() {
        // The first two wait for the index and the disk at most. The third says every second how
        // far it is, and ends.
        "Read" | "FetchPiece" | "Verify" => return None,
        "Subscribe" => (SubscribeRequest::default().encode_to_vec(), |bytes| {
            matches!(decoded::<SubscribeResponse>(bytes).frame, Some(Frame::Checkpoint(_)))
        }),
        "AppendStream" => {
            let append = Some(append("x/a", vec![event("noted", &[])]));
            (AppendStreamRequest { append }.encode_to_vec(), |bytes| {
                let answer = decoded::<AppendStreamResponse>(bytes);
                answer.heartbeat && answer.outcome.is_none()
            })
        }
        "Consume" => {
            let (group, consumer) = ("silent".into(), "one".into());
            let request = ConsumeRequest { group, consumer, ..Default::default() };
            (request.encode_to_vec(), |bytes| {
                let answer = decoded::<ConsumeResponse>(bytes);
                answer.heartbeat && answer.events.is_empty()
            })
        }
        "WatchCountryCounts" => (WatchCountryCountsRequest::default().encode_to_vec(), |bytes| {
            let answer = decoded::<WatchCountryCountsResponse>(bytes);
            answer.heartbeat && answer.update.is_none()
        }),
        "WatchExchange" => {
            let exchange_id = "2024-08-01".into();
            let request = WatchExchangeRequest { exchange_id, ..Default::default() };
            (request.encode_to_vec(), |bytes| decoded::<WatchExchangeResponse>(bytes).heartbeat)
        }
        other => panic!("say how {other} is called so that nothing happens on it"),
    })
}

#[tokio::test]
async fn every_stream_brings_a_heartbeat_while_nothing_happens() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--heartbeat-seconds", "1"]);
    let client = server.client().await;
    let name = "silent".into();
    let group = CreateGroupRequest { name, request_id: new_id(), ..Default::default() };
    client.create_group(group).await.expect("a group");
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
    let own = pool.services().filter(|it| it.package_name() == "handover.v1");
    let methods: Vec<_> = own.flat_map(|it| it.methods().collect::<Vec<_>>()).collect();
    let streams: Vec<_> = methods.iter().filter(|it| it.is_server_streaming()).collect();
    assert!(streams.len() >= 6, "{streams:?}");
    let waits = streams.into_iter().map(|method| async {
        let field = method.output().get_field_by_name("heartbeat");
        assert!(field.is_some(), "{} says no heartbeat", method.output().full_name());
        let Some((request, is_beat)) = silent(method) else { return };
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let goes_on = method.is_client_streaming();
        until_beats(&path, call(&server, &path, request, goes_on).await, is_beat).await;
    });
    futures_util::future::join_all(waits).await;
}

/// Until its time it sends no mark, because a client would resume after it.
#[tokio::test]
async fn a_subscription_that_is_held_back_brings_heartbeats_without_a_position() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--heartbeat-seconds", "1"]);
    let path = "/handover.v1.EventStoreService/Subscribe";
    let time = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };
    let start = Some(subscribe_request::Start::RecordedFrom(time));
    let request = SubscribeRequest { start, ..Default::default() }.encode_to_vec();
    until_beats(path, call(&server, path, request, false).await, |bytes| {
        let answer = SubscribeResponse::decode(bytes).expect("an answer");
        assert_eq!(answer.frame, None);
        answer.heartbeat
    })
    .await;
}
