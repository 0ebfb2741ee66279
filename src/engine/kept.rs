//! Lists that were worked out, kept for the pages that may still be requested.
//!
//! A list is true for one position for ever, so a kept list never becomes outdated. A request for
//! its next page finds it, and if it was dropped, it is worked out again. What is kept is bounded
//! in bytes; the list that was looked at longest ago goes first, and all go soon after the last
//! look.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use prost::Message as _;
use tokio::time::Instant;

use crate::{
    domain::{event::Position, proto},
    projections::{
        counts::CountAnswer,
        explain::Provenance,
        lists::Statements,
        series::Compared,
        story::{Listed, Story},
    },
};

/// Bytes that all kept lists may have.
const KEPT_BYTES: usize = 32 << 20;
/// Bytes that one of them may have; a larger one is worked out for each of its pages.
const LIST_BYTES: usize = 16 << 20;
/// Lists that are kept at most.
const LISTS: usize = 256;
/// How long a list is kept after the last look at it; at most twice as long.
const KEPT: Duration = Duration::from_secs(8);

/// Which list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListKey {
    /// Stands for the question, whichever page of the answer is requested.
    pub question: u128,
    /// The position that the list is true for.
    pub at: Position,
}

/// A list that can be kept.
pub trait Keepable: Any + Send + Sync {
    /// Bytes that it takes, roughly; they may grow as pages are made from it.
    fn bytes(&self) -> usize;
}

impl<T: Send + Sync + 'static> Keepable for Vec<T> {
    fn bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
}

impl Keepable for Listed {
    fn bytes(&self) -> usize {
        self.exchanges.bytes() + self.nested.bytes()
    }
}

impl Keepable for Statements {
    fn bytes(&self) -> usize {
        self.claims.bytes()
    }
}

impl Keepable for Provenance {
    fn bytes(&self) -> usize {
        self.exchanges.bytes() + self.nested.bytes()
    }
}

impl Keepable for Compared {
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

impl Keepable for CountAnswer {
    fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

impl Keepable for proto::ReconcileExchangeResponse {
    fn bytes(&self) -> usize {
        // In memory its parts are about twice as large as on the wire.
        2 * self.encoded_len()
    }
}

impl Keepable for Story {
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

impl<T: Keepable> Keepable for Arc<T> {
    fn bytes(&self) -> usize {
        T::bytes(self)
    }
}

impl<T: Keepable> Keepable for Option<T> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, Keepable::bytes)
    }
}

struct Kept {
    list: Arc<dyn Keepable>,
    looked_at: Instant,
}

#[derive(Default)]
struct Shelf {
    lists: HashMap<ListKey, Kept>,
    /// A task drops lists that are no longer requested.
    swept: bool,
}

/// The kept lists; clones share them.
#[derive(Clone, Default)]
pub(super) struct KeptLists(Arc<Mutex<Shelf>>);

impl fmt::Debug for KeptLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptLists").field("lists", &shelf(&self.0).lists.len()).finish()
    }
}

impl KeptLists {
    /// The list, if it is kept.
    pub(super) fn find<T: Keepable>(&self, key: ListKey) -> Option<Arc<T>> {
        let mut locked = shelf(&self.0);
        let kept = locked.lists.get_mut(&key)?;
        kept.looked_at = Instant::now();
        let list: Arc<dyn Any + Send + Sync> = Arc::<dyn Keepable>::clone(&kept.list);
        list.downcast().ok()
    }

    pub(super) fn keep<T: Keepable>(&self, key: ListKey, list: &Arc<T>) {
        if list.bytes() > LIST_BYTES {
            return;
        }
        let mut locked = shelf(&self.0);
        let list: Arc<dyn Keepable> = Arc::<T>::clone(list);
        locked.lists.insert(key, Kept { list, looked_at: Instant::now() });
        locked.make_room();
        if !locked.swept {
            locked.swept = true;
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }

    /// Drops all lists, because what they were worked out from was built anew.
    pub(super) fn clear(&self) {
        shelf(&self.0).lists.clear();
    }

    /// How many lists are kept, and the bytes that they take.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let locked = shelf(&self.0);
        (locked.lists.len(), locked.bytes())
    }
}

fn shelf(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    fn bytes(&self) -> usize {
        self.lists.values().map(|kept| kept.list.bytes()).sum()
    }

    /// Drops what was looked at longest ago, until the rest is not too much.
    fn make_room(&mut self) {
        while self.lists.len() > LISTS || self.bytes() > KEPT_BYTES {
            let oldest = self.lists.iter().min_by_key(|(_, kept)| kept.looked_at);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { return };
            self.lists.remove(&oldest);
        }
    }
}

/// Drops lists that were not looked at for a while, until none is left.
async fn sweep(kept: Weak<Mutex<Shelf>>) {
    loop {
        tokio::time::sleep(KEPT).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut shelf = shelf(&kept);
        shelf.lists.retain(|_, kept| kept.looked_at.elapsed() < KEPT);
        if shelf.lists.is_empty() {
            shelf.lists.shrink_to_fit();
            shelf.swept = false;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(question: u128) -> ListKey {
        ListKey { question, at: 7 }
    }

    fn list(bytes: usize) -> Arc<Vec<u8>> {
        Arc::new(vec![0; bytes])
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_found_until_it_is_not_requested_for_a_while() {
        let kept = KeptLists::default();
        kept.keep(key(1), &list(10));
        kept.keep(key(2), &list(10));
        assert!(kept.find::<Vec<u8>>(key(1)).is_some());
        assert!(kept.find::<Vec<u64>>(key(1)).is_none(), "it is no list of these");
        assert!(kept.find::<Vec<u8>>(ListKey { at: 8, ..key(1) }).is_none());
        for _ in 0..4 {
            tokio::time::sleep(KEPT / 2).await;
            assert!(kept.find::<Vec<u8>>(key(1)).is_some());
        }
        assert!(kept.find::<Vec<u8>>(key(2)).is_none());
        tokio::time::sleep(KEPT * 2 + Duration::from_millis(1)).await;
        assert_eq!(kept.held(), (0, 0));
        // The next one is looked after as well.
        kept.keep(key(3), &list(10));
        tokio::time::sleep(KEPT * 2 + Duration::from_millis(1)).await;
        assert_eq!(kept.held(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_looked_at_longest_ago_makes_room_and_what_is_too_large_is_not_kept() {
        let kept = KeptLists::default();
        for number in 1..=2 {
            kept.keep(key(number), &list(LIST_BYTES));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(kept.find::<Vec<u8>>(key(1)).is_some());
        kept.keep(key(3), &list(LIST_BYTES + 1));
        assert_eq!(kept.held(), (2, KEPT_BYTES));
        kept.keep(key(4), &list(1));
        let found = [1, 2, 3, 4].map(|number| kept.find::<Vec<u8>>(key(number)).is_some());
        assert_eq!(found, [true, false, false, true]);
        assert_eq!(kept.held().1, LIST_BYTES + 1);
        for number in 0..2 * LISTS as u128 {
            kept.keep(key(number), &list(1));
        }
        assert_eq!(kept.held(), (LISTS, LISTS));
        kept.clear();
        assert_eq!(kept.held(), (0, 0));
    }
}
