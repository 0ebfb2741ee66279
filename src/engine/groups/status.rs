//! A group as it is listed.

use std::{sync::Arc, time::Duration};

use super::{
    counted::ConsumerStatus,
    error::{damage, obstacle},
    finding::Nameless,
    registry::Restoring,
    saved::GroupOrigin,
};
use crate::domain::event::Position;

/// What a group can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// It delivers.
    Ready,
    /// What is recorded of it is being read.
    Restoring,
    /// What is recorded of it is damaged.
    Damaged,
}

/// A place in the list of groups. Groups without a readable name come first, in the order of their
/// creation. The others follow, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupPlace {
    /// The group's name; empty: that cannot be read.
    pub name: String,
    /// Where a group without a name was created; of others 0.
    pub created: Position,
}

/// A group as it is listed.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// Its name; empty: that cannot be read.
    pub name: String,
    /// What it can do.
    pub state: GroupState,
    /// What was recorded when it was created; absent: that was not read yet.
    pub origin: Option<Arc<GroupOrigin>>,
    /// How far it is; absent: that is not known.
    pub progress: Option<GroupProgress>,
    /// Why nothing is delivered; empty: nothing is in the way.
    pub stalled: String,
}

/// How far a group is.
#[derive(Clone, Debug)]
pub struct GroupProgress {
    /// Everything up to here that it is for is finished.
    pub position: Position,
    /// How many events that it is for are not finished.
    pub lag_events: u64,
    /// For how long the first of them has been recorded; absent: all are finished.
    pub lag: Option<Duration>,
    /// Of the unfinished events, those that have failed and rest.
    pub resting: usize,
    /// Events that are parked.
    pub parked: usize,
    /// The consumers, by name.
    pub consumers: Vec<ConsumerStatus>,
}

impl GroupStatus {
    /// A group that is not restored.
    pub(super) fn restoring(name: String, restoring: Restoring) -> Self {
        let Restoring { origin, failure } = restoring;
        let (state, stalled) = match &failure {
            Some(failure) if failure.is_damage() => (GroupState::Damaged, damage(failure)),
            failure => (GroupState::Restoring, obstacle(failure.as_ref())),
        };
        Self { name, state, origin, progress: None, stalled }
    }

    /// A group of which not even the name can be read.
    pub(super) fn nameless(nameless: &Nameless) -> Self {
        let Nameless { created, failure } = nameless;
        let stalled = format!(
            "the creation of this group, at position {created}, cannot be read, and nothing else \
             tells its name: {failure}"
        );
        let damaged = failure.is_damage();
        let state = if damaged { GroupState::Damaged } else { GroupState::Restoring };
        let name = String::new();
        Self { name, state, origin: None, progress: None, stalled }
    }
}
