//! Answers that carry stored bytes as they are: nothing is decoded, nothing encoded again.
//!
//! Encoded events are the wire encoding of `repeated RecordedEvent events = 1`, and protobuf
//! messages may be concatenated, so a run is a `ReadResponse` as it stands; the rest of it is
//! appended. In a subscription they become an `EventBatch` by one tag and length before it.
//! These types stand in for the generated ones on the server's side only.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{self, DecodeContext, WireType},
};

use crate::domain::proto;

/// Field number of `SubscribeResponse.events`.
const EVENTS: u32 = 1;
/// Field number of `SubscribeResponse.store`.
const STORE: u32 = 6;

/// A message that begins with a run of events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WithRun<M> {
    /// Encoded events.
    pub(crate) encoded: Bytes,
    /// Everything else, as generated; it has no events.
    pub(crate) rest: M,
}

/// A `ReadResponse` made of stored bytes.
pub(crate) type ReadFrame = WithRun<proto::ReadResponse>;

/// A `ConsumeResponse` with its events as stored bytes.
pub(crate) type ConsumeFrame = WithRun<proto::ConsumeResponse>;

impl<M: Message + Default> Message for WithRun<M> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.encoded);
        self.rest.encode_raw(buf);
    }

    fn encoded_len(&self) -> usize {
        self.encoded.len() + self.rest.encoded_len()
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        encoding::skip_field(wire_type, tag, buf, context)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A `SubscribeResponse` with its events as stored bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SubscribeFrame {
    /// Encoded events, and the name of the store; empty: the frame has none.
    Events(Bytes, String),
    /// Any other frame, as generated.
    Mark(proto::SubscribeResponse),
}

impl Default for SubscribeFrame {
    fn default() -> Self {
        Self::Mark(proto::SubscribeResponse::default())
    }
}

impl Message for SubscribeFrame {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        match self {
            Self::Events(encoded, store) => {
                encoding::encode_key(EVENTS, WireType::LengthDelimited, buf);
                encoding::encode_varint(encoded.len() as u64, buf);
                buf.put_slice(encoded);
                if !store.is_empty() {
                    encoding::string::encode(STORE, store, buf);
                }
            }
            Self::Mark(mark) => mark.encode_raw(buf),
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Events(encoded, store) => {
                let length = encoding::encoded_len_varint(encoded.len() as u64);
                let events = encoding::key_len(EVENTS) + length + encoded.len();
                let named = !store.is_empty();
                events + if named { encoding::string::encoded_len(STORE, store) } else { 0 }
            }
            Self::Mark(mark) => mark.encoded_len(),
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        encoding::skip_field(wire_type, tag, buf, context)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::{
        CaughtUp, ConsumeResponse, EventBatch, ReadResponse, RecordedEvent, SubscribeResponse,
        subscribe_response::Frame,
    };

    fn events() -> Vec<RecordedEvent> {
        let event = |position| RecordedEvent { position, revision: 7, ..Default::default() };
        vec![event(1), event(300)]
    }

    fn run() -> Bytes {
        EventBatch { events: events() }.encode_to_vec().into()
    }

    #[test]
    fn a_run_with_its_position_is_a_read_response() {
        for (position, heartbeat) in [(0, false), (300, false), (300, true)] {
            let store = if heartbeat { String::new() } else { "a".to_owned() };
            let rest = ReadResponse { events: Vec::new(), position, heartbeat, store };
            let bytes = ReadFrame { encoded: run(), rest: rest.clone() }.encode_to_vec();
            assert_eq!(bytes, ReadResponse { events: events(), ..rest }.encode_to_vec());
        }
    }

    #[test]
    fn encoded_events_with_their_deliveries_are_what_a_consumer_is_sent() {
        let rest = ConsumeResponse {
            first_delivery: 4,
            attempts: vec![0, 2],
            withdrawn: vec![3],
            events: Vec::new(),
            heartbeat: true,
            store: "a".to_owned(),
        };
        let bytes = ConsumeFrame { encoded: run(), rest: rest.clone() }.encode_to_vec();
        assert_eq!(bytes, ConsumeResponse { events: events(), ..rest }.encode_to_vec());
    }

    #[test]
    fn a_run_is_a_batch_of_a_subscription() {
        for store in ["", "a"].map(str::to_owned) {
            let frame = SubscribeFrame::Events(run(), store.clone());
            let bytes = frame.encode_to_vec();
            assert_eq!(bytes.len(), frame.encoded_len());
            let frame = Some(Frame::Events(EventBatch { events: events() }));
            let response = SubscribeResponse { frame, heartbeat: false, store };
            assert_eq!(bytes, response.encode_to_vec());
        }
    }

    #[test]
    fn other_frames_of_a_subscription_are_encoded_as_generated() {
        let frame = Some(Frame::CaughtUp(CaughtUp { position: 9, recorded_at: None }));
        let response = SubscribeResponse { frame, heartbeat: false, store: "a".to_owned() };
        let bytes = SubscribeFrame::Mark(response.clone()).encode_to_vec();
        assert_eq!(bytes, response.encode_to_vec());
    }
}
