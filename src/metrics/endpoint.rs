//! Answers `GET /metrics` over HTTP/1.1, one request a connection, within a number of connections
//! and a time for each: a scraper that hangs must not keep others from the numbers.
//!
//! A connection beyond the number takes the place of the oldest that has not made its request.
//! With a time alone, clients that open connections and say nothing would hold all places.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until, timeout},
};

use super::text;
use crate::{grpc::observer::Observer, telemetry::SpanCounts};

/// Connections that are served at a time.
const CONNECTIONS: usize = 64;
/// How long a connection keeps its place in any case. A scraper has made its request by then.
const KEPT: Duration = Duration::from_millis(250);
/// How long the headers of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after an accept that failed, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a request's headers.
const HEADER_BYTES: usize = 16 << 10;

/// What is read for a scrape.
#[derive(Clone)]
struct Observed {
    observer: Observer,
    /// Absent: no spans are sent.
    spans: Option<Arc<SpanCounts>>,
}

/// Answers scrapes on `listener` for as long as it is polled.
pub(crate) async fn serve(
    listener: TcpListener,
    observer: Observer,
    spans: Option<Arc<SpanCounts>>,
) {
    let shown = Observed { observer, spans };
    let mut connections = Connections::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.open(stream, shown.clone()).await,
            Err(error) => {
                tracing::debug!(%error, "a scrape could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The connections that are served; they end when this is dropped.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// The oldest first; some may have ended.
    open: VecDeque<Open>,
}

struct Open {
    task: AbortHandle,
    since: Instant,
    /// Its request has come.
    is_requested: Arc<AtomicBool>,
}

impl Connections {
    /// Serves one more, when there is a place for it.
    async fn open(&mut self, stream: TcpStream, observed: Observed) {
        while self.tasks.try_join_next().is_some() {}
        self.open.retain(|open| !open.task.is_finished());
        while self.open.len() >= CONNECTIONS {
            self.make_room().await;
        }
        let (since, is_requested) = (Instant::now(), Arc::<AtomicBool>::default());
        let task = self.tasks.spawn(answer(stream, observed, Arc::clone(&is_requested)));
        self.open.push_back(Open { task, since, is_requested });
    }

    /// Ends the oldest that has not made its request. Where each has, one is answered soon.
    async fn make_room(&mut self) {
        let oldest = self.open.iter().position(|open| !open.is_requested.load(Relaxed));
        match oldest.and_then(|at| self.open.get(at)) {
            Some(open) => {
                let kept_until = open.since + KEPT;
                sleep_until(kept_until).await;
                if !open.is_requested.load(Relaxed) {
                    open.task.abort();
                    let _ = oldest.and_then(|at| self.open.remove(at));
                    tracing::debug!("a scrape gave its place to another: it made no request");
                }
            }
            None => drop(self.tasks.join_next().await),
        }
        self.open.retain(|open| !open.task.is_finished());
    }
}

async fn answer(stream: TcpStream, observed: Observed, is_requested: Arc<AtomicBool>) {
    let service = service_fn(|request| {
        is_requested.store(true, Relaxed);
        respond(request, &observed)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIMEOUT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a scrape was broken off"),
        Err(_) => tracing::debug!("a scrape took too long"),
    }
}

async fn respond(
    request: Request<Incoming>,
    observed: &Observed,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    Ok(match request.uri().path() {
        "/metrics" if reads => {
            match text::of(observed.observer.observe().await, observed.spans.clone()) {
                Ok(page) => with(StatusCode::OK, text::CONTENT_TYPE, page),
                Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            }
        }
        "/metrics" => {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "GET reads the metrics");
            refusal.headers_mut().insert(ALLOW, http::HeaderValue::from_static("GET, HEAD"));
            refusal
        }
        _ => plain(StatusCode::NOT_FOUND, "the metrics are at /metrics"),
    })
}

fn plain(code: StatusCode, line: &str) -> Response<Full<Bytes>> {
    with(code, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn with(code: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
