//! One consumer of a group: what it may be given, what it was given, and what it is to be told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::domain::{event::Position, limits};

/// A consumer, for as long as it takes part; never used again.
pub type ConsumerId = u64;

/// An event on its way to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The number of the delivery, from 1, for this consumer.
    pub delivery: u64,
    /// Which event.
    pub position: Position,
    /// How often it was tried before.
    pub attempts: u32,
}

/// What is known of one consumer.
#[derive(Debug, Default)]
pub(super) struct Consumer {
    pub(super) name: String,
    pub(super) credit: u32,
    given: u64,
    /// Unanswered deliveries, and the streams of their events.
    unanswered: BTreeMap<u64, Arc<str>>,
    /// Unanswered deliveries that were not sent yet.
    outbox: VecDeque<Outgoing>,
    withdrawn: Vec<u64>,
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

    /// Gives it an event, for which it must have credit; returns the number of the delivery.
    pub(super) fn give(&mut self, stream: &Arc<str>, position: Position, attempts: u32) -> u64 {
        self.given += 1;
        self.credit -= 1;
        self.unanswered.insert(self.given, Arc::clone(stream));
        self.outbox.push_back(Outgoing { delivery: self.given, position, attempts });
        self.given
    }

    /// Whether such a delivery was ever made.
    pub(super) fn was_given(&self, delivery: u64) -> bool {
        (1..=self.given).contains(&delivery)
    }

    /// The stream of an unanswered delivery; `None`: it was answered or withdrawn.
    pub(super) fn stream_of(&self, delivery: u64) -> Option<Arc<str>> {
        self.unanswered.get(&delivery).cloned()
    }

    /// The delivery is answered, or needs no answer any more.
    pub(super) fn done(&mut self, delivery: u64) {
        self.unanswered.remove(&delivery);
    }

    /// Takes a delivery back. The consumer is told unless it never heard of it.
    pub(super) fn withdraw(&mut self, delivery: u64) {
        self.done(delivery);
        match self.outbox.binary_search_by_key(&delivery, |outgoing| outgoing.delivery) {
            // Rising, and not sent: it may have the credit back.
            Ok(place) => {
                self.outbox.remove(place);
                self.credit += 1;
            }
            Err(_) => self.withdrawn.push(delivery),
        }
    }

    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// The streams of which it has something.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Arc<str>> {
        self.unanswered.values()
    }

    /// What is to be sent next: neighbours among the deliveries.
    pub(super) fn outgoing(&self) -> impl Iterator<Item = Outgoing> {
        let first = self.outbox.front().map_or(0, |first| first.delivery);
        let neighbours = self.outbox.iter().copied().zip(first..);
        neighbours.take_while(|(next, number)| next.delivery == *number).map(|(next, _)| next)
    }

    /// So many of these were sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.outbox.drain(..count.min(self.outbox.len()));
    }

    pub(super) fn take_withdrawn(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.withdrawn)
    }
}
