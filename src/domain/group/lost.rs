//! The deliveries that a consumer has lost because a lease has ended: an answer may still count.
//!
//! It loses what it has of a stream together, so they are kept as runs of neighbours.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use crate::domain::event::Position;

/// Deliveries of one run, at most: the search within one has to stay short.
const LONGEST: usize = 256;

/// A delivery that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) stream: Arc<str>,
    pub(super) position: Position,
    /// The end of the lease counted as a try of the event.
    pub(super) tried: bool,
}

impl Loss {
    pub(super) fn new(stream: &Arc<str>, position: Position, tried: bool) -> Self {
        Self { stream: Arc::clone(stream), position, tried }
    }
}

/// The deliveries, by number.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// By the first delivery of each.
    ranges: BTreeMap<u64, DeliveryRange>,
    /// The streams and first deliveries of those runs that the consumer may be at.
    maybe_at: BTreeSet<(Arc<str>, u64)>,
    /// Those whose loss counted as a try: one of each stream that a consumer loses.
    tried: BTreeSet<u64>,
    count: usize,
}

/// Neighbours among the deliveries, of one stream.
#[derive(Debug)]
struct DeliveryRange {
    stream: Arc<str>,
    /// Of each its event; `None`: the delivery was taken out.
    events: Vec<Option<Lasting>>,
    /// How many there are.
    left: usize,
    /// The consumer may be at deliveries from this place on: of the stream it has answered nothing
    /// later since it lost them.
    maybe_from: usize,
}

/// A position; none is 0.
type Lasting = std::num::NonZeroU64;

impl DeliveryRange {
    /// The place of a delivery, also of one that comes next.
    fn place(first: u64, delivery: u64) -> usize {
        usize::try_from(delivery.saturating_sub(first)).unwrap_or(usize::MAX)
    }

    /// Whether there is one among those places.
    fn any(&self, places: Range<usize>) -> bool {
        let end = places.end.min(self.events.len());
        self.events.get(places.start..end).unwrap_or_default().iter().any(Option::is_some)
    }
}

impl Lost {
    /// Adds a delivery that is not there and never was.
    pub(super) fn push(&mut self, delivery: u64, loss: Loss) {
        let Loss { stream, position, tried } = loss;
        debug_assert!(position > 0, "no event is at 0, which stands for one that was taken out");
        let before = self.ranges.range_mut(..delivery).next_back();
        let event = Lasting::new(position);
        let fits = before.filter(|(first, range)| {
            range.stream == stream
                && range.events.len() < LONGEST
                && DeliveryRange::place(**first, delivery) == range.events.len()
        });
        let first = if let Some((first, range)) = fits {
            range.events.push(event);
            range.left += 1;
            *first
        } else {
            let (stream, events) = (Arc::clone(&stream), vec![event]);
            self.ranges.insert(delivery, DeliveryRange { stream, events, left: 1, maybe_from: 0 });
            delivery
        };
        self.maybe_at.insert((stream, first));
        self.tried.extend(tried.then_some(delivery));
        self.count += 1;
    }

    /// Takes a delivery out, if it was there.
    pub(super) fn take(&mut self, delivery: u64) -> Option<Loss> {
        let (first, range) = self.ranges.range_mut(..=delivery).next_back()?;
        let position = range.events.get_mut(DeliveryRange::place(*first, delivery))?.take()?;
        range.left -= 1;
        let (stream, first) = (Arc::clone(&range.stream), *first);
        self.count -= 1;
        if range.left == 0 {
            self.ranges.remove(&first);
            self.maybe_at.remove(&(Arc::clone(&stream), first));
        }
        Some(Loss { stream, position: position.get(), tried: self.tried.remove(&delivery) })
    }

    /// Takes the oldest one out; whether there was one.
    pub(super) fn forget_oldest(&mut self) -> bool {
        let oldest = self.ranges.first_key_value().and_then(|(first, range)| {
            Some(first + range.events.iter().position(Option::is_some)? as u64)
        });
        oldest.and_then(|oldest| self.take(oldest)).is_some()
    }

    /// The consumer has answered a delivery of a stream, and is not at earlier ones any more.
    pub(super) fn passed(&mut self, stream: &Arc<str>, delivery: u64) {
        if self.maybe_at.is_empty() {
            return;
        }
        let (from, to) = ((Arc::clone(stream), 0), (Arc::clone(stream), delivery));
        let earlier = self.maybe_at.range(from..to).map(|(_, first)| *first);
        for first in earlier.collect::<Vec<_>>() {
            let Some(range) = self.ranges.get_mut(&first) else { continue };
            let place = DeliveryRange::place(first, delivery).min(range.events.len());
            range.maybe_from = range.maybe_from.max(place);
            if range.maybe_from == range.events.len() {
                self.maybe_at.remove(&(Arc::clone(stream), first));
            }
        }
    }

    /// Whether the consumer may be at a delivery of a stream before this one.
    pub(super) fn may_be_at(&self, stream: &Arc<str>, delivery: u64) -> bool {
        let (from, to) = ((Arc::clone(stream), 0), (Arc::clone(stream), delivery));
        self.maybe_at.range(from..to).any(|(_, first)| {
            let range = self.ranges.get(first);
            range.is_some_and(|range| {
                range.any(range.maybe_from..DeliveryRange::place(*first, delivery))
            })
        })
    }

    /// Whether there is one among these deliveries.
    pub(super) fn any(&self, deliveries: Range<u64>) -> bool {
        let Range { start, end } = deliveries;
        let begun = self.ranges.range(..=start).next_back().map_or(start, |(first, _)| *first);
        self.ranges.range(begun..end.max(begun)).any(|(first, range)| {
            range.any(DeliveryRange::place(*first, start)..DeliveryRange::place(*first, end))
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, one by one.
    #[derive(Default)]
    struct Plain {
        lost: BTreeMap<u64, Loss>,
        maybe_at: BTreeSet<(Arc<str>, u64)>,
    }

    impl Plain {
        fn take(&mut self, delivery: u64) -> Option<Loss> {
            let loss = self.lost.remove(&delivery)?;
            self.maybe_at.remove(&(Arc::clone(&loss.stream), delivery));
            Some(loss)
        }
    }

    proptest! {
        #[test]
        fn runs_say_what_a_list_of_all_deliveries_says(
            streams in prop::collection::vec(0..3_u8, 60),
            steps in prop::collection::vec((0..4_u8, 0..60_usize, 1..9_usize), 1..60),
        ) {
            let names: Vec<Arc<str>> = vec!["x/a".into(), "x/b".into(), "x/c".into()];
            let of = |delivery: usize| &names[usize::from(streams[delivery / 8 % 60])];
            let (mut lost, mut plain, mut gone) = (Lost::default(), Plain::default(), Vec::new());
            for (what, at, many) in steps {
                for delivery in at..(at + many).min(60) {
                    let (number, stream) = (delivery as u64, of(delivery));
                    match what {
                        0 | 1 if !gone.contains(&delivery) => {
                            gone.push(delivery);
                            let loss = Loss::new(stream, number + 1, what == 0);
                            lost.push(number, loss.clone());
                            plain.lost.insert(number, loss);
                            plain.maybe_at.insert((Arc::clone(stream), number));
                        }
                        2 => prop_assert_eq!(lost.take(number), plain.take(number)),
                        3 => {
                            lost.passed(stream, number);
                            plain.maybe_at.retain(|(of, it)| of != stream || *it >= number);
                        }
                        _ => {}
                    }
                }
                prop_assert_eq!(lost.len(), plain.lost.len());
                for end in 0..61 {
                    let expected = plain.lost.range(at as u64..end.max(at as u64)).next().is_some();
                    prop_assert_eq!(lost.any(at as u64..end), expected);
                    for stream in &names {
                        let before = |(of, it): &(Arc<str>, u64)| of == stream && *it < end;
                        let expected = plain.maybe_at.iter().any(before);
                        prop_assert_eq!(lost.may_be_at(stream, end), expected);
                    }
                }
            }
            while let Some((oldest, _)) = plain.lost.pop_first() {
                prop_assert!(lost.forget_oldest(), "{} is there", oldest);
                prop_assert_eq!(lost.take(oldest), None);
            }
            prop_assert!(!lost.forget_oldest());
            prop_assert!(lost.ranges.is_empty() && lost.maybe_at.is_empty());
            prop_assert!(lost.tried.is_empty());
        }
    }

    #[test]
    fn what_is_lost_together_takes_few_bytes() {
        assert_eq!(size_of::<Option<Lasting>>(), 8);
        let (stream, mut lost): (Arc<str>, _) = ("x/a".into(), Lost::default());
        for delivery in 1..=10_000 {
            lost.push(delivery, Loss::new(&stream, delivery, false));
        }
        let room: usize = lost.ranges.values().map(|range| range.events.capacity()).sum();
        assert_eq!((lost.ranges.len(), lost.len()), (10_000_usize.div_ceil(LONGEST), 10_000));
        assert!(room <= 10_000 + LONGEST, "{room} places");
    }
}
