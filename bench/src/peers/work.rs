//! The events of the suite: the same for every store, each following from its number.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use uuid::Uuid;

use crate::events::Identity;

/// Events of a stream in the log that is read.
pub(super) const TENS: u64 = 10;
/// One in how many events the labelled shares of that log have.
pub(super) const SHARES: [u64; 3] = [10, 1_000, 100_000];
/// The remainder of the numbers of the first share. Those of the others follow it, so that no event
/// belongs to two shares.
const FIRST_REMAINDER: u64 = 5;

/// Which stream events belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// All to one, and they have neither labels nor types of their own.
    Stream(u64),
    /// Ten to each, of ten types, with labels for the stream and for shares.
    Tens,
}

/// Consecutive events that one request appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Number of the first event.
    pub(super) first: u64,
    /// How many events.
    pub(super) count: u32,
    pub(super) place: Place,
}

/// One event, without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) number: u64,
    pub(super) stream: u64,
    /// Which of the types it has.
    pub(super) kind: u64,
    /// The share that it belongs to: one in so many events.
    pub(super) share: Option<u64>,
}

/// What a reader wants of the log that was filled with [`Place::Tens`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    All,
    /// The events with the label of a share.
    Share(u64),
    /// The ten events of a stream.
    Stream(u64),
    /// One event, by the label of its stream and its type.
    One(Event),
}

/// The shares, each with the remainder of the numbers of its events.
fn remainders() -> impl Iterator<Item = (u64, u64)> {
    SHARES.into_iter().zip(FIRST_REMAINDER..)
}

impl Event {
    /// The event of the log that is read which has this number.
    pub(super) fn of_tens(number: u64) -> Self {
        let mut shares = remainders();
        let share = shares.find(|(of, remainder)| number % of == *remainder).map(|(of, _)| of);
        Self { number, stream: number / TENS, kind: number % TENS, share }
    }
}

impl Batch {
    /// Its events, in order.
    pub(super) fn events(self) -> impl Iterator<Item = Event> {
        let Self { first, count, place } = self;
        (first..first + u64::from(count)).map(move |number| match place {
            Place::Stream(stream) => Event { number, stream, kind: 0, share: None },
            Place::Tens => Event::of_tens(number),
        })
    }
}

impl Selection {
    /// How many events a log of so many has of it.
    pub(super) fn expected(self, events: u64) -> u64 {
        match self {
            Self::All => events,
            Self::Share(of) => {
                let remainder = remainders().find(|(share, _)| *share == of).map(|(_, it)| it);
                // Of the numbers below `events`, those with this remainder.
                remainder.map_or(0, |it| events.saturating_sub(it).div_ceil(of))
            }
            Self::Stream(_) => TENS,
            Self::One(_) => 1,
        }
    }
}

/// Numbers the events of one server, and its streams.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) identity: Identity,
    /// Half of every id.
    run: u64,
    next: AtomicU64,
    streams: AtomicU64,
}

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        let (next, streams) = (AtomicU64::new(0), AtomicU64::new(0));
        let (run, _) = Uuid::new_v4().as_u64_pair();
        Self { identity: Identity::new(seed), run, next, streams }
    }

    /// The next events.
    pub(super) fn draw(&self, place: Place, count: u32) -> Batch {
        let first = self.next.fetch_add(u64::from(count), Ordering::Relaxed);
        Batch { first, count, place }
    }

    /// The id of an event, or of the request that begins with it.
    pub(super) fn id(&self, number: u64) -> Uuid {
        Uuid::from_u64_pair(self.run, number)
    }

    /// A stream that has no events yet; the log that is read has others.
    pub(super) fn new_stream(&self) -> u64 {
        (1 << 40) + self.streams.fetch_add(1, Ordering::Relaxed)
    }
}

/// The payload of an event as text of the same length, for stores that take JSON alone.
pub(super) fn json(payload: &Bytes) -> String {
    const AROUND: usize = r#"{"p":""}"#.len();
    let digits = payload.len().saturating_sub(AROUND) / 2;
    let halves = payload.iter().take(digits).flat_map(|byte| [byte >> 4, byte & 15]);
    let text: String = halves.filter_map(|half| char::from_digit(half.into(), 16)).collect();
    format!(r#"{{"p":"{text}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::PAYLOAD_BYTES;

    #[test]
    fn what_is_expected_of_a_log_is_what_its_events_have() {
        for events in [0, 5, 6, 1_000, 3_007, 250_000] {
            for of in SHARES {
                let counted = (0..events).filter(|it| Event::of_tens(*it).share == Some(of));
                assert_eq!(Selection::Share(of).expected(events), counted.count() as u64);
            }
        }
        let (stream, kind) = (Event::of_tens(57).stream, Event::of_tens(57).kind);
        let alike = |it: &Event| it.stream == stream && it.kind == kind;
        assert_eq!((0..100).map(Event::of_tens).filter(alike).count(), 1);
    }

    #[test]
    fn a_payload_as_json_is_as_long_and_differs_from_others() {
        let source = Source::new(1);
        let texts = [1, 2].map(|number| json(&source.identity.payload(number)));
        assert_eq!(texts[0].len(), PAYLOAD_BYTES);
        assert_ne!(texts[0], texts[1]);
        assert!(serde_json::from_str::<serde_json::Value>(&texts[0]).is_ok());
    }
}
