//! A question about an exchange looks at each thing that its answer covers, not at each pair of
//! them: at ten times the claims it looks at ten times as much.

use crate::domain::{leg::Direction, proto, work};
use crate::projections::{
    Projection as _,
    claims::test_record::{Flow, Record, flow},
    explain::explain,
    preference,
    reconcile::reconcile,
    register::Register,
    story::{StoryQuery, change},
};

/// Records about so many events about one exchange.
type Shape = fn(&mut Record, u32);

/// The n-th portion of what RU sent to UA.
fn portion(number: u32) -> Flow {
    flow("x", "RU", "UA", Some(5)).portion(&format!("p{number}"))
}

fn total(flow: &Flow, value: u32) -> proto::TotalClaimed {
    let count = Some(proto::Count { value: Some(value), ..Default::default() });
    proto::TotalClaimed { leg: flow.message().leg, count, ..Default::default() }
}

fn declined(flow: &Flow) -> proto::TransferDeclined {
    let proto::TransferCompleted { leg, count, .. } = flow.message();
    proto::TransferDeclined { leg, count, ..Default::default() }
}

fn agreed(flow: &Flow) -> proto::TransferAgreed {
    let proto::TransferCompleted { leg, count, .. } = flow.message();
    proto::TransferAgreed { leg, count, ..Default::default() }
}

const SHAPES: &[(&str, Shape)] = &[
    ("one leg", |record, events| {
        for number in 0..events {
            record.completed(&flow("x", "RU", "UA", Some(1 + number)));
        }
    }),
    ("portions of a whole", |record, events| {
        record.completed(&flow("x", "RU", "UA", Some(5 * events)));
        for number in 0..events {
            record.completed(&portion(number));
        }
    }),
    ("more than their whole", |record, events| {
        record.completed(&flow("x", "RU", "UA", Some(5)));
        for number in 0..events {
            record.completed(&portion(number));
        }
    }),
    ("senders", |record, events| {
        for number in 0..events {
            record.completed(&flow("x", &format!("x-{number}"), "UA", Some(5)));
        }
    }),
    ("both ways", |record, events| {
        for number in 0..events / 2 {
            record.completed(&portion(number));
            record.completed(&Flow { from: "UA".into(), to: "RU".into(), ..portion(number) });
        }
    }),
    ("exchanges within it", |record, events| {
        for number in 0..events / 2 {
            let exchange = format!("e{number}");
            record.report(&exchange, "x", "2024-08-01", "RU+UA");
            record.completed(&flow(&exchange, "RU", "UA", Some(5)));
        }
    }),
    ("each corrected", |record, events| {
        for number in 0..events / 2 {
            let claim = record.completed(&portion(number));
            record.correct(claim, &portion(number).minors(1).message());
        }
    }),
    ("one corrected again and again", |record, events| {
        let claim = record.completed(&flow("x", "RU", "UA", Some(5)));
        for number in 0..events {
            record.correct(claim, &flow("x", "RU", "UA", Some(6 + number)).message());
        }
    }),
    ("each preferred", |record, events| {
        for number in 0..events / 2 {
            let claim = record.completed(&portion(number));
            record.prefer(claim, "");
        }
    }),
    ("a source that is registered again and again", |record, events| {
        for number in 0..events / 2 {
            let source_id = "s".to_owned();
            record.push(&proto::SourceRegistered { source_id, ..Default::default() });
            let attribution = proto::Attribution { source_id: "s".into(), ..Default::default() };
            let claim = flow("x", "RU", "UA", Some(1 + number)).message();
            record.push(&proto::TransferCompleted { attribution: Some(attribution), ..claim });
        }
    }),
    ("totals of one leg", |record, events| {
        for number in 0..events / 2 {
            record.completed(&portion(number));
            record.push(&total(&flow("x", "RU", "UA", None), 5));
        }
    }),
    ("totals of portions", |record, events| {
        for number in 0..events / 2 {
            record.completed(&portion(number));
            record.push(&total(&portion(number), 6));
        }
    }),
    ("agreed and declined", |record, events| {
        for number in 0..events / 3 {
            record.completed(&Flow { count: proto::Count::default(), ..portion(number) });
            record.push(&agreed(&portion(number)));
            record.push(&declined(&portion(number)));
        }
    }),
];

/// A question about the exchange.
type Question = fn(&Register);

const QUERY: fn() -> StoryQuery = || StoryQuery { exchange_id: "x".to_owned(), include_past: true };

const QUESTIONS: &[(&str, Question)] = &[
    // Its story is made for that, once for each event.
    ("how its story changed", |register| {
        drop(change(register, &QUERY(), register.position() - 2));
    }),
    ("what a figure is made of", |register| {
        let view = register.at(register.position());
        let [country, exchange] = ["UA", "x"].map(|it| view.vocabulary().find(it).unwrap());
        drop(explain(register, &view, (country, 1, Direction::Received), exchange, true));
    }),
    ("its reconciliation", |register| drop(reconcile(&register.at(register.position()), "x"))),
];

fn register(shape: Shape, events: u32) -> Register {
    let mut record = Record::default();
    record.report("x", "", "2024-08-01", "RU+UA");
    shape(&mut record, events);
    record.claims()
}

fn looked_at(register: &Register, question: Question) -> u64 {
    let before = work::visited();
    question(register);
    work::visited() - before
}

#[test]
fn a_question_about_2000_events_looks_at_ten_times_as_much_as_one_about_200() {
    let mut square = Vec::new();
    for (shape, record) in SHAPES {
        let registers = [200, 2_000].map(|events| register(*record, events));
        for (name, question) in QUESTIONS {
            let [few, many] = registers.each_ref().map(|it| looked_at(it, *question));
            if few == 0 || many > 15 * few {
                square.push(format!("{name}, {shape}: {few} of 200, {many} of 2,000"));
            }
        }
    }
    assert!(square.is_empty(), "{square:#?}");
}

#[test]
fn a_preference_is_checked_without_looking_at_all_claims() {
    let check: Question = |register| {
        for side in [None, Some(("UA", Direction::Received))] {
            assert_eq!(preference::check(register, 2, side), Ok(()));
        }
    };
    let one_leg: Shape = |record, events| {
        for number in 0..events {
            record.completed(&flow("x", "RU", "UA", Some(1 + number)));
        }
    };
    let [few, many] = [200, 2_000].map(|events| looked_at(&register(one_leg, events), check));
    assert!(few > 0 && many <= 2 * few, "{few} of 200, {many} of 2,000");
}
