//! How far a group is: the last position looked at, and what is unfinished before it. It is read
//! off the work, and the work is taken up again from it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    delivery::{ConsumerId, Moment, Park},
    lane::Lane,
    settings::Settings,
    unfinished::Unfinished,
    work::Work,
};
use crate::domain::{event::Position, proto};

/// How far a group is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Every event up to here was looked at.
    pub position: Position,
    /// Unfinished events that are listed, and how often each of them has failed.
    pub unfinished: Unfinished,
    /// Streams of which all events after a position are unfinished.
    pub behind: BTreeMap<Arc<str>, Position>,
}

impl Checkpoint {
    /// A group that has looked at everything up to a position, and has finished it.
    pub fn at(position: Position) -> Self {
        Self { position, ..Self::default() }
    }

    /// What has changed since an earlier checkpoint.
    pub fn changes_since(&self, earlier: &Self) -> proto::GroupProgressed {
        let failed = self.unfinished.failed_beside(&earlier.unfinished);
        let behind = self
            .behind
            .iter()
            .filter(|(stream, after_position)| earlier.behind.get(*stream) != Some(after_position));
        let ended = earlier.behind.keys().filter(|stream| !self.behind.contains_key(*stream));
        proto::GroupProgressed {
            position: self.position,
            finished: earlier.unfinished.positions_beside(&self.unfinished),
            unfinished: self.unfinished.positions_beside(&earlier.unfinished),
            failed: failed.into_iter().map(attempts_of).collect(),
            behind: behind.map(behind_of).collect(),
            no_longer_behind: ended.map(ToString::to_string).collect(),
        }
    }

    /// Takes in what has changed. Each change says how something is from then on, so one that was
    /// taken in already changes nothing.
    pub fn apply(&mut self, changes: &proto::GroupProgressed) {
        self.position = changes.position;
        for position in &changes.finished {
            self.unfinished.remove(*position);
        }
        for position in &changes.unfinished {
            self.unfinished.insert(*position, 0);
        }
        self.tried(&changes.failed);
        for stream in &changes.no_longer_behind {
            self.behind.remove(stream.as_str());
        }
        self.behind.extend(changes.behind.iter().map(named));
    }

    fn tried(&mut self, failed: &[proto::FailedAttempts]) {
        for failed in failed {
            if self.unfinished.attempts(failed.position).is_some() {
                self.unfinished.insert(failed.position, failed.attempts);
            }
        }
    }
}

fn attempts_of((position, attempts): (Position, u32)) -> proto::FailedAttempts {
    proto::FailedAttempts { position, attempts }
}

fn behind_of((stream, after_position): (&Arc<str>, &Position)) -> proto::StreamBehind {
    proto::StreamBehind { stream: stream.to_string(), after_position: *after_position }
}

fn named(behind: &proto::StreamBehind) -> (Arc<str>, Position) {
    (behind.stream.as_str().into(), behind.after_position)
}

impl From<&Checkpoint> for proto::GroupCheckpointed {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            position: checkpoint.position,
            unfinished: checkpoint.unfinished.positions().collect(),
            failed: checkpoint.unfinished.failed().map(attempts_of).collect(),
            behind: checkpoint.behind.iter().map(behind_of).collect(),
        }
    }
}

impl From<&proto::GroupCheckpointed> for Checkpoint {
    fn from(recorded: &proto::GroupCheckpointed) -> Self {
        let unfinished = recorded.unfinished.iter().map(|position| (*position, 0)).collect();
        let behind = recorded.behind.iter().map(named).collect();
        let mut checkpoint = Self { position: recorded.position, unfinished, behind };
        checkpoint.tried(&recorded.failed);
        checkpoint
    }
}

impl Work {
    /// The work of a group that is as far as a checkpoint says. Of its unfinished events the
    /// streams are given.
    pub fn restored(
        settings: Settings,
        checkpoint: &Checkpoint,
        streams: impl IntoIterator<Item = (Position, String)>,
    ) -> Self {
        let mut work = Self::new(settings, checkpoint.position);
        for (position, stream) in streams {
            let attempts = checkpoint.unfinished.attempts(position).unwrap_or_default();
            work.put(&stream, position, attempts, Moment::ZERO);
        }
        for (stream, after) in &checkpoint.behind {
            work.put_behind(stream, *after, Moment::ZERO);
        }
        work.recorded(0);
        work
    }

    /// What is to be recorded. The first `parks` of those that are to be parked count as finished,
    /// the others do not yet.
    pub fn checkpoint(&self, parks: usize) -> Checkpoint {
        let ahead = |lane: &&Lane| planted!("group-ahead-of-answers") && lane.hold.is_some();
        let listed = self.lanes.values().filter(|lane| !ahead(lane)).flat_map(Lane::listed);
        let unfinished = listed.map(|event| (event.position, event.attempts));
        let not_parked = self.parks.iter().skip(parks).map(|park| (park.position, park.attempts));
        let behind = self.lanes.iter();
        let behind = behind.filter_map(|(stream, lane)| Some((Arc::clone(stream), lane.behind?)));
        Checkpoint {
            position: self.read(),
            unfinished: unfinished.chain(not_parked).collect(),
            behind: behind.collect(),
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

    /// Of each consumer: its id, how many deliveries it has not answered, and its credit.
    pub fn consumers(&self) -> impl Iterator<Item = (ConsumerId, usize, u32)> {
        let consumers = self.consumers.iter();
        consumers.map(|(id, consumer)| (*id, consumer.unanswered(), consumer.credit))
    }
}
