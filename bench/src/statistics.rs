//! What repeats and latencies come to: a median with its spread, and percentiles.

use std::time::Duration;

use histogram::Histogram;
use serde::Serialize;

/// What was counted.
#[derive(Debug)]
pub(super) struct Sample {
    /// Events a second in each slice.
    pub(super) rates: Vec<f64>,
    /// Calls that the server refused.
    pub(super) refused: u64,
    /// Nanoseconds from sending to the answer.
    pub(super) latency: Times,
    /// The longest time in which no call was answered.
    pub(super) pause: Duration,
}

/// A median and how far the repeats lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of at least one value; of none it is all zero.
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let (half, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        let even = sorted.len().is_multiple_of(2);
        let median =
            if even { f64::midpoint(at(half.saturating_sub(1)), at(half)) } else { at(half) };
        Self { median, min: at(0), max: at(last) }
    }

    /// Of a single value.
    pub(super) fn exactly(value: f64) -> Self {
        Self { median: value, min: value, max: value }
    }
}

/// Times that were counted, each known to a thousandth of itself.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram);

impl Times {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Histogram::new(10, 64).expect("buckets of 2^-10 of any 64-bit value are possible"))
    }

    /// Counts one more.
    pub(super) fn record(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.increment(nanoseconds).expect("there are buckets for all 64-bit values");
    }

    /// Adds all that `more` has counted.
    pub(super) fn merge(&mut self, more: &Self) {
        self.0.checked_add_assign(&more.0).expect("the buckets are the same, and counts are small");
    }

    /// How many were counted.
    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        self.0.as_slice().iter().sum()
    }

    /// The nanoseconds that this share of the times does not exceed; `None`: nothing was counted.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let bucket = self.0.quantile_bucket(share).expect("shares lie between 0 and 1");
        bucket.map(|bucket| approximate(bucket.end()))
    }
}

/// Percentiles of the time from sending to the answer, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Latency {
    #[serde(rename = "p50_ms")]
    pub(super) p50: f64,
    #[serde(rename = "p99_ms")]
    pub(super) p99: f64,
    #[serde(rename = "p999_ms")]
    pub(super) p999: f64,
    /// The slowest of all.
    #[serde(rename = "longest_ms")]
    pub(super) longest: f64,
}

impl Latency {
    /// `None` if nothing was timed.
    pub(super) fn of(times: &Times) -> Option<Self> {
        let at = |share| times.quantile(share).map(|nanoseconds| nanoseconds / 1e6);
        let (p50, p99, p999, longest) = (at(0.5)?, at(0.99)?, at(0.999)?, at(1.0)?);
        Some(Self { p50, p99, p999, longest })
    }
}

/// All repeats of one measurement.
#[derive(Debug)]
pub(super) struct Series {
    /// Events a second, of each repeat in order.
    pub(super) rates: Vec<f64>,
    /// Refusals of all repeats.
    pub(super) refused: u64,
    latency: Times,
    pause: Duration,
}

impl Series {
    pub(super) fn new() -> Self {
        Self { rates: Vec::new(), refused: 0, latency: Times::new(), pause: Duration::ZERO }
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        self.rates.extend(&sample.rates);
        self.refused += sample.refused;
        self.latency.merge(&sample.latency);
        self.pause = self.pause.max(sample.pause);
    }

    pub(super) fn rate(&self) -> Spread {
        Spread::of(&self.rates)
    }

    pub(super) fn latency(&self) -> Option<Latency> {
        Latency::of(&self.latency)
    }

    /// The longest time of all repeats in which no call was answered, in milliseconds.
    pub(super) fn pause_ms(&self) -> f64 {
        self.pause.as_secs_f64() * 1e3
    }

    /// Each slice of one long run against a limit that was measured once.
    pub(super) fn against_rate(&self, limit: f64) -> Spread {
        Spread::of(&self.rates.iter().map(|rate| rate / limit).collect::<Vec<_>>())
    }

    /// Each repeat against the limit's repeat that was measured beside it.
    pub(super) fn against(&self, limit: &Self) -> Spread {
        let pairs = self.rates.iter().zip(&limit.rates);
        Spread::of(&pairs.map(|(rate, limit)| rate / limit).collect::<Vec<_>>())
    }
}

/// A count as a number to calculate with; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench stay far below 2^53")]
pub(super) fn approximate(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle_of_what_was_measured() {
        let spread = |median, min, max| Spread { median, min, max };
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), spread(2.0, 1.0, 3.0));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), spread(2.5, 1.0, 4.0));
        assert_eq!(Spread::of(&[7.0]), Spread::exactly(7.0));
    }

    #[test]
    fn a_ratio_is_taken_of_neighbours_before_it_is_averaged() {
        let series = |rates: &[f64]| Series { rates: rates.to_vec(), ..Series::new() };
        // The machine became twice as slow in between: the ratio does not care.
        let ratio = series(&[80.0, 40.0, 36.0]).against(&series(&[100.0, 50.0, 40.0]));
        assert_eq!(ratio, Spread { median: 0.8, min: 0.8, max: 0.9 });
    }

    #[test]
    fn percentiles_are_of_all_that_was_timed() {
        let mut times = Times::new();
        assert_eq!(Latency::of(&times), None);
        (1..=1_000).for_each(|ms| times.record(Duration::from_millis(ms)));
        let mut twice = times.clone();
        twice.merge(&times);
        assert_eq!((times.count(), twice.count()), (1_000, 2_000));
        assert_eq!(Latency::of(&twice), Latency::of(&times));
        let latency = Latency::of(&times).unwrap();
        for (found, expected) in [
            (latency.p50, 500.0),
            (latency.p99, 990.0),
            (latency.p999, 999.0),
            (latency.longest, 1_000.0),
        ] {
            assert!((found / expected - 1.0).abs() < 0.002, "{latency:?}");
        }
    }
}
