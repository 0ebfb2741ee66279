//! W3C Trace Context: what a client names is stored with its events, and stands in the log.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use futures_util::StreamExt as _;
use handover::{
    domain::{
        access::Role,
        proto::{AppendRequest, AppendResponse, AppendStreamRequest, GetHeadRequest},
    },
    grpc::client::{Client, ClientToken},
};
use http::uri::PathAndQuery;
use serde_json::Value;
use tonic::{Request, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

use crate::{
    access::{Files, secret, token},
    lifecycle::{line_with, start_logged},
    support::{BINARY, Held, Server, append, data_dir, event, read_all},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traced<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    request.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
    request
}

async fn calls(address: &str) -> Grpc<Channel> {
    let endpoint = Channel::from_shared(address.to_owned()).expect("an address");
    let mut calls = Grpc::new(endpoint.connect().await.expect("the server can be reached"));
    calls.ready().await.expect("the connection stands");
    calls
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}

async fn append_in_trace(address: &str, request: AppendRequest) {
    let codec = ProstCodec::<AppendRequest, AppendResponse>::default();
    let path = path("/handover.v1.EventStoreService/Append");
    calls(address).await.unary(traced(request), path, codec).await.expect("it is appended");
}

#[tokio::test]
async fn events_are_stored_with_the_trace_that_their_client_names() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    append_in_trace(&server.address, append("x/a", vec![event("one", &[])])).await;
    let piped = AppendStreamRequest { append: Some(append("x/a", vec![event("two", &[])])) };
    let codec = ProstCodec::<_, handover::domain::proto::AppendStreamResponse>::default();
    let method = path("/handover.v1.EventStoreService/AppendStream");
    let requests = traced(futures_util::stream::iter([piped]));
    let answers = calls(&server.address).await.streaming(requests, method, codec).await;
    let mut answers = answers.expect("it begins").into_inner();
    answers.next().await.expect("an answer").expect("it is appended");
    let client = server.client().await;
    client.append(append("x/a", vec![event("three", &[])])).await.expect("it is appended");
    let log = read_all(&client).await;
    let stored: Vec<_> = log.iter().map(|it| it.metadata.get("traceparent").cloned()).collect();
    let parent = Some(format!("00-{TRACE}-00f067aa0ba902b7-01"));
    assert_eq!(stored, [parent.clone(), parent, None]);
}

#[tokio::test]
async fn a_call_is_a_line_of_the_log_with_its_method_peer_trace_and_code() {
    let (_dir, data) = data_dir();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "handover::call=debug"]);
    command.args(["--log-format", "json", "--data"]).arg(&data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Held::start(&mut command);
    let mut printed = BufReader::new(server.0.stdout.take().expect("a piped output"));
    let mut line = String::new();
    printed.read_line(&mut line).expect("the output can be read");
    let address = line.trim().strip_prefix("serving on ").expect("an address").to_owned();
    let logged = BufReader::new(server.0.stderr.take().expect("a piped error output"));
    append_in_trace(&address, append("x/a", vec![event("one", &[])])).await;
    let line = logged.lines().next().expect("a line").expect("the log can be read");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    let span = &line["span"];
    assert_eq!(span["method"], "handover.v1.EventStoreService/Append", "{line}");
    assert_eq!(span["trace_id"], TRACE, "{line}");
    assert_eq!(span["code"], "OK", "{line}");
    assert!(span["peer"].as_str().is_some_and(|it| it.starts_with("127.0.0.1:")), "{line}");
    assert!(line["fields"]["micros"].is_number(), "{line}");
}

#[tokio::test]
async fn the_line_of_a_call_has_the_principal() {
    let files = Files::new("", vec![token(1, "News desk", &[Role::Reader], &[])]);
    let (_dir, data) = data_dir();
    let mut arguments = files.arguments();
    arguments
        .extend(["--log", "info,handover::call=debug", "--log-format", "json"].map(Into::into));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (_child, log) = start_logged(&data, "127.0.0.1:0", &arguments);
    let started: Value = serde_json::from_str(&line_with(&log, "starting")).expect("JSON");
    let address = format!("http://{}", started["fields"]["address"].as_str().expect("an address"));
    line_with(&log, "serving");
    let stranger = Client::connect(&address).await.expect("the server can be reached");
    let desk = ClientToken::parse(&secret(1)).expect("a token");
    let desk = stranger.clone().with_token(desk).expect("it is this machine");
    desk.get_head(GetHeadRequest::default()).await.expect("it may read");
    stranger.get_head(GetHeadRequest::default()).await.expect_err("it may not");
    for (code, principal) in [("OK", Some("News desk")), ("UNAUTHENTICATED", Some(""))] {
        let line: Value = serde_json::from_str(&line_with(&log, "a call has ended")).expect("JSON");
        let span = &line["span"];
        assert_eq!(span["method"], "handover.v1.EventStoreService/GetHead", "{line}");
        assert_eq!((span["code"].as_str(), span["principal"].as_str()), (Some(code), principal));
    }
}
