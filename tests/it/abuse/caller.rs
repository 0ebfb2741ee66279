//! Calls with bytes that are made by hand.

use bytes::Bytes;
use handover::domain::proto::{AppendStreamResponse, append_stream_response::Outcome};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tonic::{Code, Status, body::Body, transport::Channel};
use tonic_types::StatusExt as _;
use tower::{Service as _, ServiceExt as _};
use zlib_rs::{Deflate, DeflateFlush};

/// How a message is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
}

/// What the answer to a call said.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) code: Code,
    /// Of the only `ErrorInfo`.
    pub(crate) reason: String,
    /// Of the `BadRequest`.
    pub(crate) fields: Vec<String>,
    pub(crate) message: String,
}

/// A client that makes such calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Channel);

impl Caller {
    pub(crate) async fn connect(address: &str) -> Self {
        let endpoint = Channel::from_shared(address.to_owned()).expect("an address");
        Self(endpoint.connect().await.expect("the server can be reached"))
    }

    /// Sends these bytes, and nothing after them; their messages may be compressed.
    pub(crate) async fn call(&self, path: &str, sent: Vec<u8>) -> Reported {
        self.call_with(path, sent, Packing::Gzip).await
    }

    /// Sends these bytes; their messages may be compressed if the packing is named.
    pub(crate) async fn call_with(&self, path: &str, sent: Vec<u8>, packing: Packing) -> Reported {
        let mut request = http::Request::post(path).header("content-type", "application/grpc");
        request = request.header("te", "trailers");
        if packing == Packing::Gzip {
            request = request.header("grpc-encoding", "gzip");
        }
        let request = request.body(Body::new(Full::new(Bytes::from(sent)))).expect("a request");
        let mut channel = self.0.clone();
        let answer = channel.ready().await.expect("the connection stands").call(request).await;
        let (parts, body) = answer.expect("an answer").into_parts();
        if let Some(status) = Status::from_header_map(&parts.headers) {
            return reported(&status);
        }
        let collected = body.collect().await.expect("a whole answer");
        let trailers = collected.trailers().cloned().expect("trailers");
        let status = Status::from_header_map(&trailers).expect("a status");
        let answer = collected.to_bytes();
        if status.code() == Code::Ok && path.ends_with("/AppendStream") {
            return rejection(&answer);
        }
        reported(&status)
    }
}

fn reported(status: &Status) -> Reported {
    let details = tonic_types::pb::Status::decode(status.details()).expect("details").details;
    let infos = details.iter().filter(|it| it.type_url.ends_with("google.rpc.ErrorInfo"));
    assert_eq!(infos.count(), usize::from(status.code() != Code::Ok), "{status:?}");
    let violations = status.get_details_bad_request().map(|it| it.field_violations);
    Reported {
        code: status.code(),
        reason: status.get_details_error_info().map(|info| info.reason).unwrap_or_default(),
        fields: violations.unwrap_or_default().into_iter().map(|it| it.field).collect(),
        message: status.message().to_owned(),
    }
}

/// What the only message of a pipeline was answered with.
fn rejection(answer: &[u8]) -> Reported {
    let answer = AppendStreamResponse::decode(&answer[5..]).expect("one answer");
    match answer.outcome {
        Some(Outcome::Rejection(it)) => {
            reported(&Status::with_details(Code::from_i32(it.code), it.message, it.status))
        }
        other => panic!("{other:?}"),
    }
}

/// A message with its header.
pub(crate) fn framed(message: &[u8], packing: Packing) -> Vec<u8> {
    match packing {
        Packing::None => with_header(0, message),
        Packing::Gzip => marked_as_packed(&gzip(message)),
    }
}

/// Bytes that are said to be a compressed message.
pub(crate) fn marked_as_packed(content: &[u8]) -> Vec<u8> {
    with_header(1, content)
}

fn with_header(flag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a length").to_be_bytes();
    [&[flag], length.as_slice(), content].concat()
}

/// Packs as clients do.
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = vec![0; content.len() + content.len() / 8 + 1_024];
    let mut deflate = Deflate::new(6, true, 16 + 15);
    let status = deflate.compress(content, &mut packed, DeflateFlush::Finish);
    assert_eq!(status, Ok(zlib_rs::Status::StreamEnd));
    packed.truncate(usize::try_from(deflate.total_out()).expect("a length"));
    packed
}
