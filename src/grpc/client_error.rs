//! What went wrong with a request, as a client sees it: decoded from status codes and details.

use std::{error::Error, fmt, time::Duration};

use prost::{Message as _, Name as _};
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt as _};

use crate::{
    domain::{proto, violation::once},
    grpc::tls::{TlsError, Untrusted},
};

/// The reasons of errors that have kinds of their own, unlike others of their code.
const ANOTHER_STORE: &str = "ANOTHER_STORE";
const HISTORY_CHANGED: &str = "HISTORY_CHANGED";

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientErrorKind {
    /// The server cannot be reached or does not accept requests now: wait, then repeat.
    Unavailable,
    /// The request is wrong: correct it.
    Invalid,
    /// Others wrote first, or a request id was used for other content: read and decide again.
    Conflict,
    /// What the request names is not there.
    NotFound,
    /// A position, revision or time lies beyond the end of the log.
    BeyondHead,
    /// A rule of the record forbids it.
    Refused,
    /// The server keeps another store than the request names, so its positions are other events.
    AnotherStore,
    /// The store was restored from a backup, and the request has a position beyond the branch: undo
    /// what was made of later events, and go on from the branch; see [`ClientError::history`].
    HistoryChanged,
    /// Stored data is damaged: tell the operator.
    DataLoss,
    /// The answer was not ready in time.
    Deadline,
    /// One side does not accept the certificate of the other, or only one of them speaks TLS:
    /// correct the certificates or the address.
    Untrusted,
    /// The server does not know the caller, or does not permit this to it: get a token or the role
    /// from the operator.
    Denied,
    /// Anything else: a fault of the server or of the connection's other end.
    Other,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientError {
    /// What can be done about it.
    pub kind: ClientErrorKind,
    /// What was wrong, in words.
    pub message: String,
    /// The fields, rules or checks that failed, each with its problem.
    pub fields: Vec<(String, String)>,
    /// The server's `ErrorReason` without its prefix; empty: the error did not come from it.
    pub reason: String,
    /// How long the server asks to wait before the request is repeated; `None`: it does not ask
    /// for a repetition.
    pub retry_after: Option<Duration>,
    /// No connection could be made, so the server has never seen the request.
    pub unsent: bool,
    /// Where the store's history branched off, of an error of that kind.
    pub history: Option<Box<HistoryChange>>,
}

/// Where a restore began another history of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryChange {
    /// The present name of the store, to go on with.
    pub store: String,
    /// The last position up to which the history of the request and the present one are the same;
    /// `None`: it is not known.
    pub branch_position: Option<u64>,
}

impl ClientError {
    pub(super) fn address(address: &str, problem: &str) -> Self {
        Self::local(ClientErrorKind::Invalid, format!("the address {address:?}: {problem}"))
    }

    /// The files of the client's TLS are of no use.
    pub(super) fn tls(error: &TlsError) -> Self {
        Self::local(ClientErrorKind::Invalid, error.to_string())
    }

    /// TLS ended the connection.
    pub(super) fn untrusted(why: String) -> Self {
        Self::local(ClientErrorKind::Untrusted, why)
    }

    pub(super) fn unreachable(address: &str, error: &(dyn Error + 'static)) -> Self {
        if let Some(why) = untrusted(Some(error)) {
            return Self::untrusted(format!("cannot reach {address}: {why}"));
        }
        let problem = causes(error);
        Self::local(ClientErrorKind::Unavailable, format!("cannot reach {address}: {problem}"))
    }

    /// What a call to a server failed with; the address is known unless the connection was given.
    pub(super) fn of_call(status: Status, address: Option<&str>) -> Self {
        let cause = status.source().map(causes);
        let silent = cause.is_some() || is_timeout(&status);
        let error = Self::from(status);
        let waits = matches!(error.kind, ClientErrorKind::Unavailable | ClientErrorKind::Deadline);
        let Some(address) = address.filter(|_| silent && waits && error.reason.is_empty()) else {
            return error;
        };
        let cause = cause.unwrap_or(error.message);
        let message = format!(
            "the server at {address} does not answer: {cause}; see whether `handover serve` runs \
             there"
        );
        Self { message, ..error }
    }

    pub(super) fn protocol(problem: &str) -> Self {
        Self::local(ClientErrorKind::Other, problem.to_owned())
    }

    /// The server keeps another store than the client expects.
    pub(crate) fn another_store(expected: &str, found: &str) -> Self {
        let message = format!(
            "this is the store {found}, and the client expects {expected}; find the server of that \
             store, or begin anew with this one"
        );
        let error = Self::local(ClientErrorKind::AnotherStore, message);
        Self { reason: ANOTHER_STORE.to_owned(), ..error }
    }

    /// An error that was found on this side of the connection.
    pub(crate) fn local(kind: ClientErrorKind, message: String) -> Self {
        let (fields, reason) = (Vec::new(), String::new());
        let (retry_after, unsent, history) = (None, false, None);
        Self { kind, message, fields, reason, retry_after, unsent, history }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.message.clone();
        for (field, problem) in &self.fields {
            // Servers often repeat the first problem in the message; once is enough.
            if !self.message.contains(problem.as_str()) {
                text = format!("{text}; {field}: {}", once(problem, &text));
            }
        }
        f.write_str(&text)
    }
}

impl Error for ClientError {}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        if let Some(why) = untrusted(status.source()) {
            return Self { unsent: true, ..Self::untrusted(why.to_string()) };
        }
        let info = status.get_details_error_info();
        let history = info.as_ref().and_then(history_change);
        let reason = info.map(|info| info.reason).unwrap_or_default();
        let kind = match reason.as_str() {
            "" => transport_kind(&status),
            reason => reported_kind(reason, status.code()),
        };
        let message = match status.message() {
            message if reason.is_empty() && is_too_large(&status) => {
                format!("the answer is larger than this client takes; request less: {message}")
            }
            "" => status.code().description().to_owned(),
            message => message.to_owned(),
        };
        let message = match not_listed(&status) {
            0 => message,
            more => format!("{message} (and {more} more that the server does not list)"),
        };
        let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let unsent = reason.is_empty() && never_connected(&status);
        Self { kind, message, fields: fields(&status), reason, retry_after, unsent, history }
    }
}

impl From<proto::AppendRejection> for ClientError {
    fn from(rejection: proto::AppendRejection) -> Self {
        let code = Code::from_i32(rejection.code);
        let mut error = Self::from(Status::with_details(code, rejection.message, rejection.status));
        // The pipeline itself works, so even a rejection without details is the server's word.
        error.kind = reported_kind(&error.reason, code);
        error
    }
}

/// What the server says, by its reason where the code alone is ambiguous.
fn reported_kind(reason: &str, code: Code) -> ClientErrorKind {
    match reason {
        ANOTHER_STORE => ClientErrorKind::AnotherStore,
        HISTORY_CHANGED => ClientErrorKind::HistoryChanged,
        _ => kind(code),
    }
}

fn history_change(info: &ErrorInfo) -> Option<Box<HistoryChange>> {
    if info.reason != HISTORY_CHANGED {
        return None;
    }
    let store = info.metadata.get("store").cloned().unwrap_or_default();
    let branch_position = info.metadata.get("branch_position").and_then(|it| it.parse().ok());
    Some(Box::new(HistoryChange { store, branch_position }))
}

fn kind(code: Code) -> ClientErrorKind {
    match code {
        Code::Unavailable | Code::ResourceExhausted => ClientErrorKind::Unavailable,
        Code::InvalidArgument => ClientErrorKind::Invalid,
        Code::Aborted | Code::AlreadyExists => ClientErrorKind::Conflict,
        Code::NotFound => ClientErrorKind::NotFound,
        Code::OutOfRange => ClientErrorKind::BeyondHead,
        Code::FailedPrecondition => ClientErrorKind::Refused,
        Code::DataLoss => ClientErrorKind::DataLoss,
        Code::DeadlineExceeded => ClientErrorKind::Deadline,
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal => {
            ClientErrorKind::Other
        }
        Code::PermissionDenied | Code::Unauthenticated => ClientErrorKind::Denied,
    }
}

/// The kind of an error that the server did not explain: mostly, the connection was lost.
fn transport_kind(status: &Status) -> ClientErrorKind {
    let code = status.code();
    if is_too_large(status) {
        return ClientErrorKind::Other;
    }
    let lost = [Code::Unknown, Code::Internal, Code::Cancelled].contains(&code);
    if is_timeout(status) {
        ClientErrorKind::Deadline
    } else if lost && status.source().is_some() {
        ClientErrorKind::Unavailable
    } else {
        kind(code)
    }
}

/// Whether the client's own timer ended a call, which it does as cancelled.
fn is_timeout(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.message().contains("Timeout")
}

/// How many checks or fields failed beyond those that are listed.
fn not_listed(status: &Status) -> usize {
    let metadata = status.get_details_error_info().map(|info| info.metadata).unwrap_or_default();
    let count = |(key, count): (&String, &String)| {
        key.ends_with("_not_listed").then(|| count.parse().ok()).flatten()
    };
    metadata.iter().find_map(count).unwrap_or_default()
}

/// Whether an answer came that is larger than this client takes. The library gives it a code of the
/// server's, of a position beyond the end or of an overload; neither to correct the request nor to
/// wait would help.
fn is_too_large(status: &Status) -> bool {
    let begins =
        |code: Code, words: &str| status.code() == code && status.message().starts_with(words);
    begins(Code::OutOfRange, "Error, decoded message length")
        || begins(Code::ResourceExhausted, "Error decompressing")
}

/// Why TLS allowed no connection, if that is among the causes.
fn untrusted<'e>(mut cause: Option<&'e (dyn Error + 'static)>) -> Option<&'e Untrusted> {
    while let Some(error) = cause {
        if let Some(why) = error.downcast_ref() {
            return Some(why);
        }
        cause = error.source();
    }
    None
}

fn never_connected(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn fields(status: &Status) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for violation in status.get_details_bad_request().into_iter().flat_map(|d| d.field_violations) {
        fields.push((violation.field, violation.description));
    }
    for violation in
        status.get_details_precondition_failure().into_iter().flat_map(|d| d.violations)
    {
        fields.push((violation.subject, violation.description));
    }
    if let Some(conflict) = append_conflict(status) {
        for check in conflict.revisions {
            let (expected, actual) = (check.expected_revision, check.actual_revision);
            fields.push((check.stream, format!("expected revision {expected}, it is at {actual}")));
        }
        if let Some(check) = conflict.condition {
            let (after, at) = (check.after_position, check.conflicting_position);
            let problem = format!("event {at} matches, which is after position {after}");
            fields.push(("condition".to_owned(), problem));
        }
    }
    fields
}

fn append_conflict(status: &Status) -> Option<proto::AppendConflict> {
    let details = tonic_types::Status::decode(status.details()).ok()?.details;
    let wanted = proto::AppendConflict::full_name();
    let detail = details.iter().find(|detail| detail.type_url.ends_with(&wanted))?;
    proto::AppendConflict::decode(detail.value.as_slice()).ok()
}

/// An error with its causes, each of them once: the text of tonic's own, and of others, is just
/// "transport error".
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn a_refused_field_keeps_its_path_and_reason() {
        let mut details = ErrorDetails::with_bad_request_violation("writes[0].stream", "is empty");
        details.set_error_info("INVALID_FIELD", "handover", HashMap::new());
        let status = Status::with_error_details(Code::InvalidArgument, "bad request", details);
        let error = ClientError::from(status);
        assert_eq!(error.kind, ClientErrorKind::Invalid);
        assert_eq!(error.reason, "INVALID_FIELD");
        assert_eq!(error.to_string(), "bad request; writes[0].stream: is empty");
    }

    #[test]
    fn the_error_says_how_much_the_server_left_out() {
        let left_out = HashMap::from([("revisions_not_listed".to_owned(), "3".to_owned())]);
        let details = ErrorDetails::with_error_info("APPEND_CONFLICT", "handover", left_out);
        let status = Status::with_error_details(Code::Aborted, "others wrote first", details);
        assert!(ClientError::from(status).message.contains("and 3 more"), "it is told");
    }

    #[test]
    fn a_rejection_in_a_pipeline_reads_as_the_status_it_stands_for() {
        let conflict = proto::AppendConflict {
            revisions: vec![proto::RevisionConflict {
                stream: "demo/1".to_owned(),
                expected_revision: 3,
                actual_revision: 5,
            }],
            condition: None,
        };
        let status = tonic_types::Status {
            code: i32::from(Code::Aborted),
            message: "others wrote first".to_owned(),
            details: vec![prost_types::Any {
                type_url: "type.googleapis.com/handover.v1.AppendConflict".to_owned(),
                value: conflict.encode_to_vec(),
            }],
        };
        let error = ClientError::from(proto::AppendRejection {
            code: status.code,
            message: status.message.clone(),
            status: status.encode_to_vec().into(),
        });
        assert_eq!(error.kind, ClientErrorKind::Conflict);
        let check = ("demo/1".to_owned(), "expected revision 3, it is at 5".to_owned());
        assert_eq!(error.fields, [check]);
    }

    #[test]
    fn an_answer_that_is_too_large_is_no_fault_of_the_request_and_not_worth_repeating() {
        let found = "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes";
        let unpacked = "Error decompressing: size limit, of 4 bytes, exceeded";
        for status in [Status::out_of_range(found), Status::resource_exhausted(unpacked)] {
            let error = ClientError::from(status);
            assert_eq!(error.kind, ClientErrorKind::Other);
            assert!(error.message.contains("request less"), "{error}");
        }
        let beyond = ClientError::from(Status::out_of_range("another"));
        assert_eq!(beyond.kind, ClientErrorKind::BeyondHead);
    }

    #[test]
    fn a_server_that_does_not_answer_is_named_by_its_address() {
        let address = Some("http://127.0.0.1:50051");
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for status in [Status::cancelled("Timeout expired"), Status::from_error(Box::new(reset))] {
            let words = status.message().to_owned();
            let error = ClientError::of_call(status, address);
            assert!(error.message.contains("http://127.0.0.1:50051 does not answer"), "{error}");
            assert!(error.message.contains(&words), "{error}");
        }
        let details = ErrorDetails::with_error_info("OVERLOADED", "handover", HashMap::new());
        let said = Status::with_error_details(Code::Unavailable, "too many calls", details);
        assert_eq!(ClientError::of_call(said, address).message, "too many calls");
        let said = Status::not_found("there is none");
        assert_eq!(ClientError::of_call(said, address).message, "there is none");
    }

    #[test]
    fn a_lost_connection_is_not_a_fault_of_the_request() {
        let cause = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let error = ClientError::from(Status::from_error(Box::new(cause)));
        assert_eq!(error.kind, ClientErrorKind::Unavailable);
    }
}
