//! What an append is answered with.

use std::collections::BTreeMap;

use crate::domain::event::{Position, Revision};

/// An append that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of its first event.
    pub first_position: Position,
    /// Position of its last event.
    pub last_position: Position,
    /// The revision of each of its streams after it.
    pub revisions: BTreeMap<String, Revision>,
    /// It had been acknowledged before; nothing was appended now.
    pub duplicate: bool,
    /// Of a duplicate: its events that have no effect any more.
    pub undone: Vec<Undone>,
}

/// What takes the effect of an event away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoing {
    /// A retraction of the event, or of the claim that it is about.
    Retracted,
    /// A correction: the claim reads otherwise.
    Corrected,
    /// A later preference for the same leg or figure.
    Replaced,
    /// The deletion of the group.
    Deleted,
    /// A later creation of a group of the same name.
    Created,
    /// Parking of an event that was put back.
    Parked,
}

/// An event that has no effect any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The event.
    pub position: Position,
    /// The event that took its effect away.
    pub by: Position,
    /// In which way.
    pub how: Undoing,
}
