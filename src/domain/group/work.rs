//! Which events are unfinished, which consumers have them, and which consumer gets what next.
//!
//! Events of one stream form a lane. A lane is given to one consumer at a time, several events at
//! once and in order; it can be given again when all of them are answered. So whatever happens to
//! one stream, the others go on.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use hashbrown::{HashMap, hash_map::EntryRef};

use super::{
    consumer::Consumer,
    delivery::{ConsumerId, Moment, Park},
    lane::{Lane, MOST_WAITING, Waiting},
    settings::Settings,
};
use crate::domain::event::Position;

/// Events that may pass without a match before a checkpoint is due for their sake alone: one such
/// checkpoint must not be a reason for the next.
const PASSED: u64 = 10_000;

/// Streams that are behind after the last consumer has left, unless more were before.
const MOST_BEHIND: usize = 256;

/// Bytes of an event that is listed, about, with its place in the last checkpoint.
const EVENT_BYTES: usize = 20;
/// Bytes of a lane, about: with its name, its place among the others, and what its consumer knows
/// of it.
const LANE_BYTES: usize = size_of::<Lane>() + 250;

/// The work of a group.
#[derive(Debug)]
pub struct Work {
    pub(super) settings: Settings,
    /// Every event up to here was looked at.
    pub(super) read: Position,
    pub(super) lanes: HashMap<Arc<str>, Lane>,
    /// Lanes that can be given.
    pub(super) ready: VecDeque<Arc<str>>,
    /// Lanes to look at when their moment comes.
    pub(super) timers: BTreeSet<(Moment, Arc<str>)>,
    /// Lanes with more events than are listed, of which few are left.
    hungry: BTreeSet<Arc<str>>,
    pub(super) consumers: BTreeMap<ConsumerId, Consumer>,
    /// The consumer that was given something last.
    pub(super) last_given: ConsumerId,
    /// Events that are listed.
    pub(super) listed: usize,
    /// Deliveries that consumers have lost to the end of a lease and not answered since.
    pub(super) lost: usize,
    /// What is to be recorded as parked.
    pub(super) parks: Vec<Park>,
    /// Whether the last checkpoint says less than is known.
    pub(super) changed: bool,
    /// What the last checkpoint says was looked at.
    pub(super) recorded_read: Position,
}

impl Work {
    /// The work of a group that has looked at everything up to a position.
    pub fn new(settings: Settings, read: Position) -> Self {
        Self {
            settings,
            read,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            hungry: BTreeSet::new(),
            consumers: BTreeMap::new(),
            last_given: 0,
            listed: 0,
            lost: 0,
            parks: Vec::new(),
            changed: false,
            recorded_read: read,
        }
    }

    /// Every event up to here was looked at.
    pub fn read(&self) -> Position {
        self.read
    }

    /// Events that are listed as unfinished.
    pub fn listed(&self) -> usize {
        self.listed
    }

    /// Bytes that it holds of what is unfinished, about.
    pub fn bytes(&self) -> usize {
        EVENT_BYTES * (self.listed + self.lost) + LANE_BYTES * self.lanes.len()
    }

    /// Lanes that could be given now.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether something is to be recorded: a checkpoint, or parked events.
    pub fn changed(&self) -> bool {
        let passed = self.read - self.recorded_read;
        self.changed || !self.parks.is_empty() || passed >= PASSED
    }

    /// Whether a consumer with credit may be given something.
    pub fn has_credit(&self) -> bool {
        self.next_consumer().is_some()
    }

    /// Takes an event that was read; positions rise.
    pub fn offer(&mut self, stream: &str, position: Position, now: Moment) {
        debug_assert!(position > self.read, "an event that was looked at would be listed twice");
        self.read = position;
        self.changed = true;
        let (lane, key) = self.lane(stream);
        let listed = lane.offer(position);
        self.listed += usize::from(listed);
        self.settle(&key, now);
    }

    /// Everything up to there was looked at.
    pub fn looked_up_to(&mut self, position: Position) {
        self.read = position.max(self.read);
    }

    /// Lists an event that was finished or is known to be unfinished, at its place.
    pub fn put(&mut self, stream: &str, position: Position, attempts: u32, now: Moment) {
        let (lane, key) = self.lane(stream);
        lane.insert(Waiting { position, attempts });
        self.listed += 1;
        self.changed = true;
        self.settle(&key, now);
    }

    /// What comes after that position in the stream, as far as was looked, is unfinished.
    pub fn put_behind(&mut self, stream: &str, after: Position, now: Moment) {
        let (lane, key) = self.lane(stream);
        lane.behind = Some(after);
        lane.whole_after = lane.whole_after.min(after);
        self.settle(&key, now);
    }

    /// The last consumer has left. Few events of long streams stay listed, because nothing may need
    /// the others for long.
    pub(super) fn shorten(&mut self, now: Moment) {
        let mut behind = self.behind().count();
        let long = self.lanes.iter().filter(|(_, lane)| lane.waiting.len() >= MOST_WAITING / 2);
        for key in long.map(|(key, _)| Arc::clone(key)).collect::<Vec<_>>() {
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            // Each that is behind is recorded by its name, and all names have to fit one event.
            if lane.behind.is_none() && behind >= MOST_BEHIND {
                continue;
            }
            behind += usize::from(lane.behind.is_none());
            self.listed -= lane.shorten();
            self.settle(&key, now);
        }
        self.ready.shrink_to_fit();
    }

    /// Streams of which more events should be listed: those after the position, at most so many.
    /// There are none as long as no consumer takes part.
    pub fn hungry(&self) -> Vec<(Arc<str>, Position, usize)> {
        if self.consumers.is_empty() {
            return Vec::new();
        }
        let hungry = self.hungry.iter().filter_map(|key| {
            let lane = self.lanes.get(key)?;
            Some((Arc::clone(key), lane.behind?, MOST_WAITING - lane.waiting.len()))
        });
        hungry.collect()
    }

    /// Lists what was found for a hungry stream, as far as everything was looked at. If fewer were
    /// found than requested, those were all.
    pub fn feed(&mut self, key: &Arc<str>, found: &[Position], limit: usize, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let waiting = found.iter().map(|&position| Waiting { position, attempts: 0 });
        lane.waiting.extend(waiting);
        self.listed += found.len();
        lane.behind = if found.len() < limit { None } else { found.last().copied() };
        self.settle(key, now);
    }

    fn lane(&mut self, stream: &str) -> (&mut Lane, Arc<str>) {
        let entry = match self.lanes.entry_ref(stream) {
            EntryRef::Occupied(entry) => entry,
            EntryRef::Vacant(entry) => {
                // What comes after it was not looked at.
                let new = Lane { whole_after: self.read, ..Lane::default() };
                entry.insert_entry_with_key(stream.into(), new)
            }
        };
        let key = Arc::clone(entry.key());
        (entry.into_mut(), key)
    }

    /// Puts a lane where it belongs now: among those that can be given, those that wait for a
    /// moment, those of which more should be listed; or nowhere, when it is finished.
    pub(super) fn settle(&mut self, key: &Arc<str>, now: Moment) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.can_be_given(now) && !lane.queued {
            lane.queued = true;
            self.ready.push_back(Arc::clone(key));
        }
        let next = lane.next_moment(now);
        if next != lane.timer {
            if let Some(before) = lane.timer {
                self.timers.remove(&(before, Arc::clone(key)));
            }
            self.timers.extend(next.map(|moment| (moment, Arc::clone(key))));
            lane.timer = next;
        }
        if lane.is_hungry() {
            self.hungry.insert(Arc::clone(key));
        } else {
            self.hungry.remove(key);
        }
        if lane.is_finished() {
            self.lanes.remove(key);
        }
    }
}
