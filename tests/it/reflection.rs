//! Clients can ask which services there are, in both versions of reflection. Streams of reflection
//! and of health are bounded in number.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, future, stream};
use tokio::sync::oneshot;
use tonic::{Code, Status, Streaming, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};
use tonic_types::StatusExt as _;

use crate::support::{Server, append, data_dir, event};

/// Streams of reflection that may be open.
const REFLECTIONS: usize = 256;
/// Watches of health that may be open, and over how many connections they are opened here.
const WATCHES: (usize, usize) = (4_096, 8);
/// How long a place may take to be free once a stream has ended or was dropped.
const FREED: Duration = Duration::from_secs(30);

const SERVICES: [&str; 8] = [
    "grpc.health.v1.Health",
    "handover.v1.ClaimService",
    "handover.v1.CountService",
    "handover.v1.EventStoreService",
    "handover.v1.ExchangeService",
    "handover.v1.SourceService",
    "handover.v1.StatementService",
    "handover.v1.TransferService",
];

/// The services that one version of reflection lists.
macro_rules! listed {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let message_request = Some(MessageRequest::ListServices(String::new()));
        let request = ServerReflectionRequest { host: String::new(), message_request };
        let requests = futures_util::stream::iter([request]);
        let mut client = ServerReflectionClient::new($channel);
        let answers = client.server_reflection_info(requests).await.expect("it is there");
        let answer = answers.into_inner().message().await.expect("an answer").expect("one answer");
        match answer.message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_list_every_service() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let address = server.address.clone();
    let channel = Channel::from_shared(address).expect("an address").connect().await;
    let channel = channel.expect("the server can be reached");
    for listed in [listed!(v1, channel.clone()), listed!(v1alpha, channel)] {
        for service in SERVICES {
            assert!(listed.contains(service), "{service} is not in {listed:?}");
        }
    }
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--reflection", "false"]);
    let channel = Channel::from_shared(server.address.clone()).expect("an address").connect().await;
    let channel = channel.expect("the server can be reached");
    let mut client =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel);
    let error = client.server_reflection_info(stream::empty()).await;
    assert_eq!(error.expect_err("it is off").code(), Code::Unimplemented);
}

async fn channel(server: &Server) -> Channel {
    let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
    endpoint.connect().await.expect("the server can be reached")
}

/// An open stream of one version of reflection with an answer that is not read, and what keeps its
/// requests from ending.
macro_rules! opened {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest,
        };
        let symbol = "handover.v1.EventStoreService".to_owned();
        let message_request = Some(MessageRequest::FileContainingSymbol(symbol));
        let request = ServerReflectionRequest { host: String::new(), message_request };
        let (open, ended) = oneshot::channel::<()>();
        let requests = stream::iter([request]).chain(stream::pending()).take_until(ended);
        let mut client = ServerReflectionClient::new($channel);
        let answers = client.server_reflection_info(requests).await;
        answers.map(|answers| (open, answers.into_inner()))
    }};
}

async fn watch(channel: Channel) -> Result<Streaming<HealthCheckResponse>, Status> {
    let mut client = HealthClient::new(channel);
    client.watch(HealthCheckRequest::default()).await.map(tonic::Response::into_inner)
}

#[track_caller]
fn assert_overloaded<T>(outcome: Result<T, Status>, message: &str) {
    let status = outcome.err().expect("one stream too many is refused");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!((status.code(), info.reason.as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    assert_eq!(status.message(), message);
}

/// Opens a stream again and again until there is a place for it.
async fn until_opened<T>(open: impl AsyncFn() -> Result<T, Status>) -> T {
    let opened = async {
        loop {
            match open().await {
                Ok(stream) => return stream,
                Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}"),
            }
        }
    };
    tokio::time::timeout(FREED, opened).await.expect("the place is free")
}

#[tokio::test]
async fn no_more_streams_of_reflection_are_open_than_may_be() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let channel = channel(&server).await;
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for _ in 0..REFLECTIONS / 2 {
        old.push(opened!(v1alpha, channel.clone()).expect("it is opened"));
        new.push(opened!(v1, channel.clone()).expect("it is opened"));
    }
    let message = "256 reflection streams are open already; end some, or try again later";
    assert_overloaded(opened!(v1, channel.clone()), message);
    assert_overloaded(opened!(v1alpha, channel.clone()), message);
    let client = server.client().await;
    client.append(append("x/a", vec![event("one", &[])])).await.expect("other calls go on");
    watch(channel.clone()).await.expect("it has a bound of its own");
    let (open, mut answers) = old.pop().expect("one of them");
    drop(open);
    answers.message().await.expect("no error").expect("an answer");
    assert!(answers.message().await.expect("no error").is_none(), "it has ended");
    new.push(until_opened(async || opened!(v1, channel.clone())).await);
    assert_overloaded(opened!(v1alpha, channel.clone()), message);
}

#[tokio::test]
async fn no_more_watches_of_health_are_open_than_may_be_and_checks_are_unbounded() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (most, connections) = WATCHES;
    let mut open = Vec::new();
    for _ in 0..connections {
        let channel = channel(&server).await;
        let watches = (0..most / connections).map(|_| watch(channel.clone()));
        open.extend(future::try_join_all(watches).await.expect("they are opened"));
    }
    let channel = channel(&server).await;
    let message = "4096 watches of health are open already; end some, or try again later";
    assert_overloaded(watch(channel.clone()).await, message);
    let check = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    let status = check.expect("a check is answered").into_inner().status();
    assert_eq!(status, ServingStatus::Serving);
    open.pop();
    open.push(until_opened(async || watch(channel.clone()).await).await);
    assert_overloaded(watch(channel.clone()).await, message);
}
