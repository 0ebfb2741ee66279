//! What answers report of claims at each position.

use super::*;
use crate::domain::{
    known::examples::{actor, count},
    proto::{self, ClaimUse},
};
use crate::projections::{
    claims::test_record::{Record, flow},
    ledger::ClaimedLegs,
    register::Register,
};

/// The legs of completed transfers of `x` at a position, past readings included.
fn legs(register: &Register, at: Position) -> Vec<LegClaims> {
    let view = register.at(at);
    let exchange = view.vocabulary().find("x").unwrap();
    let rows = view.figures(exchange);
    let claimed = ClaimedLegs::new(&view, &rows);
    let past = past(&view, view.claims().figure_rows(exchange));
    let on = |leg: u32| {
        let on_it = |row: &&&Row| row.content.counted().is_some_and(|counted| counted.leg == leg);
        let past: Vec<_> = past.iter().filter(on_it).copied().collect();
        LegClaims::completed(&view, &claimed, leg, &past).unwrap()
    };
    claimed.legs.keys().map(|leg| on(*leg)).collect()
}

/// Claim, reading and use of each number of the only leg.
fn uses(register: &Register, at: Position) -> Vec<(Position, Position, ClaimUse)> {
    let legs = legs(register, at);
    let numbers = legs.iter().flat_map(|leg| &leg.claims);
    numbers.map(|number| (number.status.claim, number.status.read_from, number.used)).collect()
}

fn said_by(name: &str, value: Option<u32>, approximate: bool) -> proto::TransferCompleted {
    let claimed_by = (!name.is_empty()).then(|| actor("", name));
    let attribution = Some(proto::Attribution { claimed_by, ..Default::default() });
    let count = Some(proto::Count { value, approximate, ..Default::default() });
    proto::TransferCompleted { attribution, count, ..flow("x", "RU", "UA", None).message() }
}

#[test]
fn each_number_says_what_becomes_of_it_in_the_estimate() {
    let mut record = Record::default();
    let messages = [
        (said_by("ministry", Some(150), false), ClaimUse::Entered),
        (said_by("president", Some(189), false), ClaimUse::Entered),
        (said_by("ministry", Some(150), false), ClaimUse::Repeated),
        (said_by("outlet", Some(200), true), ClaimUse::ApproximateBesideExact),
        (said_by("press", None, false), ClaimUse::NoNumber),
        (said_by("", Some(160), false), ClaimUse::Entered),
        (said_by("", Some(160), false), ClaimUse::Entered),
    ];
    let expected: Vec<_> = messages
        .iter()
        .map(|(message, used)| {
            let at = record.push(message);
            (at, at, *used)
        })
        .collect();
    let register = record.claims();
    let found = uses(&register, record.head());
    assert_eq!(found, expected);
    assert_eq!(legs(&register, record.head())[0].estimate.range, Some((150, 189)));
}

#[test]
fn a_reading_before_a_correction_and_a_retracted_claim_are_reported_as_such() {
    let mut record = Record::default();
    let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
    let other = record.completed(&flow("x", "RU", "UA", Some(5)));
    let corrected = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
    let gone = record.retract(other);
    let register = record.claims();
    let entered = |claim| (claim, claim, ClaimUse::Entered);
    assert_eq!(uses(&register, other), [entered(claim), entered(other)]);
    let now = [
        (claim, claim, ClaimUse::Corrected),
        (claim, corrected, ClaimUse::Entered),
        (other, other, ClaimUse::Retracted),
    ];
    assert_eq!(uses(&register, gone), now);
    let legs = legs(&register, gone);
    let ended: Vec<_> = legs[0].claims.iter().map(|number| number.status.ended).collect();
    assert_eq!(ended, [Some(Ended::Corrected(corrected)), None, Some(Ended::Retracted(gone))]);
    assert_eq!(legs[0].claims[2].status.retracted_by, Some(gone));
    assert_eq!(legs[0].claims[1].status.retracted_by, None);
}

#[test]
fn a_withdrawn_correction_has_ended_nothing() {
    let mut record = Record::default();
    let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
    let corrected = record.correct(claim, &flow("x", "RU", "UA", Some(2)).message());
    let withdrawn = record.retract(corrected);
    let register = record.claims();
    let now = [(claim, claim, ClaimUse::Entered), (claim, corrected, ClaimUse::Retracted)];
    assert_eq!(uses(&register, withdrawn), now);
    let before = [(claim, claim, ClaimUse::Corrected), (claim, corrected, ClaimUse::Entered)];
    assert_eq!(uses(&register, corrected), before);
}

#[test]
fn opinions_and_the_source_are_reported_as_they_stood() {
    let mut record = Record::default();
    let source = proto::SourceRegistered { source_id: "s".into(), ..Default::default() };
    let mut message = flow("x", "RU", "UA", Some(1)).message();
    message.attribution = Some(proto::Attribution { source_id: "s".into(), ..Default::default() });
    let claim = record.push(&message);
    let registered = record.push(&source);
    let disputed = record.push(&proto::ClaimDisputed { claim, ..Default::default() });
    record.push(&proto::ClaimConfirmed { claim, ..Default::default() });
    let gone = record.retract(disputed);
    let register = record.claims();
    let status = |at| legs(&register, at)[0].claims[0].status;
    assert_eq!((status(claim).source, status(registered).source), (None, Some(registered)));
    assert_eq!((status(gone - 1).confirmations, status(gone - 1).disputes), (1, 1));
    assert_eq!((status(gone).confirmations, status(gone).disputes), (1, 0));
}

#[test]
fn the_preference_in_force_is_reported_with_the_claim_that_it_names() {
    let mut record = Record::default();
    let low = record.push(&said_by("ministry", Some(150), false));
    let high = record.push(&said_by("president", Some(189), false));
    let first = record.prefer(low, "");
    let second = record.prefer(high, "");
    record.prefer(low, "UA");
    let withdrawn = record.retract(second);
    let register = record.claims();
    let preferred = |at| {
        let leg = legs(&register, at).remove(0);
        let named = leg.claims.iter().filter(|it| it.preferred).map(|it| it.status.claim);
        (leg.preference.map(|it| (it.position, it.claim, it.value)), named.collect::<Vec<_>>())
    };
    assert_eq!(preferred(high), (None, vec![]));
    assert_eq!(preferred(withdrawn - 1), (Some((second, high, 189)), vec![high]));
    assert_eq!(preferred(withdrawn), (Some((first, low, 150)), vec![low]));
}

#[test]
fn other_claims_on_a_leg_are_estimated_by_the_same_rules() {
    let mut record = Record::default();
    let leg = flow("x", "RU", "UA", None).message().leg;
    for value in [306, 300] {
        let count = Some(count(value));
        record.push(&proto::TransferAgreed { leg: leg.clone(), count, ..Default::default() });
    }
    let register = record.claims();
    let view = register.at(record.head());
    let rows = view.standing(view.vocabulary().find("x").unwrap());
    let place = rows[0].content.counted().unwrap().leg;
    let status = LegClaims::other(&view, place, &rows, &[]).unwrap();
    assert_eq!((status.estimate.range, status.claims.len()), (Some((300, 306)), 2));
}
