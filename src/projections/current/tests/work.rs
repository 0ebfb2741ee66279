//! An event looks at what it changes, however much is recorded of its exchange.

use crate::domain::{proto, work};
use crate::projections::{
    Projection as _,
    claims::test_record::{Flow, Record, flow},
    register::Register,
};

/// Records so many events about one exchange.
type Shape = fn(&mut Record, u32);

const SHAPES: &[(&str, Shape)] = &[
    ("one leg, other numbers", |record, events| {
        for number in 0..events {
            record.completed(&flow("x", "RU", "UA", Some(1 + number)));
        }
    }),
    ("one leg, the same numbers", |record, events| {
        for number in 0..events {
            record.completed(&flow("x", "RU", "UA", Some(1 + number % 7)));
        }
    }),
    ("five portions", |record, events| {
        for number in 0..events {
            let portion = format!("p{}", number % 5);
            let flow = flow("x", "RU", "UA", Some(1 + number * 7_919 % 1_000));
            record.completed(&flow.portion(&portion));
        }
    }),
    ("sides that share parties", |record, events| {
        let sides = [("", "RU"), ("", "DE"), ("RU+BY", ""), ("RU+BY+US", "DE"), ("RU", "DE")];
        for (number, (from, to)) in (0..events).zip(sides.into_iter().cycle()) {
            record.completed(&flow("x", from, to, Some(1 + number * 7_919 % 1_000)));
        }
    }),
    ("each corrected", |record, events| {
        for number in 0..events / 2 {
            let claim = record.completed(&flow("x", "RU", "UA", Some(6 + number)));
            record.correct(claim, &flow("x", "RU", "UA", Some(7 + number)).message());
        }
    }),
    ("one corrected again and again", |record, events| {
        let claim = record.completed(&flow("x", "RU", "UA", Some(5)));
        for number in 0..events {
            record.correct(claim, &flow("x", "RU", "UA", Some(6 + number)).message());
        }
    }),
    ("each retracted", |record, events| {
        let claims: Vec<_> = (0..events / 2)
            .map(|number| record.completed(&flow("x", "RU", "UA", Some(6 + number))))
            .collect();
        for claim in claims {
            record.retract(claim);
        }
    }),
    ("one preferred again and again", |record, events| {
        let claim = record.completed(&flow("x", "RU", "UA", Some(5)));
        for number in 0..events {
            record.prefer(claim, if number % 2 == 0 { "" } else { "UA" });
        }
    }),
    ("reports", |record, events| {
        for _ in 0..events {
            record.report("x", "", "2024-08-01", "RU+UA");
        }
    }),
    ("mediators", |record, events| {
        for number in 0..events {
            record.push(&proto::RoleAttributed {
                exchange_id: "x".into(),
                actor: Some(proto::Actor { name: format!("m{number}"), ..Default::default() }),
                role: proto::Role::Mediator.into(),
                ..Default::default()
            });
        }
    }),
    ("portions", |record, events| {
        for number in 0..events {
            record.completed(&flow("x", "RU", "UA", Some(5)).portion(&format!("p{number}")));
        }
    }),
    ("exchanges within it", |record, events| {
        for number in 0..events / 2 {
            let exchange = format!("e{number}");
            record.report(&exchange, "x", "2024-08-01", "RU+UA");
            record.completed(&flow(&exchange, "RU", "UA", Some(5)));
        }
    }),
    ("dates", |record, events| {
        for number in 0..events {
            let occurred = format!("2024-{:02}-{:02}", 1 + number / 28 % 12, 1 + number % 28);
            let flow = flow("x", "RU", "UA", Some(5));
            record.completed(&Flow {
                occurred: format!("{occurred}/{}", 2025 + number / 336),
                ..flow
            });
        }
    }),
];

/// How much the last few of so many events look at.
fn visited_at_the_end(shape: Shape, events: u32) -> u64 {
    let mut record = Record::default();
    shape(&mut record, events);
    let last = record.head() - 10;
    let mut register = record.first(last);
    let before = work::visited();
    for event in record.events().filter(|event| event.position > last) {
        register.apply(event.position, Register::take(&event).unwrap()).unwrap();
    }
    work::visited() - before
}

#[test]
fn the_last_of_2000_events_looks_at_no_more_than_the_last_of_200() {
    for (name, shape) in SHAPES {
        let [few, many] = [200, 2_000].map(|events| visited_at_the_end(*shape, events));
        assert!(many > 0 && many <= 2 * few, "{name}: {few} of 200, {many} of 2,000");
    }
}
