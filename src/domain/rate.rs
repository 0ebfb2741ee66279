//! Rates, and a meter that keeps to them, by the generic cell rate algorithm (ITU-T I.371). A
//! moment is the time since any fixed one, which the caller chooses.

use std::time::Duration;

/// So many at once, and one more after each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    interval: Duration,
    /// How far what came may be ahead of one in each interval.
    tolerance: Duration,
}

/// How much has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// When all that came so far would have come at the rate.
    paid: Duration,
}

impl Rate {
    /// `burst` at once, and one more after each `interval`.
    pub fn each(interval: Duration, burst: u32) -> Self {
        Self { interval, tolerance: interval.saturating_mul(burst) }
    }

    /// `burst` at once, and so many a second after that.
    pub fn per_second(number: u32, burst: u32) -> Self {
        Self::each(Duration::from_secs(1) / number.max(1), burst)
    }
}

impl Meter {
    /// Counts what has come, and returns for how long to wait until it is within the rate: at most
    /// `longest`, as if no more had come.
    pub fn count(&mut self, number: u32, rate: Rate, now: Duration, longest: Duration) -> Duration {
        let paid = self.paid.max(now) + rate.interval.saturating_mul(number);
        self.paid = paid.min(now + rate.tolerance + longest);
        self.paid.saturating_sub(now + rate.tolerance)
    }

    /// Counts one if it is within the rate; the error is after which time one will be.
    pub fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        // It may be further ahead by another rate, which does not hold any more.
        self.paid = self.paid.clamp(now, now + rate.tolerance);
        let paid = self.paid + rate.interval;
        let ahead = paid.saturating_sub(now + rate.tolerance);
        if !ahead.is_zero() {
            return Err(ahead);
        }
        self.paid = paid;
        Ok(())
    }

    /// Whether it permits as much as one that has counted nothing.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.paid <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_taken_at_once_and_the_rest_at_the_rate() {
        let (mut meter, rate) = (Meter::default(), Rate::per_second(10, 5));
        let taken = |meter: &mut Meter, now| {
            let taken = (0..100).map_while(|_| meter.take(rate, now).ok());
            taken.count()
        };
        assert_eq!(taken(&mut meter, SECOND), 5);
        assert_eq!(meter.take(rate, SECOND), Err(SECOND / 10), "it says when one fits");
        assert_eq!(taken(&mut meter, SECOND + SECOND / 10), 1, "and then one does");
        assert!(!meter.is_idle(SECOND + SECOND / 2));
        assert_eq!(taken(&mut meter, 100 * SECOND), 5, "a rest saves no more than a burst");
        assert!(meter.is_idle(101 * SECOND));
        assert_eq!(taken(&mut meter, SECOND), 0, "a clock that is set back permits no more");
    }

    #[test]
    fn what_was_taken_at_another_rate_is_forgotten_beyond_the_tolerance_of_this_one() {
        let mut meter = Meter::default();
        let slow = Rate::per_second(1, 1_000);
        assert_eq!((0..1_000).filter_map(|_| meter.take(slow, SECOND).err()).count(), 0);
        let fast = Rate::per_second(10, 5);
        assert_eq!(meter.take(fast, SECOND), Err(SECOND / 10));
        assert_eq!(meter.take(fast, SECOND + SECOND / 10), Ok(()), "it fits when it was said to");
    }

    #[test]
    fn what_has_come_is_counted_though_it_is_too_much() {
        let (mut meter, rate) = (Meter::default(), Rate::per_second(10, 5));
        assert_eq!(meter.count(5, rate, SECOND, SECOND), Duration::ZERO);
        assert_eq!(meter.count(2, rate, SECOND, SECOND), SECOND / 5);
        assert_eq!(meter.count(u32::MAX, rate, SECOND, SECOND), SECOND, "at most so long");
    }
}
