//! What is read when the network is whole again, and whether every promise was kept.

use std::{collections::HashMap, sync::Arc, time::Duration};

use handover::domain::proto::{
    AppendRequest, GroupState, ListGroupsRequest, ListParkedRequest, NewEvent, ParkedEvent,
    ReadRequest, RecordedEvent, StreamWrite,
};
use tokio::time::Instant;

use super::{
    network::client,
    worker::{Board, GROUP},
};
use crate::{
    histories::{
        check::check as check_history,
        client::{Answer, Operation, What},
    },
    support::assert_dense,
};

/// How often the group is looked at, in simulated time.
const LOOK: Duration = Duration::from_millis(500);
/// Simulated time within which the group finishes everything.
const BOUND: Duration = Duration::from_mins(10);

/// Waits until the group has finished everything; what it has parked.
pub(super) async fn finished(board: Arc<Board>) -> Vec<ParkedEvent> {
    let client = client();
    let begun = Instant::now();
    loop {
        let request = ListGroupsRequest { name: GROUP.into(), ..ListGroupsRequest::default() };
        let listed = client
            .retried(|calls| {
                let request = request.clone();
                async move { calls.list_groups(request).await }
            })
            .await;
        let groups = listed.expect("the group can be listed").groups;
        let group = groups.first().expect("the group is there");
        if group.state() == GroupState::Ready && group.lag_events == 0 {
            break;
        }
        let late = begun.elapsed() > BOUND;
        assert!(!late, "the group does not finish: {group:?}, handlers: {:?}", board.last());
        tokio::time::sleep(LOOK).await;
    }
    let parked = client.retried(|calls| async move {
        let request = ListParkedRequest { group: GROUP.into(), ..ListParkedRequest::default() };
        calls.list_parked(request).await
    });
    parked.await.expect("what is parked can be listed").parked
}

/// The whole log.
pub(super) async fn log() -> Vec<RecordedEvent> {
    client().read_all(ReadRequest::default()).await.expect("the log can be read")
}

/// Fails unless what appenders sent and got is a history of this log.
pub(super) fn check(operations: Vec<Operation>, log: &[RecordedEvent]) {
    assert_dense(log);
    let log: Vec<_> = log.iter().cloned().map(named).collect();
    check_last(&operations, &log);
    let mut operations: Vec<_> = operations.into_iter().map(with_names).collect();
    operations.extend(of_group(&operations, &log));
    check_history(&operations, &log);
}

/// Whether an event is one that the group has recorded for itself.
fn is_of_group(event: &RecordedEvent) -> bool {
    event.stream.starts_with("group/")
}

/// An event of the group with a payload that no other has: the history knows events by that.
fn named(mut event: RecordedEvent) -> RecordedEvent {
    if is_of_group(&event)
        && let Some(payload) = &mut event.payload
    {
        payload.value = format!("recorded at {}", event.position).into_bytes().into();
    }
    event
}

fn with_names(operation: Operation) -> Operation {
    let what = match operation.what {
        What::Read(after, seen, whole) => {
            What::Read(after, seen.into_iter().map(named).collect(), whole)
        }
        append @ What::Append(..) => append,
    };
    Operation { what, ..operation }
}

/// The group's own events as appends without an answer. Each was sent after what stands before it
/// in the log was.
fn of_group(operations: &[Operation], log: &[RecordedEvent]) -> Vec<Operation> {
    let mut begun: HashMap<Vec<u8>, u64> = HashMap::new();
    for operation in operations {
        let What::Append(request, _) = &operation.what else { continue };
        for event in request.writes.iter().flat_map(|write| &write.events) {
            let payload = event.payload.as_ref().expect("a payload").value.to_vec();
            let first = begun.entry(payload).or_insert(operation.begun);
            *first = operation.begun.min(*first);
        }
    }
    let (mut since, mut found) = (0, Vec::new());
    for event in log {
        let payload = event.payload.clone().expect("a payload");
        since = begun.get(&payload.value.to_vec()).map_or(since, |begun| since.max(*begun));
        if is_of_group(event) {
            let new = NewEvent { payload: Some(payload), ..NewEvent::default() };
            let write = StreamWrite {
                stream: event.stream.clone(),
                expected_revision: None,
                events: vec![new],
            };
            let request_id = format!("group {}", event.position);
            let request =
                AppendRequest { request_id, writes: vec![write], ..AppendRequest::default() };
            let what = What::Append(request, Answer::Unknown);
            found.push(Operation { begun: since, ended: u64::MAX, what });
        }
    }
    found
}

/// Fails unless the last answer to each append says whether it is in the log.
fn check_last(operations: &[Operation], log: &[RecordedEvent]) {
    let mut last: HashMap<&str, (&AppendRequest, &Answer)> = HashMap::new();
    for operation in operations {
        if let What::Append(request, answer) = &operation.what {
            last.insert(&request.request_id, (request, answer));
        }
    }
    for (request, answer) in last.into_values() {
        let payload = &request.writes[0].events[0].payload;
        let is_there = log.iter().any(|event| event.payload == *payload);
        assert!(!matches!(answer, Answer::Unknown), "an appender ended too early: {request:?}");
        let acknowledged = matches!(answer, Answer::Acknowledged(_));
        assert_eq!(is_there, acknowledged, "lost, or refused and there: {answer:?}, {request:?}");
    }
}
