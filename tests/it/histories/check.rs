//! Whether what clients sent and got is the history of one log.
//!
//! The log itself is the order in which appends took effect. So no search for an order is needed:
//! each append is applied to the model at its place, and each answer is compared with the log as it
//! may have been between the operation's begin and its end.

use std::collections::{BTreeMap, HashMap};

use handover::domain::proto::{AppendRequest, RecordedEvent};

use super::{
    client::{Answer, Operation, What},
    model::Model,
};

/// All attempts at one append.
#[derive(Debug)]
struct Attempts<'a> {
    request: &'a AppendRequest,
    /// Before the first was sent.
    begun: u64,
    operations: Vec<(&'a Operation, &'a Answer)>,
    /// Where its first event stands in the log; absent: it is not there.
    first: Option<u64>,
}

/// Fails unless the operations are a history of this log.
pub(crate) fn check(operations: &[Operation], log: &[RecordedEvent]) {
    let attempts = attempts(operations, log);
    let model = replay(&attempts, log);
    let bounds = Bounds::of(&attempts);
    for attempts in attempts.values() {
        check_answers(attempts, &model, &bounds);
        check_real_time(attempts, &bounds);
    }
    for operation in operations {
        if let What::Read(after, seen, whole) = &operation.what {
            let (least, most) = bounds.at(operation);
            let begin = usize::try_from(*after).expect("a small log").min(log.len());
            let end = begin + seen.len();
            assert!(end <= log.len(), "{} events were read and are lost", end - log.len());
            assert_eq!(*seen, log[begin..end], "a read gave what is not in the log");
            let reached = after + seen.len() as u64;
            assert!(!whole || reached >= least, "a read ended at {reached}, and {least} was there");
            assert!(seen.is_empty() || reached <= most, "a read saw {reached} before it was sent");
        }
    }
}

/// Groups the appends by request id, and finds each in the log: whole, or nothing of it.
fn attempts<'a>(
    operations: &'a [Operation],
    log: &[RecordedEvent],
) -> BTreeMap<&'a str, Attempts<'a>> {
    let payload = |event: &RecordedEvent| event.payload.clone().expect("a payload").value;
    let mut places: HashMap<_, u64> = HashMap::new();
    for event in log {
        let twice = places.insert(payload(event), event.position);
        assert_eq!(twice, None, "an event is there twice, at {}", event.position);
    }
    let mut all: BTreeMap<&str, Attempts<'_>> = BTreeMap::new();
    for operation in operations {
        let What::Append(request, answer) = &operation.what else { continue };
        let new = Attempts { request, begun: operation.begun, operations: Vec::new(), first: None };
        let attempts = all.entry(&request.request_id).or_insert(new);
        attempts.begun = attempts.begun.min(operation.begun);
        attempts.operations.push((operation, answer));
    }
    let mut known = 0;
    for attempts in all.values_mut() {
        let events = attempts.request.writes.iter().flat_map(|write| &write.events);
        let value = |event: &handover::domain::proto::NewEvent| {
            event.payload.as_ref().expect("a payload").value.clone()
        };
        let found: Vec<Option<u64>> = events.map(|it| places.get(&value(it)).copied()).collect();
        attempts.first = found[0];
        let expected: Vec<_> = match found[0] {
            Some(first) => (first..).take(found.len()).map(Some).collect(),
            None => vec![None; found.len()],
        };
        assert_eq!(found, expected, "an append tore");
        known += found.iter().flatten().count();
    }
    assert_eq!(known, log.len(), "the log has events that no client sent");
    all
}

/// Applies the appends in the order of the log: each could be accepted where it stands.
fn replay(attempts: &BTreeMap<&str, Attempts<'_>>, log: &[RecordedEvent]) -> Model {
    let mut placed: Vec<_> = attempts.values().filter(|it| it.first.is_some()).collect();
    placed.sort_by_key(|it| it.first);
    let mut model = Model::default();
    for attempts in placed {
        let first = model.head() + 1;
        assert_eq!(attempts.first, Some(first));
        let applied = model.apply(attempts.request);
        assert_eq!(applied, Ok(()), "the append at {first} was to be refused");
    }
    assert_eq!(model.head(), log.len() as u64);
    model
}

/// What of the log was there for certain, and what may have been, at each moment.
#[derive(Debug)]
struct Bounds {
    /// Moments at which an answer had come, and the last position known by then.
    least: Vec<(u64, u64)>,
    /// Moments at which an append was sent, and the last position that there may be since.
    most: Vec<(u64, u64)>,
}

impl Bounds {
    fn of(attempts: &BTreeMap<&str, Attempts<'_>>) -> Self {
        let (mut least, mut most) = (Vec::new(), Vec::new());
        for attempts in attempts.values() {
            let Some(first) = attempts.first else { continue };
            let events = attempts.request.writes.iter().map(|write| write.events.len() as u64);
            let newest = first + events.sum::<u64>() - 1;
            most.push((attempts.begun, newest));
            for (operation, answer) in &attempts.operations {
                if matches!(answer, Answer::Acknowledged(_)) {
                    least.push((operation.ended, newest));
                }
            }
        }
        Self { least: rising(least), most: rising(most) }
    }

    /// Between which heads the log was while an operation was under way.
    fn at(&self, operation: &Operation) -> (u64, u64) {
        (before(&self.least, operation.begun), before(&self.most, operation.ended))
    }
}

/// The greatest position so far, by moment.
fn rising(mut of: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    of.sort_unstable();
    let mut greatest = 0;
    for (_, position) in &mut of {
        greatest = greatest.max(*position);
        *position = greatest;
    }
    of
}

fn before(of: &[(u64, u64)], moment: u64) -> u64 {
    let count = of.partition_point(|(at, _)| *at < moment);
    count.checked_sub(1).map_or(0, |last| of[last].1)
}

/// Each answer is right.
fn check_answers(attempts: &Attempts<'_>, model: &Model, bounds: &Bounds) {
    let Attempts { request, operations, first, .. } = attempts;
    let mut new = 0;
    for (operation, answer) in operations {
        match answer {
            Answer::Unknown => {}
            Answer::Refused => {
                let (from, to) = bounds.at(operation);
                let other = operations.iter().any(|(_, it)| !matches!(it, Answer::Refused));
                assert!(first.is_none() || other, "what was refused is there: {request:?}");
                assert!(model.may_refuse(request, from, to), "refused without reason: {request:?}");
            }
            Answer::Acknowledged(answer) => {
                assert_eq!(Some(answer.first_position), *first, "acknowledged, and lost or moved");
                new += usize::from(!answer.duplicate);
                for write in &request.writes {
                    let expected = model.revision(&write.stream, answer.last_position);
                    assert_eq!(answer.revisions[&write.stream], expected, "at {first:?}");
                }
            }
        }
    }
    assert!(new <= 1, "it was made {new} times: {request:?}");
}

/// What was acknowledged before an append was sent comes before it.
fn check_real_time(attempts: &Attempts<'_>, bounds: &Bounds) {
    let Some(first) = attempts.first else { return };
    let least = before(&bounds.least, attempts.begun);
    assert!(first > least, "the append at {first} was sent after {least} was acknowledged");
}
