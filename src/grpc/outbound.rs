//! What was made for clients and not sent yet is counted, and no more of an answer is made while
//! much of it is on its way.
//!
//! The transport takes parts of an answer long before it can send them: one that waits for the
//! client's window, and 400 KB more for the socket. Each part counts until the transport has
//! dropped it, and that is when its last byte was written.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use crate::{
    engine::{Outbound, Streams},
    grpc::around::{Answer, Around, HttpRequest},
};

/// Counts answers until they are sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sending(pub(super) Streams);

impl Around for Sending {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let outbound = self.0.outbound();
        let counted = |body| Body::new(Sent { body, outbound });
        let answer = within(request);
        Box::pin(answer.map(|answer| answer.map(|response| response.map(counted))))
    }
}

/// A body that counts its parts.
struct Sent {
    body: Body,
    outbound: Outbound,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        ready!(self.outbound.poll_room(context));
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let counted = |frame: Frame<Bytes>| frame.map_data(|part| self.outbound.hold(part));
        Poll::Ready(frame.map(|frame| frame.map(counted)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
