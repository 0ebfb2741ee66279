//! Why a group delivers nothing more for the time being, and when it looks again.

use std::time::Duration;

use tokio::time::Instant;

use super::books::Book;
use crate::{
    domain::{
        group::{GroupName, Work},
        limits,
    },
    engine::{ReadError, retries::Retries},
};

/// When a group looks again whether what all groups hold leaves room.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a group rests after a read has failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What is in the way of a group.
#[derive(Default)]
pub(super) struct Stalls {
    /// Failures to read.
    failures: Retries,
    /// Nothing is read before, because that failed.
    rests_until: Option<Instant>,
    /// When the group looks again whether the books have room.
    room_again: Option<Instant>,
    /// In words, for the group's status; empty: nothing is in the way.
    why: String,
}

impl Stalls {
    /// Why nothing is delivered; empty: nothing is in the way.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// The books of all groups are full, so a new event changes nothing for this group.
    pub(super) fn without_room(&self) -> bool {
        self.room_again.is_some()
    }

    /// When the group looks again.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.rests_until.into_iter().chain(self.room_again).min()
    }

    /// Whether the group rests because a read has failed.
    pub(super) fn rests(&mut self) -> bool {
        self.rests_until = self.rests_until.filter(|until| *until > Instant::now());
        self.rests_until.is_some()
    }

    /// Looks at the bounds: of parked events, of unfinished ones, and of the books of all groups.
    pub(super) fn look(&mut self, work: &Work, book: &Book, full: bool) {
        let short = work.has_credit() && !book.has_room();
        self.room_again = short.then(|| Instant::now() + LOOK_AGAIN);
        self.why = reached(work.listed(), full, short);
    }

    /// What was to be read was read.
    pub(super) fn succeeded(&mut self) {
        self.failures.succeeded();
    }

    /// Something could not be read. The group rests before it tries again.
    pub(super) fn failed(&mut self, group: &GroupName, error: &ReadError) {
        let (group, passing) = (group.as_str(), error.is_passing());
        if self.failures.failed(error.cause()) {
            tracing::warn!(group, %error, passing, "a consumer group cannot go on");
        }
        self.why = error.to_string();
        self.rests_until = Some(Instant::now() + TRY_AGAIN);
    }
}

/// The bound that is reached, in words; empty: none.
fn reached(listed: usize, full: bool, short: bool) -> String {
    if full {
        let limit = limits::GROUP_PARKED;
        return format!("{limit} events are parked, which is the limit; replay some of them");
    }
    if listed >= limits::GROUP_UNFINISHED {
        let limit = limits::GROUP_UNFINISHED;
        return format!(
            "{limit} events are unfinished, which is the limit: they fail, or consumers hold them"
        );
    }
    if short {
        return format!(
            "{listed} events are unfinished, and all groups together have as many as fit into \
             memory: answer what was delivered, or delete groups that are not used"
        );
    }
    String::new()
}
