//! The work of a group under whatever its consumers do: nothing is lost, order is kept, and one
//! stream never holds up another.

mod slow;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::domain::event::Position;

const SETTINGS: Settings = Settings {
    lease: Duration::from_secs(10),
    max_attempts: 3,
    retry_delay: Duration::from_secs(1),
};

fn seconds(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

fn work(events: &[&str]) -> Work {
    let mut work = Work::new(SETTINGS, 0);
    for (stream, position) in events.iter().zip(1..) {
        work.offer(stream, position, seconds(0));
    }
    work
}

fn join(work: &mut Work, id: ConsumerId, credit: u64) {
    work.join(id, format!("consumer {id}"));
    work.grant(id, credit).expect("a credit within the limit");
}

/// What a consumer is sent and receives now: positions by delivery.
fn send(work: &mut Work, id: ConsumerId, now: Moment) -> Vec<(u64, Position)> {
    let mut sent = Vec::new();
    loop {
        let some: Vec<_> = work.outgoing(id).map(|it| (it.delivery, it.position)).collect();
        let Some((last, _)) = some.last() else { return sent };
        work.sent(id, *last);
        work.received(id, *last, now);
        sent.extend(some);
    }
}

/// What is recorded as unfinished, and how often tried, if so many parks are recorded with it.
fn unfinished(work: &Work, parks: usize) -> Vec<(Position, u32)> {
    work.checkpoint(parks).unfinished.iter().collect()
}

fn parks(work: &Work) -> Vec<(Position, u32)> {
    work.parks().iter().map(|park| (park.position, park.attempts)).collect()
}

#[test]
fn a_stream_is_with_one_consumer_at_a_time_and_in_order() {
    let mut work = work(&["a/1", "a/1", "b/1"]);
    join(&mut work, 1, 2);
    join(&mut work, 2, 10);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1), (2, 2)]);
    assert_eq!(send(&mut work, 2, seconds(0)), [(1, 3)]);
    work.offer("a/1", 4, seconds(0));
    work.answer(1, 1, Answer::Handled, seconds(0)).unwrap();
    work.assign(seconds(0));
    assert!(send(&mut work, 2, seconds(0)).is_empty(), "the stream is still with the first");
    work.answer(1, 2, Answer::Handled, seconds(0)).unwrap();
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 2, seconds(0)), [(2, 4)]);
    assert_eq!(work.finished_up_to(), 2);
}

#[test]
fn what_is_tried_again_rests_and_comes_before_what_is_later_in_its_stream() {
    let mut work = work(&["a/1", "a/1", "b/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1), (2, 2), (3, 3)]);
    // The second was handled too early: the first is tried again, and then so is the second.
    work.answer(1, 2, Answer::Handled, seconds(0)).unwrap();
    work.answer(1, 1, Answer::Retry("no".into()), seconds(0)).unwrap();
    work.answer(1, 3, Answer::Handled, seconds(0)).unwrap();
    assert!(work.take_withdrawn(1).is_empty(), "both were answered");
    work.assign(seconds(0));
    assert!(send(&mut work, 1, seconds(0)).is_empty(), "it rests");
    assert_eq!((work.resting(seconds(0)), work.next_moment()), (1, Some(seconds(1))));
    work.expire(seconds(1));
    work.assign(seconds(1));
    let attempts: Vec<_> = work.outgoing(1).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, [(1, 1), (2, 0)]);
}

#[test]
fn how_often_an_event_was_tried_is_recorded_however_that_was_found() {
    let mut work = work(&["a/1", "b/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.recorded(0);
    work.answer(1, 1, Answer::Retry("no".into()), seconds(0)).unwrap();
    assert!(work.changed(), "the consumer has said so");
    assert_eq!(unfinished(&work, 0), [(1, 1), (2, 0)]);
    work.recorded(0);
    work.expire(seconds(10));
    assert!(work.changed(), "its lease has ended");
    assert_eq!(unfinished(&work, 0), [(1, 1), (2, 1)]);
}

#[test]
fn what_was_not_answered_is_withdrawn_with_what_is_tried_again_before_it() {
    let mut work = work(&["a/1", "a/1", "a/1"]);
    join(&mut work, 1, 3);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.answer(1, 2, Answer::Retry("no".into()), seconds(0)).unwrap();
    assert_eq!(work.take_withdrawn(1), [3]);
    work.answer(1, 3, Answer::Handled, seconds(0)).expect("it comes late and is passed over");
    work.answer(1, 1, Answer::Handled, seconds(0)).unwrap();
    assert_eq!((work.finished_up_to(), work.listed()), (1, 2));
    assert_eq!(work.answer(1, 4, Answer::Handled, seconds(0)), Err(NeverDelivered(4)));
    assert_eq!(work.answer(1, 0, Answer::Skip, seconds(0)), Err(NeverDelivered(0)));
}

#[test]
fn an_event_that_fails_too_often_is_parked_and_what_is_behind_it_goes_on() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 100);
    let mut delivery = 0;
    for attempt in 0..SETTINGS.max_attempts {
        work.expire(seconds(100 * u64::from(attempt)));
        work.assign(seconds(100 * u64::from(attempt)));
        let now = seconds(100 * u64::from(attempt));
        let sent = send(&mut work, 1, now);
        assert_eq!(sent[0].1, 1);
        delivery = sent[0].0;
        work.answer(1, delivery, Answer::Retry("bad".into()), now).unwrap();
    }
    assert_eq!(parks(&work), [(1, 3)]);
    assert_eq!(
        (work.parks()[0].reason.as_str(), work.parks()[0].consumer.as_str()),
        ("bad", "consumer 1")
    );
    work.answer(1, delivery + 1, Answer::Handled, seconds(300)).unwrap();
    assert_eq!(work.listed(), 0);
    // Not recorded as parked yet, so still unfinished.
    assert_eq!(unfinished(&work, 0), [(1, 3)]);
    assert_eq!(unfinished(&work, 1), []);
    work.recorded(1);
    assert!(!work.changed());
}

#[test]
fn a_lease_that_ends_is_a_try_and_goes_to_others_and_each_answer_renews_it() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 2);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 2);
    work.answer(1, 1, Answer::Handled, seconds(9)).unwrap();
    work.expire(seconds(18));
    assert!(work.take_withdrawn(1).is_empty(), "the answer renewed the lease");
    join(&mut work, 2, 10);
    work.expire(seconds(19));
    work.assign(seconds(19));
    assert_eq!(work.take_withdrawn(1), [2]);
    let attempts: Vec<_> = work.outgoing(2).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, [(2, 1)]);
}

#[test]
fn of_a_consumer_whose_call_breaks_only_the_oldest_event_counts_as_tried() {
    let mut work = work(&["a/1", "b/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.leave(1, true, seconds(1));
    join(&mut work, 2, 10);
    work.assign(seconds(1));
    let attempts: BTreeSet<_> = work.outgoing(2).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, BTreeSet::from([(1, 1), (2, 0)]));
    work.leave(2, false, seconds(2));
    join(&mut work, 3, 10);
    work.assign(seconds(2));
    let attempts: BTreeSet<_> = work.outgoing(3).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, BTreeSet::from([(1, 1), (2, 0)]), "leaving in order is no failure");
}

#[test]
fn credit_is_never_exceeded_and_bounded() {
    let mut work = work(&["a/1", "a/1", "b/1", "c/1"]);
    join(&mut work, 1, 2);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 2);
    assert!(!work.has_credit());
    let limit = limits::CONSUMER_CREDIT as u64;
    for too_much in [limit - 1, limit, u64::from(u32::MAX) + 1, u64::MAX] {
        assert_eq!(work.grant(1, too_much), None, "{too_much}");
    }
    work.grant(1, limit - 2).expect("up to the limit");
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 2);
}

#[test]
fn a_stream_that_waits_long_holds_up_no_other_and_is_listed_bit_by_bit() {
    let mut work = Work::new(SETTINGS, 0);
    join(&mut work, 1, 1);
    for position in 1..=1_000 {
        work.offer("slow/1", position, seconds(0));
    }
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1)]);
    assert!(work.listed() < 300, "{} are listed", work.listed());
    work.offer("fast/1", 1_001, seconds(0));
    join(&mut work, 2, 1_000);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 2, seconds(0)), [(1, 1_001)]);
    work.answer(1, 1, Answer::Handled, seconds(0)).unwrap();
    let mut handled = Vec::new();
    while handled.len() < 999 {
        for (stream, after, asked) in work.hungry() {
            let found: Vec<_> = (after + 1..=1_000).take(asked).collect();
            work.feed(&stream, &found, asked, seconds(0));
        }
        work.assign(seconds(0));
        let sent = send(&mut work, 2, seconds(0));
        assert!(!sent.is_empty(), "it goes on after {} events", handled.len());
        for (delivery, position) in sent {
            handled.push(position);
            work.answer(2, delivery, Answer::Handled, seconds(0)).unwrap();
        }
        work.grant(2, 300).expect("what was handled makes room");
    }
    assert_eq!(handled, (2..=1_000).collect::<Vec<_>>());
}

/// Hands out and handles all that is left of a stream of so many events; in which order it came.
fn rest_of(work: &mut Work, id: ConsumerId, count: Position) -> Vec<Position> {
    let mut handled = Vec::new();
    while work.listed() > 0 || !work.hungry().is_empty() {
        for (stream, after, asked) in work.hungry() {
            let found: Vec<_> = (after + 1..=count).take(asked).collect();
            work.feed(&stream, &found, asked, seconds(100));
        }
        work.assign(seconds(100));
        let sent = send(work, id, seconds(100));
        assert!(!sent.is_empty(), "it goes on after {} events", handled.len());
        for (delivery, position) in sent {
            handled.push(position);
            work.answer(id, delivery, Answer::Handled, seconds(100)).unwrap();
            work.grant(id, 1).expect("what was handled makes room");
        }
    }
    handled
}

#[test]
fn without_consumers_few_events_stay_listed_and_none_that_is_finished_comes_again() {
    const COUNT: Position = 1_000;
    let mut work = Work::new(SETTINGS, 0);
    join(&mut work, 1, 100);
    (1..=COUNT).for_each(|position| work.offer("a/1", position, seconds(0)));
    work.assign(seconds(0));
    for (delivery, position) in send(&mut work, 1, seconds(0)).into_iter().take(30) {
        let park = position <= 20;
        let answer = if park { Answer::Park("no".into()) } else { Answer::Handled };
        work.answer(1, delivery, answer, seconds(0)).unwrap();
    }
    work.recorded(20);
    // They are put back: they come before what is finished by now.
    (1..=20).for_each(|position| work.put("a/1", position, 0, seconds(0)));
    let before = work.bytes();
    work.leave(1, false, seconds(0));
    assert!(work.listed() <= 20, "{} are listed", work.listed());
    assert!(work.bytes() < before / 4, "{} of {before} bytes", work.bytes());
    assert_eq!((work.hungry(), work.finished_up_to()), (Vec::new(), 0));
    let checkpoint = work.checkpoint(0);
    let restored = Work::restored(
        SETTINGS,
        &checkpoint,
        checkpoint.unfinished.positions().map(|position| (position, "a/1".to_owned())),
    );
    for mut work in [work, restored] {
        join(&mut work, 2, 500);
        let left: Vec<_> = (1..=20).chain(31..=COUNT).collect();
        assert_eq!(rest_of(&mut work, 2, COUNT), left);
        assert_eq!(work.finished_up_to(), COUNT);
    }
}

/// A group, and what it should have come to.
struct Story {
    chance: StdRng,
    log: Vec<String>,
    work: Work,
    now: Moment,
    next_id: ConsumerId,
    /// Unanswered deliveries by consumer.
    held: BTreeMap<ConsumerId, BTreeMap<u64, Position>>,
    /// Deliveries that were withdrawn, by consumer.
    withdrawn: BTreeMap<ConsumerId, Vec<(u64, Position)>>,
    /// How often each event was delivered.
    delivered: BTreeMap<Position, u32>,
    handled: BTreeSet<Position>,
    parked: BTreeSet<Position>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let (log, held) = (Vec::new(), BTreeMap::new());
        let (handled, parked) = (BTreeSet::new(), BTreeSet::new());
        let work = Work::new(SETTINGS, 0);
        let (chance, now) = (StdRng::seed_from_u64(seed), seconds(0));
        let (withdrawn, delivered) = (BTreeMap::new(), BTreeMap::new());
        let next_id = 0;
        Self { chance, log, work, now, next_id, held, withdrawn, delivered, handled, parked }
    }

    fn step(&mut self) {
        match self.chance.random_range(0..12) {
            0..=2 => self.append(),
            3 if self.held.len() < 4 => self.join(),
            4 if self.chance.random_range(0..6) == 0 => self.leave(),
            5 if self.chance.random_range(0..10) == 0 => self.crash(),
            6 => self.now += Duration::from_millis(self.chance.random_range(0..4_000)),
            7 => self.answer_late(),
            8 => self.work_on(),
            _ => self.answer(),
        }
        self.hand_out();
        self.record_parks();
    }

    fn append(&mut self) {
        for _ in 0..self.chance.random_range(1..40) {
            // One stream has most events, so that it falls behind.
            let stream = self.chance.random_range(0..5_u32).saturating_sub(2);
            self.log.push(format!("s/{stream}"));
            let position = self.log.len() as Position;
            self.work.offer(&format!("s/{stream}"), position, self.now);
        }
    }

    fn join(&mut self) {
        self.next_id += 1;
        join(&mut self.work, self.next_id, self.chance.random_range(0..40));
        self.held.insert(self.next_id, BTreeMap::new());
    }

    fn some_consumer(&mut self) -> Option<ConsumerId> {
        let ids: Vec<_> = self.held.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[self.chance.random_range(0..ids.len())])
    }

    fn leave(&mut self) {
        let Some(id) = self.some_consumer() else { return };
        self.held.remove(&id);
        self.withdrawn.remove(&id);
        self.work.leave(id, self.chance.random(), self.now);
    }

    /// What is recorded is all that is left.
    fn crash(&mut self) {
        let checkpoint = self.work.checkpoint(0);
        self.held.clear();
        self.withdrawn.clear();
        let streams = checkpoint
            .unfinished
            .positions()
            .map(|position| (position, self.log[usize::try_from(position).unwrap() - 1].clone()));
        self.work = Work::restored(SETTINGS, &checkpoint, streams);
        assert_eq!(self.work.checkpoint(0), checkpoint, "it is as it was");
        assert!(!self.work.changed(), "nothing has to be recorded");
    }

    fn answer(&mut self) {
        let Some(id) = self.some_consumer() else { return };
        let credit = self.chance.random_range(0..30);
        self.work.grant(id, credit).expect("little credit");
        let deliveries: Vec<_> = self.held[&id].iter().map(|(one, two)| (*one, *two)).collect();
        for (delivery, position) in deliveries {
            let answer = match self.chance.random_range(0..12) {
                0 => Answer::Retry("again".into()),
                1 => Answer::Park("aside".into()),
                2 => Answer::Skip,
                3..=5 => continue,
                _ => Answer::Handled,
            };
            if !matches!(answer, Answer::Retry(_) | Answer::Park(_)) {
                self.handled.insert(position);
            }
            self.work.answer(id, delivery, answer, self.now).expect("it was delivered");
            self.held.get_mut(&id).unwrap().remove(&delivery);
            self.take_withdrawn();
        }
    }

    /// One answers some of what was withdrawn. It counts or it does not; each event comes once more
    /// or is finished.
    fn answer_late(&mut self) {
        let Some(id) = self.some_consumer() else { return };
        for (delivery, position) in self.withdrawn.remove(&id).unwrap_or_default() {
            let answer = match self.chance.random_range(0..8) {
                0 => Answer::Retry("again".into()),
                1 => Answer::Park("aside".into()),
                2 => continue,
                _ => Answer::Handled,
            };
            if answer == Answer::Handled {
                self.handled.insert(position);
            }
            self.work.answer(id, delivery, answer, self.now).expect("it was delivered");
            self.take_withdrawn();
        }
    }

    /// One names some of what it has, or had.
    fn work_on(&mut self) {
        let Some(id) = self.some_consumer() else { return };
        self.work.spoke(id);
        let had = self.withdrawn.get(&id).into_iter().flatten().map(|(delivery, _)| *delivery);
        for delivery in self.held[&id].keys().copied().chain(had) {
            if self.chance.random() {
                self.work.works_on(id, delivery, self.now).expect("it was delivered");
            }
        }
    }

    fn take_withdrawn(&mut self) {
        for (id, held) in &mut self.held {
            for delivery in self.work.take_withdrawn(*id) {
                let position = held.remove(&delivery).expect("it was delivered and not answered");
                self.withdrawn.entry(*id).or_default().push((delivery, position));
            }
        }
    }

    fn hand_out(&mut self) {
        self.work.expire(self.now);
        self.take_withdrawn();
        for (stream, after, asked) in self.work.hungry() {
            let of_stream =
                |position: &Position| self.log[usize::try_from(*position).unwrap() - 1] == *stream;
            let found = (after + 1..=self.work.read()).filter(of_stream).take(asked);
            let found: Vec<_> = found.collect();
            self.work.feed(&stream, &found, asked, self.now);
        }
        self.work.assign(self.now);
        for id in self.held.keys().copied().collect::<Vec<_>>() {
            for (delivery, position) in send(&mut self.work, id, self.now) {
                self.check_order(id, position);
                *self.delivered.entry(position).or_default() += 1;
                self.held.get_mut(&id).unwrap().insert(delivery, position);
            }
        }
    }

    /// Everything earlier of the stream is finished, or with the same consumer.
    fn check_order(&self, id: ConsumerId, position: Position) {
        let stream = &self.log[usize::try_from(position).unwrap() - 1];
        for (other, held) in &self.held {
            for at in held.values() {
                let same = &self.log[usize::try_from(*at).unwrap() - 1] == stream;
                assert!(!same || *other == id, "{stream} is with {other} and with {id}");
                assert!(!same || *at < position, "{at} was given before {position}");
            }
        }
    }

    fn record_parks(&mut self) {
        let parks = parks(&self.work);
        self.work.recorded(parks.len());
        for (position, attempts) in parks {
            self.parked.insert(position);
            assert!(attempts <= self.delivered[&position], "{position} had {attempts} tries");
        }
    }

    /// One consumer that handles everything gets all that is left.
    fn finish(mut self) {
        for id in std::mem::take(&mut self.held).into_keys() {
            self.work.leave(id, false, self.now);
        }
        self.now += Duration::from_hours(2);
        self.next_id += 1;
        let id = self.next_id;
        join(&mut self.work, id, 5_000);
        self.held.insert(id, BTreeMap::new());
        loop {
            self.hand_out();
            let held = std::mem::take(self.held.get_mut(&id).unwrap());
            if held.is_empty() {
                break;
            }
            for (delivery, position) in held {
                self.handled.insert(position);
                self.work.answer(id, delivery, Answer::Handled, self.now).unwrap();
                self.work.grant(id, 1).unwrap();
            }
        }
        let all: BTreeSet<_> = (1..=self.log.len() as Position).collect();
        let came: BTreeSet<_> = self.handled.union(&self.parked).copied().collect();
        assert_eq!(came, all, "nothing is lost");
        assert_eq!((self.work.listed(), self.work.finished_up_to()), (0, self.work.read()));
        assert_eq!((self.work.next_moment(), self.work.lanes.len()), (None, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn whatever_consumers_do_nothing_is_lost_and_order_is_kept(seed: u64, steps in 10..300_usize) {
        let mut story = Story::new(seed);
        (0..steps).for_each(|_| story.step());
        story.finish();
    }
}
