//! A streamed answer ends when its caller's credential does, or when the policy permits less.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use http_body::Frame;
use time::OffsetDateTime;
use tokio::time::{Sleep, sleep};
use tokio_stream::wrappers::WatchStream;
use tonic::{Status, body::Body};

use super::caller::Caller;
use crate::grpc::status::RpcError;

/// The longest that a stream goes without a look at the clock: it may be set while one waits.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The body of a stream, and what ends it early.
pub(super) struct Bounded {
    /// Absent once it has ended.
    body: Option<Body>,
    caller: Caller,
    until: Option<OffsetDateTime>,
    look: Option<Pin<Box<Sleep>>>,
    changes: Pin<Box<dyn futures_util::Stream<Item = ()> + Send>>,
}

impl Bounded {
    /// The body with its bounds, or as it is if there are none.
    pub(super) fn new(body: Body, caller: Caller) -> Result<Self, Body> {
        let Some((until, changes)) = caller.bounds() else { return Err(body) };
        let changes = Box::pin(WatchStream::new(changes).map(drop));
        let look = until.map(|until| Box::pin(sleep(wait(until))));
        // The stream begins with what is in use now, which may be newer than the admission.
        Ok(Self { body: Some(body), caller, until, look, changes })
    }

    /// Why the stream has to end now.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Option<RpcError> {
        while let Poll::Ready(Some(())) = self.changes.as_mut().poll_next(context) {
            if let Err(refusal) = self.caller.still() {
                return Some(refusal);
            }
        }
        let (look, until) = (self.look.as_mut()?, self.until?);
        while look.as_mut().poll(context).is_ready() {
            if let Err(refusal) = self.caller.still() {
                return Some(refusal);
            }
            look.set(sleep(wait(until)));
        }
        None
    }
}

/// How long until it is looked again whether the time has come.
fn wait(until: OffsetDateTime) -> Duration {
    let left = until - OffsetDateTime::now_utc();
    let left = Duration::try_from(left).unwrap_or_default();
    left.clamp(Duration::from_millis(1), LOOK_EVERY)
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.body.is_none() {
            return Poll::Ready(None);
        }
        if let Some(refusal) = self.poll_ended(context) {
            self.body = None;
            let mut trailers = HeaderMap::new();
            // Only what cannot be written into a header is refused, and this can.
            let _ = Status::from(refusal).add_header(&mut trailers);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}
