//! The workers of a consumer group: the real consumer, with handlers that take their time, fail now
//! and then, and never succeed at some events. What each has begun and finished stands on a board.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use handover::{
    client::{Consumer, Delivery, Verdict},
    domain::proto::{
        CreateGroupRequest, Filter, FilterItem, GroupSettings, ParkedEvent, RecordedEvent,
    },
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::network::client;

/// The group.
pub(super) const GROUP: &str = "desk";
/// Its category.
const CATEGORY: &str = "note";
/// The stream of the events at which every handler fails.
pub(super) const POISON: &str = "note/poison";
/// How long a worker may be silent.
const LEASE: Duration = Duration::from_secs(4);
/// Tries of an event before it is parked. Each call that breaks is one more for its oldest event,
/// so it is above what the faults of a schedule can add up to.
const ATTEMPTS: u32 = 12;
/// How long an event rests after its first try. Each later rest is twice as long.
const REST: Duration = Duration::from_millis(5);
/// Tries at which a handler fails on purpose, at most.
const FAILURES: usize = 2;

/// What was done with events, in the order in which it happened on all hosts.
pub(super) struct Board {
    seed: u64,
    done: Mutex<Vec<Done>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Done {
    /// A handler was called with the event at this position.
    Begun(u64),
    /// It has succeeded.
    Finished(u64),
}

/// A request for the group.
pub(super) fn group(chance: &mut StdRng) -> CreateGroupRequest {
    let seconds = i64::try_from(LEASE.as_secs()).expect("a short lease");
    let nanos = i32::try_from(REST.subsec_nanos()).expect("a short rest");
    let settings = GroupSettings {
        lease: Some(prost_types::Duration { seconds, nanos: 0 }),
        max_attempts: ATTEMPTS,
        retry_delay: Some(prost_types::Duration { seconds: 0, nanos }),
    };
    let item = FilterItem { categories: vec![CATEGORY.into()], ..FilterItem::default() };
    CreateGroupRequest {
        request_id: uuid::Uuid::from_u128(chance.random()).to_string(),
        name: GROUP.into(),
        filter: Some(Filter { items: vec![item] }),
        settings: Some(settings),
        ..CreateGroupRequest::default()
    }
}

/// What runs on a worker's host.
pub(super) async fn work(
    name: String,
    board: Arc<Board>,
    stop: CancellationToken,
) -> turmoil::Result {
    let consumer = Consumer::of(GROUP, name).credit(8).concurrency(3);
    let handle = move |delivery: Delivery| {
        let board = Arc::clone(&board);
        async move { board.handle(delivery.event).await }
    };
    Ok(client().consume(consumer, stop.cancelled(), handle).await?)
}

impl Board {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, done: Mutex::default() }
    }

    async fn handle(&self, event: RecordedEvent) -> Verdict {
        let position = event.position;
        let before = self.begin(position);
        let drawn = self.seed ^ (position << 16) ^ u64::try_from(before).expect("a few");
        let mut chance = StdRng::seed_from_u64(drawn);
        let pause = match chance.random_range(0..40) {
            // It names the event to the server meanwhile.
            0 if before < FAILURES => LEASE * 3 / 2,
            1..15 => Duration::from_millis(chance.random_range(1..400)),
            _ => Duration::ZERO,
        };
        tokio::time::sleep(pause).await;
        if event.stream == POISON || before < FAILURES && chance.random_bool(0.15) {
            return Verdict::Retry("it fails on purpose".to_owned());
        }
        self.lock().push(Done::Finished(position));
        Verdict::Done
    }

    /// Notes that a handler begins; how often one had begun before.
    fn begin(&self, position: u64) -> usize {
        let mut done = self.lock();
        let before = done.iter().filter(|it| **it == Done::Begun(position)).count();
        done.push(Done::Begun(position));
        before
    }

    /// What was done last.
    pub(super) fn last(&self) -> Vec<Done> {
        let done = self.lock();
        done[done.len().saturating_sub(20)..].to_vec()
    }

    /// Fails unless each event of the group was handled, and those of a stream in order. How often
    /// one was handled again.
    pub(super) fn check(&self, log: &[RecordedEvent], parked: &[ParkedEvent]) -> u64 {
        let done = self.lock();
        let of_group = log.iter().filter(|it| it.stream.starts_with(&format!("{CATEGORY}/")));
        let mut streams: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for event in of_group {
            streams.entry(event.stream.as_str()).or_default().push(event.position);
        }
        let poison = streams.remove(POISON).unwrap_or_default();
        check_parked(&poison, parked, &done);
        let mut finished = BTreeSet::new();
        let lane = |position: u64| streams.values().find(|lane| lane.contains(&position));
        let mut again = 0;
        for what in done.iter() {
            match *what {
                Done::Finished(position) => again += u64::from(!finished.insert(position)),
                Done::Begun(position) if poison.contains(&position) => {}
                Done::Begun(position) => {
                    let lane = lane(position).expect("the group is for what was given");
                    let mut earlier = lane.iter().filter(|it| **it < position);
                    let missing = earlier.find(|it| !finished.contains(*it));
                    assert_eq!(missing, None, "{position} was given before an earlier one");
                }
            }
        }
        for position in streams.values().flatten() {
            assert!(finished.contains(position), "no consumer has handled {position}");
        }
        again
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails unless what is parked is what never succeeds, after all of its tries.
fn check_parked(poison: &[u64], parked: &[ParkedEvent], done: &[Done]) {
    let positions = parked.iter().map(|it| it.event.as_ref().map_or(0, |event| event.position));
    assert_eq!(positions.collect::<Vec<_>>(), poison, "what fails always is parked, and no more");
    for (position, parked) in poison.iter().zip(parked) {
        assert!(parked.attempts >= ATTEMPTS, "{position} was parked: {}", parked.reason);
        let begun = done.iter().filter(|it| **it == Done::Begun(*position)).count();
        // The other tries are calls that broke.
        let least = usize::try_from(ATTEMPTS / 2).expect("a few");
        assert!(begun >= least, "{position} was parked after {begun} tries");
    }
}
