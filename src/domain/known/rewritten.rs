//! How a payload is made to hold its identity texts folded.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use crate::domain::{
    known::{Known, folded::Identified},
    proto::{self, Any},
};

impl Known {
    /// Decodes a payload that is recorded, its identity texts folded: those that an older build let
    /// in stand in the log as they were typed. `None`: its type is not one of ours.
    pub fn read(type_name: &str, payload: &[u8]) -> Option<Result<Self, prost::DecodeError>> {
        let decoded = Self::decode(type_name, payload)?;
        Some(decoded.map(Self::folded))
    }

    /// The same event with its identity texts folded.
    #[must_use]
    pub fn folded(mut self) -> Self {
        self.fold();
        self
    }

    /// The payload that [`Known::decode`] made this of, with the identity texts of `folded`. Fields
    /// that this server does not know are kept.
    pub fn rewritten(folded: &Self, payload: &[u8]) -> Bytes {
        let folded = folded.pack();
        graft(folded.type_name(), payload, &folded.value).unwrap_or(folded.value)
    }
}

/// Puts what a message says into the place of what the payload says. `None`: the descriptors do not
/// have its type.
fn graft(type_name: &str, payload: &[u8], folded: &[u8]) -> Option<Bytes> {
    let descriptor = proto::describe(type_name)?;
    let mut message = DynamicMessage::decode(descriptor.clone(), payload).ok()?;
    let folded = DynamicMessage::decode(descriptor, folded).ok()?;
    put_fields(&mut message, &folded);
    Some(message.encode_to_vec().into())
}

fn put_fields(message: &mut DynamicMessage, folded: &DynamicMessage) {
    for field in message.descriptor().fields() {
        if folded.has_field(&field) {
            put(message.get_field_mut(&field), &folded.get_field(&field));
        } else {
            message.clear_field(&field);
        }
    }
}

fn put(value: &mut Value, folded: &Value) {
    match (value, folded) {
        (Value::Message(message), Value::Message(folded)) => put_fields(message, folded),
        (Value::List(values), Value::List(folded)) if values.len() == folded.len() => {
            values.iter_mut().zip(folded).for_each(|(value, folded)| put(value, folded));
        }
        (value, folded) => *value = folded.clone(),
    }
}

/// What a correction puts in the claim's place: an event of its own, in bytes.
impl Identified for Any {
    fn fold_texts(&mut self) -> bool {
        let decoded = Known::decode(self.type_name(), &self.value);
        // Only first-hand claims can be corrected, so this nests no further.
        let first_hand = decoded.and_then(Result::ok).filter(Known::is_first_hand_claim);
        let Some(mut event) = first_hand else { return false };
        let changed = event.fold();
        if changed {
            self.value = Known::rewritten(&event, &self.value);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        known::examples,
        proto::{Actor, ClaimCorrected, RoleAttributed},
    };

    const NOTHING: &str = "\u{200b}";

    /// The event with characters that show nothing in each of its texts, as another machine may
    /// have typed them, titles and remarks included.
    fn typed_elsewhere(event: &Known) -> Known {
        let any = event.pack();
        let descriptor = proto::describe(any.type_name()).unwrap();
        let mut message = DynamicMessage::decode(descriptor, any.value.as_ref()).unwrap();
        sprinkle(&mut message);
        Known::decode(any.type_name(), &message.encode_to_vec()).unwrap().unwrap()
    }

    fn sprinkle(message: &mut DynamicMessage) {
        for field in message.descriptor().fields() {
            if message.has_field(&field) && field.name() != "type_url" {
                sprinkle_value(message.get_field_mut(&field));
            }
        }
    }

    fn sprinkle_value(value: &mut Value) {
        match value {
            Value::String(text) => text.insert_str(1, NOTHING),
            Value::Message(message) => sprinkle(message),
            Value::List(values) => values.iter_mut().for_each(sprinkle_value),
            Value::Bool(_)
            | Value::I32(_)
            | Value::I64(_)
            | Value::U32(_)
            | Value::U64(_)
            | Value::F32(_)
            | Value::F64(_)
            | Value::Bytes(_)
            | Value::EnumNumber(_)
            | Value::Map(_) => {}
        }
    }

    #[test]
    fn an_event_that_is_folded_stays_as_it_is() {
        for event in examples::all() {
            let mut folded = event.clone();
            assert!(!folded.fold(), "{event:?}");
            assert_eq!(folded, event);
        }
    }

    #[test]
    fn every_text_that_tags_and_streams_follow_from_is_folded() {
        for event in examples::all() {
            let mut typed = typed_elsewhere(&event);
            assert!(typed.fold(), "{event:?}");
            assert_eq!((typed.tags(), typed.home()), (event.tags(), event.home()));
        }
    }

    #[test]
    fn texts_that_are_only_shown_stay_as_they_were_typed() {
        let event = examples::statement();
        let Known::StatementMade(typed) = typed_elsewhere(&event.clone().into()).folded() else {
            panic!("another type");
        };
        assert_eq!((typed.speaker, typed.topics), (event.speaker, event.topics));
        for (typed, event) in [(typed.text, event.text), (typed.occasion, event.occasion)] {
            assert_eq!(typed.replace(NOTHING, ""), event);
            assert!(typed.contains(NOTHING));
        }
    }

    #[test]
    fn fields_of_a_newer_version_survive_the_folding() {
        let unknown = [0xf2, 0xff, 0x01, 0x03, b'n', b'e', b'w'];
        for event in examples::all() {
            let typed = typed_elsewhere(&event);
            let payload = [typed.pack().value.as_ref(), &unknown].concat();
            let rewritten = Known::rewritten(&typed.clone().folded(), &payload);
            assert!(rewritten.ends_with(&unknown), "{event:?}");
            let known = rewritten.strip_suffix(&unknown).unwrap();
            assert_eq!(known, typed.folded().pack().value.as_ref(), "{event:?}");
        }
    }

    #[test]
    fn unknown_fields_within_an_actor_and_a_replacement_survive_too() {
        let unknown: &[u8] = &[0xf2, 0xff, 0x01, 0x03, b'n', b'e', b'w'];
        let actor = Actor { name: "Ana \u{a0}Demo".into(), ..Default::default() };
        let actor = [actor.encode_to_vec().as_slice(), unknown].concat();
        // Field 3 of RoleAttributed is the actor.
        let length = u8::try_from(actor.len()).unwrap();
        let role = [&[0x1a, length], actor.as_slice()].concat();
        let replacement =
            Any { type_url: Any::pack(&RoleAttributed::default()).type_url, value: role.into() };
        let correction = ClaimCorrected { replacement: Some(replacement), ..Default::default() };
        let payload = correction.encode_to_vec();
        let folded = Known::from(correction).folded();
        let rewritten = Known::rewritten(&folded, &payload);
        let contains = |part: &[u8]| rewritten.windows(part.len()).any(|window| window == part);
        assert!(contains(unknown) && contains(b"Ana Demo"), "{rewritten:?}");
    }
}
