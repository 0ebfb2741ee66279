//! The claim that a line names by the id of an earlier line, of which there can be several
//! recordings.

use crate::domain::{event::Position, name::StreamName};

/// A claim that is named by the id of its line.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    /// Where it was recorded first.
    pub(super) own: Position,
    /// Where it was recorded anew.
    pub(super) others: Vec<Position>,
    /// The recording that an event about it is recorded about: one that stands, if one does.
    pub(super) target: Position,
    /// What retracted its own recording; 0: nothing did.
    pub(super) retracted: Position,
    /// Its stream.
    pub(super) stream: StreamName,
}

/// What a line names as its claim.
#[derive(Debug)]
pub(super) enum Named {
    /// Nothing, or an event by its position.
    Nothing,
    /// An earlier line.
    Claim(Claimed),
    /// An earlier line that a dry run did not find in the record.
    NotRecorded,
}

impl Claimed {
    /// Takes other recordings. What is recorded about it is about `stands`, which has its effect,
    /// if that is one of them.
    pub(super) fn choose(&mut self, others: Vec<Position>, stands: Option<Position>) {
        self.others = others;
        if let Some(stands) = stands.filter(|position| self.others.contains(position)) {
            self.target = stands;
        }
    }
}
