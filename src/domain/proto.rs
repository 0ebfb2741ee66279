//! The generated messages of `handover.v1`, and the bytes they travel in.
//!
//! Everything above may use them; services are generated apart, in `grpc`.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::large_enum_variant,
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    reason = "generated code; the protos carry the comments"
)]

use std::sync::LazyLock;

use bytes::Bytes;
use prost_reflect::{DescriptorPool, MessageDescriptor};

include!(concat!(env!("OUT_DIR"), "/handover.v1.rs"));

/// The encoded `FileDescriptorSet` of all protos, for reflection and JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The package of the record's own language.
pub const PACKAGE: &str = "handover.v1.";

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS)
        .expect("build.rs compiled the descriptors together with the messages")
});

/// The descriptions of all our messages and enums.
pub fn descriptions() -> &'static DescriptorPool {
    &POOL
}

/// The description of one of our messages.
pub fn describe(name: &str) -> Option<MessageDescriptor> {
    name.starts_with(PACKAGE).then(|| POOL.get_message_by_name(name)).flatten()
}

/// What type urls begin with when this crate writes them.
pub const TYPE_URL_PREFIX: &str = "type.googleapis.com/";

/// `google.protobuf.Any` with a value that is shared instead of copied.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Any {
    /// An address; its part after the last slash is the full name of the message.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The encoded message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

impl Any {
    /// Packs a message under its full name.
    pub fn pack<M: prost::Message + prost::Name>(message: &M) -> Self {
        Self {
            type_url: format!("{TYPE_URL_PREFIX}{}", M::full_name()),
            value: message.encode_to_vec().into(),
        }
    }

    /// The full name of the message: the part of the type url after the last slash.
    pub fn type_name(&self) -> &str {
        self.type_url.rsplit('/').next().unwrap_or_default()
    }
}
