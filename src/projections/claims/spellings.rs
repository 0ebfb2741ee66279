//! However names are typed, the register is the same.

use proptest::prelude::*;

use super::test_record::{Record, flow};
use crate::domain::{
    identity::tests::{Typing, typing},
    proto::{self, Actor, Attribution},
};

const EXCHANGES: [&str; 3] = ["plain-1", "\u{e9}change-\u{ac00}", "\u{1e69}-2"];
const PORTIONS: [&str; 3] = ["", "first batch", "d\u{e9}tenus \u{e0} part"];
const NAMES: [&str; 3] = ["Demo Ministry", "Zo\u{eb} \u{c5}", "\u{418}\u{439} MFA"];

/// What one machine records: which names, which number, and how it types them.
type Op = (usize, (usize, usize, usize, u32), [Typing; 3]);

fn push(record: &mut Record, (kind, (exchange, portion, name, value), typings): &Op, typed: bool) {
    let text = |at: usize, name: &str| match typings.get(at) {
        Some(typing) if typed => typing.of(name),
        _ => name.to_owned(),
    };
    let exchange = text(0, EXCHANGES[exchange % 3]);
    let actor = Actor { name: text(1, NAMES[name % 3]), ..Actor::default() };
    let said = |source: &str| {
        let claimed_by = Some(actor.clone());
        let source_id = text(2, source);
        Some(Attribution { claimed_by, source_id, ..Attribution::default() })
    };
    let transfer = || {
        let mut transfer = flow(&exchange, "", &text(1, "DE"), Some(*value))
            .portion(&text(2, PORTIONS[portion % 3]))
            .message();
        transfer.attribution = said("demo-source");
        transfer
    };
    match kind % 6 {
        0 => record.push(&transfer()),
        1 if record.head() > 0 => {
            record.correct(1 + u64::from(*value) % record.head(), &transfer())
        }
        2 => record.report(&exchange, &text(1, EXCHANGES[portion % 3]), "2024", &text(2, "DE")),
        3 => record.push(&proto::RoleAttributed {
            attribution: said("demo-source"),
            exchange_id: exchange,
            actor: Some(actor),
            role: proto::Role::Mediator.into(),
            denied: false,
        }),
        4 => record.push(&proto::TotalClaimed {
            attribution: said("demo-source"),
            series: text(2, NAMES[portion % 3]),
            as_of: "2024".into(),
            follows_exchange_id: exchange,
            ..Default::default()
        }),
        _ => record.push(&proto::StatementMade {
            attribution: said("demo-source"),
            speaker: Some(actor),
            topics: vec![text(2, PORTIONS[1])],
            exchange_id: exchange,
            ..Default::default()
        }),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_spelling_gives_the_same_register(
        ops in prop::collection::vec(
            (
                0..6_usize,
                (0..3_usize, 0..3_usize, 0..3_usize, 0..30_u32),
                [typing(), typing(), typing()],
            ),
            0..16,
        ),
    ) {
        let (mut plain, mut typed) = (Record::default(), Record::default());
        for op in &ops {
            push(&mut plain, op, false);
            push(&mut typed, op, true);
        }
        prop_assert_eq!(plain.claims(), typed.claims());
    }
}
