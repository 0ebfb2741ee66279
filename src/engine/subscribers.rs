//! Where the open subscriptions are in the log, so that their lag is known without waiting for any
//! of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::domain::event::Position;

/// The place of a subscription that has nothing left to send.
const CAUGHT_UP: Position = Position::MAX;

/// The open subscriptions. The lock is taken when one opens or closes, and to look.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscribers(Arc<Mutex<Places>>);

#[derive(Debug, Default)]
struct Places {
    next: u64,
    open: HashMap<u64, Arc<AtomicU64>>,
}

/// One subscription among them, until it is dropped.
#[derive(Debug)]
pub(super) struct Subscriber {
    all: Subscribers,
    number: u64,
    place: Arc<AtomicU64>,
}

/// The open subscriptions at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribersUsage {
    /// How many there are.
    pub open: usize,
    /// Those with events left to send.
    pub behind: usize,
    /// How far the one that lies farthest behind is from the head, in events of the log; absent:
    /// there are none.
    pub largest_lag: Option<u64>,
}

impl Subscribers {
    /// One more, which has sent everything up to `cursor`.
    pub(super) fn open(&self, cursor: Position) -> Subscriber {
        let place = Arc::new(AtomicU64::new(cursor));
        let mut places = self.lock();
        places.next += 1;
        let number = places.next;
        places.open.insert(number, Arc::clone(&place));
        drop(places);
        Subscriber { all: self.clone(), number, place }
    }

    /// How many there are, and how far from `head`.
    pub(super) fn usage(&self, head: Position) -> SubscribersUsage {
        let places = self.lock();
        let lags = places.open.values().map(|place| head.saturating_sub(place.load(Relaxed)));
        let (mut behind, mut largest_lag) = (0, None);
        for lag in lags {
            behind += usize::from(lag > 0);
            largest_lag = largest_lag.max(Some(lag));
        }
        SubscribersUsage { open: places.open.len(), behind, largest_lag }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    /// Everything up to `cursor` was sent or does not match.
    pub(super) fn is_at(&self, cursor: Position) {
        self.place.store(cursor, Relaxed);
    }

    /// Nothing is left to send.
    pub(super) fn has_caught_up(&self) {
        self.is_at(CAUGHT_UP);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_that_of_the_one_farthest_behind_and_absent_without_any() {
        let all = Subscribers::default();
        let usage = |open, behind, largest_lag| SubscribersUsage { open, behind, largest_lag };
        assert_eq!(all.usage(10), usage(0, 0, None));
        let (slow, fast) = (all.open(2), all.open(9));
        assert_eq!(all.usage(10), usage(2, 2, Some(8)));
        fast.has_caught_up();
        assert_eq!(all.usage(20), usage(2, 1, Some(18)), "it waits for what matches");
        slow.is_at(20);
        assert_eq!(all.usage(20), usage(2, 0, Some(0)));
        drop(slow);
        drop(fast);
        assert_eq!(all.usage(20), usage(0, 0, None));
    }
}
