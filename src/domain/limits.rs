//! Every bound of the system, in one place; their relations are checked when it is compiled.
//!
//! An input that exceeds one is refused with an error that names the limit and the value. The last
//! three shape what the server itself writes.
//!
//! `docs/LIMITS.md` is made of the comments and values in this file (`tests/it/golden/limits.rs`).

/// Bytes of one event as the server stores it: payload, tags and metadata together.
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
/// Streams, categories, types and tags of one filter, all items together.
pub const FILTER_TERMS: usize = 64;
/// Bytes of a payload's type name.
pub const TYPE_NAME_BYTES: usize = 256;
/// Parties on one side of a leg, or of one exchange.
pub const PARTIES: usize = 64;
/// Entries of any other list, in a payload (topics, mentions, relays) or in a request (countries).
pub const LIST_ENTRIES: usize = 256;
/// Bytes of an id inside a payload (of an exchange, a source, a detention) and of the slug of a
/// name. Each has to fit a tag behind the longest key that the server derives from it.
pub const ID_BYTES: usize = TAG_BYTES - "exchange:".len();
/// Bytes of a party's code.
pub const PARTY_BYTES: usize = 64;
/// Bytes of a short text inside a payload: a name, a title, a place.
pub const SHORT_TEXT_BYTES: usize = 1 << 10;
/// Bytes of a long text inside a payload (a statement, a note, a reason), and of any text of a
/// request.
pub const LONG_TEXT_BYTES: usize = 16 << 10;
/// Bytes of an address inside a payload.
pub const URL_BYTES: usize = 2 << 10;
/// Bytes of a language tag inside a payload.
pub const LANGUAGE_BYTES: usize = 35;
/// Bytes of a consumer group's name.
pub const GROUP_NAME_BYTES: usize = 64;
/// Consumer groups that a store may have.
pub const GROUPS: usize = 1_000;
/// Restores that led to what a store holds, one of another: each is a history that clients may
/// name.
pub const RESTORES_PER_STORE: usize = 256;
/// Consumers that take part in one group at a time.
pub const GROUP_CONSUMERS: usize = 256;
/// Unanswered events and credit of one consumer together.
pub const CONSUMER_CREDIT: usize = 10_000;
/// Bytes of the name that a consumer gives itself.
pub const CONSUMER_NAME_BYTES: usize = 128;
/// Unfinished events that a group lists one by one. At this number the group reads no further.
pub const GROUP_UNFINISHED: usize = 65_536;
/// Events that a group has parked. At this number the group delivers nothing.
pub const GROUP_PARKED: usize = 100_000;
/// Parked events that one request lists.
pub const PARKED_LISTED: usize = 1_000;
/// Parked events that one request puts back.
pub const PARKED_REPLAYED: usize = 10_000;
/// Bytes of one gRPC message to the server, as it is without compression.
pub const REQUEST_BYTES: usize = 8 << 20;
/// Fields of one message to the server in all its parts, known to the server or not. The payloads
/// of one append together have the same limit.
pub const FIELDS: usize = 1 << 18;
/// Messages of one request that stand again where the protocol expects one. Protobuf merges them,
/// but no library sends them.
pub const MERGES: usize = 64;
/// Bytes of one message to a service of a library (health, reflection).
pub const FOREIGN_REQUEST_BYTES: usize = 64 << 10;
/// Bytes of the headers of a request, counted as HTTP/2 does.
pub const HEADER_BYTES: usize = 16 << 10;
/// Bytes of an error on the wire: its message and details, encoded as headers, and what stands
/// beside them. Clients of gRPC's C library refuse more than 8 KiB and report `RESOURCE_EXHAUSTED`.
pub const ERROR_BYTES: usize = 6 << 10;
/// Bytes of large requests that the server holds at a time, over all calls: of messages that are
/// not whole, and of whole ones until they are answered. The server refuses what goes beyond.
pub const HELD_BYTES: usize = 128 << 20;
/// Bytes of events in one message from the server, unless one event is larger. gRPC clients refuse
/// messages over 4 MiB by default.
pub const PAGE_BYTES: usize = 256 << 10;
/// Bytes of one answer with lists in it, unless its first entry alone is larger. Such an answer has
/// fewer entries than the request allows, and a token to go on with.
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
