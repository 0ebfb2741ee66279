//! The deliveries that a consumer has not answered, with the streams of their events.
//!
//! A consumer may have ten thousand, and most follow each other within one stream. So they are kept
//! as runs of numbers, and many that are never answered take little memory.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

/// The deliveries, by number.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// By the first number of each run: the last one, and the stream.
    runs: BTreeMap<u64, (u64, Arc<str>)>,
    count: usize,
}

impl Unanswered {
    /// Adds deliveries of a stream; their numbers are above all others.
    pub(super) fn push(&mut self, deliveries: RangeInclusive<u64>, stream: &Arc<str>) {
        let (first, last) = deliveries.into_inner();
        debug_assert!(
            self.runs.last_key_value().is_none_or(|(_, (newest, _))| *newest < first),
            "the numbers of deliveries rise, so that the oldest of them is the first"
        );
        self.count += usize::try_from(last + 1 - first).unwrap_or(usize::MAX);
        if let Some(mut newest) = self.runs.last_entry() {
            let (before, of) = newest.get_mut();
            if *before + 1 == first && of == stream {
                *before = last;
                return;
            }
        }
        self.runs.insert(first, (last, Arc::clone(stream)));
    }

    /// Takes a delivery out; whether it was there.
    pub(super) fn remove(&mut self, delivery: u64) -> bool {
        let Some(first) = self.run_of(delivery) else { return false };
        let Some((last, stream)) = self.runs.remove(&first) else { return false };
        if delivery < last {
            self.runs.insert(delivery + 1, (last, Arc::clone(&stream)));
        }
        if first < delivery {
            self.runs.insert(first, (delivery - 1, stream));
        }
        self.count -= 1;
        true
    }

    /// The stream of a delivery.
    pub(super) fn stream_of(&self, delivery: u64) -> Option<&Arc<str>> {
        self.runs.get(&self.run_of(delivery)?).map(|(_, stream)| stream)
    }

    /// The oldest one, and its stream.
    pub(super) fn oldest(&self) -> Option<(u64, &Arc<str>)> {
        self.runs.first_key_value().map(|(delivery, (_, stream))| (*delivery, stream))
    }

    /// Their streams, each at least once, the oldest delivery's first.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Arc<str>> {
        self.runs.values().map(|(_, stream)| stream)
    }

    /// The first of them after a delivery, and those that follow it without a gap: by stream.
    pub(super) fn after(
        &self,
        delivery: u64,
    ) -> impl Iterator<Item = (RangeInclusive<u64>, &Arc<str>)> {
        let begun = self.run_of(delivery + 1).unwrap_or(delivery + 1);
        let runs = self
            .runs
            .range(begun..)
            .map(move |(first, (last, stream))| ((*first).max(delivery + 1)..=*last, stream));
        let mut next = None;
        runs.take_while(move |(deliveries, _)| {
            let neighbours = next.is_none_or(|next| next == *deliveries.start());
            next = Some(deliveries.end() + 1);
            neighbours
        })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first number of the run that holds a delivery.
    fn run_of(&self, delivery: u64) -> Option<u64> {
        let (first, (last, _)) = self.runs.range(..=delivery).next_back()?;
        (*last >= delivery).then_some(*first)
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_say_what_a_list_of_all_deliveries_says(
            given in prop::collection::vec(0..3_u8, 1..40),
            taken in prop::collection::vec(1..45_u64, 0..60),
        ) {
            let streams: Vec<Arc<str>> = vec!["x/a".into(), "x/b".into(), "x/c".into()];
            let (mut runs, mut all) = (Unanswered::default(), BTreeMap::new());
            for (delivery, stream) in (1..).zip(given) {
                let stream = &streams[usize::from(stream)];
                runs.push(delivery..=delivery, stream);
                all.insert(delivery, Arc::clone(stream));
            }
            for delivery in taken {
                prop_assert_eq!(runs.remove(delivery), all.remove(&delivery).is_some());
                let oldest = all.first_key_value().map(|(delivery, stream)| (*delivery, stream));
                prop_assert_eq!(runs.oldest(), oldest);
                prop_assert_eq!((runs.len(), runs.is_empty()), (all.len(), all.is_empty()));
                for delivery in 0..46 {
                    prop_assert_eq!(runs.stream_of(delivery), all.get(&delivery));
                    let after = runs.after(delivery);
                    let after = after.flat_map(|(run, stream)| run.zip(repeat(stream)));
                    let expected = all.range(delivery + 1..);
                    let neighbours = expected.clone().next().map_or(0, |(first, _)| *first);
                    let expected = expected.zip(neighbours..).take_while(|((it, _), at)| *it == at);
                    let expected = expected.map(|((it, stream), _)| (*it, stream));
                    prop_assert_eq!(after.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
                }
                let mut found: Vec<_> = runs.streams().cloned().collect();
                let mut expected: Vec<_> = all.values().cloned().collect();
                for list in [&mut found, &mut expected] {
                    list.sort();
                    list.dedup();
                }
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn what_follows_in_one_stream_takes_one_entry() {
        let stream: Arc<str> = "x/a".into();
        let mut runs = Unanswered::default();
        (1..=10_000).for_each(|delivery| runs.push(delivery..=delivery, &stream));
        assert_eq!((runs.runs.len(), runs.len()), (1, 10_000));
    }
}
