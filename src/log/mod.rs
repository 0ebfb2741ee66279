//! Durability: frames, the journal, volumes in sled, and the index. Synchronous.

pub mod files;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod frame;
pub mod journal;
pub mod run;
pub mod volume;
