//! Consumers that take long, on a clock of the test: what waits behind an event uses up no try.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;

/// A consumer that begins events in the order of their deliveries.
struct Slow {
    id: ConsumerId,
    queue: VecDeque<(u64, Position)>,
    in_hand: Vec<InHand>,
}

struct InHand {
    until: Moment,
    delivery: u64,
    position: Position,
}

/// How consumers behave, and how long they need for an event.
#[derive(Clone, Copy)]
struct Manner {
    credit: u64,
    /// So many events at once.
    hands: usize,
    takes: Duration,
    /// This one is never done.
    hangs: Option<Position>,
    /// Does not begin what was withdrawn. Clients of earlier versions began it all the same.
    skips: bool,
    /// Says every half a second what it has in hand.
    names: bool,
    /// So many streams have all the events.
    streams: u64,
    /// Draws how long each event takes, up to twice as long as said and down to nothing.
    seed: Option<u64>,
}

const MANNER: Manner = Manner {
    credit: 16,
    hands: 1,
    takes: Duration::from_millis(2_500),
    hangs: None,
    skips: true,
    names: false,
    streams: u64::MAX,
    seed: None,
};

/// What has become of a group.
#[derive(Debug, Default)]
struct Outcome {
    runs: usize,
    /// How often each event was begun.
    begun: BTreeMap<Position, u32>,
    /// How often each event was handled.
    handled: BTreeMap<Position, usize>,
    /// What was parked, after how many tries.
    parked: Vec<(Position, u32)>,
    unfinished: usize,
    ended: Moment,
}

struct Shift {
    work: Work,
    manner: Manner,
    consumers: Vec<Slow>,
    now: Moment,
    chance: Option<StdRng>,
    outcome: Outcome,
}

impl Shift {
    fn new(settings: Settings, events: u64, consumers: u64, manner: Manner) -> Self {
        let mut work = Work::new(settings, 0);
        for position in 1..=events {
            work.offer(&format!("s/{}", position % manner.streams), position, seconds(0));
        }
        let chance = manner.seed.map(StdRng::seed_from_u64);
        let consumers = (1..=consumers).map(|id| {
            join(&mut work, id, manner.credit);
            Slow { id, queue: VecDeque::new(), in_hand: Vec::new() }
        });
        let consumers = consumers.collect();
        Self { work, manner, consumers, now: seconds(0), chance, outcome: Outcome::default() }
    }

    /// Goes on until everything is finished, or for so long.
    fn run(mut self, most: Moment) -> Outcome {
        loop {
            self.answer();
            self.work.expire(self.now);
            self.park();
            self.work.assign(self.now);
            self.begin();
            if self.work.listed() == 0 || self.now >= most {
                let (unfinished, ended) = (self.work.listed(), self.now);
                return Outcome { unfinished, ended, ..self.outcome };
            }
            let done = self.consumers.iter().flat_map(|it| &it.in_hand).map(|it| it.until);
            let named = self.manner.names.then(|| self.now + Duration::from_millis(500));
            let next = done.chain(named).chain(self.work.next_moment()).min();
            self.now = next.expect("something happens").min(most);
        }
    }

    fn answer(&mut self) {
        for Slow { id, in_hand, .. } in &mut self.consumers {
            for done in in_hand.extract_if(.., |it| it.until <= self.now) {
                *self.outcome.handled.entry(done.position).or_default() += 1;
                self.work.spoke(*id);
                self.work.answer(*id, done.delivery, Answer::Handled, self.now).unwrap();
                self.work.grant(*id, 1).expect("as much as was used");
            }
            for InHand { delivery, .. } in in_hand.iter().filter(|_| self.manner.names) {
                self.work.spoke(*id);
                self.work.works_on(*id, *delivery, self.now).unwrap();
            }
        }
    }

    fn park(&mut self) {
        self.outcome.parked.extend(parks(&self.work));
        self.work.recorded(usize::MAX);
    }

    fn begin(&mut self) {
        for Slow { id, queue, in_hand } in &mut self.consumers {
            queue.extend(send(&mut self.work, *id, self.now));
            for delivery in self.work.take_withdrawn(*id) {
                let waits = queue.iter().position(|(other, _)| *other == delivery);
                if let Some(place) = waits.filter(|_| self.manner.skips) {
                    queue.remove(place);
                    self.work.spoke(*id);
                    self.work.grant(*id, 1).expect("as much as was used");
                }
            }
            while in_hand.len() < self.manner.hands {
                let stream = |position: &Position| position % self.manner.streams;
                let busy =
                    |at: &Position| in_hand.iter().any(|it| stream(&it.position) == stream(at));
                let Some(next) = queue.iter().position(|(_, position)| !busy(position)) else {
                    break;
                };
                let Some((delivery, position)) = queue.remove(next) else { break };
                self.outcome.runs += 1;
                *self.outcome.begun.entry(position).or_default() += 1;
                let share =
                    self.chance.as_mut().map_or(1.0, |chance| chance.random_range(0.0..2.0));
                let hangs = self.manner.hangs == Some(position);
                let takes = self.manner.takes.mul_f64(share);
                let until = if hangs { Duration::MAX } else { self.now + takes };
                in_hand.push(InHand { until, delivery, position });
            }
        }
    }
}

/// Leases of so many seconds, and so many tries.
fn settings(lease: u64, max_attempts: u32) -> Settings {
    Settings { lease: seconds(lease), max_attempts, retry_delay: seconds(1) }
}

/// Every event was handled once and finished, and none was parked.
fn assert_each_once(outcome: &Outcome, events: u64) {
    let more: Vec<_> = outcome.handled.iter().filter(|(_, times)| **times != 1).collect();
    assert_eq!((more, outcome.handled.len() as u64), (vec![], events));
    let (runs, Outcome { unfinished, parked, .. }) = (outcome.runs as u64, outcome);
    assert_eq!((runs, *unfinished, parked), (events, 0, &vec![]));
}

#[test]
fn sixteen_events_of_two_and_a_half_seconds_go_through_a_lease_of_thirty() {
    for skips in [false, true] {
        let manner = Manner { skips, ..MANNER };
        let outcome = Shift::new(settings(30, 5), 156, 1, manner).run(seconds(390));
        assert_each_once(&outcome, 156);
        assert_eq!(outcome.ended, seconds(390));
    }
}

#[test]
fn two_consumers_park_nothing_that_they_handle_in_half_a_lease() {
    for skips in [false, true] {
        let manner = Manner { skips, ..MANNER };
        let outcome = Shift::new(settings(5, 5), 60, 2, manner).run(seconds(390));
        assert_each_once(&outcome, 60);
    }
}

#[test]
fn four_events_of_a_second_are_four_runs_at_a_lease_of_two() {
    for skips in [false, true] {
        let manner = Manner { credit: 4, takes: seconds(1), skips, ..MANNER };
        let outcome = Shift::new(settings(2, 2), 4, 1, manner).run(seconds(60));
        assert_each_once(&outcome, 4);
    }
}

#[test]
fn what_takes_longer_than_the_lease_is_answered_late_and_that_counts() {
    for credit in [1, 4, 100] {
        let manner = Manner { credit, takes: seconds(3), ..MANNER };
        let outcome = Shift::new(settings(2, 2), 12, 1, manner).run(seconds(600));
        assert_each_once(&outcome, 12);
        // One that begins again what was withdrawn loses time by that, and nothing else.
        let manner = Manner { skips: false, ..manner };
        let outcome = Shift::new(settings(2, 2), 12, 1, manner).run(seconds(600));
        assert_eq!((outcome.handled.len(), outcome.unfinished, outcome.parked), (12, 0, vec![]));
    }
}

#[test]
fn a_consumer_that_names_what_it_works_on_may_take_as_long_as_it_likes() {
    for hands in [1, 3] {
        let manner = Manner { takes: seconds(300), names: true, hands, ..MANNER };
        let outcome = Shift::new(settings(1, 1), 12, 1, manner).run(seconds(9_000));
        assert_each_once(&outcome, 12);
    }
}

#[test]
fn an_event_that_hangs_is_lost_though_its_consumer_answers_the_others() {
    let manner = Manner { hangs: Some(3), hands: 4, takes: seconds(1), ..MANNER };
    // In both consumers it hangs, which is as often as it may be tried.
    let outcome = Shift::new(settings(10, 2), 400, 2, manner).run(seconds(600));
    assert_eq!((outcome.handled.len(), outcome.runs), (399, 401));
    assert_eq!((&outcome.parked, outcome.unfinished), (&vec![(3, 2)], 0));
    assert!(outcome.ended < seconds(100), "it took until {:?}", outcome.ended);
    // The only consumer cannot try it again while it hangs there.
    let outcome = Shift::new(settings(10, 2), 200, 1, manner).run(seconds(600));
    assert_eq!((outcome.handled.len(), outcome.runs), (199, 200));
    assert_eq!((outcome.parked, outcome.unfinished), (vec![], 1));
}

#[test]
fn a_stuck_consumer_uses_up_one_try_of_one_event_whatever_waits_at_it() {
    for credit in [1, 16, 100] {
        let manner = Manner { hangs: Some(1), credit, ..MANNER };
        let outcome = Shift::new(settings(10, 2), 60, 1, manner).run(seconds(6_000));
        assert_eq!((outcome.handled.len(), outcome.unfinished), (0, 60), "{credit}");
        assert_eq!(outcome.parked, [], "{credit}");
    }
}

#[test]
fn what_a_stuck_consumer_had_goes_to_those_at_work() {
    // It hangs in the first consumer and in the second, and is parked; the third does the rest.
    let manner = Manner { hangs: Some(1), ..MANNER };
    let outcome = Shift::new(settings(10, 2), 60, 3, manner).run(seconds(390));
    assert_eq!((outcome.handled.len(), outcome.unfinished), (59, 0));
    assert_eq!((outcome.parked, outcome.runs), (vec![(1, 2)], 61));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn nothing_is_parked_that_was_not_begun_so_often(
        seed: u64,
        consumers in 1..4_u64,
        streams in 1..20_u64,
        credit in 1..20_u64,
        hands in 1..4_usize,
        takes in 1..30_u64,
        skips: bool,
        names: bool,
        hangs in proptest::option::of(1..41_u64),
    ) {
        let (takes, seed) = (Duration::from_millis(100 * takes), Some(seed));
        let manner = Manner { credit, hands, takes, hangs, skips, names, streams, seed };
        let most = seconds(if hangs.is_some() { 300 } else { 6_000 });
        let outcome = Shift::new(settings(1, 2), 40, consumers, manner).run(most);
        let expected = format!("{outcome:?}");
        prop_assert!(hangs.is_some() || outcome.unfinished == 0, "{}", expected);
        for (position, attempts) in outcome.parked {
            let begun = outcome.begun.get(&position).copied().unwrap_or_default();
            prop_assert!(begun >= attempts, "{} was parked: {}", position, expected);
            prop_assert!(!names, "{} was parked: {}", position, expected);
        }
        prop_assert!(!names || hangs.is_some() || outcome.runs == 40, "{}", expected);
    }
}

#[test]
fn an_event_that_is_never_answered_is_lost_a_lease_after_its_turn() {
    let mut work = work(&["b/0", "a/1"]);
    join(&mut work, 1, 2);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1), (2, 2)]);
    // Its turn comes with the first answer. The answers that follow do not renew its lease.
    for (second, delivery) in [1, 3, 4, 5, 6, 7, 8, 9, 10, 11].into_iter().enumerate() {
        let now = seconds(second as u64 + 1);
        work.answer(1, delivery, Answer::Handled, now).unwrap();
        work.grant(1, 1).unwrap();
        work.offer(&format!("b/{delivery}"), second as u64 + 3, now);
        work.assign(now);
        send(&mut work, 1, now);
        work.expire(now);
        assert!(work.take_withdrawn(1).is_empty(), "at {now:?}");
    }
    work.expire(seconds(11));
    assert_eq!(work.take_withdrawn(1), [2]);
}

#[test]
fn a_silent_consumer_is_given_nothing_while_others_are_at_work() {
    let mut work = work(&["a/1", "b/1", "c/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 3);
    work.expire(seconds(10));
    join(&mut work, 2, 1);
    work.assign(seconds(10));
    assert_eq!(send(&mut work, 2, seconds(10)), [(1, 1)]);
    assert!(send(&mut work, 1, seconds(10)).is_empty() && !work.has_credit());
    work.answer(2, 1, Answer::Handled, seconds(11)).unwrap();
    work.assign(seconds(11));
    assert_eq!(send(&mut work, 1, seconds(11)).len(), 2, "the other has nothing and no credit");
    work.leave(1, false, seconds(12));
    join(&mut work, 3, 1);
    work.assign(seconds(12));
    assert_eq!(send(&mut work, 3, seconds(12)), [(1, 2)]);
    work.expire(seconds(22));
    // A message is enough, whatever it says.
    work.spoke(3);
    work.grant(3, 1).unwrap();
    work.grant(2, 1).unwrap();
    work.assign(seconds(22));
    assert_eq!(
        (send(&mut work, 2, seconds(22)).len(), send(&mut work, 3, seconds(22)).len()),
        (1, 1)
    );
}

#[test]
fn what_has_not_arrived_uses_up_no_try() {
    let mut work = work(&["a/1", "b/1", "c/1"]);
    join(&mut work, 1, 3);
    work.assign(seconds(0));
    work.sent(1, 3);
    work.expire(seconds(10));
    assert_eq!(work.take_withdrawn(1), [1, 2, 3]);
    work.assign(seconds(10));
    join(&mut work, 2, 3);
    work.assign(seconds(10));
    let attempts: Vec<_> = work.outgoing(2).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, [(1, 0), (2, 0), (3, 0)]);
    // The lease begins when something has arrived.
    work.sent(2, 3);
    work.received(2, 1, seconds(19));
    work.expire(seconds(28));
    assert!(work.take_withdrawn(2).is_empty());
    work.expire(seconds(29));
    assert_eq!(work.take_withdrawn(2), [1, 2, 3]);
}

#[test]
fn a_late_answer_counts_until_another_consumer_has_the_event() {
    let mut work = work(&["a/1", "a/1", "b/1"]);
    join(&mut work, 1, 3);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.expire(seconds(10));
    assert_eq!(work.take_withdrawn(1), [1, 2, 3]);
    work.answer(1, 2, Answer::Handled, seconds(11)).unwrap();
    assert_eq!(work.listed(), 3, "the first of its stream is not answered");
    work.answer(1, 1, Answer::Handled, seconds(11)).unwrap();
    assert_eq!((work.listed(), work.finished_up_to()), (2, 1));
    join(&mut work, 2, 1);
    work.assign(seconds(11));
    assert_eq!(send(&mut work, 2, seconds(11)), [(1, 2)]);
    work.answer(1, 2, Answer::Handled, seconds(12)).unwrap();
    work.answer(1, 3, Answer::Skip, seconds(12)).unwrap();
    assert_eq!((work.listed(), work.finished_up_to()), (1, 1), "the second has it");
    work.answer(2, 1, Answer::Handled, seconds(12)).unwrap();
    assert_eq!(work.listed(), 0);
}

#[test]
fn what_was_given_again_to_the_one_that_answers_late_is_withdrawn() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 4);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.expire(seconds(10));
    work.assign(seconds(10));
    assert_eq!(send(&mut work, 1, seconds(10)), [(3, 1), (4, 2)]);
    assert_eq!(work.take_withdrawn(1), [1, 2]);
    work.answer(1, 1, Answer::Handled, seconds(11)).unwrap();
    assert_eq!((work.listed(), work.take_withdrawn(1)), (1, vec![3]));
    work.answer(1, 2, Answer::Park("odd".into()), seconds(11)).unwrap();
    assert_eq!((work.listed(), work.take_withdrawn(1)), (0, vec![4]));
    assert_eq!(parks(&work), [(2, 1)], "the try that the answer ends");
}

#[test]
fn a_late_answer_calls_back_what_is_not_recorded_as_parked() {
    let mut work = Work::new(Settings { max_attempts: 1, ..SETTINGS }, 0);
    work.offer("a/1", 1, seconds(0));
    join(&mut work, 1, 1);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.expire(seconds(10));
    assert_eq!(parks(&work), [(1, 1)]);
    work.answer(1, 1, Answer::Retry("again".into()), seconds(11)).unwrap();
    assert_eq!(parks(&work), [(1, 1)], "it was its last try");
    let mut work = Work::new(Settings { max_attempts: 1, ..SETTINGS }, 0);
    work.offer("a/1", 1, seconds(0));
    join(&mut work, 1, 1);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.expire(seconds(10));
    work.answer(1, 1, Answer::Handled, seconds(11)).unwrap();
    assert_eq!((parks(&work), work.finished_up_to()), (vec![], 1));
}
