//! What a server counts of itself while it runs: numbers that any thread may raise without a lock.
//!
//! Each count is a relaxed atomic, so that counting costs some nanoseconds. A reader that looks
//! while others count may see one of two counts that belong together raised and the other not yet.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Bounds for durations, in microseconds: from 50 us, a sync of a fast disk, to 10 s.
pub const MICROSECONDS: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];
/// Bounds for what a batch holds: powers of two.
pub const BATCH: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];
/// Bounds for bytes, from 1 KiB to 16 MiB.
pub const BYTES: &[u64] =
    &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How often values came, by bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// How many values lie at or below each bound and above the one before; last, those above all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// No values yet; the bounds rise.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Self { bounds, counts, sum: AtomicU64::default() }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// Counts a duration, in microseconds.
    pub fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was counted until now.
    pub fn read(&self) -> Distribution {
        let counts = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        Distribution { bounds: self.bounds, counts, sum: self.sum.load(Relaxed) }
    }
}

/// What a histogram had counted at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The bounds, rising.
    pub bounds: &'static [u64],
    /// How many values lie at or below each bound and above the one before; last, those above all.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Distribution {
    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The lowest bound that so many percent of the values do not exceed; absent: there are no
    /// values, or that many lie above all bounds.
    pub fn at_most(&self, percent: u64) -> Option<u64> {
        let needed = (self.count() * percent).div_ceil(100);
        if needed == 0 {
            return None;
        }
        let mut seen = 0;
        let mut places = self.bounds.iter().zip(&self.counts);
        let place = places.find(|(_, count)| {
            seen += **count;
            seen >= needed
        });
        place.map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_at_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(BATCH);
        for value in [0, 1, 2, 3, 4, 5_000] {
            histogram.record(value);
        }
        let read = histogram.read();
        assert_eq!(read.counts[..4], [2, 1, 2, 0]);
        assert_eq!(read.counts.last(), Some(&1), "above all bounds");
        assert_eq!((read.count(), read.sum), (6, 5_010));
    }

    #[test]
    fn a_share_of_the_values_is_told_by_a_bound_or_not_at_all() {
        let histogram = Histogram::new(MICROSECONDS);
        assert_eq!(histogram.read().at_most(50), None, "nothing was counted");
        for micros in 1..=100 {
            histogram.record_time(Duration::from_micros(micros));
        }
        let read = histogram.read();
        assert_eq!((read.at_most(50), read.at_most(51)), (Some(50), Some(100)));
        histogram.record_time(Duration::from_mins(1));
        assert_eq!(histogram.read().at_most(100), None, "one lies above all bounds");
    }
}
