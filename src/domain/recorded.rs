//! The bytes of a recorded event: encoded once, at append, and never again.

use std::ops::Range;

use bytes::{Buf as _, BufMut, Bytes};
use prost::Message as _;

use crate::domain::{
    event::{Micros, NewEvent, Position, Revision},
    name::{StreamName, Tag},
    proto::{Any, RecordedEvent},
};

/// Field number of `events` in `ReadResponse` and `EventBatch`: encoded events are their bytes.
const EVENTS_FIELD: u32 = 1;
/// Bytes that position, revision, time and lengths take at most.
const OVERHEAD: usize = 96;

/// Where an event stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Place in the whole log.
    pub position: Position,
    /// The stream.
    pub stream: &'a StreamName,
    /// Place in the stream.
    pub revision: Revision,
    /// When it is recorded.
    pub recorded_at: Micros,
    /// Who records it; empty: not configured.
    pub recorded_by: &'a str,
}

/// Appends the event to others: tag, length, and the encoded [`RecordedEvent`].
pub fn encode(place: &Place<'_>, event: &NewEvent, encoded: &mut impl BufMut) {
    let recorded = RecordedEvent {
        position: place.position,
        stream: place.stream.to_string(),
        revision: place.revision,
        recorded_at: Some(timestamp(place.recorded_at)),
        payload: Some(Any { type_url: event.type_url.clone(), value: event.payload.clone() }),
        tags: event.tags.iter().map(Tag::to_string).collect(),
        metadata: event.metadata.clone(),
        recorded_by: place.recorded_by.to_owned(),
    };
    prost::encoding::message::encode(EVENTS_FIELD, &recorded, encoded);
}

/// An upper bound of the bytes that the event will take among others.
pub fn size_bound(stream: &StreamName, recorded_by: &str, event: &NewEvent) -> usize {
    let tags = event.tags.iter().map(|tag| tag.as_str().len() + 2).sum::<usize>();
    let metadata = event.metadata_bytes() + event.metadata.len() * 12;
    let payload = event.type_url.len() + event.payload.len();
    OVERHEAD + stream.as_str().len() + recorded_by.len() + payload + tags + metadata
}

/// Takes encoded events apart; they share its memory.
pub fn decode_events(encoded: Bytes) -> Result<Vec<RecordedEvent>, prost::DecodeError> {
    crate::domain::proto::EventBatch::decode(encoded).map(|batch| batch.events)
}

/// Which event stands where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHead {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: String,
    /// Its bytes, with tag and length.
    pub span: Range<usize>,
}

/// What [`EventHead`] tells of an event; everything else is passed over.
#[derive(Clone, PartialEq, prost::Message)]
struct Beginning {
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(string, tag = "2")]
    stream: String,
}

/// Says which events these are, without taking them apart.
pub fn heads(encoded: &Bytes) -> Result<Vec<EventHead>, prost::DecodeError> {
    let mut rest = encoded.clone();
    let mut heads = Vec::new();
    while rest.has_remaining() {
        let start = encoded.len() - rest.len();
        prost::encoding::decode_key(&mut rest)?;
        let Beginning { position, stream } = Beginning::decode_length_delimited(&mut rest)?;
        heads.push(EventHead { position, stream, span: start..encoded.len() - rest.len() });
    }
    Ok(heads)
}

/// A time of the log as protobuf says it.
pub fn timestamp(micros: Micros) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
    }
}

/// A protobuf time in microseconds, rounded down, so that "up to then" leaves out what came after.
/// Times out of the representable range become its ends.
pub fn micros(time: &prost_types::Timestamp) -> Micros {
    let below_second = i64::from(time.nanos).div_euclid(1_000);
    time.seconds.saturating_mul(1_000_000).saturating_add(below_second)
}

/// The same, rounded up, so that "from then on" leaves out what came before.
pub fn micros_up(time: &prost_types::Timestamp) -> Micros {
    let between = time.nanos.rem_euclid(1_000) != 0;
    micros(time).saturating_add(i64::from(between))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::name::TypeName;

    proptest! {
        #[test]
        fn an_event_decodes_to_what_was_encoded_and_stays_within_its_bound(
            position in 1..u64::MAX,
            revision in 1..u64::MAX,
            recorded_at in 0..i64::MAX / 4,
            payload in prop::collection::vec(any::<u8>(), 0..300),
            tags in prop::collection::vec("[a-z]{1,5}:[a-z]{1,90}", 0..40),
            metadata in prop::collection::btree_map("[a-z]{0,9}", "[a-z ]{0,200}", 0..5),
        ) {
            let stream = StreamName::parse("demo/one").unwrap();
            let event = NewEvent {
                type_url: "example.org/demo.Type".into(),
                type_name: TypeName::parse("demo.Type").unwrap(),
                payload: payload.into(),
                tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
                metadata: BTreeMap::clone(&metadata),
            };
            let recorded_by = "desk";
            let place = Place { position, stream: &stream, revision, recorded_at, recorded_by };
            let mut encoded = Vec::new();
            encode(&place, &event, &mut encoded);
            prop_assert!(encoded.len() <= size_bound(&stream, recorded_by, &event));
            let encoded = Bytes::from(encoded);
            let head = EventHead { position, stream: "demo/one".into(), span: 0..encoded.len() };
            prop_assert_eq!(heads(&encoded).unwrap(), [head]);
            let events = decode_events(encoded).unwrap();
            let [recorded] = events.as_slice() else { panic!("not one event") };
            prop_assert_eq!((recorded.position, recorded.revision), (position, revision));
            prop_assert_eq!(&recorded.payload.as_ref().unwrap().value, &event.payload);
            prop_assert_eq!(&recorded.metadata, &metadata);
            prop_assert_eq!(&recorded.tags, &tags);
            prop_assert_eq!(micros(&recorded.recorded_at.unwrap()), recorded_at);
        }
    }

    #[test]
    fn a_time_between_two_microseconds_is_rounded_in_the_requested_direction() {
        for (nanos, down, up) in
            [(1_000, 1, 1), (1_001, 1, 2), (1_999, 1, 2), (999_999_999, 999_999, 1_000_000)]
        {
            let time = prost_types::Timestamp { seconds: 1, nanos };
            assert_eq!((micros(&time), micros_up(&time)), (1_000_000 + down, 1_000_000 + up));
        }
        let time = prost_types::Timestamp { seconds: -1, nanos: 1 };
        assert_eq!((micros(&time), micros_up(&time)), (-1_000_000, -999_999));
    }
}
