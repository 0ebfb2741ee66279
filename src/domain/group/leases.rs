//! How long a consumer keeps what it was given.
//!
//! The server does not see which event a consumer has in hand and which events wait there. So a
//! lease belongs to the consumer. An answer renews it for everything that the consumer has, and so
//! does the naming of an event as work in progress. A consumer without a sign of life for a lease
//! is silent and loses everything. A single event that is never answered gets a lease of its own
//! once it was surely begun.

use std::sync::Arc;

use super::{
    consumer::Consumer,
    delivery::{ConsumerId, Moment, NeverDelivered},
    lane::{Held, Lane},
    work::Work,
};

impl Work {
    /// A consumer has said something, whatever it was.
    pub fn spoke(&mut self, id: ConsumerId) {
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.silent = false;
        }
    }

    /// Deliveries up to this one have arrived at a consumer.
    pub fn received(&mut self, id: ConsumerId, delivery: u64, now: Moment) {
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.received(delivery, now);
        }
        self.take_turns(id, now);
    }

    /// A consumer works on a delivery. The lease of the delivery begins anew. A withdrawn delivery
    /// is passed over.
    pub fn works_on(
        &mut self,
        id: ConsumerId,
        delivery: u64,
        now: Moment,
    ) -> Result<(), NeverDelivered> {
        let Some(consumer) = self.consumers.get_mut(&id) else { return Ok(()) };
        if !consumer.was_given(delivery) {
            return Err(NeverDelivered(delivery));
        }
        consumer.names_work = true;
        let Some(key) = consumer.stream_of(delivery) else { return Ok(()) };
        consumer.shows_progress(now);
        let Some(lane) = self.lanes.get_mut(&key) else { return Ok(()) };
        let Some((place, held)) = lane.held_mut(delivery) else { return Ok(()) };
        held.named = true;
        if place == 0 {
            lane.lease_ends = Some(now + self.settings.lease);
        }
        self.settle(&key, now);
        Ok(())
    }

    /// An event gets a lease of its own once its turn has surely come at a consumer. Only naming
    /// the event as work in progress renews that lease.
    pub(super) fn take_turns(&mut self, id: ConsumerId, now: Moment) {
        while let Some(consumer) = self.consumers.get_mut(&id)
            && let Some((key, delivery)) = consumer.next_turn()
        {
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            let holder = lane.hold.as_ref().map(|hold| hold.consumer);
            let first = lane.first_held().map(|(delivery, _)| delivery);
            if (holder, first) == (Some(id), Some(delivery)) && lane.lease_ends.is_none() {
                lane.lease_ends = Some(now + self.settings.lease);
                self.settle(&key, now);
            }
        }
    }

    /// Looks at what is due: leases that have ended, consumers that have fallen silent, rests that
    /// are over.
    pub fn expire(&mut self, now: Moment) {
        let lease = self.settings.lease;
        let silent = self.consumers.iter().filter(|(_, consumer)| {
            consumer.falls_silent_at(lease).is_some_and(|moment| moment <= now)
        });
        for id in silent.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.fall_silent(id, now);
        }
        while let Some((moment, key)) = self.timers.first().filter(|(moment, _)| *moment <= now) {
            let (moment, key) = (*moment, Arc::clone(key));
            self.timers.remove(&(moment, Arc::clone(&key)));
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            lane.timer = None;
            if lane.hold.is_some() {
                self.end_lease(&key, now);
            } else {
                self.settle(&key, now);
            }
        }
    }

    /// When there is something to look at next.
    pub fn next_moment(&self) -> Option<Moment> {
        let lanes = self.timers.first().map(|(moment, _)| *moment);
        let silences = self.consumers.values();
        let silences = silences.filter_map(|it| it.falls_silent_at(self.settings.lease));
        lanes.into_iter().chain(silences).min()
    }

    /// An event has a lease of its own, which has ended.
    fn end_lease(&mut self, key: &Arc<str>, now: Moment) {
        let Some(lane) = self.lanes.get(key) else { return };
        let Some((hold, first)) = lane.hold.as_ref().zip(lane.first_held()) else { return };
        let Some(consumer) = self.consumers.get(&hold.consumer) else { return };
        let reason = has_begun(consumer, key, first).then(|| not_in_time(&consumer.name));
        self.take_back(key, reason.as_deref(), now);
    }

    /// A consumer has given no sign of life. All that it has is taken back. The events that it has
    /// begun count as tried, and those that waited do not.
    fn fall_silent(&mut self, id: ConsumerId, now: Moment) {
        let begun = self.begun_by(id);
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        consumer.fell_silent();
        let reason = not_in_time(&consumer.name);
        for key in self.lanes_of(id) {
            let failed = begun.contains(&key).then_some(&*reason);
            self.take_back(&key, failed, now);
        }
    }

    /// The streams of which a silent consumer has begun the next event: those that it has named; if
    /// it names none, that of its oldest event.
    fn begun_by(&self, id: ConsumerId) -> Vec<Arc<str>> {
        let Some(consumer) = self.consumers.get(&id) else { return Vec::new() };
        let oldest = consumer.oldest().map(|(_, stream)| stream);
        let begun = |key: &Arc<str>| {
            let first = self.lanes.get(key).and_then(Lane::first_held);
            first.is_some_and(|first| {
                first.1.named || oldest == Some(key) && has_begun(consumer, key, first)
            })
        };
        self.lanes_of(id).into_iter().filter(begun).collect()
    }
}

/// Whether a consumer has surely begun an event that it has to answer next in its stream.
fn has_begun(consumer: &Consumer, key: &Arc<str>, (delivery, first): (u64, Held)) -> bool {
    first.named || consumer.has_begun(key, delivery)
}

fn not_in_time(consumer: &str) -> String {
    format!("{consumer} did not answer in time")
}
