//! Every bound of the system, in one place; their relations are checked when it is compiled.
//!
//! An input that exceeds one is refused with an error that names the limit and the value.

/// Bytes of one event as it is stored, payload, tags and metadata together.
pub const EVENT_BYTES: usize = 1 << 20;
/// Bytes of all events of one append.
pub const APPEND_BYTES: usize = 4 << 20;
/// Events in one append.
pub const APPEND_EVENTS: usize = 1_000;
/// Bytes of a stream's name, category included.
pub const STREAM_NAME_BYTES: usize = 256;
/// Bytes of one tag, key included.
pub const TAG_BYTES: usize = 128;
/// Tags that a client may put on one event; those derived from the payload come on top.
pub const TAGS_PER_EVENT: usize = 32;
/// Bytes of an event's metadata, keys and values together.
pub const METADATA_BYTES: usize = 16 << 10;
/// Streams, categories, types and tags in one filter, all items together.
pub const FILTER_TERMS: usize = 64;
/// Bytes of a payload's type name.
pub const TYPE_NAME_BYTES: usize = 256;
/// Parties on one side of a leg, or of one exchange.
pub const PARTIES: usize = 64;
/// Entries of any other list, in a payload (topics, mentions, relays) or in a request (countries).
pub const LIST_ENTRIES: usize = 256;
/// Bytes of an id inside a payload (of an exchange, a source, a detention) and of the slug of a
/// name: each has to fit a tag behind the longest key that is derived from it.
pub const ID_BYTES: usize = TAG_BYTES - "exchange:".len();
/// Bytes of a party's code.
pub const PARTY_BYTES: usize = 64;
/// Bytes of a short text inside a payload: a name, a title, a place.
pub const SHORT_TEXT_BYTES: usize = 1 << 10;
/// Bytes of a long text inside a payload: what was said, a remark, a reason.
pub const LONG_TEXT_BYTES: usize = 16 << 10;
/// Bytes of an address inside a payload.
pub const URL_BYTES: usize = 2 << 10;
/// Bytes of a language tag inside a payload.
pub const LANGUAGE_BYTES: usize = 35;
/// Bytes of a consumer group's name.
pub const GROUP_NAME_BYTES: usize = 64;
/// Consumer groups that a store may have.
pub const GROUPS: usize = 1_000;
/// Consumers that may take part in one group.
pub const GROUP_CONSUMERS: usize = 256;
/// Events that one consumer may have unanswered, and be given on top by its credit, together.
pub const CONSUMER_CREDIT: usize = 10_000;
/// Bytes of what a consumer calls itself.
pub const CONSUMER_NAME_BYTES: usize = 128;
/// Unfinished events that a group keeps track of one by one; at more it reads no further.
pub const GROUP_UNFINISHED: usize = 65_536;
/// Events that a group may have parked; at more it delivers nothing.
pub const GROUP_PARKED: usize = 100_000;
/// Parked events that one request lists.
pub const PARKED_LISTED: usize = 1_000;
/// Parked events that one request puts back.
pub const PARKED_REPLAYED: usize = 10_000;
/// Bytes that one gRPC message to the server may have.
pub const REQUEST_BYTES: usize = 8 << 20;
/// Fields that one message to the server may have, those of its parts included; and the same for
/// the payloads of one append together.
pub const FIELDS: usize = 1 << 18;
/// Messages in one request that stand again where only one is expected. Protobuf merges them, but
/// no library sends them.
pub const MERGES: usize = 64;
/// Bytes that one message to a service of a library (health, reflection) may have.
pub const FOREIGN_REQUEST_BYTES: usize = 64 << 10;
/// Bytes that the headers of a request may have, counted as HTTP/2 does.
pub const HEADER_BYTES: usize = 16 << 10;
/// Bytes of an error on the wire: its message and details, encoded as headers, and what stands
/// beside them. Clients of gRPC's C library refuse more than 8 KiB, and call it a shortage.
pub const ERROR_BYTES: usize = 6 << 10;
/// Bytes of large requests that the server holds at a time, over all calls: of messages that have
/// not come whole, and of those that are not answered yet. What goes beyond is turned away.
pub const HELD_BYTES: usize = 128 << 20;
/// Bytes of events that one message from the server carries at most, unless one event is larger.
/// gRPC clients refuse messages over 4 MiB by default.
pub const PAGE_BYTES: usize = 256 << 10;
/// Bytes of one answer with lists in it, unless its first entry alone is larger. Fewer entries than
/// asked for are then answered.
pub const ANSWER_BYTES: usize = 1 << 20;
/// Bytes of events in one frame of the journal; one append more may come on top.
pub const FRAME_BYTES: usize = 4 << 20;

const _: () = assert!(EVENT_BYTES <= APPEND_BYTES);
const _: () = assert!(APPEND_BYTES < REQUEST_BYTES, "an append at its limit must fit a request");
const _: () = assert!(
    APPEND_EVENTS * (8 * TAGS_PER_EVENT) <= FIELDS,
    "an append with all its tags must fit a request, with room for payloads and metadata"
);
const _: () = assert!(8 * REQUEST_BYTES <= HELD_BYTES, "some of the largest requests at a time");
const _: () = assert!(APPEND_BYTES <= FRAME_BYTES, "an append never spans frames");
const _: () = assert!(PAGE_BYTES + EVENT_BYTES < (4 << 20), "clients must accept every page");
const _: () =
    assert!(ANSWER_BYTES + 2 * EVENT_BYTES < (4 << 20), "clients must accept every answer");
const _: () = assert!("exchange/".len() + ID_BYTES <= STREAM_NAME_BYTES);
const _: () = assert!("claimant:".len() + ID_BYTES <= TAG_BYTES);
const _: () = assert!("statement/".len() + ID_BYTES <= STREAM_NAME_BYTES);
const _: () = assert!("claimant:".len() + PARTY_BYTES <= TAG_BYTES);
const _: () = assert!(METADATA_BYTES + TAGS_PER_EVENT * TAG_BYTES < EVENT_BYTES);
const _: () = assert!("group/".len() + GROUP_NAME_BYTES <= STREAM_NAME_BYTES);
const _: () = assert!(GROUP_UNFINISHED * 12 < EVENT_BYTES, "a checkpoint must fit an event");
