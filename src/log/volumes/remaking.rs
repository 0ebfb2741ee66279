//! The volumes that need their offsets found, because their table is missing or wrong.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{domain::event::Position, log::volume::SealedVolume};

/// How long a volume waits if its offsets could not be found.
const TRY_AGAIN: Duration = Duration::from_mins(10);

/// Volumes that need a table, by last position, and before when they are not tried again.
#[derive(Debug, Default)]
pub(super) struct Remaking(Mutex<BTreeMap<Position, Option<Instant>>>);

impl Remaking {
    /// Notes that a volume needs a table. One that has failed lately waits nevertheless.
    pub(super) fn want(&self, volume: &SealedVolume) {
        self.lock().entry(volume.contents.last_position).or_insert(None);
    }

    /// The next volume to be tried, by last position.
    pub(super) fn next(&self, now: Instant) -> Option<Position> {
        let wanted = self.lock();
        let due = |at: &Option<Instant>| at.is_none_or(|at| at <= now);
        wanted.iter().find(|(_, at)| due(at)).map(|(last, _)| *last)
    }

    /// The volume has a table now.
    pub(super) fn done(&self, last: Position) {
        self.lock().remove(&last);
    }

    /// The volume could not be given one.
    pub(super) fn failed(&self, last: Position, now: Instant) {
        self.lock().insert(last, Some(now + TRY_AGAIN));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Position, Option<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::volumes::tests::volume;

    #[test]
    fn a_volume_is_tried_until_it_has_a_table_and_not_again_at_once_after_a_failure() {
        let (remaking, now) = (Remaking::default(), Instant::now());
        let (one, two) = (volume(1, 10), volume(11, 10));
        assert_eq!(remaking.next(now), None);
        remaking.want(&two);
        remaking.want(&one);
        assert_eq!(remaking.next(now), Some(10));
        remaking.failed(10, now);
        remaking.want(&one);
        assert_eq!(remaking.next(now), Some(20));
        remaking.done(20);
        assert_eq!(remaking.next(now), None);
        assert_eq!(remaking.next(now + TRY_AGAIN), Some(10));
    }
}
