//! From errors to status codes: one exhaustive match for each kind of error, and nothing else.
//!
//! A conflict is ABORTED, not `FAILED_PRECONDITION`: the client must read again and decide again,
//! whereas a broken rule of the record is final. A fault of the store is never
//! `INVALID_ARGUMENT`.

use std::{collections::HashMap, time::Duration};

use prost::{Message as _, Name};
use tonic::{Code, Status};
use tonic_types::pb;

use super::error_bounds::{self, List};
use crate::{
    domain::{
        append::Conflict,
        claim::RuleBroken,
        proto::{self, ErrorReason},
        recorded::timestamp,
        violation::Violations,
    },
    engine::{AppendError, BeyondHead, GroupError, HistoryChanged, Pause, ReadError},
    log::LogError,
};

/// What violations call a whole message.
pub(super) const REQUEST: &str = "request";
/// The domain of every reason.
const DOMAIN: &str = "handover";
/// How long a client should wait when the answer says to try again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// An error as a client receives it.
#[derive(Clone, Debug)]
pub(crate) struct RpcError {
    code: Code,
    message: String,
    reason: ErrorReason,
    metadata: HashMap<String, String>,
    details: Vec<prost_types::Any>,
    /// A detail of several entries, of which as many are sent as there is room for.
    list: Option<List>,
}

impl RpcError {
    pub(crate) fn new(code: Code, reason: ErrorReason, message: impl Into<String>) -> Self {
        let message = error_bounds::message(&message.into());
        let (metadata, details) = (HashMap::new(), Vec::new());
        Self { code, message, reason, metadata, details, list: None }
    }

    /// A fault of this program.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(Code::Internal, ErrorReason::Internal, error.to_string())
    }

    /// What it says in words.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The same error with an entry in its `ErrorInfo`.
    pub(super) fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.metadata.insert(key.into(), error_bounds::text(&format!("{value}")));
        self
    }

    fn detail(mut self, name: &str, encoded: Vec<u8>) -> Self {
        self.details.push(error_bounds::detail(name, encoded));
        self
    }

    fn list(mut self, list: List) -> Self {
        self.list = Some(list);
        self
    }

    fn retry(self) -> Self {
        self.retry_after(RETRY_DELAY)
    }

    /// The same error with the time after which to try again.
    pub(super) fn retry_after(self, delay: Duration) -> Self {
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        self.detail("google.rpc.RetryInfo", pb::RetryInfo { retry_delay }.encode_to_vec())
    }

    /// The error as `google.rpc.Status`: exactly one `ErrorInfo`, then the typed details.
    pub(crate) fn rpc_status(&self) -> pb::Status {
        let mut status = self.without_list(None);
        let Some(list) = &self.list else { return status };
        // How much the list leaves out is said in the ErrorInfo, which needs room for that too.
        let most = self.without_list(Some((list.left_out_as, list.total())));
        let (detail, left_out) = list.that_fits(error_bounds::room_beside(&most));
        if left_out > 0 {
            status = self.without_list(Some((list.left_out_as, left_out)));
        }
        status.details.push(detail);
        status
    }

    fn without_list(&self, left_out: Option<(&str, usize)>) -> pb::Status {
        let reason = self.reason.as_str_name();
        let mut metadata = self.metadata.clone();
        metadata.extend(left_out.map(|(key, count)| (key.to_owned(), count.to_string())));
        let info = pb::ErrorInfo {
            reason: reason.strip_prefix("ERROR_REASON_").unwrap_or(reason).into(),
            domain: DOMAIN.into(),
            metadata,
        };
        let info = error_bounds::detail("google.rpc.ErrorInfo", info.encode_to_vec());
        let details = std::iter::once(info).chain(self.details.iter().cloned()).collect();
        pb::Status { code: self.code.into(), message: self.message.clone(), details }
    }
}

impl From<RpcError> for Status {
    fn from(fault: RpcError) -> Self {
        let details = fault.rpc_status().encode_to_vec();
        Self::with_details(fault.code, fault.message, details.into())
    }
}

impl From<RpcError> for proto::AppendRejection {
    fn from(fault: RpcError) -> Self {
        let status = fault.rpc_status();
        let encoded = status.encode_to_vec().into();
        Self { code: status.code, message: status.message, status: encoded }
    }
}

impl From<Violations> for RpcError {
    fn from(violations: Violations) -> Self {
        let only_limits = violations.0.iter().all(|violation| violation.limit);
        let reason =
            if only_limits { ErrorReason::LimitExceeded } else { ErrorReason::InvalidField };
        let mut list = List::new("google.rpc.BadRequest", "violations_not_listed");
        for violation in &violations.0 {
            let violation = pb::bad_request::FieldViolation {
                field: error_bounds::text(&violation.field),
                description: error_bounds::text(&violation.problem),
                ..Default::default()
            };
            list.push(&pb::BadRequest { field_violations: vec![violation] });
        }
        list.more += violations.more();
        Self::new(Code::InvalidArgument, reason, violations.to_string()).list(list)
    }
}

impl From<AppendError> for RpcError {
    fn from(error: AppendError) -> Self {
        let message = error.to_string();
        match error {
            AppendError::Invalid(violations) => violations.into(),
            AppendError::Rule(broken) => rule_broken(&broken),
            AppendError::Conflict(conflict) => conflicting(&conflict, message),
            AppendError::RequestIdReused { first_position } => {
                Self::new(Code::AlreadyExists, ErrorReason::RequestIdReused, message)
                    .with("first_position", first_position)
            }
            AppendError::BeyondHead(beyond) => beyond.into(),
            AppendError::StoreFailed { reason } => {
                Self::new(Code::Unavailable, ErrorReason::StoreFailed, message)
                    .with("first_failure", reason)
            }
            AppendError::Paused(pause) => paused(&pause, message),
            AppendError::Overloaded { waiting } => overloaded(message).with("waiting", waiting),
            AppendError::OutcomeUnknown { reason } => {
                Self::new(Code::Unavailable, ErrorReason::OutcomeUnknown, message)
                    .with("first_failure", reason)
            }
            AppendError::Stopping => not_ready(message),
            AppendError::Read(error) => error.into(),
        }
    }
}

impl From<ReadError> for RpcError {
    fn from(error: ReadError) -> Self {
        let message = error.to_string();
        match error {
            ReadError::Invalid(violations) => violations.into(),
            ReadError::BeyondHead(beyond) => beyond.into(),
            ReadError::Log(error) => unreadable(&error),
            ReadError::Undecodable(_) => Self::new(Code::Internal, ErrorReason::Internal, message),
            ReadError::Projection { name, reason } => {
                Self::new(Code::Unavailable, ErrorReason::StoreFailed, message)
                    .with("projection", name)
                    .with("first_failure", reason)
            }
            ReadError::NotReached { position, head } => {
                Self::new(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message)
                    .with("min_position", position)
                    .with("position", head)
            }
            ReadError::Overloaded { streams } => overloaded(message).with("streams", streams),
            ReadError::Indexing { position, indexed } => {
                not_ready(message).with("indexed", indexed).with("position", position)
            }
            ReadError::AnotherStore { expected, own } => {
                Self::new(Code::FailedPrecondition, ErrorReason::AnotherStore, message)
                    .with("expected", expected)
                    .with("store", own)
            }
            ReadError::HistoryChanged(changed) => history_changed(*changed, message),
            ReadError::Stopping => not_ready(message),
        }
    }
}

impl From<GroupError> for RpcError {
    fn from(error: GroupError) -> Self {
        let message = error.to_string();
        match error {
            GroupError::Invalid(violations) => violations.into(),
            GroupError::NotFound { name } => {
                Self::new(Code::NotFound, ErrorReason::NotFound, message).with("group", name)
            }
            GroupError::AlreadyExists { name } => {
                Self::new(Code::AlreadyExists, ErrorReason::AlreadyExists, message)
                    .with("group", name)
            }
            GroupError::Unknown { .. } => not_ready(message),
            GroupError::NotRestored { name, .. } => not_ready(message).with("group", name),
            GroupError::Damaged { name, reason } => {
                damaged_group(reason, message).with("group", name)
            }
            GroupError::NotParked { name, position } => rule_broken(&RuleBroken {
                rule: "parked",
                subject: format!("{name}, {position}"),
                description: message,
            }),
            GroupError::TooManyGroups { limit } => rule_broken(&RuleBroken {
                rule: "groups",
                subject: "groups".to_owned(),
                description: message,
            })
            .with("limit", limit),
            GroupError::TooManyConsumers { limit } => overloaded(message).with("limit", limit),
            GroupError::Append(error) => error.into(),
            GroupError::Read(error) => error.into(),
        }
    }
}

impl From<BeyondHead> for RpcError {
    fn from(beyond: BeyondHead) -> Self {
        Self::new(Code::OutOfRange, ErrorReason::BeyondHead, beyond.to_string())
            .with("field", beyond.field)
            .with("given", beyond.given)
            .with("end", beyond.end)
    }
}

fn history_changed(changed: HistoryChanged, message: String) -> RpcError {
    let HistoryChanged { expected, own, branch, beyond } = changed;
    let mut fault = RpcError::new(Code::FailedPrecondition, ErrorReason::HistoryChanged, message)
        .with("expected", expected)
        .with("store", own);
    // What is not known is left out.
    if let Some(branch) = branch {
        fault = fault.with("branch_position", branch);
    }
    match beyond {
        Some((field, position)) => fault.with("field", field).with("given", position),
        None => fault,
    }
}

fn rule_broken(broken: &RuleBroken) -> RpcError {
    let violation = pb::precondition_failure::Violation {
        r#type: broken.rule.into(),
        subject: error_bounds::text(&broken.subject),
        description: error_bounds::text(&broken.description),
    };
    let details = pb::PreconditionFailure { violations: vec![violation] }.encode_to_vec();
    RpcError::new(Code::FailedPrecondition, ErrorReason::RecordRule, &broken.description)
        .with("rule", broken.rule)
        .with("subject", &broken.subject)
        .detail("google.rpc.PreconditionFailure", details)
}

fn conflicting(conflict: &Conflict, message: String) -> RpcError {
    let mut list = List::new(&proto::AppendConflict::full_name(), "revisions_not_listed");
    if let Some(condition) = conflict.condition {
        let (after_position, conflicting_position) = (condition.after, condition.conflicting);
        let condition = proto::ConditionConflict { after_position, conflicting_position };
        let condition = Some(condition);
        list.begin_with(&proto::AppendConflict { condition, ..Default::default() });
    }
    for revision in &conflict.revisions {
        let revision = proto::RevisionConflict {
            stream: revision.stream.clone(),
            expected_revision: revision.expected,
            actual_revision: revision.actual,
        };
        list.push(&proto::AppendConflict { revisions: vec![revision], condition: None });
    }
    let mut fault = RpcError::new(Code::Aborted, ErrorReason::AppendConflict, message).list(list);
    if let Some(first) = conflict.revisions.first() {
        fault = fault
            .with("stream", &first.stream)
            .with("expected_revision", first.expected)
            .with("actual_revision", first.actual);
    }
    if let Some(condition) = conflict.condition {
        fault = fault
            .with("after_position", condition.after)
            .with("conflicting_position", condition.conflicting);
    }
    fault
}

fn unreadable(error: &LogError) -> RpcError {
    let message = error.to_string();
    match error.damage() {
        Some(damage) => {
            let place = damage.place.file_name().map(|name| name.to_string_lossy().into_owned());
            let fault = RpcError::new(Code::DataLoss, ErrorReason::DataDamaged, message)
                .with("volume", place.unwrap_or_default());
            match damage.position {
                Some(position) => fault.with("position", position),
                None => fault,
            }
        }
        None if error.is_passing() => not_ready(message),
        None => RpcError::new(Code::Unavailable, ErrorReason::StoreFailed, message),
    }
}

/// What is damaged of a group is its records: damage of the log, or what no program can decode.
fn damaged_group(reason: ReadError, message: String) -> RpcError {
    let place = RpcError::from(reason).metadata;
    let fault = RpcError::new(Code::DataLoss, ErrorReason::DataDamaged, message);
    RpcError { metadata: place, ..fault }
}

fn paused(pause: &Pause, message: String) -> RpcError {
    let fault = |reason| RpcError::new(Code::Unavailable, reason, message);
    match pause {
        Pause::Full { free, needed } => fault(ErrorReason::StoreFull)
            .with("free_bytes", free)
            .with("needed_bytes", needed)
            .retry(),
        Pause::Backlog { unsealed, unindexed, reason } => fault(ErrorReason::BacklogFull)
            .with("unsealed_bytes", unsealed)
            .with("unindexed_events", unindexed)
            .with("last_failure", reason)
            .retry(),
        Pause::Short { reason } => {
            fault(ErrorReason::ResourcesShort).with("last_failure", reason).retry()
        }
        Pause::ClockBehind { last, now } => fault(ErrorReason::ClockBehind)
            .with("last_recorded_at", timestamp(*last))
            .with("clock", timestamp(*now)),
    }
}

pub(super) fn overloaded(message: String) -> RpcError {
    RpcError::new(Code::ResourceExhausted, ErrorReason::Overloaded, message).retry()
}

pub(super) fn not_ready(message: String) -> RpcError {
    RpcError::new(Code::Unavailable, ErrorReason::NotReady, message).retry()
}

#[cfg(test)]
mod tests;
