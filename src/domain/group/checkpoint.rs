//! The work of a group as it is recorded: the last position looked at, and what is unfinished.

use std::sync::Arc;

use super::{
    ConsumerId, Park,
    lane::{Lane, Moment},
    work::Work,
};
use crate::domain::{event::Position, proto};

impl Work {
    /// What is to be recorded. The first `parks` of those that are to be parked count as finished,
    /// the others do not yet.
    pub fn checkpoint(&self, parks: usize) -> proto::GroupCheckpointed {
        let listed = self.lanes.values().flat_map(Lane::listed);
        let unfinished = listed.map(|event| (event.position, event.attempts));
        let not_parked = self.parks.iter().skip(parks).map(|park| (park.position, park.attempts));
        let mut unfinished: Vec<_> = unfinished.chain(not_parked).collect();
        unfinished.sort_unstable();
        let failed = unfinished.iter().filter(|(_, attempts)| *attempts > 0);
        let behind = self.lanes.iter().filter_map(|(stream, lane)| {
            let (stream, after_position) = (stream.to_string(), lane.behind?);
            Some(proto::StreamBehind { stream, after_position })
        });
        let mut behind: Vec<_> = behind.collect();
        behind.sort_by(|one, other| one.stream.cmp(&other.stream));
        proto::GroupCheckpointed {
            position: self.read(),
            failed: failed
                .map(|&(position, attempts)| proto::FailedAttempts { position, attempts })
                .collect(),
            unfinished: unfinished.into_iter().map(|(position, _)| position).collect(),
            behind,
        }
    }

    /// A checkpoint and the first `parks` of those that are to be parked were recorded.
    pub fn recorded(&mut self, parks: usize) {
        self.parks.drain(..parks.min(self.parks.len()));
        self.changed = false;
        self.recorded_read = self.read();
    }

    /// What is to be recorded as parked.
    pub fn parks(&self) -> &[Park] {
        &self.parks
    }

    /// Everything up to here is finished.
    pub fn finished_up_to(&self) -> Position {
        self.first_unfinished().map_or(self.read(), |first| first - 1)
    }

    /// The first event that is known to be unfinished.
    pub fn first_unfinished(&self) -> Option<Position> {
        let listed = self.lanes.values().flat_map(Lane::listed);
        let parks = self.parks.iter().map(|park| park.position);
        listed.map(|event| event.position).chain(parks).min()
    }

    /// Events that have failed and rest.
    pub fn resting(&self, now: Moment) -> usize {
        let rests = |lane: &&Lane| lane.hold.is_none() && lane.rests_until > now;
        self.lanes.values().filter(rests).count()
    }

    /// Streams of which not all that is unfinished is listed, and after which position.
    pub fn behind(&self) -> impl Iterator<Item = (&Arc<str>, Position)> {
        self.lanes.iter().filter_map(|(stream, lane)| Some((stream, lane.behind?)))
    }

    /// Of each consumer: who it is, what it has not answered, and its credit.
    pub fn consumers(&self) -> impl Iterator<Item = (ConsumerId, usize, u32)> {
        let consumers = self.consumers.iter();
        consumers.map(|(id, consumer)| (*id, consumer.unanswered(), consumer.credit))
    }
}
