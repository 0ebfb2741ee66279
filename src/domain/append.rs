//! The decision whether an append is accepted. Pure: everything it needs is handed to it.
//!
//! The caller's task looks up revisions, conditions and request ids in the index, as of some
//! position. The writer, which never touches the disk, calls [`decide`] with that and with the
//! [`Window`] of what came after.

use std::collections::BTreeMap;

use crate::domain::{
    event::{Append, Digest, Position, Remembered, Revision},
    filter::Filter,
    window::Window,
};

/// What the index said about an append.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// The last position that was taken into account.
    pub as_of: Position,
    /// The revision of each write's stream, in the order of the writes.
    pub revisions: Vec<Revision>,
    /// The last position that violates the append's condition.
    pub condition: Option<Position>,
    /// An event after `as_of` that matches would make what was looked up untrue.
    pub assumes_no: Option<Filter>,
}

/// Every check of an append that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    /// Streams that hold another number of events than expected.
    pub revisions: Vec<RevisionConflict>,
    /// The last event that the condition forbids.
    pub condition: Option<ConditionConflict>,
}

/// A stream holds another number of events than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionConflict {
    /// The stream.
    pub stream: String,
    /// How many events it was expected to hold.
    pub expected: Revision,
    /// How many it holds.
    pub actual: Revision,
}

/// An event matches that must not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionConflict {
    /// Events up to here did not count.
    pub after: Position,
    /// The last event that matches.
    pub conflicting: Position,
}

/// What to do with an append.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Append it: each write's stream has this revision beforehand.
    Accept(Vec<Revision>),
    /// It was acknowledged before: answer as then.
    Repeat(Remembered),
    /// Its request id was used for something else.
    Reused(Remembered),
    /// Others wrote first.
    Refuse(Conflict),
    /// What was looked up is out of date; look it up again.
    Stale,
}

/// Decides on `append`, given what was looked up and what came after.
///
/// The request id is looked at first: an append that succeeded would now conflict with itself.
pub fn decide(append: &Append, digest: Digest, resolved: &Resolved, window: &Window) -> Decision {
    if let Some(earlier) = append.request_id.and_then(|id| window.request(&id)) {
        let same = earlier.digest == digest;
        return if same { Decision::Repeat(earlier) } else { Decision::Reused(earlier) };
    }
    let assumption_failed = |filter| window.last_match(filter, resolved.as_of).is_some();
    if !window.covers(resolved.as_of) || resolved.assumes_no.as_ref().is_some_and(assumption_failed)
    {
        return Decision::Stale;
    }
    let mut conflict = Conflict::default();
    let mut revisions = Vec::with_capacity(append.writes.len());
    for (write, &looked_up) in append.writes.iter().zip(&resolved.revisions) {
        let recent = window.revision(&write.stream).filter(|_| !planted!("window-ignored"));
        let actual = recent.unwrap_or(looked_up);
        let differs = |expected: &Revision| *expected != actual && !planted!("any-revision");
        if let Some(expected) = write.expected_revision.filter(differs) {
            let stream = write.stream.to_string();
            conflict.revisions.push(RevisionConflict { stream, expected, actual });
        }
        revisions.push(actual);
    }
    if let Some(condition) = append.condition.as_ref().filter(|_| !planted!("any-condition")) {
        let after = condition.after_position;
        let recent = window.last_match(&condition.filter, after.max(resolved.as_of));
        conflict.condition = recent
            .or(resolved.condition)
            .map(|conflicting| ConditionConflict { after, conflicting });
    }
    if conflict == Conflict::default() {
        Decision::Accept(revisions)
    } else {
        Decision::Refuse(conflict)
    }
}

/// The revision of every stream after an accepted append.
pub fn revisions_after(append: &Append, before: &[Revision]) -> BTreeMap<String, Revision> {
    append
        .writes
        .iter()
        .zip(before)
        .map(|(write, before)| (write.stream.to_string(), before + write.events.len() as u64))
        .collect()
}

#[cfg(test)]
mod tests;
