//! Errors that no service of ours made: each gets the one `ErrorInfo` that every error has.
//!
//! They come from the transport (an unknown method, a message that is too large or cannot be
//! decoded) and from services of libraries (health, reflection). They stand in the headers if
//! nothing was sent before them, and in the trailers if something was.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::{Code, Status, body::Body};

use crate::{
    domain::{limits, proto::ErrorReason, violation::Violations},
    grpc::status::Fault,
};

/// Where gRPC carries the code.
const STATUS_HEADER: &str = "grpc-status";
/// Where gRPC carries the encoded `google.rpc.Status`.
const DETAILS_HEADER: &str = "grpc-status-details-bin";
/// What violations of the limit call the message.
const REQUEST: &str = "request";

/// The response with its error explained, now or when it comes at the end of the body.
pub(super) fn explained(mut response: http::Response<Body>) -> http::Response<Body> {
    if response.headers().contains_key(STATUS_HEADER) {
        explain(response.headers_mut());
        return response;
    }
    response.map(|body| Body::new(body.map_frame(last)))
}

fn last(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            explain(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

/// Gives an error that has no details its `ErrorInfo`; what else is in the headers stays.
fn explain(headers: &mut HeaderMap) {
    if headers.contains_key(DETAILS_HEADER) {
        return;
    }
    let status = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok);
    let Some(status) = status else { return };
    // Only what cannot be written into a header is refused, and a fault is shortened to fit.
    let _ = Status::from(fault(status.code(), status.message())).add_header(headers);
}

fn fault(code: Code, message: &str) -> Fault {
    if let Some(violations) = too_large(message) {
        return violations.into();
    }
    match (code, message) {
        (Code::Unimplemented, "") => {
            let message = "this server has no such method; its reflection lists those it has";
            Fault::new(code, ErrorReason::Unimplemented, message)
        }
        (Code::NotFound, _) => Fault::new(code, ErrorReason::NotFound, message),
        (Code::DeadlineExceeded, _) => Fault::new(code, ErrorReason::DeadlineExceeded, message),
        _ => Fault::new(code, ErrorReason::Transport, message),
    }
}

/// Whether tonic says that a message is over its limit, which it does only in words and with codes
/// that stand for other things. The length of one that was compressed is not known: it was not
/// unpacked any further.
fn too_large(message: &str) -> Option<Violations> {
    let mut violations = Violations::default();
    if let Some((_, rest)) = message.split_once("message length too large: found ") {
        let found = rest.split(' ').next()?.parse().ok()?;
        violations.exceeds(REQUEST, "bytes", found, limits::REQUEST_BYTES);
    } else if message.starts_with("Error decompressing: size limit") {
        let limit = limits::REQUEST_BYTES;
        violations.add(REQUEST, format!("unpacks to more bytes than the limit, which is {limit}"));
        violations.0.iter_mut().for_each(|violation| violation.limit = true);
    } else {
        return None;
    }
    Some(violations)
}
