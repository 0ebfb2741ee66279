//! Bounds the lines that clients can cause in the log: a line comes at a rate, and says how many
//! before it were left out.

use std::time::{Duration, Instant};

use crate::domain::rate::{Meter, Rate};

/// Lines that may come at once by default.
const BURST: u32 = 100;
/// The time by default after which there is room for one more.
const EACH: Duration = Duration::from_millis(100);

/// How many lines of one kind there may be.
#[derive(Debug)]
pub(super) struct LogBound {
    rate: Rate,
    begun: Instant,
    meter: Meter,
    left_out: u64,
}

impl Default for LogBound {
    fn default() -> Self {
        Self::new(Rate::each(EACH, BURST), Instant::now())
    }
}

impl LogBound {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, begun: now, meter: Meter::default(), left_out: 0 }
    }

    /// How many lines were left out before this one; `None`: this one is left out as well.
    pub(super) fn line(&mut self, now: Instant) -> Option<u64> {
        let since = now.duration_since(self.begun);
        if self.meter.take(self.rate, since).is_err() {
            self.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_at_a_rate_and_say_what_was_left_out() {
        let begun = Instant::now();
        let mut bound = LogBound::new(Rate::each(EACH, BURST), begun);
        let lines = (0..1_000).filter_map(|_| bound.line(begun)).collect::<Vec<_>>();
        assert_eq!(lines, [0; 100]);
        assert_eq!(bound.line(begun + EACH), Some(900));
        assert_eq!(bound.line(begun + EACH), None);
        let later = begun + Duration::from_hours(1);
        assert_eq!((0..1_000).filter_map(|_| bound.line(later)).count(), 100);
    }
}
