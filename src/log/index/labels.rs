//! What the index needs of a stored event; the payload is skipped, and nothing is copied.

use bytes::Bytes;
use prost::Message as _;

use crate::domain::event::{Micros, Position, Revision};

/// An event that cannot be indexed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} cannot be indexed: {what}")]
pub struct Unindexable {
    /// Where it is.
    pub position: Position,
    /// Why not.
    pub what: String,
}

/// A part of `RecordedEvent`: the same field numbers, the others are skipped. Texts are taken as
/// bytes, which are a piece of the event's.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::log) struct Labels {
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) stream: Bytes,
    #[prost(uint64, tag = "3")]
    pub(super) revision: Revision,
    #[prost(message, optional, tag = "4")]
    recorded_at: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "5")]
    payload: Option<TypeUrl>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub(super) tags: Vec<Bytes>,
}

/// A part of `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct TypeUrl {
    #[prost(bytes = "bytes", tag = "1")]
    type_url: Bytes,
}

/// `ReadResponse` with one event: what an event is stored as, its tag and length included.
#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    #[prost(message, optional, tag = "1")]
    event: Option<Labels>,
}

impl Labels {
    /// Reads the event that is stored at `position`.
    pub(in crate::log) fn decode(position: Position, event: &Bytes) -> Result<Self, Unindexable> {
        let failed = |what: String| Unindexable { position, what };
        let stored = Stored::decode(event.clone()).map_err(|error| failed(error.to_string()))?;
        let labels = stored.event.ok_or_else(|| failed("it is empty".to_owned()))?;
        if labels.position != position {
            return Err(failed(format!("it says that its position is {}", labels.position)));
        }
        Ok(labels)
    }

    pub(super) fn category(&self) -> &[u8] {
        let slash = self.stream.iter().position(|byte| *byte == b'/');
        slash.and_then(|slash| self.stream.get(..slash)).unwrap_or_default()
    }

    /// The name of the payload's type with the prefix that it is stored with.
    pub(super) fn type_url(&self) -> &[u8] {
        self.payload.as_ref().map_or(&[][..], |payload| &payload.type_url)
    }

    pub(super) fn type_name(&self) -> &[u8] {
        self.type_url().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// Microseconds since the epoch.
    pub(in crate::log) fn recorded_at(&self) -> Micros {
        let time = self.recorded_at.unwrap_or_default();
        time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos / 1000))
    }
}
