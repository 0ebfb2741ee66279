//! Which events change a story: laws that hold for every record, and cases. A failure prints the
//! seed that brings it back.

use proptest::{
    prelude::*,
    sample::{Index, select},
};

use super::{tests::at, *};
use crate::domain::proto::{Actor, Attribution, Role};
use crate::projections::{
    claims::test_record::{Record, flow},
    counts::properties::config,
};

const EXCHANGES: [&str; 4] = ["outer", "inner", "innermost", "apart"];
const SOURCES: [&str; 3] = ["", "agency", "paper"];

/// What may happen to a record; an index names an earlier event.
#[derive(Clone, Debug)]
enum Op {
    Completed(&'static str, &'static str, u32),
    Claim(Claim, &'static str),
    Report(&'static str, &'static str),
    Source(&'static str),
    Correct(Index, &'static str, u32),
    Retract(Index),
    Prefer(Index, &'static str),
    Confirm(Index),
    Dispute(Index),
}

/// What is said of an exchange and enters no figure.
#[derive(Clone, Copy, Debug)]
enum Claim {
    Agreed(u32),
    Total(u32),
    Statement,
    Role(bool),
    Superlative,
}

fn claims() -> impl Strategy<Value = Claim> {
    prop_oneof![
        (1..9_u32).prop_map(Claim::Agreed),
        (1..9_u32).prop_map(Claim::Total),
        Just(Claim::Statement),
        any::<bool>().prop_map(Claim::Role),
        Just(Claim::Superlative),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let exchange = || select(EXCHANGES.as_slice());
    let larger = select(["", "outer", "inner", "innermost"].as_slice());
    let source = || select(SOURCES.as_slice());
    let receiver = select(["", "UA"].as_slice());
    prop_oneof![
        4 => (exchange(), source(), 1..9_u32).prop_map(|(id, by, n)| Op::Completed(id, by, n)),
        5 => (claims(), exchange()).prop_map(|(claim, id)| Op::Claim(claim, id)),
        3 => (exchange(), larger).prop_map(|(part, whole)| Op::Report(part, whole)),
        1 => source().prop_map(Op::Source),
        2 => (any::<Index>(), source(), 1..9_u32).prop_map(|(of, by, n)| Op::Correct(of, by, n)),
        3 => any::<Index>().prop_map(Op::Retract),
        1 => (any::<Index>(), receiver).prop_map(|(of, to)| Op::Prefer(of, to)),
        1 => any::<Index>().prop_map(Op::Confirm),
        1 => any::<Index>().prop_map(Op::Dispute),
    ]
}

fn by(source: &str) -> Attribution {
    Attribution { source_id: source.into(), ..Default::default() }
}

fn completed(exchange: &str, source: &str, number: u32) -> proto::TransferCompleted {
    let message = flow(exchange, "RU", "UA", Some(number)).message();
    proto::TransferCompleted { attribution: Some(by(source)), ..message }
}

/// Records what is accepted: a correction stays with the exchange of its claim.
fn record(ops: &[Op]) -> Record {
    let mut record = Record::default();
    let mut subjects: Vec<&'static str> = Vec::new();
    for op in ops {
        let earlier = |index: &Index| index.index(subjects.len().max(1)) as Position + 1;
        let mut subject = "apart";
        match op {
            Op::Completed(id, source, number) => {
                subject = id;
                record.push(&completed(id, source, *number));
            }
            Op::Correct(of, source, number) => {
                let claim = earlier(of);
                subject = subjects.get(usize::try_from(claim).unwrap() - 1).unwrap_or(&"apart");
                record.correct(claim, &completed(subject, source, *number));
            }
            Op::Retract(of) => drop(record.retract(earlier(of))),
            Op::Prefer(of, country) => drop(record.prefer(earlier(of), country)),
            Op::Confirm(of) => {
                record.push(&proto::ClaimConfirmed { claim: earlier(of), ..Default::default() });
            }
            Op::Dispute(of) => {
                record.push(&proto::ClaimDisputed { claim: earlier(of), ..Default::default() });
            }
            Op::Report(part, whole) => drop(record.report(part, whole, "", "RU+UA")),
            Op::Source(id) => {
                let source_id = (*id).to_owned();
                record.push(&proto::SourceRegistered { source_id, ..Default::default() });
            }
            Op::Claim(said, id) => claim(&mut record, *said, id),
        }
        subjects.push(subject);
    }
    record
}

/// Records a claim that needs no earlier one.
fn claim(record: &mut Record, said: Claim, id: &str) {
    let (exchange_id, leg) = (id.to_owned(), flow(id, "RU", "UA", None).message().leg);
    let count = |value| Some(proto::Count { value: Some(value), ..Default::default() });
    match said {
        Claim::Agreed(value) => {
            record.push(&proto::TransferAgreed { leg, count: count(value), ..Default::default() })
        }
        Claim::Total(value) => {
            let count = count(value);
            record.push(&proto::TotalClaimed { leg, count, ..Default::default() })
        }
        Claim::Statement => {
            record.push(&proto::StatementMade { exchange_id, ..Default::default() })
        }
        Claim::Superlative => {
            record.push(&proto::SuperlativeClaimed { exchange_id, ..Default::default() })
        }
        Claim::Role(denied) => record.push(&proto::RoleAttributed {
            exchange_id,
            actor: Some(Actor { party: "TR".into(), ..Default::default() }),
            role: Role::Mediator.into(),
            denied,
            ..Default::default()
        }),
    };
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_event_that_changes_a_story_is_a_cause_and_no_other_is(
        ops in prop::collection::vec(ops(), 1..26),
        since in any::<Index>(),
        include_past in any::<bool>(),
        exchange in select(EXCHANGES.as_slice()),
    ) {
        let record = record(&ops);
        let register = record.claims();
        let since = since.index(ops.len()) as Position;
        let query = StoryQuery { exchange_id: exchange.to_owned(), include_past };
        let then = |position| at(&register, exchange, position, include_past);
        let causes: Vec<Position> =
            (since + 1..=record.head()).filter(|event| then(event - 1) != then(*event)).collect();
        let (before, now) = (then(since), then(record.head()));
        let (reported, up_to) = change(&register, &query, since);
        prop_assert_eq!(up_to, None, "so few events are looked at together");
        let wanted =
            (before != now).then_some(StoryChange { story: now, caused_by: causes });
        prop_assert_eq!(reported, wanted);
    }
}

#[test]
fn a_long_burst_is_reported_in_parts_that_lead_to_the_answer() {
    let mut record = Record::default();
    for number in 1..=100 {
        record.completed(&flow("x", "RU", "UA", Some(number)));
        record.completed(&flow("y", "RU", "UA", Some(number)));
    }
    let register = record.claims();
    let query = StoryQuery { exchange_id: "x".to_owned(), include_past: false };
    let (mut since, mut causes) = (0, Vec::new());
    loop {
        let (reported, up_to) = change(&register, &query, since);
        let reported = reported.unwrap();
        assert!(reported.caused_by.len() <= 32);
        causes.extend(reported.caused_by);
        let position = up_to.unwrap_or(record.head());
        assert_eq!(reported.story, at(&register, "x", position, false));
        since = position;
        if up_to.is_none() {
            break;
        }
    }
    assert_eq!(causes, (0..100).map(|number| 2 * number + 1).collect::<Vec<_>>());
    assert_eq!(change(&register, &query, since), (None, None));
}
