//! Translation: the only layer that says tonic. RPC bodies convert, call, convert.

pub mod client;
mod client_error;

/// Generated clients, over the plain messages.
mod client_stubs {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        reason = "generated code"
    )]
    include!(concat!(env!("OUT_DIR"), "/client/handover.v1.rs"));
}
