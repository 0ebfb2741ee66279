use base64::Engine as _;
use proptest::prelude::*;

use super::*;
use crate::domain::proto::{Attribution, ClaimRetracted, StoreHistory, TransferCompleted};

const SOURCE: &str = "urn:uuid:0f0f0f0f-0f0f-8f0f-8f0f-0f0f0f0f0f0f";

fn transfer() -> Any {
    let attribution = Attribution { source_id: "demo-source".to_owned(), ..Default::default() };
    Any::pack(&TransferCompleted { attribution: Some(attribution), ..Default::default() })
}

fn event(payload: Any) -> RecordedEvent {
    RecordedEvent {
        position: 42,
        stream: "exchange/demo-1".to_owned(),
        revision: 7,
        recorded_at: Some(prost_types::Timestamp { seconds: 1_722_600_000, nanos: 250_000_000 }),
        payload: Some(payload),
        tags: vec!["desk:a, b".to_owned(), "exchange:demo-1".to_owned()],
        metadata: [("Desk", "north"), ("traceparent", "00-0af7-b7ad-01")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        recorded_by: "desk".to_owned(),
    }
}

fn written(event: &RecordedEvent) -> Map<String, Value> {
    cloud_event(event, SOURCE).unwrap()
}

/// What the specification asks of every event: the attributes that must be there, the names that
/// they may have, and what kind of text stands in them.
fn check(event: &Map<String, Value>) {
    for name in ["specversion", "id", "source", "type"] {
        assert!(event[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {event:?}");
    }
    assert_eq!(event["specversion"], "1.0");
    for (name, value) in event.iter().filter(|(name, _)| *name != "data") {
        let lower = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        assert!((lower && name.len() <= 20) || name == "data_base64", "{name}");
        let text = value.as_str().unwrap_or_else(|| panic!("{name} is no text"));
        let said = !text.is_empty() || name == "data_base64";
        assert!(said && text.chars().all(is_allowed), "{name}: {text:?}");
    }
    assert_ne!(event.contains_key("data"), event.contains_key("data_base64"));
    let time = event["time"].as_str().unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(time, format).unwrap();
}

#[test]
fn every_attribute_says_what_the_mapping_says() {
    let event = written(&event(transfer()));
    check(&event);
    let expected = serde_json::json!({
        "specversion": "1.0",
        "id": "42",
        "source": SOURCE,
        "type": "handover.v1.TransferCompleted",
        "subject": "exchange/demo-1",
        "time": "2024-08-02T12:00:00.250Z",
        "dataschema": "https://type.googleapis.com/handover.v1.TransferCompleted",
        "datacontenttype": "application/json",
        "data": {"attribution": {"sourceId": "demo-source"}},
        "sequence": "00000000000000000042",
        "partitionkey": "exchange/demo-1",
        "revision": "7",
        "recordedby": "desk",
        "tags": r#"["desk:a, b","exchange:demo-1"]"#,
        "metadata": r#"{"Desk":"north"}"#,
        "traceparent": "00-0af7-b7ad-01",
    });
    assert_eq!(Value::Object(event), expected);
}

#[test]
fn what_says_nothing_is_left_out() {
    let bare = RecordedEvent {
        tags: Vec::new(),
        metadata: std::collections::BTreeMap::new(),
        recorded_by: String::new(),
        ..event(transfer())
    };
    let event = written(&bare);
    check(&event);
    for name in ["tags", "metadata", "recordedby", "traceparent", "tracestate"] {
        assert!(!event.contains_key(name), "{event:?}");
    }
}

#[test]
fn a_claim_is_named_by_the_id_of_its_event() {
    let retracted = ClaimRetracted { claim: 41, ..Default::default() };
    assert_eq!(written(&event(Any::pack(&retracted)))["data"]["claim"], "41");
}

#[test]
fn a_schema_is_an_absolute_address_or_absent() {
    for (type_url, schema) in [
        ("type.googleapis.com/other.v1.T", Some("https://type.googleapis.com/other.v1.T")),
        ("http://schemas.example/a/other.v1.T", Some("http://schemas.example/a/other.v1.T")),
        ("/other.v1.T", None),
        ("not a host/other.v1.T", None),
    ] {
        let payload = Any { type_url: type_url.to_owned(), value: bytes::Bytes::new() };
        let event = written(&event(payload));
        assert_eq!(event.get("dataschema").and_then(Value::as_str), schema, "{type_url}");
        assert_eq!(event["type"], "other.v1.T");
    }
}

#[test]
fn a_source_that_is_given_is_a_uri() {
    for good in ["https://record.example/", "urn:example:record", "/record"] {
        assert_eq!(source(good).as_deref(), Ok(good));
    }
    for bad in ["", "a b", "https://record.example/\u{e9}", "<x>"] {
        assert!(source(bad).is_err(), "{bad}");
    }
}

/// Control characters and those that are not assigned included.
fn any_text() -> impl Strategy<Value = String> {
    let special = prop::char::ranges(vec!['\0'..='\u{a0}', '\u{fdcf}'..='\u{fdf0}'].into());
    let any_char = prop_oneof![special, Just('\u{1ffff}'), any::<char>()];
    prop::collection::vec(any_char, 0..6).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn data_reads_back_as_the_same_payload_and_texts_as_the_same_metadata(
        name in r"(handover\.v1\.(TransferCompleted|ClaimRetracted)|other\.v1\.Thing)",
        value in prop::collection::vec(any::<u8>(), 0..40),
        tags in prop::collection::vec("[a-z]{1,3}:\\PC{1,9}", 0..3),
        metadata in prop::collection::btree_map("(tracestate|.{0,3})", any_text(), 0..4),
    ) {
        let payload = Any { type_url: format!("type.googleapis.com/{name}"), value: value.into() };
        let event = RecordedEvent { tags, metadata, ..event(payload.clone()) };
        let written = written(&event);
        check(&written);
        let value = if let Some(bytes) = written.get("data_base64") {
            base64::prelude::BASE64_STANDARD.decode(bytes.as_str().unwrap()).unwrap()
        } else {
            let mut fields = written["data"].as_object().unwrap().clone();
            fields.insert(TYPE.to_owned(), payload.type_url.clone().into());
            payload::read(&Value::Object(fields).to_string()).unwrap().pack(None).value.to_vec()
        };
        prop_assert_eq!(value, payload.value);
        let text = |name: &str| written.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let tags: Vec<String> =
            text("tags").map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
        prop_assert_eq!(tags, event.tags);
        let mut metadata: std::collections::BTreeMap<String, String> =
            text("metadata").map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
        metadata.extend(TRACE.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?))));
        prop_assert_eq!(metadata, event.metadata);
    }
}

#[test]
fn an_event_keeps_the_source_of_the_history_that_it_was_recorded_in() {
    let branch =
        |after, store: &str| HistoryBranch { after, store: store.into(), id: String::new() };
    let history =
        StoreHistory { branches: vec![branch(9, "s#1"), branch(5, "s#2")], ..Default::default() };
    let head =
        GetHeadResponse { store: "s#2".into(), history: Some(history), ..Default::default() };
    let sources = Sources::of(head);
    let found = [1, 5, 6, 9, 10].map(|position| sources.recorded_in(position));
    assert_eq!(found, ["s", "s", "s#2", "s#2", "s#2"]);
    let plain = Sources::of(GetHeadResponse { store: "s".into(), ..Default::default() });
    assert_eq!(plain.recorded_in(7), "s");
}
