//! A follower: the real subscription, which resumes by itself when its connection is lost, and
//! after what was stored when its host was restarted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handover::{
    client::{Follow, Followed, Mark},
    domain::proto::{Filter, FilterItem, RecordedEvent},
};
use rand::{Rng as _, rngs::StdRng};

use super::network::client;
use crate::{schedules::follower::matches, support::tagged};

/// One subscriber, with what it keeps on its disk.
pub(super) struct Follower {
    filter: Filter,
    kept: Mutex<Kept>,
}

/// What survives a crash of the follower.
#[derive(Default)]
struct Kept {
    store: Option<String>,
    position: u64,
    seen: Vec<RecordedEvent>,
    /// Connections that were lost.
    interruptions: u64,
}

impl Follower {
    pub(super) fn new(chance: &mut StdRng) -> Self {
        let of_category =
            |name: &str| FilterItem { categories: vec![name.to_owned()], ..FilterItem::default() };
        let filter = match chance.random_range(0..4) {
            0 => Filter { items: vec![of_category("note")] },
            1 => tagged(&["desk:one"]),
            _ => Filter::default(),
        };
        Self { filter, kept: Mutex::default() }
    }

    /// What runs on its host.
    pub(super) async fn follow(self: Arc<Self>) -> turmoil::Result {
        let (store, position) = {
            let kept = self.lock();
            (kept.store.clone(), kept.position)
        };
        let client = match store {
            Some(name) => client().of_store(name),
            None => client(),
        };
        let follow = Follow::all().filter(self.filter.clone()).after(position);
        let mut subscription = client.subscribe(follow);
        loop {
            let item = subscription.next().await?;
            let store = subscription.store().map(str::to_owned);
            let mut kept = self.lock();
            kept.store = store.or(kept.store.take());
            kept.take(item);
        }
    }

    /// Everything up to here has come, or did not match.
    pub(super) fn position(&self) -> u64 {
        self.lock().position
    }

    /// Fails unless it got what matches of the log, once each and in order. How often it was
    /// interrupted.
    pub(super) fn check(&self, log: &[RecordedEvent]) -> u64 {
        let kept = self.lock();
        let expected: Vec<_> = log.iter().filter(|event| matches(&self.filter, event)).collect();
        let seen: Vec<_> = kept.seen.iter().collect();
        let places = |events: &[&RecordedEvent]| -> Vec<u64> {
            events.iter().map(|event| event.position).collect()
        };
        assert_eq!(places(&seen), places(&expected), "a follower gets the filtered log");
        assert_eq!(seen, expected, "a follower gets what was recorded");
        kept.interruptions
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, item: Followed) {
        match item {
            Followed::Event(event) => {
                let last = self.position;
                assert!(event.position > last, "a follower gets {} after {last}", event.position);
                self.position = event.position;
                self.seen.push(*event);
            }
            Followed::CaughtUp(mark) | Followed::Checkpoint(mark) | Followed::FellBehind(mark) => {
                let Mark { position, .. } = mark;
                assert!(position >= self.position, "a mark goes back to {position}");
                self.position = position;
            }
            Followed::Interrupted { .. } => self.interruptions += 1,
        }
    }
}
