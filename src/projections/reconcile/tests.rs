//! What differs and what does not, and what explains it.

use super::{
    cases::{Claims, exactly, lines, range, short},
    *,
};
use crate::domain::proto::{
    DeclineReason, DifferenceKind, DifferenceReason as Reason, TransferClaimKind,
};
use crate::projections::claims::test_record::{Record, flow};

fn reasons(answer: &proto::ReconcileExchangeResponse, kind: DifferenceKind) -> Vec<Vec<Reason>> {
    let lines = lines(answer, kind).into_iter();
    lines.map(|line| line.3.into_iter().map(|(reason, _)| reason).collect()).collect()
}

#[test]
fn claims_that_agree_give_no_line() {
    let mut claims = Claims::of("x");
    claims.completed("RU>UA", "5", "one");
    claims.completed("RU>UA", "5", "two");
    claims.agreed("RU>UA", "5", "one");
    claims.total(">", "5", "one");
    assert_eq!(claims.answer().lines, []);
}

#[test]
fn a_number_that_is_not_known_is_no_difference_of_so_many() {
    let mut claims = Claims::of("x");
    claims.completed("RU>UA", "", "one");
    claims.agreed("RU>UA", "7", "one");
    let answer = claims.answer();
    let line = &answer.lines[0];
    assert_eq!((line.difference_low, line.difference_high), (None, None));
    assert_eq!(line.other.as_ref().unwrap().low, None);
    assert_eq!(reasons(&answer, DifferenceKind::AgreedVsCompleted), [[Reason::Unnumbered]]);
}

#[test]
fn nothing_completed_is_nothing_to_compare() {
    let mut claims = Claims::of("x");
    claims.agreed("RU>UA", "7", "one");
    claims.total(">", "9", "one");
    assert_eq!(claims.answer().lines, []);
}

#[test]
fn a_transfer_without_a_number_explains_a_sum_that_is_too_small_and_none_that_is_too_large() {
    for (total, expected) in [("9", Reason::Unnumbered), ("3", Reason::Unexplained)] {
        let mut claims = Claims::of("x");
        claims.completed("RU>UA", "5", "one");
        claims.completed("UA>RU", "", "one");
        claims.total(">", total, "one");
        let answer = claims.answer();
        assert_eq!(reasons(&answer, DifferenceKind::TotalVsSum), [[expected]], "{total}");
    }
}

#[test]
fn the_number_of_each_side_is_derived_from_that_of_both_together() {
    let mut claims = Claims::of("x");
    claims.completed("RU>UA", "157", "one");
    claims.completed("UA>RU", "157", "one");
    claims.completed("RU>UA", "314", "two");
    claims.total(">", "157", "three");
    let answer = claims.answer();
    let each = vec![(Reason::TotalAgainstEach, exactly(157))];
    let claimants = [(exactly(157), exactly(314), (Some(157), Some(157)), each)];
    assert_eq!(lines(&answer, DifferenceKind::ClaimantsDiffer), claimants);
    // The sum holds the number of both as well, so it is a range.
    let total = &lines(&answer, DifferenceKind::TotalVsSum)[0];
    assert_eq!((total.0, total.1), (exactly(157), range(314, 471)));
    assert_eq!(total.3[0].0, Reason::TotalAgainstEach);
    // Twice as many is no reason where nobody came back.
    let mut one_way = Claims::of("x");
    one_way.completed("RU>UA", "157", "one");
    one_way.completed("RU>UA", "314", "two");
    let unexplained = [[Reason::Unexplained]];
    assert_eq!(reasons(&one_way.answer(), DifferenceKind::ClaimantsDiffer), unexplained);
}

#[test]
fn every_reason_of_what_was_declined_is_distinguished_and_only_of_legs_that_can_be_meant() {
    let mut claims = Claims::of("x");
    claims.agreed("RU>UA", "20", "one");
    claims.completed("RU>UA", "10", "one");
    claims.declined("RU>", "3", DeclineReason::Withheld);
    claims.declined("RU>", "2", DeclineReason::Died);
    claims.declined("UA>", "5", DeclineReason::Refused);
    let explained = &lines(&claims.answer(), DifferenceKind::AgreedVsCompleted)[0].3;
    let expected = [
        (Reason::Withheld, exactly(3)),
        (Reason::Died, exactly(2)),
        (Reason::Unexplained, exactly(5)),
    ];
    assert_eq!(*explained, expected);
}

#[test]
fn an_explanation_without_a_number_may_explain_all_of_it() {
    let mut claims = Claims::of("x");
    claims.agreed("RU>UA", "20", "one");
    claims.completed("RU>UA", "10", "one");
    claims.declined("RU>", "", DeclineReason::Refused);
    let explained = &lines(&claims.answer(), DifferenceKind::AgreedVsCompleted)[0].3;
    assert_eq!(*explained, [(Reason::Declined, (None, None))]);
}

#[test]
fn parts_are_set_against_their_whole_only_where_they_add_up_to_more() {
    let add_up_to = |first, second| {
        let mut record = Record::default();
        record.completed(&flow("x", "RU", "UA", Some(277)));
        record.completed(&flow("x", "RU", "UA", Some(first)).portion("first"));
        record.completed(&flow("x", "RU", "UA", Some(second)).portion("second"));
        let register = record.claims();
        reconcile(&register.at(record.head()), "x").unwrap()
    };
    assert_eq!(add_up_to(246, 31).lines, []);
    assert_eq!(add_up_to(200, 31).lines, []);
    let answer = add_up_to(250, 31);
    assert_eq!(answer.lines[0].kind(), DifferenceKind::PartsVsWhole);
    let unexplained = vec![(Reason::Unexplained, exactly(4))];
    let expected = (exactly(281), exactly(277), (Some(-4), Some(-4)), unexplained);
    assert_eq!(short(&answer.lines[0]), expected);
    assert_eq!(answer.lines[0].one.as_ref().unwrap().legs, [1, 2]);
}

#[test]
fn portions_of_an_exchange_are_part_of_its_sum() {
    let mut record = Record::default();
    record.report("x", "", "2024-01-01", "");
    record.report("x-1", "x", "2024-01-01", "");
    record.completed(&flow("x-1", "RU", "UA", Some(5)));
    let leg = flow("x", "RU", "UA", None).message().leg;
    let count = Some(proto::Count { value: Some(7), ..Default::default() });
    record.push(&proto::TransferAgreed { leg, count, ..Default::default() });
    let register = record.claims();
    let answer = reconcile(&register.at(record.head()), "x").unwrap();
    let line = lines(&answer, DifferenceKind::AgreedVsCompleted).remove(0);
    assert_eq!((line.0, line.1), (exactly(7), exactly(5)));
    assert_eq!(answer.legs.len(), 2);
    let portion = reconcile(&register.at(record.head()), "x-1").unwrap();
    assert_eq!((portion.legs.len(), portion.lines.len()), (1, 0));
}

#[test]
fn what_one_of_two_parties_gave_up_the_other_received() {
    let claims = |third: &str| {
        let mut claims = Claims::of("x");
        claims.completed("RU>", "20", "one");
        claims.completed(">UA", "25", "two");
        claims.completed(third, "1", "two");
        lines(&claims.answer(), DifferenceKind::SentVsReceived)
    };
    let unexplained = vec![(Reason::Unexplained, exactly(5))];
    let expected = (exactly(20), exactly(25), (Some(5), Some(5)), unexplained);
    assert_eq!(claims("UA>RU"), [expected]);
    assert_eq!(claims("RU>TR"), [], "some of the 20 may have gone elsewhere");
    let mut same = Claims::of("x");
    same.completed("RU>UA", "20", "one");
    same.completed("RU>UA", "25", "two");
    same.declined("RU>UA", "5", DeclineReason::Refused);
    assert_eq!(lines(&same.answer(), DifferenceKind::SentVsReceived), []);
}

#[test]
fn a_claim_that_was_withdrawn_or_came_later_has_no_cell() {
    let mut claims = Claims::of("x");
    let first = claims.completed("RU>UA", "5", "one");
    let second = claims.completed("RU>UA", "6", "two");
    let gone = claims.record.retract(first);
    let register = claims.record.claims();
    let cells = |at| reconcile(&register.at(at), "x").map(|answer| answer.cells.len());
    assert_eq!(
        [cells(0), cells(first), cells(second), cells(gone)],
        [None, Some(1), Some(2), Some(1)]
    );
}

#[test]
fn sources_that_repeat_one_number_of_one_claimant_share_a_cell() {
    let mut claims = Claims::of("x");
    let one = claims.completed("RU>UA", "5", "one");
    let same = claims.completed("RU>UA", "5", "one");
    claims.completed("RU>UA", "5 civilians", "one");
    claims.completed("RU>UA", "5", "");
    let answer = claims.answer();
    assert_eq!(answer.cells.len(), 3);
    assert_eq!(answer.cells[0].positions, [one, same]);
    assert_eq!(answer.cells[0].source_ids, ["one-page"]);
    assert_eq!(answer.claimants[1], proto::Actor::default());
    assert!(answer.cells.iter().all(|cell| cell.kind() == TransferClaimKind::Completed));
}
