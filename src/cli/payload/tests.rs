use proptest::prelude::*;

use super::*;
use crate::domain::proto;

fn back(any: &Any) -> Any {
    let json = Value::Object(write(any, |_| None)).to_string();
    read(&json).expect(&json).pack(None)
}

fn correction() -> Any {
    let replacement = proto::SuperlativeClaimed {
        exchange_id: "demo-1".to_owned(),
        text: "the first".to_owned(),
        ..Default::default()
    };
    Any::pack(&proto::ClaimCorrected {
        claim: 7,
        replacement: Some(Any::pack(&replacement)),
        by: proto::CorrectedBy::Recorder.into(),
        ..Default::default()
    })
}

proptest! {
    #[test]
    fn a_transfer_survives_json(
        id in "[a-z]{0,8}", from in prop::collection::vec("[A-Z]{2}", 0..3), unit in 0..3i32,
        value in prop::option::of(any::<u32>()), minors in prop::option::of(any::<u32>()),
        scope in "\\PC{0,12}",
    ) {
        let leg = proto::Leg { exchange_id: id, from, unit, ..Default::default() };
        let transfer = Any::pack(&proto::TransferCompleted {
            leg: Some(leg),
            count: Some(proto::Count { value, scope, ..Default::default() }),
            of_which: Some(proto::OfWhich { minors, ..Default::default() }),
            ..Default::default()
        });
        prop_assert_eq!(back(&transfer), transfer);
    }

    #[test]
    fn any_bytes_under_any_type_survive_json(
        name in "(handover.v1.(TransferCompleted|ClaimRetracted|StatementMade)|other.v1.Thing)",
        value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let payload = Any { type_url: format!("type.googleapis.com/{name}"), value: value.into() };
        prop_assert_eq!(back(&payload), payload);
    }

    #[test]
    fn reading_any_text_never_panics(text in "\\PC{0,60}") {
        let _ = read(&text);
    }
}

#[test]
fn a_correction_with_its_replacement_survives_json() {
    assert_eq!(back(&correction()), correction());
    let json = Value::Object(write(&correction(), |_| None)).to_string();
    assert!(json.contains("the first"), "{json}");
    let short = json.replace("type.googleapis.com/", "");
    assert_eq!(read(&short).unwrap().pack(None), correction());
}

#[test]
fn a_payload_of_a_newer_version_is_kept_as_bytes() {
    let mut value = proto::StatementMade { text: "x".into(), ..Default::default() }.encode_to_vec();
    value.extend([0xfa, 0x7f, 0x01, 0x2a]);
    let payload = Any {
        type_url: "type.googleapis.com/handover.v1.StatementMade".to_owned(),
        value: value.into(),
    };
    let json = write(&payload, |_| None);
    assert!(json.contains_key(BYTES), "{json:?}");
    assert_eq!(back(&payload), payload);
}

#[test]
fn a_claim_is_named_by_id_and_packed_with_its_position() {
    let json = Value::Object(write(&correction(), |claim| Some(format!("e{claim}")))).to_string();
    let payload = read(&json).unwrap();
    assert_eq!(payload.claim.as_ref().map(|claim| claim.id.as_str()), Some("e7"));
    assert_eq!(payload.pack(Some(7)), correction());
    assert_ne!(payload.pack(Some(8)), correction());
}

#[test]
fn a_claim_inside_bytes_is_renumbered_too() {
    let mut newer = correction();
    newer.value = [&newer.value[..], &[0xfa, 0x7f, 0x01, 0x2a]].concat().into();
    let json = write(&newer, |claim| Some(format!("e{claim}")));
    assert!(json.contains_key(BYTES) && json.contains_key(CLAIM), "{json:?}");
    let payload = read(&Value::Object(json).to_string()).unwrap();
    let packed = payload.pack(Some(9));
    let event = proto::ClaimCorrected::decode(packed.value.clone()).unwrap();
    assert_eq!(event.claim, 9);
    assert!(packed.value.windows(4).any(|bytes| bytes == [0xfa, 0x7f, 0x01, 0x2a]));
}

#[test]
fn a_claim_given_as_a_position_stays_one() {
    for claim in ["7", "\"7\""] {
        let payload = read(&format!(r#"{{"@type":"handover.v1.ClaimRetracted","claim":{claim}}}"#));
        let payload = payload.unwrap();
        assert_eq!(payload.claim, None);
        let event = proto::ClaimRetracted::decode(payload.pack(None).value).unwrap();
        assert_eq!(event.claim, 7);
    }
}

#[test]
fn what_cannot_be_read_is_reported_with_its_column() {
    for (text, column, problem) in [
        (r#"{"text":"x"}"#, 1, "no \"@type\""),
        (r#"{"@type":"handover.v1.StatementMade","txt":"x"}"#, 42, "'txt'"),
        (r#"{"@type":"handover.v1.StatementMade","mode":"STATED"}"#, 52, "'STATED'"),
        (r#"{"@type":"other.v1.Thing"}"#, 10, "\"@bytes\""),
        (
            r#"{"@type":"handover.v1.TransferCompletd"}"#,
            10,
            "; did you mean handover.v1.TransferCompleted?",
        ),
        (r#"{"@type":"handover.v1.Xyz"}"#, 10, "is not an event that this version knows"),
        (r#"{"@type":"other.v1.Thing","@bytes":"?"}"#, 36, "not base64"),
        (r#"{"@type":"other.v1.Thing","@bytes":"","x":1}"#, 43, "beside"),
        (r#"{"@type":7}"#, 10, "is the number 7; a text should stand here"),
        (r#"{"@type":"handover.v1.StatementMade""#, 36, "it ends within an object"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.problem.contains(problem), "{text}: {error:?}");
        assert_eq!(error.column, column, "{text}: {error:?}");
    }
}
