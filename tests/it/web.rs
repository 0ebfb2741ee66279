//! Browsers: gRPC-Web over HTTP/1.1, which pages may call, and other callers with plain HTTP.

use bytes::Bytes;
use handover::domain::proto::{
    AppendRequest, AppendResponse, GetCountryCountsRequest, GetHeadRequest, SubscribeRequest,
    SubscribeResponse, subscribe_response::Frame,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{Server, append, data_dir, event};

const APPEND: &str = "/handover.v1.EventStoreService/Append";
const COUNTS: &str = "/handover.v1.CountService/GetCountryCounts";
const GET_HEAD: &str = "/handover.v1.EventStoreService/GetHead";
const SUBSCRIBE: &str = "/handover.v1.EventStoreService/Subscribe";
/// The flag of the frame in which the trailers stand.
const TRAILERS: u8 = 0x80;

type Browser = SendRequest<Full<Bytes>>;

async fn tcp(server: &Server) -> TcpStream {
    let address = server.address.trim_start_matches("http://");
    TcpStream::connect(address).await.expect("the server can be reached")
}

/// One connection, as a browser keeps it.
async fn browser(server: &Server) -> Browser {
    let io = TokioIo::new(tcp(server).await);
    let (browser, connection) = http1::handshake(io).await.expect("a connection");
    tokio::spawn(connection);
    browser
}

fn request(path: &str, message: &impl Message) -> Request<Full<Bytes>> {
    let encoded = message.encode_to_vec();
    let length = u32::try_from(encoded.len()).expect("it is small").to_be_bytes();
    let body = Bytes::from([&[0], length.as_slice(), &encoded].concat());
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header(header::HOST, "127.0.0.1").header("x-grpc-web", "1");
    let request = request.header(header::CONTENT_TYPE, "application/grpc-web+proto");
    request.body(Full::new(body)).expect("a request")
}

fn from(origin: &'static str, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert(header::ORIGIN, origin.parse().expect("a value"));
    request
}

async fn send(browser: &mut Browser, request: Request<Full<Bytes>>) -> Response<Incoming> {
    browser.ready().await.expect("the connection stands");
    browser.send_request(request).await.expect("an answer")
}

/// The same on a connection of its own: one with a call that was refused unread may be closed.
async fn once(server: &Server, request: Request<Full<Bytes>>) -> Response<Incoming> {
    send(&mut browser(server).await, request).await
}

/// The frames of a body, as they come.
struct Frames {
    body: Incoming,
    read: Vec<u8>,
}

impl Frames {
    fn of(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc-web+proto");
        Self { body: response.into_body(), read: Vec::new() }
    }

    /// The next frame: its flag and what is in it. None: the body has ended.
    async fn next(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let [flag, a, b, c, d, rest @ ..] = self.read.as_slice() {
                let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                if rest.len() >= length {
                    let frame = (*flag, Bytes::copy_from_slice(&rest[..length]));
                    self.read.drain(..5 + length);
                    return Some(frame);
                }
            }
            if let Some(frame) = self.body.frame().await {
                let data = frame.expect("the body goes on").into_data();
                self.read.extend(data.expect("HTTP/1 has no other frames"));
            } else {
                assert!(self.read.is_empty(), "it ends within a frame");
                return None;
            }
        }
    }

    async fn message<M: Message + Default>(&mut self) -> M {
        let (flag, bytes) = self.next().await.expect("a message");
        assert_eq!(flag, 0, "{bytes:?}");
        M::decode(bytes).expect("what was asked for")
    }

    /// The trailers, which are the last frame.
    async fn trailers(&mut self) -> HeaderMap {
        let (flag, bytes) = self.next().await.expect("the trailers");
        assert_eq!(flag, TRAILERS, "{bytes:?}");
        assert_eq!(self.next().await, None, "nothing comes behind the trailers");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let mut trailers = HeaderMap::new();
        for line in text.split_terminator("\r\n") {
            let (name, value) = line.split_once(':').expect("name and value");
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            trailers.append(name, value.trim().parse().expect("a value"));
        }
        trailers
    }
}

/// Checks that an error has exactly one `ErrorInfo`, with this reason.
#[track_caller]
fn check(headers: &HeaderMap, code: Code, reason: &str) {
    let status = Status::from_header_map(headers).expect("a status");
    let details = tonic_types::pb::Status::decode(status.details()).expect("it has details");
    let infos = details.details.iter().filter(|it| it.type_url.ends_with("google.rpc.ErrorInfo"));
    assert_eq!(infos.count(), 1, "{status:?}");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!((status.code(), info.reason.as_str()), (code, reason), "{status:?}");
}

fn noted() -> AppendRequest {
    append("x/a", vec![event("noted", &[])])
}

#[tokio::test]
async fn a_page_calls_follows_and_learns_why_its_stream_ends() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let mut calls = browser(&server).await;
    // One connection takes one call after the other.
    for position in 1..=2 {
        let mut frames = Frames::of(send(&mut calls, request(APPEND, &noted())).await);
        let appended: AppendResponse = frames.message().await;
        assert_eq!(appended.first_position, position);
        assert_eq!(frames.trailers().await["grpc-status"], "0");
    }
    let mut follows = browser(&server).await;
    let everything = request(SUBSCRIBE, &SubscribeRequest::default());
    let mut followed = Frames::of(send(&mut follows, everything).await);
    let mut frame = async || followed.message::<SubscribeResponse>().await.frame;
    let Some(Frame::Events(batch)) = frame().await else { panic!("no events") };
    assert_eq!(batch.events.len(), 2);
    assert!(matches!(frame().await, Some(Frame::CaughtUp(mark)) if mark.position == 2));
    send(&mut calls, request(APPEND, &noted())).await;
    let Some(Frame::Events(batch)) = frame().await else { panic!("no event") };
    assert_eq!(batch.events[0].position, 3);

    server.terminate();
    check(&followed.trailers().await, Code::Unavailable, "NOT_READY");
    assert!(server.wait(), "open connections hold up no stop");
}

#[tokio::test]
async fn an_error_carries_its_one_error_info_to_a_page() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let mut browser = browser(&server).await;
    let nothing = AppendRequest::default();
    let mut cases = vec![
        (request(APPEND, &nothing), Code::InvalidArgument, "INVALID_FIELD"),
        (request("/handover.v1.NoService/Get", &nothing), Code::Unimplemented, "UNIMPLEMENTED"),
    ];
    let mut broken = request(APPEND, &nothing);
    *broken.body_mut() = Full::from(vec![0, 0, 0, 0, 1, 0xff]);
    cases.push((broken, Code::InvalidArgument, "INVALID_FIELD"));
    let mut no_text = request(APPEND, &nothing);
    let text = "application/grpc-web-text".parse().expect("a value");
    no_text.headers_mut().insert(header::CONTENT_TYPE, text);
    *no_text.body_mut() = Full::from("this is no base64!!!");
    cases.push((no_text, Code::InvalidArgument, "INVALID_FIELD"));
    let countries = vec![String::new(); 1 << 20];
    let many = GetCountryCountsRequest { countries, ..Default::default() };
    cases.push((request(COUNTS, &many), Code::InvalidArgument, "LIMIT_EXCEEDED"));
    let mut large = request(APPEND, &nothing);
    *large.body_mut() = Full::from(vec![0, 0x7f, 0, 0, 0, 0]);
    cases.push((large, Code::InvalidArgument, "LIMIT_EXCEEDED"));
    let mut late = request(GET_HEAD, &GetHeadRequest { min_position: 99 });
    late.headers_mut().insert("grpc-timeout", "50m".parse().expect("a value"));
    cases.push((late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    let mut long = request(APPEND, &noted());
    long.headers_mut().insert("x-note", "n".repeat(17_000).parse().expect("a value"));
    cases.push((long, Code::InvalidArgument, "LIMIT_EXCEEDED"));
    for (request, code, reason) in cases {
        let response = send(&mut browser, request).await;
        let early = response.headers().clone();
        let mut frames = Frames::of(response);
        if early.contains_key("grpc-status") {
            check(&early, code, reason);
            assert_eq!(frames.next().await, None);
        } else {
            check(&frames.trailers().await, code, reason);
        }
    }
}

/// What a browser asks before a page of another origin may post.
fn preflight(path: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().method(Method::OPTIONS).uri(path);
    let request = request.header(header::HOST, "127.0.0.1");
    let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let request = request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type,x-grpc-web");
    request.body(Full::default()).expect("a request")
}

#[tokio::test]
async fn pages_of_any_origin_read_and_only_named_ones_write() {
    let (_dir, data) = data_dir();
    let server =
        Server::start(&data, &["--web-origins", "https://desk.example,http://localhost:1"]);
    let (named, other) = ("https://desk.example", "https://other.example");
    for (origin, path, allowed) in [
        (other, SUBSCRIBE, true),
        (other, APPEND, false),
        (named, APPEND, true),
        ("http://localhost:1", APPEND, true),
        ("null", GET_HEAD, true),
        ("null", APPEND, false),
    ] {
        let response = once(&server, from(origin, preflight(path))).await;
        let reported = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(reported.is_some_and(|reported| reported == origin), allowed, "{origin} {path}");
        assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
    // The server stops a call that the browser does not stop.
    let response = once(&server, from(other, request(APPEND, &noted()))).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let response = once(&server, from(named, request(APPEND, &noted()))).await;
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], named);
    let appended: AppendResponse = Frames::of(response).message().await;
    assert_eq!(appended.first_position, 1, "the one before was not written");
    // The page may look at the status of an error, which stands in the headers.
    let head = request(GET_HEAD, &GetHeadRequest::default());
    let response = once(&server, from(other, head)).await;
    let exposed = response.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("text");
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}

#[tokio::test]
async fn plain_http_is_answered_and_harms_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let get = |path: &str| {
        let request = Request::builder().uri(path).header(header::HOST, "127.0.0.1");
        request.body(Full::<Bytes>::default()).expect("a request")
    };
    let response = once(&server, get("/")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.into_body().collect().await.expect("a text").to_bytes();
    assert!(String::from_utf8_lossy(&text).contains("gRPC"), "{text:?}");
    assert_eq!(once(&server, get("/favicon.ico")).await.status(), StatusCode::NOT_FOUND);
    // A form can be posted by any page without asking first.
    let mut form = request(APPEND, &noted());
    form.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().expect("a value"));
    assert_eq!(once(&server, form).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let mut long = get("/");
    long.headers_mut().insert("x", "y".repeat(17_000).parse().expect("a value"));
    let response = once(&server, long).await;
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    for nonsense in ["\r\n\r\n\r\n", "GET", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "\x16\x03\x01\x02"]
    {
        let mut connection = tcp(&server).await;
        connection.write_all(nonsense.as_bytes()).await.expect("it is taken");
        connection.shutdown().await.expect("it is closed");
        let mut answer = Vec::new();
        // It is closed or refused, however that looks.
        let _ = connection.read_to_end(&mut answer).await;
    }
    let client = server.client().await;
    assert_eq!(client.get_head(GetHeadRequest::default()).await.expect("a head").position, 0);
}
