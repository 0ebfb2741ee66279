//! One consumer of a group: what it may be given, what it has, what was withdrawn from it, and when
//! it last gave a sign of life.

use std::{collections::VecDeque, ops::RangeInclusive, sync::Arc};

use super::{
    delivery::Moment,
    lost::{Loss, Lost},
    unanswered::Unanswered,
};
use crate::domain::limits;

/// The next event of a stream waits at a consumer until its turn has surely come.
#[derive(Debug)]
struct Turn {
    stream: Arc<str>,
    delivery: u64,
    /// It has come when the consumer has given so many answers in time.
    answers: u64,
}

/// What is known of one consumer.
#[derive(Debug, Default)]
pub(super) struct Consumer {
    pub(super) name: String,
    pub(super) credit: u32,
    given: u64,
    /// Deliveries up to this one have arrived.
    received: u64,
    /// Deliveries up to this one were sent, or taken back before.
    sent: u64,
    /// Unanswered deliveries, and the streams of their events.
    unanswered: Unanswered,
    withdrawn: Vec<u64>,
    /// Events that it lost because a lease has ended: an answer may still count.
    lost: Lost,
    /// How many answers it has given in time, and the newest delivery that it has answered.
    answers: u64,
    answered: u64,
    /// In the order in which turns come.
    turns: VecDeque<Turn>,
    /// Since when it has something and has given no sign of life.
    waited_for_since: Moment,
    /// It has named deliveries that it works on, so what it does not name it has not begun.
    pub(super) names_work: bool,
    /// It has fallen silent, and has said nothing since.
    pub(super) silent: bool,
    /// It has fallen silent, and has shown no progress since.
    pub(super) stuck: bool,
}

impl Consumer {
    pub(super) fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// Takes more credit; `None`: more than a consumer may have together with what it has not
    /// answered.
    pub(super) fn grant(&mut self, credit: u64) -> Option<()> {
        let has = self.unanswered.len() as u64 + u64::from(self.credit);
        let sum = has.checked_add(credit)?;
        if sum > limits::CONSUMER_CREDIT as u64 {
            return None;
        }
        self.credit += u32::try_from(credit).ok()?;
        Some(())
    }

    /// Gives it so many events of a stream, for which it must have credit; returns the number of
    /// the first delivery.
    pub(super) fn give(&mut self, stream: &Arc<str>, count: usize, now: Moment) -> u64 {
        debug_assert!(count <= self.credit as usize, "credit bounds what one has not answered");
        if self.unanswered.is_empty() {
            self.waited_for_since = now;
        }
        let first = self.given + 1;
        self.given += count as u64;
        self.credit = self.credit.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        self.unanswered.push(first..=self.given, stream);
        first
    }

    /// Deliveries up to this one have arrived. The first that it has to answer begins the wait.
    pub(super) fn received(&mut self, delivery: u64, now: Moment) {
        let first = self.oldest().map(|(first, _)| first);
        if first.is_some_and(|first| self.received < first && first <= delivery) {
            self.waited_for_since = now;
        }
        self.received = self.received.max(delivery);
    }

    /// It is at work on what it has.
    pub(super) fn shows_progress(&mut self, now: Moment) {
        self.waited_for_since = now;
        self.stuck = false;
    }

    /// It has answered a delivery of a stream, in time or late; what came before in that stream it
    /// is not at any more.
    pub(super) fn answered(&mut self, stream: &Arc<str>, delivery: u64, now: Moment) {
        self.answers += u64::from(self.unanswered.remove(delivery));
        self.answered = self.answered.max(delivery);
        self.lost.passed(stream, delivery);
        self.shows_progress(now);
    }

    /// Whether it has surely begun a delivery that should be its next of a stream. It has not if it
    /// names what it works on and has not named this; nor as long as it may be stuck with something
    /// older, or at work on something older that it has lost.
    pub(super) fn has_begun(&self, stream: &Arc<str>, delivery: u64) -> bool {
        let after = (self.answered + 1).min(delivery);
        let at_lost = self.lost.any(after..delivery) || self.lost.may_be_at(stream, delivery);
        !self.names_work && !self.stuck && self.received >= delivery && !at_lost
    }

    /// When it counts as silent, unless it gives a sign of life; `None`: it has nothing.
    pub(super) fn falls_silent_at(&self, lease: Moment) -> Option<Moment> {
        (!self.unanswered.is_empty()).then(|| self.waited_for_since + lease)
    }

    /// It has given no sign of life for a lease, and loses all that it has. If nothing of that has
    /// arrived, it could not say anything.
    pub(super) fn fell_silent(&mut self) {
        let arrived = self.oldest().is_some_and(|(delivery, _)| delivery <= self.received);
        self.silent |= arrived;
        self.stuck |= arrived;
        self.turns.clear();
    }

    /// The next event of a stream may be begun once so many others are answered.
    pub(super) fn await_turn(&mut self, stream: &Arc<str>, delivery: u64, others: usize) {
        let answers = self.answers + others as u64;
        self.turns.push_back(Turn { stream: Arc::clone(stream), delivery, answers });
    }

    /// The next delivery, if its turn has surely come.
    pub(super) fn next_turn(&mut self) -> Option<(Arc<str>, u64)> {
        let turn = self.turns.front()?;
        if turn.answers > self.answers || turn.delivery > self.received {
            return None;
        }
        self.turns.pop_front().map(|turn| (turn.stream, turn.delivery))
    }

    /// Whether such a delivery was ever made.
    pub(super) fn was_given(&self, delivery: u64) -> bool {
        (1..=self.given).contains(&delivery)
    }

    /// The stream of an unanswered delivery; `None`: it was answered or withdrawn.
    pub(super) fn stream_of(&self, delivery: u64) -> Option<Arc<str>> {
        self.unanswered.stream_of(delivery).cloned()
    }

    /// Takes a delivery back that is not answered; whether it was sent. A delivery that was sent is
    /// reported to the consumer as withdrawn.
    pub(super) fn withdraw(&mut self, delivery: u64) -> bool {
        if !self.unanswered.remove(delivery) {
            return false;
        }
        let sent = delivery <= self.sent;
        if sent {
            self.withdrawn.push(delivery);
        } else {
            // The consumer never heard of it, and has the credit back.
            self.credit += 1;
        }
        sent
    }

    /// Takes a delivery back because a lease has ended. The oldest are forgotten if one collects
    /// more of them than it may have at a time.
    pub(super) fn lose(&mut self, delivery: u64, loss: Loss) {
        if self.withdraw(delivery) {
            self.lost.push(delivery, loss);
        }
        while self.lost.len() > limits::CONSUMER_CREDIT && self.lost.forget_oldest() {}
    }

    /// The event of a delivery that it has lost and not answered since.
    pub(super) fn take_lost(&mut self, delivery: u64) -> Option<Loss> {
        self.lost.take(delivery)
    }

    /// How many events it has lost to the end of a lease and not answered since.
    pub(super) fn lost(&self) -> usize {
        self.lost.len()
    }

    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// The oldest unanswered delivery, and its stream.
    pub(super) fn oldest(&self) -> Option<(u64, &Arc<str>)> {
        self.unanswered.oldest()
    }

    /// The streams of which it has something.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Arc<str>> {
        self.unanswered.streams()
    }

    /// What is to be sent next, neighbours among the deliveries; and the streams.
    pub(super) fn unsent(&self) -> impl Iterator<Item = (RangeInclusive<u64>, &Arc<str>)> {
        self.unanswered.after(self.sent)
    }

    /// Deliveries up to this one were sent.
    pub(super) fn sent(&mut self, last: u64) {
        debug_assert!(last <= self.given, "a lease begins with a delivery that was made");
        self.sent = self.sent.max(last);
    }

    pub(super) fn take_withdrawn(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.withdrawn)
    }
}
