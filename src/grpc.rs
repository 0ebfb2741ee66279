//! Translation: the only layer that says tonic. RPC bodies convert, call, convert.

mod answers;
mod budget;
mod claimed;
mod claims;
pub mod client;
mod client_error;
pub mod codec;
mod connection;
mod consumer_groups;
mod convert;
mod counts;
mod deadline;
mod error_bounds;
mod error_info;
mod event_store;
mod exchanges;
mod goaway;
mod heartbeat;
mod incoming;
mod intake;
mod listed;
mod outbound;
mod page;
mod paged;
pub(crate) mod passthrough;
mod pipelined;
mod projections;
mod record;
mod request;
pub mod serve;
mod sources;
mod statements;
mod status;
mod transfers;
pub mod web;

/// Generated clients, over the plain messages.
mod client_stubs {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    include!(concat!(env!("OUT_DIR"), "/client/handover.v1.rs"));
}

/// Generated servers; read and subscribe answer with stored bytes.
mod server_stubs {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    include!(concat!(env!("OUT_DIR"), "/server/handover.v1.rs"));
}
