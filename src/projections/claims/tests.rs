//! What the table says at each position.

use super::{
    test_record::{Record, flow},
    *,
};
use crate::domain::proto;
use crate::projections::counts::{CountQuery, country_counts};
use crate::projections::{ApplyError, Event, Projection as _, register::Register};

/// The numbers that stand at a position, by claim.
fn standing(register: &Register, at: Position) -> Vec<(Position, Option<u32>)> {
    let exchange = register.claims().vocabulary().find("x").unwrap();
    let rows = register.at(at).standing(exchange);
    rows.iter().filter_map(|row| Some((row.claim, row.content.counted()?.number.value()))).collect()
}

fn apply(register: &mut Register, event: &Event<'_>) -> Result<(), ApplyError> {
    let taken = Register::take(event)?;
    register.apply(event.position, taken)
}

#[test]
fn a_claim_reads_as_corrected_from_the_correction_on_and_is_gone_from_its_retraction_on() {
    let mut record = Record::default();
    let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
    let first = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
    let second = record.correct(first, &flow("x", "RU", "UA", Some(3)).message());
    let gone = record.retract(claim);
    let claims = record.claims();
    for (at, number) in [(claim, 1), (first, 2), (second, 3)] {
        assert_eq!(standing(&claims, at), [(claim, Some(number))], "at {at}");
    }
    assert_eq!(standing(&claims, gone), []);
    assert_eq!(standing(&claims, 0), []);
}

#[test]
fn withdrawing_a_correction_brings_back_what_stood_before() {
    let mut record = Record::default();
    let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
    let correction = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
    let gone = record.retract(correction);
    let claims = record.claims();
    assert_eq!(standing(&claims, correction), [(claim, Some(2))]);
    assert_eq!(standing(&claims, gone), [(claim, Some(1))]);
}

#[test]
fn events_about_claims_that_are_not_there_change_nothing() {
    let mut record = Record::default();
    let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
    record.retract(99);
    record.prefer(99, "");
    record.correct(99, &flow("x", "RU", "UA", Some(2)).message());
    record
        .correct(claim, &proto::ExchangeReported { exchange_id: "x".into(), ..Default::default() });
    record.push(&proto::ClaimCorrected { claim, ..Default::default() });
    record.push(&proto::TransferAgreed::default());
    let claims = record.claims();
    assert_eq!(claims.claims().rows, record.first(claim).claims().rows);
    assert_eq!((claims.position(), claims.last_change()), (record.head(), claim));
}

#[test]
fn an_event_that_cannot_be_taken_leaves_the_table_as_it_was() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(1)));
    let mut claims = record.claims();
    let before = claims.clone();
    let event =
        |position, type_name, payload| Event { position, recorded_at: 99, type_name, payload };
    let again = apply(&mut claims, &event(1, "other.Type", &[]));
    assert!(matches!(again, Err(ApplyError::OutOfOrder { at: 1, event: 1 })), "{again:?}");
    let torn = apply(&mut claims, &event(2, "handover.v1.TransferCompleted", &[0x0a, 0x7f]));
    assert!(matches!(torn, Err(ApplyError::Payload { position: 2, .. })), "{torn:?}");
    assert_eq!(claims, before);
    apply(&mut claims, &event(2, "handover.v1.TransferCompletedX", &[0x0a, 0x7f])).unwrap();
    assert_eq!((claims.position(), claims.claims()), (2, before.claims()));
}

#[test]
fn the_latest_report_that_names_a_larger_exchange_counts() {
    let mut record = Record::default();
    let first = record.report("x", "y", "", "");
    record.report("x", "", "", "");
    let moved = record.report("x", "z", "", "");
    let back = record.retract(moved);
    let cut = record.retract(first);
    let claims = record.claims();
    let vocabulary = claims.claims().vocabulary();
    let outermost = |at| {
        let exchange = vocabulary.find("x").unwrap();
        vocabulary.text(claims.at(at).nesting().outermost(exchange))
    };
    assert_eq!([first, moved - 1, moved].map(outermost), ["y", "y", "z"]);
    assert_eq!([back, cut].map(outermost), ["y", "x"]);
}

#[test]
fn a_report_that_was_corrected_does_not_become_the_latest() {
    let mut record = Record::default();
    let report = |part_of: &str| proto::ExchangeReported {
        exchange_id: "x".into(),
        part_of: part_of.into(),
        ..Default::default()
    };
    let first = record.report("x", "y", "2020", "");
    record.report("x", "z", "2022", "");
    record.correct(first, &report("w"));
    let claims = record.claims();
    let exchange = claims.claims().vocabulary().find("x").unwrap();
    let outermost = claims.at(record.head()).nesting().outermost(exchange);
    assert_eq!(claims.claims().vocabulary().text(outermost), "z");
}

#[test]
fn a_report_that_is_corrected_nests_its_exchange_anew() {
    let report = |part_of: &str| proto::ExchangeReported {
        exchange_id: "q".into(),
        part_of: part_of.into(),
        ..Default::default()
    };
    let received = |record: &Record| {
        let rows = country_counts(&record.claims(), &CountQuery::default()).rows;
        let row = rows.into_iter().find(|row| row.country == "UA").unwrap();
        row.received.unwrap().low.unwrap()
    };
    let mut record = Record::default();
    record.completed(&flow("p", "RU", "UA", Some(5)));
    record.completed(&flow("q", "RU", "UA", Some(3)));
    let claim = record.report("q", "", "", "");
    assert_eq!(received(&record), 8);
    let nested = record.correct(claim, &report("p"));
    assert_eq!(received(&record), 5);
    record.retract(nested);
    assert_eq!(received(&record), 8);
    record.correct(claim, &report("p"));
    record.correct(claim, &report(""));
    assert_eq!(received(&record), 8);
    record.correct(claim, &report("p"));
    assert_eq!(received(&record), 5);
    record.retract(claim);
    assert_eq!(received(&record), 8);
}
