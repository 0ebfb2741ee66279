//! What an append asks for, once its syntax has been checked.

use std::{collections::BTreeMap, fmt::Arguments, sync::Arc};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::domain::{
    digest,
    filter::Filter,
    identity, limits,
    name::{Category, StreamName, Tag, TypeName},
    violation::{Violations, join},
};

/// Place of an event in the whole log, from 1; 0 means "before the first".
pub type Position = u64;

/// Number of events in a stream up to and including one, from 1; 0 means "no such stream".
pub type Revision = u64;

/// Microseconds since the Unix epoch, as the server's clock showed them.
pub type Micros = i64;

/// Which way a read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Rising positions.
    Forwards,
    /// Falling positions.
    Backwards,
}

/// A client's UUID for one append.
pub type RequestId = [u8; 16];

/// The first 16 bytes of the SHA-256 of an append's content; see [`Append::digest`].
pub type Digest = [u8; 16];

/// An append that was acknowledged before, as its request id recalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Digest of its content.
    pub digest: Digest,
    /// Position of its first event.
    pub first_position: Position,
    /// Number of its events.
    pub count: u32,
}

/// Events to be appended atomically.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// Makes the append safe to repeat; absent: it is not.
    pub request_id: Option<RequestId>,
    /// The events, by stream; no stream is named twice.
    pub writes: Vec<Write>,
    /// A condition on the whole log.
    pub condition: Option<Condition>,
    /// The identity that records it; absent: the one that the server is configured with. It is no
    /// part of the content that the request id stands for.
    pub recorded_by: Option<Arc<str>>,
}

/// Events for one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The stream.
    pub stream: StreamName,
    /// How many events it must hold beforehand; absent: any number.
    pub expected_revision: Option<Revision>,
    /// The events, in order; never empty.
    pub events: Vec<NewEvent>,
}

/// An event that has no place in the log yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The type url as the client wrote it; stored as it came.
    pub type_url: String,
    /// The full name of the payload's message.
    pub type_name: TypeName,
    /// The encoded payload; stored as it came.
    pub payload: Bytes,
    /// Labels: the client's own, and later those that follow from the payload.
    pub tags: Vec<Tag>,
    /// What accompanies the event.
    pub metadata: BTreeMap<String, String>,
}

impl NewEvent {
    /// Bytes of its metadata, keys and values together.
    pub fn metadata_bytes(&self) -> usize {
        self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// Notes below `path` which of a client's own tags hide something.
    pub fn check_tags(&self, path: Arguments<'_>, violations: &mut Violations) {
        for (index, tag) in self.tags.iter().enumerate() {
            if let Some(problem) = identity::hidden(tag.as_str()) {
                violations.add(join(&path.to_string(), &format!("tags[{index}]")), problem);
            }
        }
    }

    /// Notes below `path` what is more than an event may bring beside its payload. The tags must
    /// still be the client's own.
    pub fn check_limits(&self, path: Arguments<'_>, violations: &mut Violations) {
        if self.tags.len() > limits::TAGS_PER_EVENT {
            let field = join(&path.to_string(), "tags");
            violations.exceeds(field, "tags", self.tags.len(), limits::TAGS_PER_EVENT);
        }
        let metadata = self.metadata_bytes();
        if metadata > limits::METADATA_BYTES {
            violations.exceeds(
                format!("{path}.metadata"),
                "bytes",
                metadata,
                limits::METADATA_BYTES,
            );
        }
    }
}

/// Fails an append if an event matches that its author had not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The events that must not be there.
    pub filter: Filter,
    /// Events up to here do not count.
    pub after_position: Position,
}

impl Append {
    /// Digest of everything but the request id: two appends with one digest ask for the same.
    ///
    /// Every text and byte string is preceded by its length, every list by its count, so that no
    /// two contents run together; maps are sorted. `docs/FORMAT.md` has the exact order.
    pub fn digest(&self) -> Digest {
        let mut hash = Hasher(Sha256::new());
        hash.count(self.writes.len());
        for write in &self.writes {
            hash.bytes(write.stream.as_str().as_bytes());
            hash.optional(write.expected_revision);
            hash.count(write.events.len());
            for event in &write.events {
                hash.bytes(event.type_url.as_bytes());
                hash.bytes(&event.payload);
                hash.texts(event.tags.iter().map(Tag::as_str));
                hash.count(event.metadata.len());
                for (key, value) in &event.metadata {
                    hash.bytes(key.as_bytes());
                    hash.bytes(value.as_bytes());
                }
            }
        }
        hash.optional(self.condition.as_ref().map(|condition| condition.after_position));
        for item in self.condition.iter().flat_map(|condition| condition.filter.items()) {
            hash.texts(item.streams.iter().map(StreamName::as_str));
            hash.texts(item.categories.iter().map(Category::as_str));
            hash.texts(item.types.iter().map(TypeName::as_str));
            hash.texts(item.tags.iter().map(Tag::as_str));
        }
        hash.finish()
    }

    /// All events with the stream they are for, in the order of their positions.
    pub fn events(&self) -> impl Iterator<Item = (&StreamName, &NewEvent)> {
        self.writes.iter().flat_map(|write| write.events.iter().map(|event| (&write.stream, event)))
    }
}

struct Hasher(Sha256);

impl Hasher {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn texts<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.count(texts.len());
        texts.for_each(|text| self.bytes(text.as_bytes()));
    }

    fn optional(&mut self, number: Option<u64>) {
        self.0.update([u8::from(number.is_some())]);
        self.0.update(number.unwrap_or_default().to_be_bytes());
    }

    fn finish(self) -> Digest {
        digest::shortened(self.0)
    }
}
