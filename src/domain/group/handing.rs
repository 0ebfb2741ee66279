//! Which consumer gets which event, and what becomes of it: given, answered, withdrawn.

use std::{collections::VecDeque, sync::Arc};

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
    /// The name of the consumer that had it last.
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
        let first = consumer.streams().next().cloned().filter(|_| broke);
        let reason = format!("the call of {} broke while it had this event", consumer.name);
        for key in self.lanes_of(id) {
            let failed = first.as_ref() == Some(&key);
            self.take_back(&key, failed.then_some(&*reason), now);
        }
        self.consumers.remove(&id);
        if self.consumers.is_empty() {
            self.shorten(now);
        }
    }

    /// The streams of which a consumer has something.
    pub(super) fn lanes_of(&self, id: ConsumerId) -> Vec<Arc<str>> {
        let consumer = self.consumers.get(&id);
        let mut keys: Vec<_> = consumer.into_iter().flat_map(Consumer::streams).cloned().collect();
        keys.sort();
        keys.dedup();
        keys
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

    /// The next consumer, in turns, among those with credit. A silent consumer would keep an event
    /// for a lease, so it gets none while another is at work.
    pub(super) fn next_consumer(&self) -> Option<ConsumerId> {
        let after = self.consumers.range(self.last_given + 1..);
        let turn = after.chain(self.consumers.range(..=self.last_given));
        let mut with_credit = turn.filter(|(_, consumer)| consumer.credit > 0);
        let silent = with_credit.clone().next().map(|(id, _)| *id);
        let alive = with_credit.find(|(_, consumer)| !consumer.silent).map(|(id, _)| *id);
        let at_work = |consumer: &Consumer| !consumer.silent && consumer.unanswered() > 0;
        alive.or_else(|| silent.filter(|_| !self.consumers.values().any(at_work)))
    }

    fn give(&mut self, key: &Arc<str>, id: ConsumerId, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        // An answer that came late may have finished what waited when the lane was queued.
        if !std::mem::take(&mut lane.queued) || !lane.can_be_given(now) {
            return;
        }
        lane.rests_until = Moment::ZERO;
        let count = RUN.min(consumer.credit as usize).min(lane.waiting.len());
        let others = consumer.unanswered();
        let given = lane.waiting.drain(..count).map(|Waiting { position, attempts }| Held {
            position,
            attempts,
            named: false,
        });
        let events: VecDeque<_> = given.collect();
        // What is given is answered or not; the place of what waited is not needed meanwhile.
        lane.waiting.shrink_to_fit();
        let first = consumer.give(key, events.len(), now);
        consumer.await_turn(key, first, others);
        lane.hold = Some(Hold::new(id, first, events));
    }

    /// Takes a consumer's answer. An answer to a withdrawn delivery counts if a lease had ended and
    /// no other consumer has the event; any other is passed over.
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
        let Some(key) = consumer.stream_of(delivery) else {
            self.answer_late(id, delivery, answer, now);
            return Ok(());
        };
        consumer.answered(&key, delivery, now);
        let Some(lane) = self.lanes.get_mut(&key) else { return Ok(()) };
        let Some((place, given)) = lane.held_mut(delivery) else { return Ok(()) };
        match answer {
            Answer::Retry(reason) => {
                given.attempts += 1;
                self.changed = true;
                if given.attempts < self.settings.max_attempts {
                    lane.rests_until = now + self.settings.rest(given.attempts);
                    let back = lane.take_back(place);
                    self.withdraw(id, &back);
                } else {
                    lane.answer(delivery, Answer::Park(reason));
                }
            }
            Answer::Handled | Answer::Park(_) | Answer::Skip => lane.answer(delivery, answer),
        }
        self.advance(&key, id);
        self.settle(&key, now);
        self.take_turns(id, now);
        Ok(())
    }

    /// What is to be sent to a consumer next, neighbours among its deliveries.
    pub fn outgoing(&self, id: ConsumerId) -> impl Iterator<Item = Outgoing> {
        let unsent = self.consumers.get(&id).into_iter().flat_map(Consumer::unsent);
        let events = unsent.flat_map(|(deliveries, stream)| {
            let hold = self.lanes.get(stream).and_then(|lane| lane.hold.as_ref());
            let first = *deliveries.start();
            deliveries.zip(hold.into_iter().flat_map(move |hold| hold.from(first)))
        });
        events.map(|(delivery, held)| {
            let Held { position, attempts, .. } = held;
            Outgoing { delivery, position, attempts }
        })
    }

    /// These are on their way, up to this delivery.
    pub fn sent(&mut self, id: ConsumerId, last: u64) {
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.sent(last);
        }
    }

    /// Takes the withdrawn deliveries, so that the consumer learns that they need no answer any
    /// more.
    pub fn take_withdrawn(&mut self, id: ConsumerId) -> Vec<u64> {
        self.consumers.get_mut(&id).map(Consumer::take_withdrawn).unwrap_or_default()
    }

    /// The lane is not held any longer. With a reason, its first event has failed.
    pub(super) fn take_back(&mut self, key: &Arc<str>, failed: Option<&str>, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(hold) = &mut lane.hold else { return };
        let id = hold.consumer;
        if let (Some(reason), Some(first)) = (failed, hold.events.front_mut()) {
            first.attempts += 1;
            if first.attempts >= self.settings.max_attempts {
                let (delivery, position) = (hold.first, first.position);
                hold.answer(delivery, Answer::Park(reason.to_owned()));
                if let Some(consumer) = self.consumers.get_mut(&id) {
                    consumer.lose(delivery, key, position);
                }
            }
        }
        self.advance(key, id);
        let back = self.lanes.get_mut(key).map(|lane| lane.take_back(0)).unwrap_or_default();
        if let Some(consumer) = self.consumers.get_mut(&id) {
            for (delivery, position) in back {
                if consumer.stream_of(delivery).is_some() {
                    consumer.lose(delivery, key, position);
                }
            }
        }
        self.changed = true;
        self.settle(key, now);
    }

    /// These are not with the consumer any more, because an earlier event is tried again. Those
    /// that it has answered already are not reported to it.
    fn withdraw(&mut self, id: ConsumerId, back: &[(u64, Position)]) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        for (delivery, _) in back {
            if consumer.stream_of(*delivery).is_some() {
                consumer.withdraw(*delivery);
            }
        }
    }

    /// Finishes what is answered and has nothing unanswered before it. What comes then may be
    /// begun.
    pub(super) fn advance(&mut self, key: &Arc<str>, id: ConsumerId) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let answered = lane.take_answered();
        if answered.is_empty() {
            return;
        }
        let next = lane.first_held().map(|(delivery, _)| delivery);
        if let (Some(next), Some(consumer)) = (next, self.consumers.get_mut(&id)) {
            consumer.await_turn(key, next, consumer.unanswered().saturating_sub(1));
        }
        for (event, answer) in answered {
            self.finish(event, answer, id);
        }
    }

    /// An event is finished, or is to be parked.
    pub(super) fn finish(&mut self, event: Waiting, answer: Answer, id: ConsumerId) {
        self.listed -= 1;
        self.changed = true;
        if let Answer::Park(reason) = answer {
            let Waiting { position, attempts } = event;
            let consumer = self.consumers.get(&id).map(|consumer| consumer.name.clone());
            let consumer = consumer.unwrap_or_default();
            self.parks.push(Park { position, attempts, reason, consumer });
        }
    }
}
