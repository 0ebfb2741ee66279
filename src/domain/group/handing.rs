//! What goes to whom, and what becomes of it: given, answered, withdrawn.

use std::sync::Arc;

use super::{
    consumer::{Consumer, ConsumerId, Outgoing},
    lane::{Held, Hold, Moment, Waiting},
    work::Work,
};
use crate::domain::event::Position;

/// Events of one stream that a consumer is given at once.
const RUN: usize = 256;

/// What a consumer says of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was handled.
    Handled,
    /// It was not, and should be tried again. The reason.
    Retry(String),
    /// It was not, and is to be laid aside. The reason.
    Park(String),
    /// It was not, and need not be.
    Skip,
}

/// An event that is to be recorded as parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    /// Which event.
    pub position: Position,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it is parked.
    pub reason: String,
    /// Who had it last.
    pub consumer: String,
}

/// No delivery of this number was ever made to the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverDelivered(pub u64);

impl Work {
    /// A consumer takes part from now on.
    pub fn join(&mut self, id: ConsumerId, name: String) {
        self.consumers.insert(id, Consumer::new(name));
    }

    /// Gives a consumer more credit; `None`: that would be more than it may have.
    pub fn grant(&mut self, id: ConsumerId, credit: u64) -> Option<()> {
        self.consumers.get_mut(&id).map_or(Some(()), |consumer| consumer.grant(credit))
    }

    /// A consumer has gone. What it has not answered waits again. If its call broke, the first of
    /// that counts as tried: it may be what the consumer broke at.
    pub fn leave(&mut self, id: ConsumerId, broke: bool, now: Moment) {
        let Some(consumer) = self.consumers.get(&id) else { return };
        let mut keys: Vec<_> = consumer.streams().cloned().collect();
        let first = keys.first().cloned().filter(|_| broke);
        keys.sort();
        keys.dedup();
        let reason = format!("the call of {} broke while it had this event", consumer.name);
        for key in keys {
            let failed = first.as_ref() == Some(&key);
            self.take_back(&key, failed.then_some(&*reason), now);
        }
        self.consumers.remove(&id);
    }

    /// Hands out what is ready, as far as there is credit.
    pub fn assign(&mut self, now: Moment) {
        while let Some(id) = self.next_consumer() {
            let Some(key) = self.ready.pop_front() else { return };
            self.last_given = id;
            self.give(&key, id, now);
            self.settle(&key, now);
        }
    }

    /// Who is next, in turns, among those with credit.
    fn next_consumer(&self) -> Option<ConsumerId> {
        let after = self.consumers.range(self.last_given + 1..);
        let turn = after.chain(self.consumers.range(..=self.last_given));
        turn.filter(|(_, consumer)| consumer.credit > 0).map(|(id, _)| *id).next()
    }

    fn give(&mut self, key: &Arc<str>, id: ConsumerId, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        lane.queued = false;
        lane.rests_until = Moment::ZERO;
        let count = RUN.min(consumer.credit as usize).min(lane.waiting.len());
        let given = lane.waiting.drain(..count).map(|event| {
            let delivery = consumer.give(key, event.position, event.attempts);
            Held { delivery, event, answer: None }
        });
        lane.hold = Some(Hold { consumer: id, events: given.collect() });
        lane.lease_ends = now + self.settings.lease;
    }

    /// Takes a consumer's answer. One that comes too late, because the delivery was withdrawn, is
    /// passed over.
    pub fn answer(
        &mut self,
        id: ConsumerId,
        delivery: u64,
        answer: Answer,
        now: Moment,
    ) -> Result<(), NeverDelivered> {
        let Some(consumer) = self.consumers.get_mut(&id) else { return Ok(()) };
        if !consumer.was_given(delivery) {
            return Err(NeverDelivered(delivery));
        }
        let Some(key) = consumer.stream_of(delivery) else { return Ok(()) };
        consumer.done(delivery);
        let Some(lane) = self.lanes.get_mut(&key) else { return Ok(()) };
        let Some(hold) = &mut lane.hold else { return Ok(()) };
        let place = hold.events.partition_point(|held| held.delivery < delivery);
        let Some(given) = hold.events.get_mut(place) else { return Ok(()) };
        match answer {
            Answer::Retry(reason) => {
                given.event.attempts += 1;
                self.changed = true;
                if given.event.attempts < self.settings.max_attempts {
                    lane.rests_until = now + self.settings.rest(given.event.attempts);
                    let back = lane.take_back(place);
                    self.withdraw(id, &back);
                } else {
                    given.answer = Some(Answer::Park(reason));
                }
            }
            Answer::Handled | Answer::Park(_) | Answer::Skip => given.answer = Some(answer),
        }
        self.advance(&key, id, now);
        self.settle(&key, now);
        Ok(())
    }

    /// Looks at the lanes whose moment has come: leases that have ended, rests that are over.
    pub fn expire(&mut self, now: Moment) {
        while let Some((moment, key)) = self.timers.first().filter(|(moment, _)| *moment <= now) {
            let (moment, key) = (*moment, Arc::clone(key));
            self.timers.remove(&(moment, Arc::clone(&key)));
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            lane.timer = None;
            let holder = lane.hold.as_ref().and_then(|hold| self.consumers.get(&hold.consumer));
            match holder.map(|consumer| format!("{} did not answer in time", consumer.name)) {
                Some(reason) => self.take_back(&key, Some(&reason), now),
                None => self.settle(&key, now),
            }
        }
    }

    /// When there is something to look at next.
    pub fn next_moment(&self) -> Option<Moment> {
        self.timers.first().map(|(moment, _)| *moment)
    }

    /// What is to be sent to a consumer next, neighbours among its deliveries.
    pub fn outgoing(&self, id: ConsumerId) -> impl Iterator<Item = Outgoing> {
        self.consumers.get(&id).into_iter().flat_map(Consumer::outgoing)
    }

    /// The first so many of these were sent.
    pub fn sent(&mut self, id: ConsumerId, count: usize) {
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.sent(count);
        }
    }

    /// Deliveries that the consumer is to be told need no answer any more.
    pub fn take_withdrawn(&mut self, id: ConsumerId) -> Vec<u64> {
        self.consumers.get_mut(&id).map(Consumer::take_withdrawn).unwrap_or_default()
    }

    /// The lane is not held any longer. With a reason, its first event has failed.
    fn take_back(&mut self, key: &Arc<str>, failed: Option<&str>, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(hold) = &mut lane.hold else { return };
        let id = hold.consumer;
        if let (Some(reason), Some(first)) = (failed, hold.events.front_mut()) {
            first.event.attempts += 1;
            if first.event.attempts >= self.settings.max_attempts {
                let delivery = first.delivery;
                first.answer = Some(Answer::Park(reason.to_owned()));
                if let Some(consumer) = self.consumers.get_mut(&id) {
                    consumer.withdraw(delivery);
                }
            }
        }
        self.advance(key, id, now);
        if let Some(lane) = self.lanes.get_mut(key) {
            let back = lane.take_back(0);
            self.withdraw(id, &back);
        }
        self.changed = true;
        self.settle(key, now);
    }

    /// These are not with the consumer any more; what it has answered already it need not hear of.
    fn withdraw(&mut self, id: ConsumerId, back: &[Held]) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        for held in back {
            if consumer.stream_of(held.delivery).is_some() {
                consumer.withdraw(held.delivery);
            }
        }
    }

    /// Finishes what is answered and has nothing unanswered before it.
    fn advance(&mut self, key: &Arc<str>, id: ConsumerId, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let answered = lane.take_answered();
        if answered.is_empty() {
            return;
        }
        lane.lease_ends = now + self.settings.lease;
        self.listed -= answered.len();
        self.changed = true;
        let consumer = self.consumers.get(&id).map(|consumer| consumer.name.clone());
        for (event, answer) in answered {
            if let Answer::Park(reason) = answer {
                let Waiting { position, attempts } = event;
                let consumer = consumer.clone().unwrap_or_default();
                self.parks.push(Park { position, attempts, reason, consumer });
            }
        }
    }
}
