//! Frames for tests, and random numbers from a seed that is printed.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use bytes::Bytes;
use prost::Message as _;

use crate::{
    domain::{
        event::{Micros, Position, Revision},
        proto,
    },
    log::{
        ends::EVENT_TAG,
        frame::{AppendEntry, Frame, NewFrame, Tip},
    },
};

/// A small generator; a test that fails prints the seed it began with.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// From `SEED`, if the environment has it, else from anywhere.
    pub(crate) fn new() -> Self {
        let given = option_env!("SEED").and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
        println!("SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).unwrap()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }
}

/// What a test says of an event; the rest follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) stream: String,
    pub(crate) revision: Revision,
    pub(crate) type_name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) recorded_at: Micros,
    pub(crate) payload: Vec<u8>,
}

impl Event {
    /// An event with few labels and a payload of `size` bytes.
    pub(crate) fn random(random: &mut Random, size: usize) -> Self {
        let tags = (0..random.below(3)).map(|_| format!("k:{}", random.below(4)));
        let mut tags: Vec<_> = tags.collect();
        tags.sort();
        tags.dedup();
        Self {
            stream: format!("c{}/s{}", random.below(3), random.below(4)),
            revision: 0,
            type_name: format!("test.v1.T{}", random.below(3)),
            tags,
            recorded_at: 0,
            payload: random.bytes(size),
        }
    }

    /// The bytes that are stored for it, tag and length included.
    pub(crate) fn encode(&self, position: Position) -> Vec<u8> {
        let event = proto::RecordedEvent {
            position,
            stream: self.stream.clone(),
            revision: self.revision,
            recorded_at: Some(prost_types::Timestamp {
                seconds: self.recorded_at.div_euclid(1_000_000),
                nanos: i32::try_from(self.recorded_at.rem_euclid(1_000_000) * 1000).unwrap(),
            }),
            payload: Some(proto::Any {
                type_url: format!("{}{}", proto::TYPE_URL_PREFIX, self.type_name),
                value: self.payload.clone().into(),
            }),
            tags: self.tags.clone(),
            ..Default::default()
        };
        let mut bytes = vec![EVENT_TAG];
        event.encode_length_delimited(&mut bytes).unwrap();
        bytes
    }
}

/// Gives events their revisions, as the writer does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revisions(HashMap<String, Revision>);

impl Revisions {
    pub(crate) fn number(&mut self, events: &mut [Event]) {
        for event in events {
            let revision = self.0.entry(event.stream.clone()).or_default();
            *revision += 1;
            event.revision = *revision;
        }
    }
}

/// The frame after `tip` with these events, as one append with a request id of its own.
pub(crate) fn frame(tip: Tip, events: &[Event]) -> Frame {
    new_frame(tip, events).into_durable()
}

/// The same, before it is durable.
pub(crate) fn new_frame(tip: Tip, events: &[Event]) -> NewFrame {
    let first = tip.position + 1;
    let encoded = (first..).zip(events).flat_map(|(position, event)| event.encode(position));
    let entry = entry(first, u32::try_from(events.len()).unwrap());
    NewFrame::encode(tip, vec![entry], &encoded.collect::<Vec<_>>()).unwrap()
}

/// The frame after `tip` with these bytes as its `count` events.
pub(crate) fn raw_frame(tip: Tip, count: u32, events: &[u8]) -> Frame {
    let entry = entry(tip.position + 1, count);
    NewFrame::encode(tip, vec![entry], events).unwrap().into_durable()
}

fn entry(first_position: Position, count: u32) -> AppendEntry {
    let request_id = u128::from(first_position).to_be_bytes();
    AppendEntry { request_id, digest: [7; 16], first_position, count }
}

/// The bytes of each event of a frame.
pub(crate) fn events_of(frame: &Frame) -> impl Iterator<Item = Bytes> {
    let chunk = frame.chunk();
    (chunk.first()..=chunk.last()).map(|position| chunk.event(position))
}
