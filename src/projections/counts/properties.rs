//! Laws that hold for every record. A failure prints the seed that brings it back.

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::Range,
};

use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::RngSeed,
};

use super::*;
use crate::domain::proto;
use crate::projections::{
    claims::test_record::{Flow, Record, flow, preferred},
    ledger::Outcome,
    snapshot,
};

/// Every run takes another seed; `PROPTEST_RNG_SEED` takes one again.
pub(in crate::projections) fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(0));
    }
    eprintln!("PROPTEST_RNG_SEED={:?}", config.rng_seed);
    config
}

/// Laminar: of two, one includes the other or they share nobody.
const SIDES: [&str; 6] = ["", "AA+BB", "AA", "BB", "CC", "DD"];
/// Any: some share a party without including each other.
const ANY_SIDES: [&str; 8] = ["", "AA+BB", "BB+CC", "AA+BB+CC", "AA", "BB", "CC", "DD"];
pub(super) const EXCHANGES: [&str; 4] = ["outer", "inner", "innermost", "apart"];

fn counts() -> impl Strategy<Value = proto::Count> {
    let numbers = 1..30_u32;
    (0..6, numbers.clone(), numbers, any::<bool>()).prop_map(|(kind, low, more, approximate)| {
        let (value, low, high) = match kind {
            0 => (None, None, None),
            1 => (None, Some(low), Some(low + more)),
            2 => (None, Some(low), None),
            3 => (None, None, Some(low)),
            _ => (Some(low), None, None),
        };
        proto::Count {
            value,
            low,
            high,
            approximate: approximate && kind != 0,
            scope: String::new(),
        }
    })
}

pub(in crate::projections) fn flows() -> impl Strategy<Value = Flow> {
    let side = || select(ANY_SIDES.as_slice());
    let place = (select(EXCHANGES.as_slice()), select(["", "", "p", "q"].as_slice()));
    let rest = (0..3_i32, prop::bool::weighted(0.1), prop::option::of(1..5_u32));
    (place, side(), side(), rest, counts()).prop_map(
        |((exchange, portion), from, to, (category, remains, minors), count)| {
            let flow = flow(exchange, from, to, None).portion(portion);
            Flow { category, remains, count, minors, ..flow }
        },
    )
}

/// What may happen to a record; an index names an earlier event.
#[derive(Clone, Debug)]
enum Op {
    Claim(Flow),
    Correct(Index, Flow),
    Retract(Index),
    Prefer(Index, &'static str),
    Report(&'static str, &'static str),
    Other,
}

fn ops() -> impl Strategy<Value = Op> {
    let exchange = || select(EXCHANGES.as_slice());
    let receiver = select(["", "AA", "BB"].as_slice());
    prop_oneof![
        6 => flows().prop_map(Op::Claim),
        2 => (any::<Index>(), flows()).prop_map(|(of, flow)| Op::Correct(of, flow)),
        2 => any::<Index>().prop_map(Op::Retract),
        2 => (any::<Index>(), receiver).prop_map(|(of, to)| Op::Prefer(of, to)),
        1 => (exchange(), exchange()).prop_map(|(part, whole)| Op::Report(part, whole)),
        1 => Just(Op::Other),
    ]
}

/// Records what is accepted: a correction stays with the exchange of its claim.
fn record(ops: &[Op]) -> Record {
    let mut record = Record::default();
    let mut claimed: Vec<Option<Flow>> = Vec::new();
    for op in ops {
        let earlier = |index: &Index| index.index(claimed.len().max(1)) as Position + 1;
        let mut claim = None;
        match op {
            Op::Claim(flow) => {
                record.completed(flow);
                claim = Some(flow.clone());
            }
            Op::Correct(of, flow) => {
                let of = earlier(of);
                let known = claimed.get(usize::try_from(of).unwrap() - 1).cloned().flatten();
                let exchange = known.map_or("apart".to_owned(), |known| known.exchange);
                let corrected = Flow { exchange, ..flow.clone() };
                record.correct(of, &corrected.message());
                // Nor may a correction of the correction say another exchange.
                claim = Some(corrected);
            }
            Op::Retract(of) => drop(record.retract(earlier(of))),
            Op::Prefer(of, country) => drop(record.push(&preferred(earlier(of), country))),
            Op::Report(part, whole) => {
                let occurred = ["", "2023", "2024"][(part.len() + whole.len()) % 3];
                record.report(part, whole, occurred, "AA+EE");
            }
            Op::Other => drop(record.push(&proto::SourceRegistered::default())),
        }
        claimed.push(claim);
    }
    record
}

fn nested() -> Record {
    let mut record = Record::default();
    record.report("inner", "outer", "", "");
    record.report("innermost", "inner", "", "");
    record
}

pub(super) fn of_flows<'f>(flows: impl IntoIterator<Item = &'f Flow>) -> Record {
    let mut record = nested();
    for flow in flows {
        record.completed(flow);
    }
    record
}

pub(super) fn all(record: &Record) -> Vec<CountRow> {
    country_counts(&record.claims(), &CountQuery::default()).rows
}

fn figures(rows: &[CountRow]) -> impl Iterator<Item = &Figure> {
    rows.iter().flat_map(|row| row.received.iter().chain(&row.sent))
}

pub(super) fn many(
    flows: impl Strategy<Value = Flow>,
    count: Range<usize>,
) -> impl Strategy<Value = Vec<Flow>> {
    prop::collection::vec(flows, count)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_claims_makes_no_difference(
        (flows, shuffled) in many(flows(), 0..12).prop_flat_map(|flows| {
            (Just(flows.clone()), Just(flows).prop_shuffle())
        })
    ) {
        prop_assert_eq!(all(&of_flows(&flows)), all(&of_flows(&shuffled)));
    }

    #[test]
    fn the_number_to_use_lies_within_the_range_and_nothing_unknown_becomes_zero(
        ops in prop::collection::vec(ops(), 0..25)
    ) {
        for figure in figures(&all(&record(&ops))) {
            prop_assert_eq!(figure.low.is_some(), figure.high.is_some());
            prop_assert!(figure.low <= figure.high);
            if let Some(preferred) = figure.preferred {
                prop_assert!(figure.low <= Some(preferred) && Some(preferred) <= figure.high);
                prop_assert_eq!(figure.unnumbered, 0);
            }
            prop_assert!(figure.low != Some(0), "no claim says zero: {figure:?}");
            for rest in figure.shared.iter().chain(&figure.open) {
                prop_assert!(rest.legs > 0 && rest.at_most != Some(0), "{figure:?}");
            }
            let attributed = figure.low.is_some() || figure.unnumbered > 0;
            prop_assert_eq!(attributed, figure.exchanges > 0, "{:?}", figure);
        }
    }

    #[test]
    fn as_of_a_position_is_what_the_first_events_say(ops in prop::collection::vec(ops(), 0..20)) {
        let record = record(&ops);
        let claims = record.claims();
        for position in 0..=record.head() {
            let query = CountQuery { as_of: Some(position), ..CountQuery::default() };
            let fresh = country_counts(&record.first(position), &CountQuery::default());
            prop_assert_eq!(country_counts(&claims, &query), fresh, "as of {}", position);
        }
    }

    /// The rules, applied to the claims alone, say what was entered when the events came.
    #[test]
    fn the_ledger_holds_what_the_claims_amount_to_at_every_moment(
        ops in prop::collection::vec(ops(), 0..20)
    ) {
        let record = record(&ops);
        let register = record.claims();
        for position in 0..=record.head() {
            let view = register.at(position);
            for (_, exchange) in register.claims().named().iter().copied() {
                let Outcome { traits, cells } = Outcome::of(&view, exchange);
                let reported = register.ledger().exchange(exchange, position);
                prop_assert_eq!(reported.as_ref().map(|it| &it.traits), traits.as_ref());
                let reported = reported.map(|it| it.cells).unwrap_or_default();
                prop_assert_eq!(reported.len(), cells.len());
                for (cell, share) in reported {
                    prop_assert!(cells.contains(&(cell.clone(), *share)), "{:?}", cell);
                }
            }
        }
    }

    #[test]
    fn changes_lead_from_what_was_to_what_is(
        ops in prop::collection::vec(ops(), 1..20),
        since in any::<Index>(),
        dated in any::<bool>(),
    ) {
        let record = record(&ops);
        let since = since.index(ops.len()) as Position;
        let occurred = dated.then(|| Edtf::parse("2024").unwrap());
        let query = CountQuery { occurred, ..CountQuery::default() };
        let before = country_counts(&record.first(since), &query).rows;
        let changed = changes(&record.claims(), since, &query);
        let answer = country_counts(&record.claims(), &query);
        let key = |row: &CountRow| (row.country.clone(), row.unit);
        let reported: BTreeMap<_, &[Position]> = changed
            .iter()
            .map(|change| {
                let row = change.after.as_ref().or(change.before.as_ref()).unwrap();
                (key(row), change.caused_by.as_slice())
            })
            .collect();
        for event in since + 1..=record.head() {
            let rows_at = |position| {
                let rows = country_counts(&record.first(position), &query).rows;
                rows.into_iter().map(|row| (key(&row), row)).collect::<BTreeMap<_, _>>()
            };
            let (old, new) = (rows_at(event - 1), rows_at(event));
            for (row, causes) in &reported {
                let changed = old.get(row) != new.get(row);
                prop_assert!(!changed || causes.contains(&event), "{} {:?}", event, row);
            }
        }
        let mut rows: BTreeMap<_, CountRow> =
            before.into_iter().map(|row| (key(&row), row)).collect();
        for Change { before, after, caused_by } in changed {
            prop_assert!(before != after && !caused_by.is_empty(), "{:?} {:?}", before, after);
            prop_assert!(caused_by.iter().all(|event| *event > since));
            let place = before.as_ref().or(after.as_ref()).map(key).unwrap();
            prop_assert_eq!(rows.remove(&place), before);
            rows.extend(after.map(|row| (place, row)));
        }
        prop_assert_eq!(rows.into_values().collect::<Vec<_>>(), answer.rows);
    }

    #[test]
    fn a_saved_state_goes_on_where_it_was_saved(
        ops in prop::collection::vec(ops(), 1..20),
        at in any::<Index>(),
    ) {
        let record = record(&ops);
        let at = at.index(ops.len()) as Position;
        let saved = snapshot::encode(&record.first(at), [1; 16]);
        let mut claims: Register = snapshot::decode(&saved, [1; 16]).unwrap();
        for event in record.events().filter(|event| event.position > at) {
            claims.apply(event.position, Register::take(&event).unwrap()).unwrap();
        }
        prop_assert_eq!(claims, record.claims());
    }

    #[test]
    fn what_was_retracted_might_never_have_been(
        flows in many(flows(), 0..8),
        extra in flows(),
        corrected in flows(),
        place in any::<Index>(),
    ) {
        let mut record = nested();
        let place = place.index(flows.len() + 1);
        let mut claim = 0;
        for (index, flow) in flows.iter().map(Some).chain([None]).enumerate() {
            if index == place {
                claim = record.completed(&extra);
                record.prefer(claim, "");
                record.prefer(claim, "AA");
            }
            flow.map(|flow| record.completed(flow));
        }
        let exchange = extra.exchange.clone();
        record.correct(claim, &Flow { exchange, ..corrected }.message());
        record.retract(claim);
        prop_assert_eq!(all(&record), all(&of_flows(&flows)));
    }

    #[test]
    fn other_names_for_the_parties_give_the_same_answer_under_those_names(
        flows in many(flows(), 0..12),
        names in Just(["AA", "BB", "CC", "DD"]).prop_shuffle(),
    ) {
        let old_names = ["AA", "BB", "CC", "DD"];
        let rename = |code: &str| match old_names.iter().position(|old| *old == code) {
            Some(place) => names[place].to_owned(),
            None => code.to_owned(),
        };
        let side = |side: &str| side.split('+').map(rename).collect::<Vec<_>>().join("+");
        let renamed: Vec<Flow> = flows
            .iter()
            .map(|flow| Flow { from: side(&flow.from), to: side(&flow.to), ..flow.clone() })
            .collect();
        let mut expected = all(&of_flows(&flows));
        for row in &mut expected {
            row.country = rename(&row.country);
        }
        expected.sort_by_key(|row| (row.country.clone(), row.unit));
        prop_assert_eq!(all(&of_flows(&renamed)), expected);
    }

    /// A whole without a number is unknown as well: nobody said how many there were beside its
    /// parts.
    #[test]
    fn a_leg_whose_number_would_be_added_is_unknown(
        numbered in many(legs(), 0..3),
        leg in legs(),
        more in 1000..2000_u32,
        counts in prop::collection::vec(1..30_u32, 2),
    ) {
        let count = |value| proto::Count { value, ..proto::Count::default() };
        let mut flows: Vec<Flow> = numbered
            .into_iter()
            .zip(counts)
            .map(|(flow, value)| Flow { count: count(Some(value)), ..flow })
            .collect();
        let same = |flow: &Flow| Flow { count: count(None), ..flow.clone() };
        flows.dedup_by_key(|flow| format!("{:?}", same(flow)));
        flows.retain(|flow| format!("{:?}", same(flow)) != format!("{leg:?}"));
        let received = |flows: &[Flow]| {
            let rows = all(&of_flows(flows));
            rows.into_iter().find(|row| row.country == "UA").and_then(|row| row.received)
        };
        let known = received(&flows).and_then(|figure| figure.low).unwrap_or(0);
        flows.push(leg.clone());
        let unknown = received(&flows).unwrap().unnumbered;
        flows.pop();
        flows.push(Flow { count: count(Some(more)), ..leg });
        let added = received(&flows).unwrap().low == Some(known + more);
        prop_assert!(unknown == 1 || !added, "{:?}", flows);
    }

    #[test]
    fn a_claim_split_into_portions_that_sum_to_it_changes_nothing(
        parts in prop::collection::btree_map(
            (select(&["AA", "BB", "CC"][..]), 0..3_i32), 2..30_u32, 1..6
        ),
        split in any::<Index>(),
        first in any::<Index>(),
        whole in any::<bool>(),
    ) {
        // Legs of one category, so that none is a part of another, and perhaps a whole of all.
        let category = parts.keys().next().map_or(0, |(_, category)| *category);
        let mut flows: Vec<Flow> = parts
            .iter()
            .map(|((from, _), count)| Flow { category, ..flow("x", from, "UA", Some(*count)) })
            .collect();
        flows.dedup_by_key(|flow| flow.from.clone());
        let place = split.index(flows.len());
        let mut record = Record::default();
        let mut portions = Record::default();
        if whole {
            let sum = flows.iter().filter_map(|flow| flow.count.value).sum();
            let whole = Flow { category, ..flow("x", "", "UA", Some(sum)) };
            record.completed(&whole);
            portions.completed(&whole);
        }
        for (index, flow) in flows.iter().enumerate() {
            record.completed(flow);
            if index != place {
                portions.completed(flow);
                continue;
            }
            let value = flow.count.value.unwrap();
            let some = u32::try_from(first.index(value as usize - 1)).unwrap() + 1;
            for (portion, count) in [("p", some), ("q", value - some)] {
                let count = proto::Count { value: Some(count), ..Default::default() };
                portions.completed(&Flow { count, ..flow.clone() }.portion(portion));
            }
        }
        let received = |record: &Record| {
            let rows = all(record);
            rows.into_iter().find(|row| row.country == "UA").and_then(|row| row.received)
        };
        prop_assert_eq!(received(&record), received(&portions));
    }
}

/// A leg to one receiver, without a number.
pub(super) fn legs() -> impl Strategy<Value = Flow> {
    let place = (select(&EXCHANGES[..3]), select(&["", "p", "q"][..]));
    (place, select(SIDES.as_slice()), 0..3_i32).prop_map(|((exchange, portion), from, category)| {
        Flow { category, ..flow(exchange, from, "UA", None).portion(portion) }
    })
}
