//! Which consumer gets which event, and what becomes of it: given, answered, withdrawn.

use std::{collections::VecDeque, sync::Arc};

use super::{
    consumer::Consumer,
    delivery::{Answer, ConsumerId, Moment, NeverDelivered, Outgoing, Park},
    lane::{Held, Hold, Lane, Waiting},
    lost::Loss,
    work::Work,
};
use crate::domain::event::Position;

/// Events of one stream that a consumer is given at once.
const RUN: usize = 256;

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
        self.lost -= self.consumers.remove(&id).map_or(0, |consumer| consumer.lost());
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
        if matches!(answer, Answer::Retry(_) | Answer::Park(_)) {
            given.attempts += 1;
            self.changed = true;
        }
        let attempts = given.attempts;
        let finished = match answer {
            Answer::Retry(_)
                if attempts < self.settings.max_attempts && !planted!("park-untried") =>
            {
                lane.rests_until = now + self.settings.rest(attempts);
                let back = lane.take_back(place);
                self.withdraw(id, &back);
                Vec::new()
            }
            Answer::Retry(reason) => lane.answer(delivery, Answer::Park(reason)),
            Answer::Handled | Answer::Park(_) | Answer::Skip => lane.answer(delivery, answer),
        };
        self.finish_all(&key, id, finished);
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
        let (id, first) = (hold.consumer, hold.first);
        if let (Some(reason), Some(event)) = (failed, hold.events.front_mut()) {
            event.attempts += 1;
            if event.attempts >= self.settings.max_attempts {
                let position = event.position;
                let finished = lane.answer(first, Answer::Park(reason.to_owned()));
                self.lose(id, first, Loss::new(key, position, true));
                self.finish_all(key, id, finished);
            }
        }
        let back = self.lanes.get_mut(key).map(|lane| lane.take_back(0)).unwrap_or_default();
        for (delivery, position) in back {
            let tried = failed.is_some() && delivery == first;
            self.lose(id, delivery, Loss::new(key, position, tried));
        }
        self.changed = true;
        self.settle(key, now);
    }

    /// A consumer loses a delivery that it has not answered, because a lease has ended.
    pub(super) fn lose(&mut self, id: ConsumerId, delivery: u64, loss: Loss) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        let before = consumer.lost();
        consumer.lose(delivery, loss);
        self.lost = self.lost + consumer.lost() - before;
    }

    /// These are not with the consumer any more, because an earlier event is tried again.
    fn withdraw(&mut self, id: ConsumerId, back: &[(u64, Position)]) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        for (delivery, _) in back {
            consumer.withdraw(*delivery);
        }
    }

    /// These are finished: answered, and nothing unanswered was before them. What comes then in
    /// their lane may be begun.
    pub(super) fn finish_all(
        &mut self,
        key: &Arc<str>,
        id: ConsumerId,
        finished: Vec<(Waiting, Answer)>,
    ) {
        if finished.is_empty() {
            return;
        }
        let lane = self.lanes.get(key);
        let next = lane.and_then(Lane::first_held).map(|(delivery, _)| delivery);
        if let (Some(next), Some(consumer)) = (next, self.consumers.get_mut(&id)) {
            consumer.await_turn(key, next, consumer.unanswered().saturating_sub(1));
        }
        for (event, answer) in finished {
            self.finish(event, answer, id);
        }
    }

    /// An event is finished, or is to be parked.
    pub(super) fn finish(&mut self, event: Waiting, answer: Answer, id: ConsumerId) {
        debug_assert!(self.listed > 0, "what is finished was listed, and each is finished once");
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
