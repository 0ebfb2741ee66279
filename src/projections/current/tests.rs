//! What is kept is what the claims amount to. A failure prints the seed that brings it back.

mod work;

use proptest::{
    prelude::*,
    sample::{Index, select},
};

use crate::domain::{event::Position, proto, symbol::Symbol};
use crate::projections::{
    Projection as _,
    claims::test_record::{Flow, Record, codes, flow},
    counts::properties::config,
    ledger::{Cell, Outcome},
    register::Register,
    snapshot,
};

const EXCHANGES: [&str; 5] = ["a", "b", "c", "d", "e"];
const DATES: [&str; 5] = ["", "2023", "2024-03", "2024-03-01", "someday"];

/// What happens to a record; an index names an earlier event.
#[derive(Clone, Debug)]
enum Op {
    Claim(Flow),
    Report(Report),
    Role(&'static str, bool),
    CorrectClaim(Index, Flow),
    CorrectReport(Index, Report),
    CorrectRole(Index, bool),
    Retract(Index),
    Prefer(Index, &'static str, i32),
}

#[derive(Clone, Debug)]
struct Report {
    exchange: &'static str,
    part_of: &'static str,
    parties: &'static str,
    occurred: &'static str,
    kind: i32,
}

impl Report {
    fn message(&self, exchange: &str) -> proto::ExchangeReported {
        proto::ExchangeReported {
            exchange_id: exchange.into(),
            part_of: self.part_of.into(),
            parties: codes(self.parties),
            occurred: self.occurred.into(),
            kind: self.kind,
            ..Default::default()
        }
    }
}

fn exchange() -> impl Strategy<Value = &'static str> {
    // Most of the claims are about one, so that there are many of it.
    prop_oneof![3 => Just("a"), 2 => select(EXCHANGES.as_slice())]
}

fn flows() -> impl Strategy<Value = Flow> {
    let side = || select(["", "AA+BB", "AA", "BB", "CC"].as_slice());
    let count = (0..6, 1..12_u32, 0..4_u32, prop::bool::weighted(0.3)).prop_map(
        |(kind, low, more, approximate)| match kind {
            0 => proto::Count { approximate, ..Default::default() },
            1 => proto::Count { low: Some(low), high: Some(low + more), ..Default::default() },
            2 => proto::Count { low: Some(low), approximate, ..Default::default() },
            3 => proto::Count { high: Some(low), ..Default::default() },
            _ => proto::Count { value: Some(low), approximate, ..Default::default() },
        },
    );
    let rest = (0..2_i32, prop::bool::weighted(0.1), prop::option::weighted(0.2, 1..5_u32));
    let portion = select(["", "", "p"].as_slice());
    let occurred = select(DATES.as_slice());
    (exchange(), side(), side(), rest, count, portion, occurred).prop_map(
        |(exchange, from, to, (category, remains, minors), count, portion, occurred)| {
            let flow = flow(exchange, from, to, None).portion(portion);
            Flow { category, remains, minors, count, occurred: occurred.into(), ..flow }
        },
    )
}

fn reports() -> impl Strategy<Value = Report> {
    let part_of = prop_oneof![1 => Just(""), 2 => select(EXCHANGES.as_slice())];
    let parties = select(["", "AA+EE", "BB"].as_slice());
    (exchange(), part_of, parties, select(DATES.as_slice()), 0..3_i32).prop_map(
        |(exchange, part_of, parties, occurred, kind)| Report {
            exchange,
            part_of,
            parties,
            occurred,
            kind,
        },
    )
}

fn ops() -> impl Strategy<Value = Op> {
    let country = select(["", "AA", "BB"].as_slice());
    prop_oneof![
        8 => flows().prop_map(Op::Claim),
        3 => reports().prop_map(Op::Report),
        2 => (exchange(), any::<bool>()).prop_map(|(exchange, denied)| Op::Role(exchange, denied)),
        3 => (any::<Index>(), flows()).prop_map(|(of, flow)| Op::CorrectClaim(of, flow)),
        2 => (any::<Index>(), reports()).prop_map(|(of, it)| Op::CorrectReport(of, it)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(of, it)| Op::CorrectRole(of, it)),
        3 => any::<Index>().prop_map(Op::Retract),
        3 => (any::<Index>(), country, 0..3_i32).prop_map(|(of, it, way)| Op::Prefer(of, it, way)),
    ]
}

fn role(exchange: &str, number: usize, denied: bool) -> proto::RoleAttributed {
    let name = ["Ana", "Ben"][number % 2].to_owned();
    let role = [proto::Role::Mediator, proto::Role::Host][usize::from(number.is_multiple_of(5))];
    proto::RoleAttributed {
        exchange_id: exchange.into(),
        actor: Some(proto::Actor { name, ..Default::default() }),
        role: role.into(),
        denied,
        ..Default::default()
    }
}

/// Records what happens. A correction is about the exchange of its claim, where that is known.
fn record(ops: &[Op]) -> Record {
    let mut record = Record::default();
    let mut subjects: Vec<String> = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        let place = |of: &Index| of.index(number.max(1));
        let event = |of: &Index| place(of) as Position + 1;
        let about = match op {
            Op::Claim(flow) => flow.exchange.clone(),
            Op::Report(it) => it.exchange.to_owned(),
            Op::Role(exchange, _) => (*exchange).to_owned(),
            Op::CorrectClaim(of, _)
            | Op::CorrectReport(of, _)
            | Op::CorrectRole(of, _)
            | Op::Retract(of)
            | Op::Prefer(of, ..) => subjects.get(place(of)).cloned().unwrap_or_default(),
        };
        match op {
            Op::Claim(flow) => record.completed(flow),
            Op::Report(it) => record.push(&it.message(&about)),
            Op::Role(_, denied) => record.push(&role(&about, number, *denied)),
            Op::CorrectClaim(of, flow) => {
                let corrected = Flow { exchange: about.clone(), ..flow.clone() };
                record.correct(event(of), &corrected.message())
            }
            Op::CorrectReport(of, it) => record.correct(event(of), &it.message(&about)),
            Op::CorrectRole(of, denied) => {
                record.correct(event(of), &role(&about, number, *denied))
            }
            Op::Retract(of) => record.retract(event(of)),
            Op::Prefer(of, country, direction) => record.push(&proto::ClaimPreferred {
                claim: event(of),
                country: (*country).into(),
                direction: *direction,
                ..Default::default()
            }),
        };
        subjects.push(about);
    }
    record
}

/// The ledger says of every exchange what the rules make of the claims that stand now.
fn check(register: &Register) -> Result<(), TestCaseError> {
    let at = register.position();
    let view = register.at(at);
    let named: Vec<Symbol> = register.claims().named().iter().map(|(_, it)| *it).collect();
    for exchange in named {
        let Outcome { traits, cells } = Outcome::of(&view, exchange);
        let entered = register.ledger().exchange(exchange, at);
        let reported = entered.as_ref().map(|it| &it.traits);
        prop_assert_eq!(reported, traits.as_ref(), "as of {}", at);
        let entered = entered.map(|it| it.cells).unwrap_or_default();
        for (cell, share) in &cells {
            let found = entered.iter().find(|(it, _)| *it == cell).map(|(_, share)| *share);
            prop_assert_eq!(found, Some(share), "{:?} as of {}", cell, at);
        }
        let is_one = |cell: &Cell| cells.iter().any(|(it, _)| it == cell);
        let more = entered.iter().find(|(cell, _)| !is_one(cell));
        prop_assert_eq!(more, None, "as of {}", at);
    }
    Ok(())
}

/// What the exchanges said at a moment, each in a text.
fn said(register: &Register, at: Position) -> Vec<String> {
    let ledger = register.ledger();
    let reported = |exchange: &Symbol| {
        let standing = ledger.exchange(*exchange, at)?;
        let mut cells: Vec<String> = standing.cells.iter().map(|it| format!("{it:?}")).collect();
        cells.sort_unstable();
        Some(format!("{exchange:?} {:?} {cells:?}", standing.traits))
    };
    let mut said: Vec<String> = ledger.outermost().iter().filter_map(reported).collect();
    said.sort_unstable();
    said
}

fn few_cases() -> ProptestConfig {
    ProptestConfig { cases: 32, ..config() }
}

proptest! {
    #![proptest_config(few_cases())]

    #[test]
    fn after_each_event_the_ledger_is_what_the_claims_amount_to(
        ops in prop::collection::vec(ops(), 1..70),
        saved_at in any::<Index>(),
    ) {
        let record = record(&ops);
        let saved_at = saved_at.index(ops.len()) as Position + 1;
        let mut register = Register::default();
        for event in record.events() {
            register.apply(event.position, Register::take(&event).unwrap()).unwrap();
            check(&register)?;
            if event.position == saved_at {
                let saved = snapshot::encode(&register, [1; 16]);
                register = snapshot::decode(&saved, [1; 16]).unwrap();
            }
        }
        // A state that is made at another time may enter the cells of one event in another order.
        let whole = record.claims();
        prop_assert_eq!(register.claims(), whole.claims());
        for at in 1..=whole.position() {
            for (key, tally) in whole.ledger().figures(at) {
                prop_assert_eq!(register.ledger().figure(key, at), tally, "as of {}", at);
            }
            prop_assert_eq!(said(&register, at), said(&whole, at), "as of {}", at);
        }
    }

    /// How the exchanges nest is kept as reports come and go; for a past moment it is worked out.
    #[test]
    fn the_exchanges_nest_as_all_reports_say(ops in prop::collection::vec(
        prop_oneof![
            4 => reports().prop_map(Op::Report),
            2 => (any::<Index>(), reports()).prop_map(|(of, it)| Op::CorrectReport(of, it)),
            2 => any::<Index>().prop_map(Op::Retract),
        ],
        1..60,
    )) {
        let record = record(&ops);
        for count in 1..=record.head() {
            let register = record.first(count);
            let view = register.at(count);
            prop_assert_eq!(&view.nesting_of_reports(), register.claims().nested_now());
        }
    }
}
