//! Durability: frames, the journal, volumes in sled, and the index. Synchronous.

pub mod files;
pub mod frame;
pub mod journal;
