//! Every field rule, accepting and refusing. A row of a table is an event that is acceptable but
//! for one change, and the paths that have to be named.

mod about;
mod choices;
mod counts;
mod identity;
mod texts;

use prost::Message;

use crate::domain::{
    known::{Known, examples},
    limits, proto,
};

fn paths(event: impl Into<Known>) -> Vec<String> {
    let violations = event.into().validate().err().unwrap_or_default();
    for violation in &violations.0 {
        assert!(!violation.problem.is_empty() && violation.problem.len() < 600, "{violation:?}");
    }
    violations.0.into_iter().map(|violation| violation.field).collect()
}

/// Changes an acceptable event and compares the paths of what is then wrong with it.
fn check<E: Clone + Into<Known>>(sample: &E, expected: &[&str], change: impl FnOnce(&mut E)) {
    let mut event = sample.clone();
    change(&mut event);
    let event = event.into();
    assert_eq!(paths(event.clone()), expected, "{event:?}");
}

fn check_leg(expected: &[&str], change: impl Fn(&mut proto::Leg)) {
    check(&examples::agreed(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
    check(&examples::completed(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
    check(&examples::declined(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
    check(&examples::total(), expected, |e| {
        change(e.leg.as_mut().unwrap());
    });
}

fn check_attribution(expected: &[&str], change: impl FnOnce(&mut proto::Attribution)) {
    check(&examples::superlative(), expected, |e| {
        change(e.attribution.as_mut().unwrap());
    });
}

fn line(bytes: usize) -> String {
    "a".repeat(bytes)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("x-{index}")).collect()
}

#[test]
fn the_samples_are_acceptable() {
    for event in examples::all() {
        assert_eq!(event.validate(), Ok(()), "{event:?}");
    }
    assert_eq!(paths(examples::running_total()), [""; 0]);
}

#[test]
fn empty_events_name_every_required_field() {
    let empty: Vec<_> = Known::TYPE_NAMES
        .iter()
        .map(|name| Known::decode(name, &[]).expect("known").expect("empty bytes decode"))
        .collect();
    let leg = ["attribution", "leg", "count"].as_slice();
    let expected: [&[&str]; 15] = [
        &["source_id"],
        &["attribution", "speaker", "mode", "text"],
        &["attribution", "exchange_id", "status"],
        &["attribution", "exchange_id", "actor", "role"],
        leg,
        leg,
        leg,
        leg,
        &["attribution", "exchange_id", "text"],
        &["attribution", "detention_id", "subject"],
        &["attribution", "claim"],
        &["attribution", "claim"],
        &["attribution", "claim", "replacement", "by"],
        &["attribution", "claim"],
        &["attribution", "claim"],
    ];
    for (event, expected) in empty.into_iter().zip(expected) {
        assert_eq!(paths(event.clone()), expected, "{event:?}");
    }
}

#[test]
fn fields_of_a_newer_protocol_are_let_through() {
    let mut payload = examples::completed().encode_to_vec();
    payload.extend([0xfa, 0x7f, 0x01, b'x']);
    let event = Known::decode("handover.v1.TransferCompleted", &payload).expect("known");
    assert_eq!(event.expect("unknown fields decode").validate(), Ok(()));
}
