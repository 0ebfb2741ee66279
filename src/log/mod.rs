//! Durability: frames, the journal, volumes in sled, and the index. Synchronous.

#[cfg(test)]
pub(crate) mod contract;
pub mod file_journal;
pub mod files;
pub mod frame;
pub mod journal;
#[cfg(test)]
pub(crate) mod memory_journal;
#[cfg(test)]
pub(crate) mod recorder;
