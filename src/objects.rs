//! Backups in object storage: a target behind the seam of `log::backup`, over the `object_store`
//! library.
//!
//! ```text
//!   log::backup --> target --> claims, fetched, upload --> prefix --> object_store
//!                                                                         |
//!                     address (which store, credentials)               http --> grpc::https
//! ```
//!
//! The seam blocks and the library does not: [`prefix`] has a small runtime of its own. No object
//! is renamed or copied, and no order of a listing counts. The library is built without an HTTP
//! client, so that the program has one provider of cryptography; [`http`] brings ours.

mod address;
mod claims;
mod failure;
mod fetched;
mod http;
mod prefix;
mod target;
mod upload;

pub use self::target::ObjectTarget;

#[cfg(test)]
mod tests;
