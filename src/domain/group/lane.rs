//! The unfinished events of one stream, in order: those that a consumer holds, those that wait, and
//! whether there are more than are listed.

use std::collections::{BTreeMap, VecDeque};

use super::delivery::{Answer, ConsumerId, Moment};
use crate::domain::event::Position;

/// Events of a stream that are listed while they wait; those behind them are found again later.
pub(super) const MOST_WAITING: usize = 256;

/// Events of a stream that stay listed when the last consumer has left.
const LEFT_WAITING: usize = 16;

/// An event that no consumer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) position: Position,
    pub(super) attempts: u32,
}

/// An event that a consumer has.
///
/// There can be millions of them, so it has 16 bytes: the number of its delivery follows from its
/// place, and the few answers that wait lie elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) position: Position,
    pub(super) attempts: u32,
    /// The consumer has named it as what it works on.
    pub(super) named: bool,
}

const _: () = assert!(size_of::<Held>() == 16 && size_of::<Waiting>() == 16);

impl From<Held> for Waiting {
    fn from(Held { position, attempts, .. }: Held) -> Self {
        Self { position, attempts }
    }
}

/// What a consumer has of the stream: neighbours among its deliveries. The first of it is not
/// answered; it is never empty.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) consumer: ConsumerId,
    /// The delivery of the first event.
    pub(super) first: u64,
    pub(super) events: VecDeque<Held>,
    /// Said already, but something earlier is not answered; by delivery.
    answers: BTreeMap<u64, Answer>,
}

impl Hold {
    /// A consumer is given events, in one delivery after the other.
    pub(super) fn new(consumer: ConsumerId, first: u64, events: VecDeque<Held>) -> Self {
        debug_assert!(!events.is_empty(), "a hold of nothing would keep its lane for ever");
        Self { consumer, first, events, answers: BTreeMap::new() }
    }

    /// The place of a delivery among the events.
    fn place(&self, delivery: u64) -> Option<usize> {
        let place = usize::try_from(delivery.checked_sub(self.first)?).ok()?;
        (place < self.events.len()).then_some(place)
    }

    /// The events from a delivery on, if that is held.
    pub(super) fn from(&self, delivery: u64) -> impl Iterator<Item = Held> {
        let place = self.place(delivery).unwrap_or(self.events.len());
        self.events.range(place..).copied()
    }

    /// An answer waits until everything before its delivery is answered, if that is held.
    fn keep(&mut self, delivery: u64, answer: Answer) {
        if self.place(delivery).is_some() {
            self.answers.insert(delivery, answer);
        }
    }

    /// The delivery of an event that is not answered.
    fn unanswered(&self, position: Position) -> Option<u64> {
        let place = self.events.iter().position(|held| held.position == position)?;
        let delivery = self.first + place as u64;
        (!self.answers.contains_key(&delivery)).then_some(delivery)
    }
}

/// A stream with unfinished events.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) hold: Option<Hold>,
    pub(super) waiting: VecDeque<Waiting>,
    /// What comes after this position is not listed.
    pub(super) behind: Option<Position>,
    /// Whatever of the stream was looked at and comes after this position is unfinished.
    pub(super) whole_after: Position,
    /// When what is held is taken back, whatever else its consumer answers: its first event was
    /// surely begun. `None`: not before the consumer falls silent.
    pub(super) lease_ends: Option<Moment>,
    /// When the first of what waits may be tried again.
    pub(super) rests_until: Moment,
    /// When it is looked at next.
    pub(super) timer: Option<Moment>,
    /// It stands in the queue of those that can be given.
    pub(super) queued: bool,
}

impl Lane {
    /// Lists an event that was read, or notes that there are more.
    pub(super) fn offer(&mut self, position: Position) -> bool {
        if self.behind.is_some() {
            return false;
        }
        if let (true, Some(last)) = (self.waiting.len() >= MOST_WAITING, self.waiting.back()) {
            self.behind = Some(last.position);
            return false;
        }
        self.waiting.push_back(Waiting { position, attempts: 0 });
        true
    }

    /// The event that has to be answered first, and its delivery.
    pub(super) fn first_held(&self) -> Option<(u64, Held)> {
        let hold = self.hold.as_ref()?;
        Some((hold.first, *hold.events.front()?))
    }

    /// A delivery that is held, and its place.
    pub(super) fn held_mut(&mut self, delivery: u64) -> Option<(usize, &mut Held)> {
        let hold = self.hold.as_mut()?;
        let place = hold.place(delivery)?;
        Some((place, hold.events.get_mut(place)?))
    }

    /// A delivery that is held is answered. What has nothing unanswered before it now is finished,
    /// and is taken out. Most answers come in order, and wait for none.
    pub(super) fn answer(&mut self, delivery: u64, answer: Answer) -> Vec<(Waiting, Answer)> {
        let Some(hold) = &mut self.hold else { return Vec::new() };
        if delivery != hold.first {
            hold.keep(delivery, answer);
            return Vec::new();
        }
        let (mut finished, mut next) = (Vec::new(), Some(answer));
        while let Some(answer) = next
            && let Some(held) = hold.events.pop_front()
        {
            hold.first += 1;
            self.whole_after = self.whole_after.max(held.position);
            finished.push((held.into(), answer));
            next = hold.answers.remove(&hold.first);
        }
        if hold.events.is_empty() {
            self.hold = None;
        }
        self.lease_ends = None;
        finished
    }

    /// The delivery of an event, if it is with this consumer and not answered.
    pub(super) fn unanswered_by(&self, id: ConsumerId, position: Position) -> Option<u64> {
        let hold = self.hold.as_ref().filter(|hold| hold.consumer == id)?;
        hold.unanswered(position)
    }

    /// Takes out an event that waits, if nothing before it is unfinished.
    pub(super) fn take_first_waiting(&mut self, position: Position) -> Option<Waiting> {
        let first = self.waiting.front().filter(|first| first.position == position);
        if self.hold.is_some() || first.is_none() {
            return None;
        }
        // Its rest is over: it need not be tried again.
        self.rests_until = Moment::ZERO;
        self.whole_after = self.whole_after.max(position);
        self.waiting.pop_front()
    }

    /// Lists few of what waits: the others are found again when they are needed. How many are not
    /// listed any more; those stay that have failed, and those behind which something is finished.
    pub(super) fn shorten(&mut self) -> usize {
        if self.hold.is_some() {
            return 0;
        }
        // What was put back while later events were held stands behind those.
        self.waiting.make_contiguous().sort_unstable_by_key(|event| event.position);
        let found_again =
            |event: &Waiting| event.attempts == 0 && event.position > self.whole_after;
        let last_to_stay = self.waiting.iter().rposition(|event| !found_again(event));
        let stay = last_to_stay.map_or(0, |place| place + 1).max(LEFT_WAITING);
        let Some(last) = stay.checked_sub(1).and_then(|place| self.waiting.get(place)) else {
            return 0;
        };
        if stay == self.waiting.len() {
            return 0;
        }
        self.behind = Some(last.position.max(self.whole_after));
        let gone = self.waiting.len() - stay;
        self.waiting.truncate(stay);
        self.waiting.shrink_to_fit();
        gone
    }

    /// Lists an event again, at its place.
    pub(super) fn insert(&mut self, event: Waiting) {
        let place = self.waiting.partition_point(|other| other.position < event.position);
        self.waiting.insert(place, event);
    }

    /// Takes back what is held from the delivery in this place on; it waits, before all others. The
    /// deliveries, and their events.
    pub(super) fn take_back(&mut self, from: usize) -> Vec<(u64, Position)> {
        let Some(hold) = &mut self.hold else { return Vec::new() };
        let from = from.min(hold.events.len());
        let first = hold.first + from as u64;
        let back = hold.events.split_off(from);
        hold.answers.split_off(&first);
        if hold.events.is_empty() {
            self.hold = None;
            self.lease_ends = None;
        }
        // No more than there is: it may wait for long.
        self.waiting.reserve_exact(back.len());
        if planted!("retry-out-of-order") {
            for held in &back {
                self.waiting.push_back((*held).into());
            }
        } else {
            back.iter().rev().for_each(|held| self.waiting.push_front((*held).into()));
        }
        (first..).zip(back).map(|(delivery, held)| (delivery, held.position)).collect()
    }

    /// All that is listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = Waiting> {
        let held =
            self.hold.iter().flat_map(|hold| hold.events.iter().map(|held| Waiting::from(*held)));
        held.chain(self.waiting.iter().copied())
    }

    /// Nothing of it is unfinished.
    pub(super) fn is_finished(&self) -> bool {
        self.hold.is_none() && self.waiting.is_empty() && self.behind.is_none()
    }

    /// What waits can be given.
    pub(super) fn can_be_given(&self, now: Moment) -> bool {
        self.hold.is_none() && !self.waiting.is_empty() && self.rests_until <= now
    }

    /// More is there than is listed, and little is listed.
    pub(super) fn is_hungry(&self) -> bool {
        self.behind.is_some() && self.waiting.len() < MOST_WAITING / 2
    }

    /// When something happens to it by itself.
    pub(super) fn next_moment(&self, now: Moment) -> Option<Moment> {
        if self.hold.is_some() {
            return self.lease_ends;
        }
        Some(self.rests_until).filter(|until| *until > now && !self.waiting.is_empty())
    }
}
