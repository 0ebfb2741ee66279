//! Answers `GET /metrics` over HTTP/1.1, one request a connection, within a number of connections
//! and a time for each: a scraper that hangs must not keep others from the numbers.

use std::{convert::Infallible, sync::Arc, time::Duration};

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
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::text;
use crate::{grpc::observer::Observer, telemetry::SpanCounts};

/// Connections that are served at a time; more wait in the system's queue.
const CONNECTIONS: usize = 16;
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
    let observed = Observed { observer, spans };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, observed.clone(), place))),
            Err(error) => {
                tracing::debug!(%error, "a scrape could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, observed: Observed, _place: OwnedSemaphorePermit) {
    let service = service_fn(|request| respond(request, &observed));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIMEOUT, served).await {
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
