use std::{collections::BTreeMap, sync::Arc};

use http::HeaderMap;
use tonic_types::StatusExt as _;

use super::*;
use crate::{
    domain::{
        append::{ConditionConflict, RevisionConflict},
        limits,
        violation::Violation,
    },
    engine::{End, Pause},
};

/// Texts of characters that have 1 to 4 bytes, and some that are longer as they travel.
const SCRIPTS: [&str; 5] = ["a", "% \u{1}", "\u{444}", "\u{4e2d}", "\u{1f54a}"];

/// Bytes of an error on the wire, as HTTP/2 counts them.
fn bytes(status: &Status) -> usize {
    let mut headers = HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len() + value.len() + 32
    };
    headers.iter().map(field).sum()
}

/// The metadata of the only `ErrorInfo`.
fn info(status: &Status) -> BTreeMap<String, String> {
    let details = pb::Status::decode(status.details()).unwrap().details;
    let infos = details.iter().filter(|it| it.type_url.ends_with("/google.rpc.ErrorInfo"));
    let infos: Vec<_> = infos.map(|it| pb::ErrorInfo::decode(&*it.value).unwrap()).collect();
    assert_eq!(infos.len(), 1);
    infos.into_iter().flat_map(|info| info.metadata).collect()
}

fn left_out(status: &Status, key: &str) -> usize {
    info(status).get(key).map_or(0, |count| count.parse().unwrap())
}

fn conflict(script: &str, streams: usize) -> Conflict {
    let stream = |index| {
        let mut stream = format!("x/{index}-");
        while stream.len() + script.len() <= limits::STREAM_NAME_BYTES {
            stream.push_str(script);
        }
        RevisionConflict { stream, expected: u64::MAX, actual: u64::MAX }
    };
    let condition = Some(ConditionConflict { after: u64::MAX, conflicting: u64::MAX });
    Conflict { revisions: (0..streams).map(stream).collect(), condition }
}

#[test]
fn a_conflict_fits_its_trailers_in_any_script_and_says_what_it_leaves_out() {
    for script in SCRIPTS {
        for streams in [1, 14, limits::APPEND_EVENTS] {
            let status =
                Status::from(RpcError::from(AppendError::Conflict(conflict(script, streams))));
            assert_eq!(status.code(), Code::Aborted);
            assert!(bytes(&status) <= limits::ERROR_BYTES, "{script}: {}", bytes(&status));
            let details = pb::Status::decode(status.details()).unwrap().details;
            let detail = details.iter().find(|it| it.type_url.ends_with("AppendConflict")).unwrap();
            let reported = proto::AppendConflict::decode(&*detail.value).unwrap();
            assert!(reported.condition.is_some() && !reported.revisions.is_empty());
            let left_out = left_out(&status, "revisions_not_listed");
            assert_eq!(reported.revisions.len() + left_out, streams, "{script}");
            assert!(streams > 1 || left_out == 0);
        }
    }
}

#[test]
fn violations_fit_their_trailers_in_any_script_and_are_counted() {
    for script in SCRIPTS {
        for count in [1, 20, 1_000] {
            let mut violations = Violations::default();
            for index in 0..count {
                let field = format!("metadata[{}{index}]", script.repeat(900));
                violations.note(Violation { field, problem: script.repeat(5_000), limit: false });
            }
            let status = Status::from(RpcError::from(violations));
            assert!(bytes(&status) <= limits::ERROR_BYTES, "{script}: {}", bytes(&status));
            let reported = status.get_details_bad_request().unwrap().field_violations.len();
            assert!(reported > 0);
            assert_eq!(reported + left_out(&status, "violations_not_listed"), count, "{script}");
        }
    }
}

#[test]
fn every_other_error_fits_its_trailers_in_any_script() {
    for script in SCRIPTS {
        let long = script.repeat(9_000);
        let reason: Arc<str> = long.as_str().into();
        let broken =
            RuleBroken { rule: "parked", subject: long.clone(), description: long.clone() };
        let (unsealed, unindexed) = (u64::MAX, u64::MAX);
        let backlog = Pause::Backlog { unsealed, unindexed, reason: Arc::clone(&reason) };
        let given = End::Number(u64::MAX);
        let faults = [
            RpcError::from(AppendError::Rule(broken)),
            AppendError::StoreFailed { reason: Arc::clone(&reason) }.into(),
            AppendError::OutcomeUnknown { reason: Arc::clone(&reason) }.into(),
            AppendError::Paused(backlog).into(),
            BeyondHead { field: "after_position", given, end: given }.into(),
            ReadError::Projection { name: "register", reason }.into(),
            GroupError::NotFound { name: long.clone() }.into(),
            GroupError::AlreadyExists { name: long.clone() }.into(),
            RpcError::new(Code::Unimplemented, ErrorReason::Transport, long),
        ];
        for fault in faults {
            let status = Status::from(fault);
            assert!(bytes(&status) <= limits::ERROR_BYTES, "{}: {status:?}", bytes(&status));
            info(&status);
        }
    }
}

#[test]
fn what_fits_is_reported_whole() {
    let fault = RpcError::new(Code::NotFound, ErrorReason::NotFound, "there is no group \u{4e2d}");
    let status = Status::from(fault.with("group", "\u{4e2d}"));
    assert_eq!(status.message(), "there is no group \u{4e2d}");
    assert_eq!(info(&status), [("group".to_owned(), "\u{4e2d}".to_owned())].into());
}

#[test]
fn only_what_passes_is_to_be_repeated() {
    let retries = |error: GroupError| {
        let status = Status::from(RpcError::from(error));
        assert_eq!(info(&status)["limit"], "7");
        (status.code(), status.get_details_retry_info().is_some())
    };
    let consumers = retries(GroupError::TooManyConsumers { limit: 7 });
    assert_eq!(consumers, (Code::ResourceExhausted, true), "one may leave");
    let groups = retries(GroupError::TooManyGroups { limit: 7 });
    assert_eq!(groups, (Code::FailedPrecondition, false), "somebody has to delete one");
}
