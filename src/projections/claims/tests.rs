//! What the table says at each position.

use super::{
    samples::{Record, flow},
    *,
};
use crate::domain::proto;

/// The numbers that stand at a position, by claim.
fn standing(claims: &Claims, at: Position) -> Vec<(Position, Option<u32>)> {
    let rows: Vec<&Row> = claims.at(at).standing("x").collect();
    rows.iter()
        .filter_map(|row| match &row.said {
            Said::Completed(transfer) => Some((row.claim, transfer.number.value())),
            Said::Exchange(_) | Said::Preference(_) => None,
        })
        .collect()
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
    record.push(&proto::SourceRegistered::default());
    let claims = record.claims();
    assert_eq!(claims.rows, record.first(claim).rows);
    assert_eq!(claims.position(), record.head());
    assert_eq!(claims.changes_since(claim), []);
}

#[test]
fn a_time_shows_everything_recorded_up_to_it() {
    let mut record = Record::default();
    let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
    record.push(&proto::SourceRegistered::default());
    let gone = record.retract(claim);
    record.push(&proto::SourceRegistered::default());
    let claims = record.claims();
    for (time, position) in [(9, 0), (10, claim), (29, claim), (30, gone), (39, gone), (40, 4)] {
        assert_eq!(claims.position_as_of(time), position, "at {time}");
    }
    assert_eq!(claims.position_as_of(Micros::MAX), 4);
}

#[test]
fn events_of_one_moment_are_shown_together() {
    let mut claims = Claims::default();
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(1)));
    record.completed(&flow("x", "UA", "RU", Some(1)));
    record.retract(1);
    for mut event in record.events() {
        event.recorded_at = if event.position < 3 { 5 } else { 6 };
        claims.apply(&event).unwrap();
    }
    assert_eq!(claims.position_as_of(5), 2);
}

#[test]
fn an_event_that_cannot_be_taken_leaves_the_table_as_it_was() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(1)));
    let mut claims = record.claims();
    let before = claims.clone();
    let event =
        |position, type_name, payload| Event { position, recorded_at: 99, type_name, payload };
    let again = claims.apply(&event(1, "other.Type", &[]));
    assert!(matches!(again, Err(ApplyError::OutOfOrder { at: 1, event: 1 })), "{again:?}");
    let torn = claims.apply(&event(2, "handover.v1.TransferCompleted", &[0x0a, 0x7f]));
    assert!(matches!(torn, Err(ApplyError::Payload { position: 2, .. })), "{torn:?}");
    assert_eq!(claims, before);
    claims.apply(&event(2, "handover.v1.TransferCompletedX", &[0x0a, 0x7f])).unwrap();
    assert_eq!((claims.position(), &claims.rows), (2, &before.rows));
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
    let outermost = |at| claims.at(at).nesting().outermost("x").to_owned();
    assert_eq!([first, moved - 1, moved].map(outermost), ["y", "y", "z"]);
    assert_eq!([back, cut].map(outermost), ["y", "x"]);
}

#[test]
fn exchanges_are_linked_by_reports_that_stood_at_any_moment_since() {
    let mut record = Record::default();
    let moved = record.report("inner", "outer", "", "");
    record.report("innermost", "inner", "", "");
    record.report("apart", "", "", "");
    let gone = record.retract(moved);
    let claims = record.claims();
    let group = |since, exchange| Vec::from_iter(claims.links_since(since).group(exchange));
    for exchange in ["inner", "innermost", "outer"] {
        assert_eq!(group(0, exchange), ["inner", "innermost", "outer"]);
        assert_eq!(group(gone - 1, exchange), ["inner", "innermost", "outer"]);
    }
    assert_eq!(group(gone, "inner"), ["inner", "innermost"]);
    assert_eq!((group(gone, "outer"), group(0, "apart")), (vec!["outer"], vec!["apart"]));
}
