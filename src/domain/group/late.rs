//! Answers that come after their lease has ended.
//!
//! An answer counts as long as no other consumer has the event. The event was handled, so a second
//! handling would serve no purpose.

use super::{
    delivery::{Answer, ConsumerId, Moment},
    lane::Waiting,
    lost::Loss,
    work::Work,
};
use crate::domain::event::Position;

impl Work {
    /// Takes the answer to a delivery that was withdrawn. It shows that the consumer is at work,
    /// whether it counts or not. A retry is passed over: the end of the lease was that try already.
    pub(super) fn answer_late(
        &mut self,
        id: ConsumerId,
        delivery: u64,
        answer: Answer,
        now: Moment,
    ) {
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        let Some(Loss { stream: key, position, tried }) = consumer.take_lost(delivery) else {
            return;
        };
        self.lost -= 1;
        consumer.answered(&key, delivery, now);
        if matches!(answer, Answer::Retry(_)) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(&key) else {
            return self.call_back(position, &answer);
        };
        // Parking is the end of a try, which may have counted when the lease ended.
        let tries = u32::from(matches!(answer, Answer::Park(_)) && !tried);
        if let Some(again) = lane.unanswered_by(id, position) {
            // The same consumer has it again, and need not handle it twice.
            if let Some((_, held)) = lane.held_mut(again) {
                held.attempts += tries;
            }
            let finished = lane.answer(again, answer);
            self.lose(id, again, Loss::new(&key, position, true));
            self.finish_all(&key, id, finished);
        } else if let Some(Waiting { position, attempts }) = lane.take_first_waiting(position) {
            self.finish(Waiting { position, attempts: attempts + tries }, answer, id);
        } else {
            return self.call_back(position, &answer);
        }
        self.settle(&key, now);
        self.take_turns(id, now);
    }

    /// What was handled after all need not be parked, if that is not recorded yet.
    fn call_back(&mut self, position: Position, answer: &Answer) {
        if !matches!(answer, Answer::Park(_)) {
            self.parks.retain(|park| park.position != position);
        }
    }
}
