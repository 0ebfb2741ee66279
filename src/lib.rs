//! handover keeps the public record of prisoner exchanges: attributed, immutable events in an
//! append-only log, and figures that are projections of them.
//!
//! # Layers
//!
//! ```text
//! cli  config  metrics  objects  server  ...      assembly: the only code that knows everything
//! client                            retries: what is tried again, resumed, decided again
//! grpc                              translation: the only code that says tonic
//! engine                            concurrency: the lowest layer that says tokio
//! projections                       read models: pure apply, and queries over their state
//! log                               durability: the only code that says sled; synchronous
//! domain                            meaning: pure, no I/O, no clock
//! ```
//!
//! Each uses only those below it; `tests/it/tidy.rs` keeps it so.
//!
//! # How an append travels
//!
//! `grpc` converts the request into a [`domain::event::Append`]. `engine` validates payloads,
//! resolves revisions and conditions against the index, and queues it for the writer: one thread
//! that decides ([`domain::append`]), encodes, and hands a frame to the journal in [`log`]. When
//! the frame is durable the head moves, the caller is answered, and readers, subscribers and
//! projections see the events.
//!
//! Read the modules in the order below.

#[macro_use]
mod planted;

pub mod domain;

pub mod log;

pub mod projections;

pub mod engine;

pub mod grpc;

pub mod client;

pub mod cli;
pub mod config;
pub mod descriptors;
mod metrics;
#[cfg(feature = "object-store")]
pub mod objects;
pub mod server;
pub mod telemetry;

#[cfg(test)]
mod fuzz;
