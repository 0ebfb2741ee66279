//! What happened in schedules, in numbers: a schedule in which nothing happens shows nothing.

use std::ops::AddAssign;

use crate::histories::client::{Answer, Operation, What};

/// What happened, in one schedule or in several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    schedules: u64,
    events: usize,
    /// Calls to append without an answer.
    unknown: u64,
    /// Appends that were answered as recorded before.
    repeated: u64,
    refused: u64,
    /// Connections that followers lost.
    pub(super) interruptions: u64,
    parked: usize,
    /// Events that were handled more than once.
    pub(super) handled_again: u64,
    pub(super) simulated_seconds: u64,
}

impl Tally {
    /// Of one schedule: what its appenders did, and how many events it has left.
    pub(super) fn of(operations: &[Operation], events: usize, parked: usize) -> Self {
        let mut tally = Self { schedules: 1, events, parked, ..Self::default() };
        for operation in operations {
            match &operation.what {
                What::Append(_, Answer::Unknown) => tally.unknown += 1,
                What::Append(_, Answer::Refused) => tally.refused += 1,
                What::Append(_, Answer::Acknowledged(answer)) => {
                    tally.repeated += u64::from(answer.duplicate);
                }
                What::Read(..) => {}
            }
        }
        tally
    }

    /// Whether everything happened that schedules are for.
    pub(super) fn has_everything(&self) -> bool {
        let Self { unknown, repeated, refused, interruptions, handled_again, .. } = *self;
        let counts = [unknown, repeated, refused, interruptions, handled_again];
        counts.iter().all(|count| *count > 0) && self.parked > 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.events += other.events;
        self.unknown += other.unknown;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.interruptions += other.interruptions;
        self.parked += other.parked;
        self.handled_again += other.handled_again;
        self.simulated_seconds += other.simulated_seconds;
    }
}
