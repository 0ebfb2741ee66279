//! Back-pressure on a connection whose client sends frames that carry nothing of a call: pings,
//! settings, priorities, headers that go on, and data without bytes. It is read more slowly.
//!
//! Such a frame costs a client nothing, and the server answers many of them. Without a bound, four
//! clients with a million a second together take more than one processor. An ordinary client
//! sends a ping for each round trip at most, so the rate is far above what it needs.

use std::time::Duration;

use tokio::time::Instant;

use super::resets::{LONGEST, Pause};
use crate::domain::rate::{Meter, Rate};

/// Frames that cost nothing when they come at once.
const BURST: u32 = 10_000;
/// Frames a second that cost nothing after that.
const PER_SECOND: u32 = 10_000;

/// The frames of a connection that carry nothing.
#[derive(Debug)]
pub(super) struct EmptyFrames {
    begun: Instant,
    meter: Meter,
    warned: bool,
}

impl EmptyFrames {
    pub(super) fn new(now: Instant) -> Self {
        Self { begun: now, meter: Meter::default(), warned: false }
    }

    /// Counts frames that were received.
    pub(super) fn count(&mut self, frames: usize, now: Instant) -> Option<Pause> {
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        let since = now.duration_since(self.begun);
        let rate = Rate::per_second(PER_SECOND, BURST);
        let time = self.meter.count(frames, rate, since, LONGEST);
        if frames == 0 || time == Duration::ZERO {
            return None;
        }
        let warn = !std::mem::replace(&mut self.warned, true);
        Some(Pause { time, warn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_what_comes_faster_waits_until_it_would_have_come_at_the_rate() {
        let now = Instant::now();
        let mut connection = EmptyFrames::new(now);
        let pause = |millis, warn| Some(Pause { time: Duration::from_millis(millis), warn });
        assert_eq!(connection.count(BURST as usize, now), None);
        assert_eq!(connection.count(1_000, now), pause(100, true));
        assert_eq!(connection.count(0, now), None, "other frames wait for nothing");
        let later = now + Duration::from_millis(100);
        assert_eq!(connection.count(200, later), pause(20, false));
        let flood = connection.count(usize::MAX, later);
        assert_eq!(flood, pause(1_000, false), "pings are still answered in time");
    }
}
