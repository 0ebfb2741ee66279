//! The bytes of requests that a server holds, over all calls: of large ones, and of calls whose
//! first message has not come.
//!
//! No call waits for room: it would hold what it has already sent, and enough of them hold
//! everything. Where there is no room, the message that was begun first and is still not whole
//! gives up its place, so that what is begun and left is in no other's way. Where all are whole,
//! the new one is turned away.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    task::Context,
};

use futures_util::task::AtomicWaker;

use crate::{
    domain::limits,
    grpc::status::{RpcError, overloaded},
    log::usage::Used,
};

/// What all calls hold.
#[derive(Debug, Default)]
pub(super) struct IntakeBudget(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// Calls with a message that is not whole, in the order in which they began.
    unfinished: BTreeMap<u64, Arc<Call>>,
    /// How many began.
    begun: u64,
}

/// What a call holds. It changes under the budget's lock only.
#[derive(Debug, Default)]
struct Call {
    bytes: AtomicUsize,
    /// Its place among the unfinished; 0: it is not one of them.
    place: AtomicU64,
    /// It had to give up its place.
    cut: AtomicBool,
    reader: AtomicWaker,
}

/// The account of a call; what is held is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Account(BudgetShare);

/// The part of an account that books on it.
#[derive(Clone, Debug)]
pub(super) struct BudgetShare {
    budget: Arc<IntakeBudget>,
    call: Arc<Call>,
}

impl Account {
    /// An account that holds nothing.
    pub(super) fn open(budget: &Arc<IntakeBudget>) -> Self {
        Self(BudgetShare { budget: Arc::clone(budget), call: Arc::default() })
    }

    pub(super) fn share(&self) -> BudgetShare {
        self.0.clone()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.0.holds_any() {
            self.0.budget.lock().release(&self.0.call);
        }
    }
}

impl BudgetShare {
    /// Whether anything is held.
    pub(super) fn holds_any(&self) -> bool {
        self.call.bytes.load(Relaxed) > 0
    }

    /// Holds so many bytes, all in all. What is not `whole` may have to give up its place later.
    pub(super) fn hold(&self, bytes: usize, whole: bool) -> Result<(), RpcError> {
        let held = self.call.bytes.load(Relaxed);
        if held == bytes && (self.call.place.load(Acquire) == 0) == whole {
            return if self.call.cut.load(Acquire) { Err(full()) } else { Ok(()) };
        }
        self.budget.lock().hold(&self.call, bytes, whole)
    }

    /// Whether the call had to give up its place; its task is woken when it has to.
    pub(super) fn is_cut(&self, context: &Context<'_>) -> bool {
        if self.call.place.load(Acquire) > 0 {
            self.call.reader.register(context.waker());
        }
        // Set before its place was taken, so one without a place is known to be cut.
        self.call.cut.load(Acquire)
    }
}

impl IntakeBudget {
    /// What is held, and what may be.
    pub(super) fn held(&self) -> Used {
        Used::of(self.lock().bytes, limits::HELD_BYTES)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn hold(&mut self, call: &Arc<Call>, bytes: usize, whole: bool) -> Result<(), RpcError> {
        let place = call.place.load(Relaxed);
        self.release(call);
        while self.bytes + bytes > limits::HELD_BYTES && self.cut_oldest() {}
        if call.cut.load(Acquire) || self.bytes + bytes > limits::HELD_BYTES {
            return Err(full());
        }
        self.bytes += bytes;
        call.bytes.store(bytes, Relaxed);
        if !whole {
            let place = if place > 0 { place } else { self.next_place() };
            call.place.store(place, Release);
            self.unfinished.insert(place, Arc::clone(call));
        }
        Ok(())
    }

    fn release(&mut self, call: &Call) {
        self.bytes -= call.bytes.swap(0, Relaxed);
        self.unfinished.remove(&call.place.swap(0, AcqRel));
    }

    fn next_place(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    fn cut_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.unfinished.pop_first() else { return false };
        oldest.cut.store(true, Release);
        self.release(&oldest);
        oldest.reader.wake();
        true
    }
}

/// The error where there is no room.
pub(super) fn full() -> RpcError {
    let limit = limits::HELD_BYTES;
    overloaded(format!(
        "requests that are incomplete, or large and unanswered, take {limit} bytes, which is the \
         most that the server holds at a time; send this one again later"
    ))
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize as Count, task::Wake};

    use super::*;

    const MOST: usize = limits::HELD_BYTES;

    #[derive(Default)]
    struct Woken(Count);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn what_was_begun_first_and_is_not_whole_gives_up_its_place() {
        let budget = Arc::default();
        let [oldest, older, whole, new] = std::array::from_fn(|_| Account::open(&budget));
        let woken = Arc::new(Woken::default());
        let waker = Arc::clone(&woken).into();
        let context = Context::from_waker(&waker);
        oldest.0.hold(MOST / 4, false).unwrap();
        older.0.hold(MOST / 4, false).unwrap();
        whole.0.hold(MOST / 2, true).unwrap();
        assert!(!oldest.0.is_cut(&context) && !older.0.is_cut(&context));
        // More of the same message does not make it younger.
        oldest.0.hold(MOST / 4, false).unwrap();
        new.0.hold(1, false).unwrap();
        assert!(oldest.0.is_cut(&context) && !older.0.is_cut(&context));
        assert_eq!(woken.0.load(Relaxed), 1);
        assert!(oldest.0.hold(1, false).is_err(), "it has given up for good");
        new.0.hold(MOST / 2, true).unwrap();
        assert!(older.0.is_cut(&context));
    }

    #[test]
    fn where_all_are_whole_a_new_one_is_turned_away_until_one_is_answered() {
        let budget = Arc::default();
        let [first, second, third] = std::array::from_fn(|_| Account::open(&budget));
        first.0.hold(MOST / 2, true).unwrap();
        second.0.hold(MOST / 2, true).unwrap();
        assert!(third.0.hold(1, true).is_err() && third.0.hold(1, false).is_err());
        drop(first);
        third.0.hold(MOST / 2, true).unwrap();
        assert!(second.0.hold(MOST / 2 + 1, true).is_err(), "one alone may not have all");
        drop((second, third));
        let held = budget.lock();
        assert_eq!((held.bytes, held.unfinished.len()), (0, 0));
    }
}
