//! Answers that are pages of events, encoded one by one, each into memory of its own.
//!
//! tonic encodes the answers of a call into one buffer, which stays as large as the largest of them
//! until the call ends. A follower that has caught up would keep a page for as long as it waits. So
//! the service answers with an empty stream, and the pages go beside it, to be made the body of the
//! response where it leaves the services.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{BufMut as _, Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;
use tonic::{Response, Status, body::Body, metadata::MetadataMap};

use crate::grpc::answers::Answers;

/// Bytes before each message: whether it is compressed, and its length.
const HEADER: usize = 5;

type Encoded = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// The pages of a response, until they are made its body.
#[derive(Clone)]
struct Pages(Arc<Mutex<Option<Encoded>>>);

/// The answers as a response. A client that compresses gets them from tonic, which can do that.
pub(crate) fn paged<T: Message + 'static>(
    request_metadata: &MetadataMap,
    answers: Answers<T>,
) -> Response<Answers<T>> {
    // It stands there only if the client is to be answered so.
    if request_metadata.contains_key("grpc-accept-encoding") {
        return Response::new(answers);
    }
    let encoded = answers.map(|answer| answer.map(|answer| framed(&answer))).boxed();
    let mut response = Response::new(stream::empty().boxed());
    response.extensions_mut().insert(Pages(Arc::new(Mutex::new(Some(encoded)))));
    response
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = Vec::with_capacity(HEADER + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).expect("a page is bounded, and so is an event"));
    message.encode_raw(&mut frame);
    frame.into()
}

/// The response with its pages as its body, if it has any.
pub(super) fn taken_up(mut response: http::Response<Body>) -> http::Response<Body> {
    let Some(Pages(pages)) = response.extensions_mut().remove::<Pages>() else { return response };
    let pages = pages.lock().unwrap_or_else(PoisonError::into_inner).take();
    response.map(|_| Body::new(StreamBody::new(stream::unfold(pages, next))))
}

/// The next page, and behind the last one how the call ended.
async fn next(pages: Option<Encoded>) -> Option<(Result<Frame<Bytes>, Status>, Option<Encoded>)> {
    let mut pages = pages?;
    let status = match pages.next().await {
        Some(Ok(page)) => return Some((Ok(Frame::data(page)), Some(pages))),
        Some(Err(status)) => status,
        None => Status::ok(""),
    };
    let mut trailers = HeaderMap::new();
    Some((status.add_header(&mut trailers).map(|()| Frame::trailers(trailers)), None))
}
