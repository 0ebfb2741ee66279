//! Durability: frames, the journal, volumes in sled, and the index. Synchronous.

pub mod frame;
pub mod journal;
