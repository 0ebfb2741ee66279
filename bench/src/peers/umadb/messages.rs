//! The messages of UmaDB's interface `umadb.v1.DCB` that the bench exchanges. Numbers and types of
//! fields are its; what the bench leaves out is skipped when an answer is decoded.

use bytes::Bytes;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) tags: Vec<String>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) data: Bytes,
    #[prost(string, tag = "4")]
    pub(super) uuid: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SequencedEvent {
    #[prost(uint64, tag = "1")]
    pub(super) position: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) event: Option<Event>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct QueryItem {
    #[prost(string, repeated, tag = "1")]
    pub(super) types: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) tags: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Query {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<QueryItem>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AppendCondition {
    #[prost(message, optional, tag = "1")]
    pub(super) fail_if_events_match: Option<Query>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) after: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AppendRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) events: Vec<Event>,
    #[prost(message, optional, tag = "2")]
    pub(super) condition: Option<AppendCondition>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct AppendResponse {
    #[prost(uint64, tag = "1")]
    pub(super) position: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) query: Option<Query>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) start: Option<u64>,
}

/// The answer to a read, and to a subscription, which has the same events and no head.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) events: Vec<SequencedEvent>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) head: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SubscribeRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) query: Option<Query>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) after: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct HeadRequest {}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct HeadResponse {
    #[prost(uint64, optional, tag = "1")]
    pub(super) position: Option<u64>,
}
