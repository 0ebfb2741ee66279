//! What is appended: each event follows from a number, so that nothing has to be remembered.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use handover::domain::proto::{Any, AppendRequest, AppendResponse, NewEvent, StreamWrite};
use rand::{RngCore as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;
use uuid::Uuid;

use super::{
    acknowledged::{Acknowledged, Entry},
    shares::{self, Share},
};

/// Bytes of a payload: the run and the event's number, then random ones.
pub(super) const PAYLOAD_BYTES: usize = 256;
/// A type that no server knows.
const TYPE_URL: &str = "type.googleapis.com/bench.v1.Payload";
/// Category of all streams that the bench appends to.
pub(super) const CATEGORY: &str = "bench";

/// Distinguishes the events of one run from those of others and from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Drawn for each server that is measured, so that no id is ever used again.
    run: u64,
    /// Payloads follow from it.
    seed: u64,
}

/// How events are spread over streams and tags; all follows from their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// So many streams, one after the other; 1 is a hot stream.
    Streams(u64),
    /// Streams and tags that hold some share of all events each.
    Shares,
}

/// Consecutive events that one request appends to one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Number of the first event.
    pub(super) first: u64,
    /// How many events.
    pub(super) count: u32,
    /// The stream.
    pub(super) stream: u64,
    layout: Layout,
}

/// Makes the events for one server, and notes what is acknowledged if it is to be checked.
#[derive(Debug)]
pub(super) struct EventGenerator {
    identity: Identity,
    next: AtomicU64,
    acknowledged: AtomicU64,
    noted: Option<Acknowledged>,
}

impl Identity {
    pub(super) fn new(seed: u64) -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self { run: high ^ low, seed }
    }

    /// The payload of an event.
    pub(super) fn payload(&self, number: u64) -> Bytes {
        let mut bytes = BytesMut::zeroed(PAYLOAD_BYTES);
        let (mut head, random) = bytes.split_at_mut(16);
        head.put_u64(self.run);
        head.put_u64(number);
        Xoshiro256PlusPlus::seed_from_u64(self.seed ^ number.rotate_left(32)).fill_bytes(random);
        bytes.freeze()
    }

    /// The number of the event with this payload; `None`: it is not of this run.
    pub(super) fn number(&self, payload: &[u8]) -> Option<u64> {
        let (run, rest) = payload.split_first_chunk()?;
        let (number, _) = rest.split_first_chunk()?;
        (u64::from_be_bytes(*run) == self.run).then(|| u64::from_be_bytes(*number))
    }

    /// Name of a stream of this run.
    pub(super) fn stream(&self, index: u64) -> String {
        format!("{CATEGORY}/{:08x}-{index}", self.run & 0xFFFF_FFFF)
    }

    /// The label of the events that are one in `selectivity`.
    pub(super) fn tag(&self, selectivity: u64) -> String {
        format!("one-in:{selectivity}-{:08x}", self.run & 0xFFFF_FFFF)
    }
}

impl Layout {
    fn stream(self, number: u64) -> u64 {
        match self {
            Self::Streams(streams) => number % streams,
            Self::Shares => shares::stream(number),
        }
    }
}

impl EventGenerator {
    /// Numbers from 0. What is acknowledged is kept in `noted`, if given.
    pub(super) fn new(identity: Identity, noted: Option<Acknowledged>) -> Self {
        let (next, acknowledged) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { identity, next, acknowledged, noted }
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Events that were drawn; their numbers are below it.
    pub(super) fn drawn(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Events that were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub(super) fn noted(&self) -> Option<&Acknowledged> {
        self.noted.as_ref()
    }

    /// The next events, for the stream that the first of them belongs to.
    pub(super) fn draw(&self, layout: Layout, count: u32) -> Batch {
        let first = self.next.fetch_add(u64::from(count), Ordering::Relaxed);
        let stream = layout.stream(first / u64::from(count));
        Batch { first, count, stream, layout }
    }

    /// The next events, for a stream that the caller chooses.
    pub(super) fn draw_for(&self, stream: u64, count: u32) -> Batch {
        Batch { stream, ..self.draw(Layout::Streams(1), count) }
    }

    /// The request that appends a batch; the same one each time.
    pub(super) fn request(&self, batch: &Batch) -> AppendRequest {
        let numbers = batch.first..batch.first + u64::from(batch.count);
        let events = numbers.map(|number| self.event(number, batch.layout)).collect();
        let stream = self.identity.stream(batch.stream);
        AppendRequest {
            request_id: Uuid::from_u64_pair(self.identity.run, batch.first).to_string(),
            writes: vec![StreamWrite { stream, expected_revision: None, events }],
            ..AppendRequest::default()
        }
    }

    fn event(&self, number: u64, layout: Layout) -> NewEvent {
        let tagged = match layout {
            Layout::Streams(_) => None,
            Layout::Shares => shares::of(number, Share::Tag),
        };
        let value = self.identity.payload(number);
        NewEvent {
            payload: Some(Any { type_url: TYPE_URL.to_owned(), value }),
            tags: tagged.map(|selectivity| self.identity.tag(selectivity)).into_iter().collect(),
            metadata: BTreeMap::new(),
        }
    }

    /// Notes the server's answer for a batch; `lane` is its connection.
    pub(super) fn note(&self, lane: usize, batch: &Batch, response: &AppendResponse) {
        self.acknowledged.fetch_add(u64::from(batch.count), Ordering::Relaxed);
        if let Some(noted) = &self.noted {
            let last_revision = response.revisions.values().next().copied().unwrap_or_default();
            let (first, count, stream) = (batch.first, batch.count, batch.stream);
            let first_position = response.first_position;
            noted.note(lane, Entry { first, first_position, last_revision, stream, count });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_follows_from_its_number_and_holds_it() {
        let (one, other) = (Identity { run: 1, seed: 7 }, Identity { run: 2, seed: 7 });
        let payload = one.payload(42);
        assert_eq!((payload.len(), &payload), (PAYLOAD_BYTES, &one.payload(42)));
        assert_eq!((one.number(&payload), other.number(&payload)), (Some(42), None));
        assert_ne!(payload.slice(16..), one.payload(43).slice(16..));
        assert_ne!(payload.slice(16..), Identity { run: 1, seed: 8 }.payload(42).slice(16..));
    }

    #[test]
    fn a_request_is_the_same_whenever_it_is_made_and_its_id_is_its_own() {
        let source = EventGenerator::new(Identity { run: 1, seed: 7 }, None);
        let batches = [source.draw(Layout::Streams(3), 2), source.draw(Layout::Streams(3), 2)];
        let [first, second] = batches.map(|batch| source.request(&batch));
        assert_eq!(first, source.request(&batches[0]));
        assert_ne!(first.request_id, second.request_id);
        assert_ne!(first.writes[0].stream, second.writes[0].stream);
        assert_eq!(source.drawn(), 4);
    }
}
