//! What a group's task knows of how far it is.

use std::sync::Arc;

use crate::domain::event::{Micros, Position};

/// A consumer in the status of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// What it calls itself.
    pub name: String,
    /// Since when it takes part.
    pub since: Micros,
    /// Events that it has and has not answered.
    pub unanswered: usize,
    /// So many events more may be delivered to it.
    pub credit: u32,
}

/// What a group's task knows of how far it is.
#[derive(Debug)]
pub(super) struct Counted {
    /// Every event up to here was looked at.
    pub(super) read: Position,
    /// Events that are listed as unfinished, or are to be recorded as parked.
    pub(super) unfinished: usize,
    /// The first of them.
    pub(super) first: Option<Position>,
    /// Everything up to here is finished.
    pub(super) finished: Position,
    /// Streams of which all events after a position are unfinished as well.
    pub(super) behind: Vec<(Arc<str>, Position)>,
    /// Events that have failed and rest.
    pub(super) resting: usize,
    /// Events that are parked.
    pub(super) parked: usize,
    /// The consumers, by name.
    pub(super) consumers: Vec<ConsumerStatus>,
    /// Why nothing is delivered; empty: nothing is in the way.
    pub(super) stalled: String,
}
