//! Counts calls: by method, code and the reason of their refusal, and how long they took.
//!
//! The methods are those that the server has, and all others count as one: a client that makes up
//! names makes no labels. A call that its client gave up counts as CANCELLED.
//!
//! Each call has a span with these and its peer, for logs (`--log handover::call=debug`). It is of
//! the level DEBUG: the fields of a span are written when it begins, whether a line follows or not.
//! What the call does belongs to the trace that its client names.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tracing::{
    Instrument as _, Span,
    field::{Empty, display},
};

use crate::{
    domain::{
        measure::{Counter, Distribution, Histogram, MICROSECONDS},
        proto::{self, ErrorReason},
        trace::{TRACEPARENT, TraceParent},
    },
    engine::trace,
    grpc::{
        around::{Answer, Around, HttpRequest},
        connection::ConnectionInfo,
        idle::OpenCall,
        remote_parent::continue_trace,
    },
};

/// A name that is a text would be looked at anew for each call.
static TRACE: HeaderName = HeaderName::from_static(TRACEPARENT);
/// The name of all methods that the server does not have.
const OTHER: &str = "other";
/// Methods of libraries, which answer with one message or with a stream of them.
const FOREIGN: [(&str, bool); 4] = [
    ("grpc.health.v1.Health/Check", true),
    ("grpc.health.v1.Health/Watch", false),
    ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", false),
    ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", false),
];
/// The codes of gRPC, from 0 on.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The number of a code.
pub(crate) fn code_number(code: &str) -> Option<i64> {
    let place = CODES.iter().position(|known| *known == code)?;
    i64::try_from(place).ok()
}

/// Counts every call of a server.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// By path.
    known: HashMap<String, usize>,
    /// The known ones, and last all others.
    methods: Vec<Method>,
    /// By the number of the reason.
    refusals: Vec<Counter>,
}

#[derive(Debug)]
struct Method {
    name: String,
    open: AtomicU64,
    codes: [Counter; CODES.len()],
    /// Of methods that answer with one message.
    time: Option<Histogram>,
}

/// The calls of one method.
#[derive(Clone, Debug)]
pub struct MethodUsage {
    /// The service and the method, or a word for all that are not known.
    pub name: String,
    /// Calls that are under way.
    pub open: u64,
    /// Calls that have ended, by code; codes that did not come are left out.
    pub codes: Vec<(&'static str, u64)>,
    /// How long they took, in microseconds; absent: the method answers with a stream.
    pub time: Option<Distribution>,
}

impl Default for Calls {
    fn default() -> Self {
        let services: Vec<_> = proto::descriptions().services().collect();
        let own = services.iter().flat_map(|service| {
            let name = service.full_name();
            service
                .methods()
                .map(move |it| (format!("{name}/{}", it.name()), !it.is_server_streaming()))
        });
        let foreign = FOREIGN.map(|(name, once)| (name.to_owned(), once));
        let named = own.chain(foreign).chain([(OTHER.to_owned(), false)]);
        let methods: Vec<_> = named.map(|(name, once)| Method::new(name, once)).collect();
        let known = methods.iter().enumerate();
        let known = known.map(|(place, method)| (format!("/{}", method.name), place)).collect();
        Self(Arc::new(Counts {
            known,
            methods,
            refusals: reasons().map(|_| Counter::default()).collect(),
        }))
    }
}

/// The reasons of refusals, by rising numbers.
fn reasons() -> impl Iterator<Item = ErrorReason> {
    (0..).map_while(|number| ErrorReason::try_from(number).ok())
}

impl Method {
    fn new(name: String, answers_once: bool) -> Self {
        let codes = std::array::from_fn(|_| Counter::default());
        let time = answers_once.then(|| Histogram::new(MICROSECONDS));
        Self { name, open: AtomicU64::default(), codes, time }
    }
}

impl Calls {
    fn begin(&self, request: &HttpRequest) -> Call {
        let known = self.0.known.get(request.uri().path()).copied();
        let place = known.unwrap_or(self.0.methods.len() - 1);
        let method = self.0.methods.get(place);
        if let Some(method) = method {
            method.open.fetch_add(1, Relaxed);
        }
        let span = span(method.map_or(OTHER, |method| &method.name), request);
        let connection = request.extensions().get::<ConnectionInfo>();
        Call {
            counts: Arc::clone(&self.0),
            place,
            begun: Instant::now(),
            ended: false,
            span,
            _on_connection: connection.map(ConnectionInfo::begin_call),
        }
    }

    /// The methods that were called.
    pub(crate) fn methods(&self) -> Vec<MethodUsage> {
        let usage = |method: &Method| MethodUsage {
            name: method.name.clone(),
            open: method.open.load(Relaxed),
            codes: CODES
                .into_iter()
                .zip(method.codes.iter().map(Counter::get))
                .filter(|(_, count)| *count > 0)
                .collect(),
            time: method.time.as_ref().map(Histogram::read),
        };
        let called = |method: &MethodUsage| method.open > 0 || !method.codes.is_empty();
        self.0.methods.iter().map(usage).filter(called).collect()
    }

    /// The reasons for which calls can be refused, and how many were.
    pub(crate) fn refusals(&self) -> Vec<(&'static str, u64)> {
        let counted = reasons().zip(&self.0.refusals);
        let named = counted.filter(|(reason, _)| *reason != ErrorReason::Unspecified);
        named.map(|(reason, count)| (spelled(reason), count.get())).collect()
    }
}

/// The span of a call. What identifies the caller fills in the principal.
fn span(method: &str, request: &HttpRequest) -> Span {
    let span = tracing::debug_span!(
        target: "handover::call",
        "call",
        method,
        peer = Empty,
        principal = Empty,
        trace_id = Empty,
        code = Empty
    );
    if !span.is_disabled() {
        let connection = request.extensions().get::<ConnectionInfo>();
        if let Some(peer) = connection.and_then(|it| it.origin.address) {
            span.record("peer", display(peer));
        }
        if let Some(trace) = trace_of(request.headers()) {
            span.record("trace_id", trace.trace_id());
            continue_trace(&span, &trace);
        }
    }
    span
}

/// The trace that the client names; absent: none, or nothing that is one.
fn trace_of(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get(&TRACE)?.to_str().ok()?.parse().ok()
}

fn spelled(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

impl Around for Calls {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let mut call = self.begin(&request);
        let (trace, span) = (trace_of(request.headers()), call.span.clone());
        let answer = span.in_scope(|| within(request));
        let answered = async move {
            let response = answer.await?;
            if call.take_end(response.headers()) {
                return Ok(response);
            }
            Ok(response.map(|body| Body::new(Watched { body, call })))
        };
        Box::pin(trace::within(trace, answered).instrument(span))
    }
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
struct Call {
    counts: Arc<Counts>,
    place: usize,
    begun: Instant,
    ended: bool,
    span: Span,
    /// Its part in its connection; absent: it came over none.
    _on_connection: Option<OpenCall>,
}

impl Call {
    fn method(&self) -> Option<&Method> {
        self.counts.methods.get(self.place)
    }

    /// Counts the end that headers or trailers tell of, if they do.
    fn take_end(&mut self, headers: &HeaderMap) -> bool {
        let Some(code) = headers.get(Status::GRPC_STATUS) else { return false };
        let code = Code::from_bytes(code.as_bytes());
        if code != Code::Ok
            && let Some(refusal) = Status::from_header_map(headers)
        {
            self.refused(&refusal);
        }
        self.end(code);
        true
    }

    fn refused(&self, refusal: &Status) {
        let Some(info) = refusal.get_details_error_info() else { return };
        let reason = ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason));
        let place = reason.and_then(|it| usize::try_from(i32::from(it)).ok());
        if let Some(counter) = place.and_then(|place| self.counts.refusals.get(place)) {
            counter.add_one();
        }
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let Some(method) = self.method() else { return };
        method.open.fetch_sub(1, Relaxed);
        let place = usize::try_from(i32::from(code)).unwrap_or_default();
        if let Some(counter) = method.codes.get(place) {
            counter.add_one();
        }
        let time = self.begun.elapsed();
        if let Some(times) = &method.time {
            times.record_time(time);
        }
        self.span.record("code", CODES.get(place));
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(target: "handover::call", parent: &self.span, micros, "a call has ended");
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// A body whose end is that of a call.
struct Watched {
    body: Body,
    call: Call,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.call.span.clone();
        let frame = ready!(span.in_scope(|| Pin::new(&mut self.body).poll_frame(context)));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.take_end(trailers);
                }
            }
            Some(Err(status)) => self.call.end(status.code()),
            None => self.call.end(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use prost::Message as _;

    use super::*;
    use crate::grpc::{around::HttpResponse, status::RpcError};

    const APPEND: &str = "/handover.v1.EventStoreService/Append";

    /// A call to `path` that is answered so.
    async fn called(calls: &Calls, path: &str, answer: HttpResponse) -> HttpResponse {
        let request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let answered = async { Ok::<_, std::convert::Infallible>(answer) };
        calls.around(request, |_| Box::pin(answered)).await.unwrap()
    }

    fn refusal(code: Code, reason: ErrorReason) -> HttpResponse {
        Status::from(RpcError::new(code, reason, "no")).into_http()
    }

    fn with_trailers(code: &'static str) -> HttpResponse {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.parse().unwrap());
        let message = proto::GetHeadResponse::default().encode_to_vec();
        let body = http_body_util::Full::new(Bytes::from(message)).map_err(|never| match never {});
        let body = body.with_trailers(async { Some(Ok(trailers)) });
        HttpResponse::new(Body::new(body))
    }

    fn refused(calls: &Calls) -> Vec<(&'static str, u64)> {
        calls.refusals().into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// The name, the open calls and the codes of each method.
    type Ended = (String, u64, Vec<(&'static str, u64)>);

    fn codes(calls: &Calls) -> Vec<Ended> {
        calls.methods().into_iter().map(|it| (it.name, it.open, it.codes)).collect()
    }

    #[tokio::test]
    async fn a_call_counts_once_when_its_answer_has_ended() {
        let calls = Calls::default();
        let name = APPEND.trim_start_matches('/').to_owned();
        let response = called(&calls, APPEND, with_trailers("0")).await;
        assert_eq!(codes(&calls), [(name.clone(), 1, vec![])], "its body was not read");
        response.into_body().collect().await.unwrap();
        let gone = called(&calls, APPEND, with_trailers("0")).await;
        drop(gone);
        called(&calls, APPEND, refusal(Code::Aborted, ErrorReason::AppendConflict)).await;
        let expected = vec![("OK", 1), ("CANCELLED", 1), ("ABORTED", 1)];
        assert_eq!(codes(&calls), [(name, 0, expected)]);
        assert_eq!(refused(&calls), [("APPEND_CONFLICT", 1)]);
        let time = calls.methods().remove(0).time.expect("it answers with one message");
        assert_eq!(time.count(), 3);
    }

    #[tokio::test]
    async fn names_that_clients_make_up_make_no_labels() {
        let calls = Calls::default();
        for number in 0..100 {
            let path = format!("/made.up/Method{number}");
            called(&calls, &path, refusal(Code::Unimplemented, ErrorReason::Unimplemented)).await;
        }
        assert_eq!(codes(&calls), [(OTHER.to_owned(), 0, vec![("UNIMPLEMENTED", 100)])]);
        assert_eq!(refused(&calls), [("UNIMPLEMENTED", 100)]);
    }

    #[test]
    fn every_reason_has_its_place() {
        let last = ErrorReason::HistoryChanged;
        assert!(reasons().any(|it| it == last), "the numbers of the reasons have a gap");
        for (place, code) in CODES.into_iter().enumerate() {
            let code_number = i32::try_from(place).unwrap();
            let spelled = format!("{:?}", Code::from(code_number)).to_uppercase();
            assert_eq!(spelled, code.replace('_', ""));
        }
    }
}
