//! How much of the runs may be kept in memory, all together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::log::usage::Used;

/// Budget in memory, in bytes, that runs share.
#[derive(Debug)]
pub(in crate::log::index) struct KeyBudget {
    left: AtomicUsize,
    most: usize,
}

impl KeyBudget {
    /// Budget for so many bytes.
    pub(in crate::log::index) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes), most: bytes })
    }

    /// How much of it is taken.
    pub(in crate::log::index) fn usage(&self) -> Used {
        Used::of(self.most.saturating_sub(self.left.load(Ordering::Relaxed)), self.most)
    }

    /// Takes some of it until what is returned is dropped; `None` if there is not enough left.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let left = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).ok()?;
        Some(Reservation { budget: Arc::clone(self), bytes })
    }
}

/// See [`KeyBudget::take`].
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Arc<KeyBudget>,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_when_it_is_dropped() {
        let budget = KeyBudget::new(10);
        let taken = budget.take(7).unwrap();
        assert!(budget.take(4).is_none());
        let rest = budget.take(3).unwrap();
        drop(taken);
        assert!(budget.take(7).is_some());
        drop(rest);
    }
}
