//! Random schedules of everything that consumers do: nothing is lost, and order is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;

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
        self.check_counts();
    }

    /// What is counted along the way is what is there.
    fn check_counts(&self) {
        let Work { lanes, timers, consumers, .. } = &self.work;
        let listed: usize = lanes.values().map(|lane| lane.listed().count()).sum();
        assert_eq!(self.work.listed(), listed);
        let lost: usize = consumers.values().map(consumer::Consumer::lost).sum();
        assert_eq!(self.work.lost, lost);
        let moments = lanes.iter().filter_map(|(key, lane)| Some((lane.timer?, Arc::clone(key))));
        assert_eq!(*timers, moments.collect::<BTreeSet<_>>());
        for lane in lanes.values() {
            let Some((delivery, _)) = lane.first_held() else { continue };
            let holder = lane.hold.as_ref().and_then(|hold| consumers.get(&hold.consumer));
            let stream = holder.and_then(|consumer| consumer.stream_of(delivery));
            assert!(stream.is_some(), "the first that is held is with its consumer");
        }
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
        for (stream, after, limit) in self.work.hungry() {
            let of_stream =
                |position: &Position| self.log[usize::try_from(*position).unwrap() - 1] == *stream;
            let found = (after + 1..=self.work.read()).filter(of_stream).take(limit);
            let found: Vec<_> = found.collect();
            self.work.feed(&stream, &found, limit, self.now);
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
