//! Errors that no service of ours made: each gets the one `ErrorInfo` that every error has.
//!
//! They come from the transport (an unknown method, an encoding that is not known) and from
//! services of libraries (health, reflection). They stand in the headers if nothing was sent before
//! them, and in the trailers if something was.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::{Code, Status, body::Body};

use crate::{domain::proto::ErrorReason, grpc::status::RpcError};

/// Where gRPC carries the code.
static STATUS_HEADER: HeaderName = HeaderName::from_static("grpc-status");
/// Where gRPC carries the encoded `google.rpc.Status`.
static DETAILS_HEADER: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The response with its error explained, now or when it comes at the end of the body.
pub(super) fn with_error_info(mut response: http::Response<Body>) -> http::Response<Body> {
    if response.headers().contains_key(&STATUS_HEADER) {
        add_error_info(response.headers_mut());
        return response;
    }
    response.map(|body| Body::new(body.map_frame(last)))
}

fn last(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            add_error_info(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

/// Gives an error that has no details its `ErrorInfo`; what else is in the headers stays.
fn add_error_info(headers: &mut HeaderMap) {
    // Most calls end well, and need no more than this.
    let ended_well = headers.get(&STATUS_HEADER).is_none_or(|status| status == "0");
    if ended_well || headers.contains_key(&DETAILS_HEADER) {
        return;
    }
    let status = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok);
    let Some(status) = status else { return };
    // Only what cannot be written into a header is refused, and a fault is shortened to fit.
    let _ = Status::from(fault(status.code(), status.message())).add_header(headers);
}

fn fault(code: Code, message: &str) -> RpcError {
    match (code, message) {
        (Code::Unimplemented, "") => {
            let message = "this server has no such method; its reflection lists those it has";
            RpcError::new(code, ErrorReason::Unimplemented, message)
        }
        (Code::NotFound, _) => RpcError::new(code, ErrorReason::NotFound, message),
        (Code::DeadlineExceeded, _) => RpcError::new(code, ErrorReason::DeadlineExceeded, message),
        _ => RpcError::new(code, ErrorReason::Transport, message),
    }
}
