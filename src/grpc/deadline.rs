//! Deadlines and errors that the transport would tell less well.
//!
//! tonic ends a call whose `grpc-timeout` has passed as CANCELLED; this layer, which fires a
//! little earlier, ends it as `DEADLINE_EXCEEDED`. It also gives every error that was not made by a
//! service (an unknown method, a message too large or not decodable) its `ErrorInfo`.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::{domain::proto::ErrorReason, grpc::status::Fault};

/// How much earlier than the transport this layer gives up.
const MARGIN: Duration = Duration::from_millis(5);
/// Where gRPC carries the encoded `google.rpc.Status`.
const DETAILS_HEADER: &str = "grpc-status-details-bin";

/// Wraps a service in [`Errors`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ErrorLayer;

/// A service whose errors all carry details, and that keeps deadlines.
#[derive(Clone, Debug)]
pub(super) struct Errors<S>(S);

impl<S> Layer<S> for ErrorLayer {
    type Service = Errors<S>;

    fn layer(&self, inner: S) -> Errors<S> {
        Errors(inner)
    }
}

type HttpRequest = http::Request<Body>;
type HttpResponse = http::Response<Body>;

impl<S> Service<HttpRequest> for Errors<S>
where
    S: Service<HttpRequest, Response = HttpResponse>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let timeout = request.headers().get("grpc-timeout").and_then(timeout);
        let answer = self.0.call(request);
        Box::pin(async move {
            let Some(timeout) = timeout else { return answer.await.map(explained) };
            match tokio::time::timeout(timeout.saturating_sub(MARGIN), answer).await {
                Ok(answer) => answer.map(explained),
                Err(_) => Ok(too_late(timeout).into_http()),
            }
        })
    }
}

fn too_late(timeout: Duration) -> Status {
    let message = format!("there was no answer within the deadline of {} ms", timeout.as_millis());
    Fault::new(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).into()
}

/// Reads a `grpc-timeout`: at most eight digits and a unit.
fn timeout(value: &http::HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(u64::from(number) * 3_600)),
        "M" => Some(Duration::from_secs(u64::from(number) * 60)),
        "S" => Some(Duration::from_secs(number.into())),
        "m" => Some(Duration::from_millis(number.into())),
        "u" => Some(Duration::from_micros(number.into())),
        "n" => Some(Duration::from_nanos(number.into())),
        _ => None,
    }
}

/// Gives an error without details its `ErrorInfo`. Such errors stand in the headers, since no
/// message was sent before them.
fn explained(response: HttpResponse) -> HttpResponse {
    let headers = response.headers();
    if headers.contains_key(DETAILS_HEADER) || !headers.contains_key("grpc-status") {
        return response;
    }
    let status = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok);
    let Some(status) = status else { return response };
    let message = status.message();
    // tonic calls a request over the size limit OUT_OF_RANGE; gRPC's convention is this.
    let too_large = status.code() == Code::OutOfRange && message.contains("too large");
    let fault = if too_large {
        Fault::new(Code::ResourceExhausted, ErrorReason::LimitExceeded, message)
    } else if status.code() == Code::Unimplemented {
        let message = "this server has no such method; its reflection lists those it has";
        Fault::new(Code::Unimplemented, ErrorReason::Unimplemented, message)
    } else {
        Fault::new(status.code(), ErrorReason::Transport, message)
    };
    Status::from(fault).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        let check = |text: &str, expected: Option<Duration>| {
            let value = http::HeaderValue::from_str(text).unwrap();
            assert_eq!(timeout(&value), expected, "{text:?}");
        };
        check("250m", Some(Duration::from_millis(250)));
        check("1H", Some(Duration::from_hours(1)));
        check("99999999S", Some(Duration::from_secs(99_999_999)));
        for bad in ["", "m", "10", "999999999S", "-1S", "1x"] {
            check(bad, None);
        }
    }
}
