//! Translation: the only layer that says tonic. RPC bodies convert, call, convert.

pub mod access;
mod answers;
mod around;
mod backup;
mod budget;
mod calls;
mod claimed;
mod claims;
pub mod client;
mod client_error;
pub mod codec;
mod concerns;
mod connection;
mod connections;
mod consumer_groups;
mod convert;
mod counted;
mod counts;
mod deadline;
mod empty_frames;
mod error_bounds;
mod error_info;
mod event_store;
mod exchanges;
pub(crate) mod file_access;
mod foreign;
mod frames;
mod gathering;
mod goaway;
pub mod health;
mod heartbeat;
mod history;
#[cfg(feature = "object-store")]
pub(crate) mod https;
mod idle;
mod incoming;
mod intake;
mod listed;
mod log_bound;
pub mod observer;
mod origin;
mod outbound;
mod page;
mod paged;
pub(crate) mod passthrough;
pub mod peer_stream;
pub mod peers;
mod pipelined;
mod projections;
pub mod protection;
mod record;
pub mod reloads;
mod remote_parent;
mod request;
mod resets;
pub mod serve;
mod server_status;
mod service;
mod shares;
mod sources;
mod statements;
mod status;
pub mod tls;
mod transfers;
mod unread;
mod verification;
pub mod web;

pub(crate) use self::calls::code_number;
#[cfg(feature = "object-store")]
pub(crate) use self::client_error::causes;

/// A module of generated code, which has no comments and keeps no lints of ours.
#[doc(hidden)]
#[macro_export]
macro_rules! generated {
    ($(#[$doc:meta])* mod $name:ident = $path:literal;) => {
        $(#[$doc])*
        #[allow(
            missing_docs,
            unreachable_pub,
            unused_qualifications,
            clippy::all,
            clippy::pedantic,
            clippy::allow_attributes_without_reason,
            reason = "generated code"
        )]
        mod $name {
            include!(concat!(env!("OUT_DIR"), $path));
        }
    };
}

generated! {
    /// Generated clients, over the plain messages.
    mod client_stubs = "/client/handover.v1.rs";
}

generated! {
    /// Generated servers; read and subscribe answer with stored bytes.
    mod server_stubs = "/server/handover.v1.rs";
}
