//! Spans of calls, as a collector on this machine receives them by OTLP.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::RecvTimeoutError,
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use handover::{
    domain::{
        access::Role,
        proto::{AppendRequest, AppendResponse, GetHeadRequest},
    },
    grpc::client::{Client, ClientToken},
};
use http::{Request, Response, uri::PathAndQuery};
use prost::Message;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    body::Body,
    client::Grpc,
    server::{Grpc as Served, NamedService, UnaryService},
    transport::Channel,
};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::{
    access::{Files, secret, token},
    lifecycle::{line_with, start_logged},
    metrics::scraped,
    support::{Held, append, data_dir, event},
};

/// Far longer than any of this takes.
const PATIENCE: Duration = Duration::from_mins(1);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The messages of OTLP, as far as they are looked at: `opentelemetry/proto/collector/trace/v1`.
#[derive(Clone, PartialEq, Message)]
struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ExportResponse {}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<SpanStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanStatus {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, optional, tag = "1")]
    string: Option<String>,
    #[prost(int64, optional, tag = "3")]
    int: Option<i64>,
}

/// The texts of attributes; numbers as digits.
fn texts(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |it: &KeyValue| {
        let value = it.value.clone().unwrap_or_default();
        let text = value.string.or_else(|| Some(value.int?.to_string())).unwrap_or_default();
        (it.key.clone(), text)
    };
    attributes.iter().map(text).collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    texts(&span.attributes).into_iter().find(|it| it.0 == key).map(|it| it.1)
}

/// A collector that passes on what it receives. It ends with this.
struct Collector {
    address: String,
    received: mpsc::Receiver<ExportRequest>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct TraceService(mpsc::Sender<ExportRequest>);

impl NamedService for TraceService {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl UnaryService<ExportRequest> for TraceService {
    type Response = ExportResponse;
    type Future = BoxFuture<'static, Result<tonic::Response<ExportResponse>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<ExportRequest>) -> Self::Future {
        let received = self.0.clone();
        Box::pin(async move {
            received.send(request.into_inner()).await.expect("the test goes on");
            Ok(tonic::Response::new(ExportResponse {}))
        })
    }
}

impl Service<Request<Body>> for TraceService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            assert!(request.uri().path().ends_with("TraceService/Export"));
            let codec = ProstCodec::<ExportResponse, ExportRequest>::default();
            Ok(Served::new(codec).unary(service, request).await)
        })
    }
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, received) = mpsc::channel(64);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let router = tonic::transport::Server::builder().add_service(TraceService(sender));
            let incoming = TcpListenerStream::new(listener);
            router.serve_with_incoming(incoming).await.expect("it serves");
        });
        Self { address, received, _serving: serving }
    }

    /// The next spans, with the attributes of what they are of.
    async fn spans(&mut self) -> (Vec<(String, String)>, Vec<Span>) {
        let received = timeout(PATIENCE, self.received.recv()).await.expect("in time");
        let received = received.expect("it serves");
        assert_eq!(received.resource_spans.len(), 1, "one resource");
        let of = &received.resource_spans[0];
        let resource = of.resource.clone().expect("a resource");
        let spans = of.scope_spans.iter().flat_map(|it| it.spans.clone()).collect();
        (texts(&resource.attributes), spans)
    }
}

/// A server that sends its spans to an address.
struct Traced {
    child: Held,
    log: std::sync::mpsc::Receiver<String>,
    address: String,
    metrics: String,
    _files: Files,
    _data: tempfile::TempDir,
}

impl Traced {
    fn start(collector: &str) -> Self {
        let roles = [Role::Recorder];
        let files = Files::new("", vec![token(1, "News desk", &roles, &[])]);
        let (data_dir, data) = data_dir();
        let mut arguments = files.arguments();
        let more = ["--metrics-listen", "127.0.0.1:0", "--otlp-endpoint", collector];
        arguments.extend(more.map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (child, log) = start_logged(&data, "127.0.0.1:0", &arguments);
        let started = line_with(&log, "starting");
        let after = |key| started.split(key).nth(1).and_then(|rest| rest.split(' ').next());
        let [address, metrics] =
            [" address=", " metrics="].map(|key| after(key).expect("an address").to_owned());
        line_with(&log, "serving");
        let address = format!("http://{address}");
        Self { child, log, address, metrics, _files: files, _data: data_dir }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.address).await.expect("the server can be reached")
    }

    async fn desk(&self) -> Client {
        let token = ClientToken::parse(&secret(1)).expect("a token");
        self.client().await.with_token(token).expect("it is this machine")
    }

    /// Waits for the end, which closes the log.
    fn ended(mut self) -> std::process::ExitStatus {
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error, RecvTimeoutError::Disconnected, "it does not end");
                    break;
                }
            }
        }
        self.child.0.wait().expect("it has ended")
    }

    fn terminate(&self) {
        let id = self.child.0.id().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill can be run").success());
    }
}

/// An append in the trace of a client, which samples it or not.
async fn append_in_trace(server: &Traced, sampled: bool) {
    let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
    let mut calls = Grpc::new(endpoint.connect().await.expect("the server can be reached"));
    calls.ready().await.expect("the connection stands");
    let mut request = tonic::Request::new(append("x/a", vec![event("one", &[])]));
    let parent = format!("00-{TRACE}-{PARENT}-0{}", u8::from(sampled));
    request.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
    let bearer = format!("Bearer {}", secret(1));
    request.metadata_mut().insert("authorization", bearer.parse().expect("a header"));
    let codec = ProstCodec::<AppendRequest, AppendResponse>::default();
    let path = PathAndQuery::from_static("/handover.v1.EventStoreService/Append");
    calls.unary(request, path, codec).await.expect("it is appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_each_call_with_its_name_parent_principal_and_status() {
    let mut collector = Collector::start().await;
    let server = Traced::start(&collector.address);
    append_in_trace(&server, true).await;
    append_in_trace(&server, false).await;
    server.client().await.get_head(GetHeadRequest::default()).await.expect_err("it may not");
    let mut spans = Vec::new();
    while spans.len() < 2 {
        let (resource, more) = collector.spans().await;
        assert!(resource.contains(&("service.name".to_owned(), "handover".to_owned())));
        spans.extend(more);
    }
    // Only calls are spans, and no call that its client does not sample.
    let [appended, refused] = &spans[..] else { panic!("{spans:#?}") };
    let hex =
        |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(appended.name, "handover.v1.EventStoreService/Append");
    assert_eq!(
        (hex(&appended.trace_id), hex(&appended.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(appended.kind, 2, "a server's");
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "handover.v1.EventStoreService"),
        ("rpc.method", "Append"),
        ("rpc.grpc.status_code", "0"),
        ("enduser.id", "News desk"),
    ] {
        assert_eq!(attribute(appended, key).as_deref(), Some(value), "{appended:#?}");
    }
    assert!(attribute(appended, "client.address").is_some_and(|it| it.starts_with("127.0.0.1:")));
    assert_eq!(appended.status.clone().unwrap_or_default().code, 0);
    assert_eq!(refused.name, "handover.v1.EventStoreService/GetHead");
    assert!(refused.parent_span_id.is_empty(), "its client names no trace");
    assert_eq!(attribute(refused, "rpc.grpc.status_code").as_deref(), Some("16"));
    assert_eq!(attribute(refused, "enduser.id"), None);
    assert_eq!(refused.status.clone().unwrap_or_default().code, 0, "no fault of the server");

    // What waits when the server stops is sent.
    server.desk().await.get_head(GetHeadRequest::default()).await.expect("it may");
    server.terminate();
    let (_, last) = collector.spans().await;
    assert_eq!(last.len(), 1, "{last:#?}");
    assert!(server.ended().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_one_line_and_a_count() {
    // No test is given a port below 1,024.
    let server = Traced::start("http://127.0.0.1:1");
    let desk = server.desk().await;
    let failed = || scraped(&server.metrics)["handover_spans_total{outcome=\"failed\"}"];
    for round in 1..=3 {
        let before = failed();
        desk.get_head(GetHeadRequest::default()).await.expect("it may");
        let counted = async {
            while failed() <= before {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("round {round} is counted"));
    }
    server.terminate();
    let mut lines = 0;
    loop {
        let line = line_with(&server.log, "");
        lines += usize::from(line.contains("spans cannot be sent to the collector"));
        if line.contains("stopping") {
            break;
        }
    }
    assert_eq!(lines, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_neither_calls_nor_the_stop_beyond_its_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    // It takes connections, and never says a word.
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    std::thread::spawn(move || {
        let connections = listener.incoming().map_while(Result::ok);
        connections.inspect(|_| _ = counted.fetch_add(1, Relaxed)).collect::<Vec<_>>()
    });
    let server = Traced::start(&address);
    let desk = server.desk().await;
    for _ in 0..100 {
        desk.get_head(GetHeadRequest::default()).await.expect("it may");
    }
    let connected = async {
        while accepted.load(Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, connected).await.expect("it connects");
    let begun = Instant::now();
    server.terminate();
    assert!(server.ended().success());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "the stop took {took:?}");
}

#[test]
fn spans_are_not_sent_in_plain_text_to_another_machine() {
    let (_dir, data) = data_dir();
    let flags = ["--otlp-endpoint", "http://collector.example:4317"];
    let error = crate::support::Server::try_start(&data, &flags).expect_err("it is refused");
    assert!(error.contains("otlp-endpoint") && error.contains("https://"), "{error}");
}
