//! Durability: frames, the journal, volumes in sled, and the index. Synchronous.

mod checked_text;
pub mod error;
pub mod files;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod frame;
pub mod index;
pub mod journal;
mod labels;
pub mod manifest;
mod postings;
pub mod run;
pub mod store;
pub mod tail;
pub mod volume;
pub mod volumes;
