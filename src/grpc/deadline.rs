//! Deadlines and errors that the transport would report less well.
//!
//! tonic ends a call as CANCELLED when its `grpc-timeout` has passed; this layer fires a little
//! earlier and ends it as `DEADLINE_EXCEEDED`. It also refuses headers that are too large,
//! gives an `ErrorInfo` to each error of a library's service, and decides which answers are
//! compressed.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::{Code, Status};

use crate::{
    domain::{limits, proto::ErrorReason, violation::Violations},
    grpc::{
        around::{Answer, Around, HttpRequest},
        error_info::with_error_info,
        paged::taken_up,
        status::RpcError,
    },
};

/// How much earlier than the transport this layer gives up.
const MARGIN: Duration = Duration::from_millis(5);
/// Names of headers; a name that is a text would be looked at anew for each call.
static TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
static ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
static ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// What each field of a header is counted as beyond its text, as in HTTP/2.
pub(super) const FIELD_BYTES: usize = 32;

/// Keeps deadlines, and gives details to all errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errors;

impl Around for Errors {
    fn around<E: Send + 'static>(
        &self,
        mut request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let header = header_bytes(&request);
        if header > limits::HEADER_BYTES {
            return Box::pin(std::future::ready(Ok(too_large(header).into_http())));
        }
        answer_alike(request.headers_mut());
        let timeout = request.headers().get(&TIMEOUT).and_then(timeout);
        let answer = within(request);
        Box::pin(async move {
            let answer = async { answer.await.map(taken_up).map(with_error_info) };
            let Some(timeout) = timeout else { return answer.await };
            match tokio::time::timeout(timeout.saturating_sub(MARGIN), answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(too_late(timeout).into_http()),
            }
        })
    }
}

/// Takes back that the client accepts compressed answers unless it compresses as well. Many
/// libraries accept them on every call, whatever their user wants, and compressing a page takes
/// milliseconds of a task that appends wait for.
fn answer_alike(headers: &mut HeaderMap) {
    let compresses = headers.get(&ENCODING).is_some_and(|encoding| encoding != "identity");
    if !compresses {
        headers.remove(&ACCEPTED);
    }
}

/// Bytes of a request's headers, counted as HTTP/2 does.
pub(super) fn header_bytes<B>(request: &http::Request<B>) -> usize {
    let field = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + FIELD_BYTES
    };
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    target + request.headers().iter().map(field).sum::<usize>()
}

fn too_large(header: usize) -> Status {
    let mut violations = Violations::default();
    violations.exceeds("metadata", "bytes", header, limits::HEADER_BYTES);
    RpcError::from(violations).into()
}

fn too_late(timeout: Duration) -> Status {
    let message = format!("there was no answer within the deadline of {} ms", timeout.as_millis());
    RpcError::new(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).into()
}

/// Reads a `grpc-timeout`: at most eight digits and a unit.
fn timeout(value: &HeaderValue) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        let check = |text: &str, expected: Option<Duration>| {
            let value = HeaderValue::from_str(text).unwrap();
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
