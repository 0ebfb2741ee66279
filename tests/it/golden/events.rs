//! The bytes, the stream and the tags of events of every type.
//!
//! A line of `events.jsonl` holds a payload in JSON and what follows from it: all of that is
//! stored with each such event, so none of it may ever come out differently.

use std::{collections::BTreeSet, fs};

use handover::{
    cli::payload,
    domain::{
        known::{Home, Known},
        proto::{Any, DESCRIPTORS},
    },
};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value as Field};
use serde_json::{Map, Value};

use super::{hex, unhex};

const GOLDEN: &str = "events.jsonl";

fn lines() -> Vec<Map<String, Value>> {
    let lines: Vec<_> = super::read(GOLDEN)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert!(lines.len() >= Known::TYPE_NAMES.len(), "only {} lines", lines.len());
    lines
}

fn known(any: &Any) -> Known {
    let decoded = Known::decode(any.type_name(), &any.value).expect("a known type");
    decoded.expect("a payload that can be decoded")
}

/// What is stored for a payload.
fn stored(line: &Map<String, Value>) -> Map<String, Value> {
    let any = payload::read(&line["payload"].to_string()).expect("a payload in JSON").pack(None);
    let event = known(&any);
    let stream = match event.home().expect("a stream of its own") {
        Home::Stream(stream) => stream.to_string(),
        Home::OfClaim(claim) => format!("the stream of claim {claim}"),
    };
    let mut stored = Map::new();
    stored.insert("payload".into(), line["payload"].clone());
    stored.insert("stream".into(), stream.into());
    stored.insert("tags".into(), event.tags().iter().map(ToString::to_string).collect());
    stored.insert("bytes".into(), hex(&any.value).into());
    stored
}

#[test]
fn an_event_in_json_becomes_the_bytes_stream_and_tags_it_always_did() {
    let mut filled = Vec::new();
    for line in lines() {
        let stored = stored(&line);
        let new = line.keys().all(|key| key == "payload") && super::may_add();
        assert!(new || line == stored, "golden: {line:#?}\nnow: {stored:#?}");
        filled.push(Value::Object(stored).to_string());
    }
    if super::may_add() {
        let text = filled.join("\n") + "\n";
        fs::write(super::path(GOLDEN), text).expect("the golden can be written");
    }
}

#[test]
fn stored_bytes_are_read_as_the_event_they_always_were() {
    for line in lines() {
        let type_url = line["payload"]["@type"].as_str().expect("a type").to_owned();
        let bytes = unhex(line["bytes"].as_str().expect("bytes in hex"));
        let any = Any { type_url, value: bytes.into() };
        let event = known(&any);
        assert_eq!(event.validate(), Ok(()), "{line:#?}");
        assert_eq!(event.pack(), any, "encoded again: {line:#?}");
        let read = payload::write(&any, |_| None);
        assert_eq!(Value::Object(read), line["payload"], "read as JSON");
    }
}

/// The full names of the fields that are set, in messages within messages too.
fn set(message: &DynamicMessage, names: &mut BTreeSet<String>) {
    for (field, value) in message.fields() {
        names.insert(field.full_name().to_owned());
        let list = std::slice::from_ref(value);
        for value in value.as_list().unwrap_or(list) {
            if let Field::Message(inner) = value {
                set(inner, names);
            }
        }
    }
}

/// The full names of all fields that may be set, of our own messages.
fn all(message: &MessageDescriptor, names: &mut BTreeSet<String>) {
    for field in message.fields() {
        let first = names.insert(field.full_name().to_owned());
        if let Kind::Message(inner) = field.kind()
            && first
            && inner.package_name() == message.package_name()
        {
            all(&inner, names);
        }
    }
}

#[test]
fn every_field_of_every_event_is_in_the_golden() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("build.rs made the descriptors");
    let describe = |name: &str| pool.get_message_by_name(name).expect("a described type");
    let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
    for name in Known::TYPE_NAMES {
        all(&describe(name), &mut expected);
    }
    for line in lines() {
        let any = payload::read(&line["payload"].to_string()).expect("a payload").pack(None);
        let message = DynamicMessage::decode(describe(any.type_name()), any.value);
        set(&message.expect("a message"), &mut found);
    }
    expected.retain(|name| !found.contains(name));
    assert!(expected.is_empty(), "no line of {GOLDEN} sets {expected:#?}");
}
