//! What follows the journal, and what the threads of the feeder report.

use std::{fmt, path::Path};

use crate::{
    domain::event::Position,
    log::{error::LogError, volume::VolumeError},
};

/// What follows the journal, each on a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follower {
    /// Takes frames to the index.
    Index,
    /// Writes, merges and repairs the files of the index.
    IndexFiles,
    /// Builds and seals volumes.
    Volumes,
    /// Reads sealed volumes through.
    Scrub,
}

impl Follower {
    /// What it means that a step of it failed.
    pub(super) fn trouble(self) -> &'static str {
        match self {
            Self::Index => "the index cannot follow the log",
            Self::IndexFiles => "a file of the index could not be made",
            Self::Volumes => "a volume could not be built",
            Self::Scrub => "a sealed volume could not be checked",
        }
    }
}

/// Called with a follower that failed, and why.
type OnFault = Box<dyn Fn(Follower, &LogError) + Send + Sync>;

/// What the feeder reports, from its own threads. None of these may wait for the log.
pub struct Hooks {
    /// Everything up to this position is indexed.
    pub on_indexed: Box<dyn Fn(Position) + Send + Sync>,
    /// Everything up to this position is in sealed volumes.
    pub on_sealed: Box<dyn Fn(Position) + Send + Sync>,
    /// A follower failed; it tries again. It has logged the error.
    pub on_fault: OnFault,
    /// A follower has done what may have failed before.
    pub on_done: Box<dyn Fn(Follower) + Send + Sync>,
    /// A sealed volume is damaged: called once for each, by the thread that met it. Everything else
    /// goes on.
    pub on_damage: Box<dyn Fn(&VolumeError) + Send + Sync>,
    /// Runs on the folder of a volume between its last write and its read-back. It is for tests
    /// that break the volume there.
    pub before_read_back: Box<dyn Fn(&Path) + Send + Sync>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            on_indexed: Box::new(|_| ()),
            on_sealed: Box::new(|_| ()),
            on_fault: Box::new(|_, _| ()),
            on_done: Box::new(|_| ()),
            on_damage: Box::new(|_| ()),
            before_read_back: Box::new(|_| ()),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
