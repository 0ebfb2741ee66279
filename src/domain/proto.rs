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

use bytes::Bytes;

include!(concat!(env!("OUT_DIR"), "/handover.v1.rs"));

/// The encoded `FileDescriptorSet` of all protos, for reflection and JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What type urls begin with when this crate writes them.
pub const TYPE_URL_PREFIX: &str = "type.googleapis.com/";

/// `google.protobuf.Any` whose value is shared instead of copied.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Any {
    /// An address whose part after the last slash is the full name of the message.
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
