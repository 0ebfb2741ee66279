//! The unfinished events of one stream, in order: those that a consumer holds, those that wait, and
//! whether there are more than are listed.

use std::{collections::VecDeque, time::Duration};

use super::{consumer::ConsumerId, handing::Answer};
use crate::domain::event::Position;

/// A time, since the group was opened.
pub type Moment = Duration;

/// Events of a stream that are listed while they wait; those behind them are found again later.
pub(super) const MOST_WAITING: usize = 256;

/// An event that no consumer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) position: Position,
    pub(super) attempts: u32,
}

/// An event that a consumer has.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) delivery: u64,
    pub(super) event: Waiting,
    /// Said already, but something earlier is not answered. Most have none, so it lies elsewhere.
    pub(super) answer: Option<Box<Answer>>,
    /// The consumer has named it as what it works on.
    pub(super) named: bool,
}

/// What a consumer has of the stream. The first of it is not answered; it is never empty.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) consumer: ConsumerId,
    pub(super) events: VecDeque<Held>,
}

/// A stream with unfinished events.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) hold: Option<Hold>,
    pub(super) waiting: VecDeque<Waiting>,
    /// What comes after this position is not listed.
    pub(super) behind: Option<Position>,
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

    /// The delivery of the event that has to be answered first.
    pub(super) fn first_held(&self) -> Option<&Held> {
        self.hold.as_ref()?.events.front()
    }

    /// A delivery that is held, and its place.
    pub(super) fn held_mut(&mut self, delivery: u64) -> Option<(usize, &mut Held)> {
        let hold = self.hold.as_mut()?;
        let place = hold.events.partition_point(|held| held.delivery < delivery);
        let event = hold.events.get_mut(place).filter(|held| held.delivery == delivery)?;
        Some((place, event))
    }

    /// An event, if it is with this consumer and not answered.
    pub(super) fn held_by_mut(&mut self, id: ConsumerId, position: Position) -> Option<&mut Held> {
        let hold = self.hold.as_mut().filter(|hold| hold.consumer == id)?;
        hold.events.iter_mut().find(|held| held.event.position == position && held.answer.is_none())
    }

    /// Takes out an event that waits, if nothing before it is unfinished.
    pub(super) fn take_first_waiting(&mut self, position: Position) -> Option<Waiting> {
        let first = self.waiting.front().filter(|first| first.position == position);
        if self.hold.is_some() || first.is_none() {
            return None;
        }
        // Its rest is over: it need not be tried again.
        self.rests_until = Moment::ZERO;
        self.waiting.pop_front()
    }

    /// Lists an event again, at its place.
    pub(super) fn insert(&mut self, event: Waiting) {
        let place = self.waiting.partition_point(|other| other.position < event.position);
        self.waiting.insert(place, event);
    }

    /// Takes back what is held from the delivery in this place on; it waits, before all others.
    pub(super) fn take_back(&mut self, from: usize) -> Vec<Held> {
        let Some(hold) = &mut self.hold else { return Vec::new() };
        let back: Vec<_> = hold.events.drain(from.min(hold.events.len())..).collect();
        if hold.events.is_empty() {
            self.hold = None;
            self.lease_ends = None;
        }
        for held in back.iter().rev() {
            self.waiting.push_front(held.event);
        }
        back
    }

    /// Takes out what is answered and has nothing unanswered before it.
    pub(super) fn take_answered(&mut self) -> Vec<(Waiting, Answer)> {
        let Some(hold) = &mut self.hold else { return Vec::new() };
        let answered = hold.events.iter().take_while(|held| held.answer.is_some()).count();
        let taken = hold.events.drain(..answered);
        let taken: Vec<_> = taken.filter_map(|held| Some((held.event, *held.answer?))).collect();
        if hold.events.is_empty() {
            self.hold = None;
        }
        if !taken.is_empty() {
            self.lease_ends = None;
        }
        taken
    }

    /// All that is listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = Waiting> {
        let held = self.hold.iter().flat_map(|hold| hold.events.iter().map(|held| held.event));
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
