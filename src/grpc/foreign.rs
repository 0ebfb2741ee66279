//! Bounds how many streams of a library's services are open: reflection and watches of health.
//!
//! `engine::streams` counts the streams of our own services alone. A stream of a library that is
//! not read costs as much all the same: up to 110 KB for reflection, most of it an answer that
//! waits, and 7 KB for a watch. A stream counts from its call until the body of its answer is
//! dropped, which the transport does once the stream has ended or was cancelled.
//!
//! Libraries do not end their streams when the server stops, and the stop would wait for them. They
//! end here, once they have sent what they had: a watch of health tells first that the server is
//! not ready.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use crate::{
    engine::ReadError,
    grpc::{
        around::{Answer, Around, HttpRequest},
        status::{RpcError, overloaded},
    },
};

/// Streams of reflection that may be open, of both versions together. A tool needs one.
pub(super) const MOST_REFLECTIONS: usize = 256;
/// Watches of health that may be open. A client has one for each of its connections.
pub(super) const MOST_WATCHES: usize = 4_096;

/// Counts the open streams of a library's services over the whole server.
#[derive(Clone, Debug)]
pub(super) struct ForeignStreams {
    reflections: Kind,
    watches: Kind,
    stopping: CancellationToken,
}

impl Default for ForeignStreams {
    fn default() -> Self {
        let kind = |name, most| Kind { name, most, open: Arc::default() };
        Self {
            reflections: kind("reflection streams", MOST_REFLECTIONS),
            watches: kind("watches of health", MOST_WATCHES),
            stopping: CancellationToken::new(),
        }
    }
}

impl ForeignStreams {
    /// Streams that end when this is cancelled.
    pub(super) fn until(stopping: &CancellationToken) -> Self {
        Self { stopping: stopping.clone(), ..Self::default() }
    }

    /// The kind of stream that a method opens, if it is bounded here.
    fn kind(&self, path: &str) -> Option<&Kind> {
        match path {
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
                Some(&self.reflections)
            }
            "/grpc.health.v1.Health/Watch" => Some(&self.watches),
            _ => None,
        }
    }
}

impl Around for ForeignStreams {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let open = match self.kind(request.uri().path()).map(Kind::open) {
            None => return within(request),
            Some(Err(refusal)) => return Box::pin(std::future::ready(Ok(refusal.into_http()))),
            Some(Ok(open)) => open,
        };
        let (answer, stopping) = (within(request), self.stopping.clone());
        Box::pin(async move {
            let response = answer.await?;
            let stopping = Box::pin(stopping.cancelled_owned());
            Ok(response
                .map(|body| Body::new(OpenBody { body, stopping, ended: false, _open: open })))
        })
    }
}

/// The body of a stream, which counts until it is dropped.
struct OpenBody {
    body: Body,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    /// It was ended here.
    ended: bool,
    _open: Open,
}

impl http_body::Body for OpenBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.stopping.as_mut().poll(context));
        self.ended = true;
        let mut trailers = HeaderMap::new();
        // Only what cannot be written into a header is refused.
        let _ = Status::from(RpcError::from(ReadError::Stopping)).add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Streams that are counted together.
#[derive(Clone, Debug)]
struct Kind {
    name: &'static str,
    most: usize,
    open: Arc<AtomicUsize>,
}

impl Kind {
    /// Opens one more, or refuses it because there are too many.
    fn open(&self) -> Result<Open, Status> {
        // The guard comes first: one that is refused is not counted any more.
        let open = Open(Arc::clone(&self.open));
        if self.open.fetch_add(1, Relaxed) < self.most {
            return Ok(open);
        }
        let Self { name, most, .. } = self;
        let message = format!("{most} {name} are open already; end some, or try again later");
        Err(overloaded(message).with("streams", *most).into())
    }
}

/// One stream, open until it is dropped.
#[derive(Debug)]
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready};

    use futures_util::{FutureExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::grpc::around::HttpResponse;

    const V1: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const V1_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
    const WATCH: &str = "/grpc.health.v1.Health/Watch";
    const CHECK: &str = "/grpc.health.v1.Health/Check";

    fn call(streams: &ForeignStreams, path: &str) -> Answer<Infallible> {
        let request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let waits = stream::pending::<Result<Frame<Bytes>, Status>>();
        let response = http::Response::new(Body::new(StreamBody::new(waits)));
        streams.around(request, |_| Box::pin(ready(Ok(response))))
    }

    /// A response, or what it was refused with.
    async fn answer(streams: &ForeignStreams, path: &str) -> Result<HttpResponse, Status> {
        let response = call(streams, path).await.unwrap();
        match Status::from_header_map(response.headers()) {
            None => Ok(response),
            Some(status) => Err(status),
        }
    }

    #[tokio::test]
    async fn one_stream_too_many_is_refused_until_the_body_of_another_is_dropped() {
        for (paths, most, name) in [
            ([V1, V1_ALPHA], MOST_REFLECTIONS, "reflection streams"),
            ([WATCH, WATCH], MOST_WATCHES, "watches of health"),
        ] {
            let streams = ForeignStreams::default();
            let mut open = Vec::new();
            for path in paths.into_iter().cycle().take(most) {
                open.push(answer(&streams.clone(), path).await.unwrap());
            }
            for path in paths {
                let refusal = answer(&streams, path).await.unwrap_err();
                assert_eq!(refusal.code(), Code::ResourceExhausted);
                assert_eq!(refusal.get_details_error_info().unwrap().reason, "OVERLOADED");
                let said = format!("{most} {name} are open already; end some, or try again later");
                assert_eq!(refusal.message(), said);
            }
            let (_, body) = open.pop().unwrap().into_parts();
            answer(&streams, paths[0]).await.unwrap_err();
            drop(body);
            open.push(answer(&streams, paths[1]).await.unwrap());
            answer(&streams, paths[0]).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn a_call_counts_before_it_is_answered_and_no_more_when_it_is_given_up() {
        let streams = ForeignStreams::default();
        let mut waiting: Vec<_> = (0..MOST_REFLECTIONS).map(|_| call(&streams, V1)).collect();
        answer(&streams, V1).await.unwrap_err();
        waiting.pop();
        answer(&streams, V1).await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_ends_what_a_library_would_leave_open() {
        let stopping = CancellationToken::new();
        let streams = ForeignStreams::until(&stopping);
        let mut body = answer(&streams, WATCH).await.unwrap().into_body();
        assert!(body.frame().now_or_never().is_none(), "it waits");
        stopping.cancel();
        let end = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        let status = Status::from_header_map(&end).unwrap();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_READY");
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn other_methods_are_not_counted_and_kinds_not_together() {
        let streams = ForeignStreams::default();
        let _open: Vec<_> = (0..MOST_WATCHES).map(|_| call(&streams, WATCH)).collect();
        answer(&streams, WATCH).await.unwrap_err();
        let mut checks = Vec::new();
        for _ in 0..=MOST_WATCHES {
            checks.push(answer(&streams, CHECK).await.unwrap());
        }
        answer(&streams, V1).await.unwrap();
    }
}
