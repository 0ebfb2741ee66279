//! The waiters for events that match: each gets a call when one has been indexed.
//!
//! The keys of an event lead to its waiters, so other waiters add no cost, however many they are. A
//! call is only a hint to look again; the lookup says what there is to see. One call too many costs
//! a lookup.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    key::{AsItIs, Key},
    walk::Wanted,
};

/// Makes a waiter look again; the call must not wait.
pub type OnMatch = Box<dyn Fn() + Send + Sync>;

/// All waiters.
#[derive(Debug, Default)]
pub(super) struct Interests(Mutex<Registry>);

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    waiting: HashMap<u64, Waiting>,
    /// The waiters to look at for an event with this key.
    by_key: HashMap<Key, Vec<u64>, AsItIs>,
}

struct Waiting {
    wanted: Wanted,
    on_match: OnMatch,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// The entry of one waiter, until it is dropped.
#[derive(Debug)]
pub struct Interest {
    interests: Arc<Interests>,
    number: u64,
}

impl Interests {
    /// Calls back for every matching event that is indexed from now on.
    pub(super) fn add(self: &Arc<Self>, wanted: Wanted, on_match: OnMatch) -> Interest {
        let mut registry = self.registry();
        let number = registry.next;
        registry.next += 1;
        for key in wanted.waking_keys() {
            registry.by_key.entry(*key).or_default().push(number);
        }
        registry.waiting.insert(number, Waiting { wanted, on_match });
        Interest { interests: Arc::clone(self), number }
    }

    /// Calls the waiters for the events with these keys.
    pub(super) fn indexed<'k>(&self, events: impl Iterator<Item = &'k [Key]>) {
        let registry = self.registry();
        if registry.waiting.is_empty() {
            return;
        }
        for keys in events {
            for number in keys.iter().filter_map(|key| registry.by_key.get(key)).flatten() {
                let waiting = registry.waiting.get(number);
                if let Some(waiting) = waiting.filter(|it| it.wanted.is_met_by(keys)) {
                    (waiting.on_match)();
                }
            }
        }
    }

    /// Calls all waiters: more is indexed than was reported to them.
    pub(super) fn all(&self) {
        self.registry().waiting.values().for_each(|waiting| (waiting.on_match)());
    }

    /// Never poisoned for long: each change to it is whole or does not begin.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut registry = self.interests.registry();
        let Some(gone) = registry.waiting.remove(&self.number) else { return };
        for key in gone.wanted.waking_keys() {
            if let Some(numbers) = registry.by_key.get_mut(key) {
                numbers.retain(|number| *number != self.number);
                if numbers.is_empty() {
                    registry.by_key.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::{
        super::key::{Keys, Term},
        *,
    };
    use crate::domain::{
        filter::{Filter, FilterItem},
        name::{StreamName, Tag, TypeName},
    };

    fn item(streams: &[&str], types: &[&str], tags: &[&str]) -> FilterItem {
        FilterItem {
            streams: streams.iter().map(|name| StreamName::parse(name).unwrap()).collect(),
            types: types.iter().map(|name| TypeName::parse(name).unwrap()).collect(),
            tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
            ..FilterItem::default()
        }
    }

    fn waiting(interests: &Arc<Interests>, items: Vec<FilterItem>) -> (Interest, Arc<AtomicUsize>) {
        let reported = Arc::new(AtomicUsize::new(0));
        let on_match = Arc::clone(&reported);
        let wanted = Wanted::new(&Filter::new(items).unwrap(), &Keys::new(&[7; 16]));
        let interest = interests.add(wanted, Box::new(move || _ = on_match.fetch_add(1, Relaxed)));
        (interest, reported)
    }

    fn index(interests: &Interests, stream: &str, tags: &[&str]) {
        let keys = Keys::new(&[7; 16]);
        let (category, _) = stream.split_once('/').unwrap();
        let terms = [
            Term::Stream(stream.as_bytes()),
            Term::Category(category.as_bytes()),
            Term::Type(b"demo.Noted"),
        ];
        let tags = tags.iter().map(|tag| Term::Tag(tag.as_bytes()));
        let event: Vec<Key> = terms.into_iter().chain(tags).map(|term| keys.of(term)).collect();
        interests.indexed([event.as_slice()].into_iter());
    }

    #[test]
    fn an_event_wakes_those_whose_filter_it_meets_and_no_others() {
        let interests = Arc::new(Interests::default());
        let cases = [
            (vec![item(&["x/a"], &[], &[])], 2),
            (vec![item(&["x/a", "x/b"], &[], &[])], 3),
            (vec![item(&["x/b"], &["demo.Noted"], &["to:DE"])], 1),
            (vec![item(&[], &[], &["to:DE", "from:RU"])], 1),
            (vec![item(&[], &[], &["to:PL"]), item(&["x/b"], &[], &[])], 1),
            (vec![item(&["x/a"], &["demo.Other"], &[])], 0),
        ];
        let followers = cases.clone().map(|(items, _)| waiting(&interests, items));
        index(&interests, "x/a", &[]);
        index(&interests, "x/a", &["from:RU", "to:DE"]);
        index(&interests, "x/b", &["to:DE"]);
        for ((items, wanted), (_, reported)) in cases.iter().zip(&followers) {
            assert_eq!(reported.load(Relaxed), *wanted, "{items:?}");
        }
        interests.all();
        assert_eq!(followers[5].1.load(Relaxed), 1);
    }

    #[test]
    fn a_waiter_that_has_gone_is_not_called_and_leaves_nothing_behind() {
        let interests = Arc::new(Interests::default());
        let (first, reported) = waiting(&interests, vec![item(&["x/a"], &[], &[])]);
        let (second, other) = waiting(&interests, vec![item(&["x/a", "x/b"], &[], &["to:DE"])]);
        drop(first);
        index(&interests, "x/a", &["to:DE"]);
        assert_eq!((reported.load(Relaxed), other.load(Relaxed)), (0, 1));
        drop(second);
        let registry = interests.registry();
        assert!(registry.waiting.is_empty() && registry.by_key.is_empty());
    }
}
