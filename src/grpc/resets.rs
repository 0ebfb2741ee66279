//! Back-pressure on a connection on which calls are reset without end: it is read more slowly.
//!
//! A call that is opened and reset at once costs the server as much as one that is answered, and
//! the client nearly nothing. Without a bound, one client keeps every processor busy, and every
//! other call waits for its turn. A client may cancel all of its calls at once, so a burst is free.
//! The resets that the server sends count as well: a client can provoke them (CVE-2025-8671), and
//! an ordinary one does when the server answers before a request has come whole.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::rate::{Meter, Rate};

/// Resets that cost nothing when they come at once: twice the calls that a connection may have.
const BURST: u32 = 2_048;
/// Resets a second that cost nothing after that.
const PER_SECOND: u32 = 2_000;
/// Resets after which the connection rests, also within a burst. The transport cuts a connection
/// with too many resets that it has not looked at, and it looks at them while nothing is read.
const AT_ONCE: u32 = 256;
const REST: Duration = Duration::from_millis(5);
/// The longest time for which a connection is not read. Pings of the server are answered on it as
/// well, within 10 s.
pub(super) const LONGEST: Duration = Duration::from_secs(1);

/// The resets of a connection.
#[derive(Debug)]
pub(super) struct Resets {
    begun: Instant,
    meter: Meter,
    /// How many there were since the last pause.
    unrested: u32,
    warned: bool,
}

/// For how long a connection is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) time: Duration,
    /// It is the first one of a connection that is too fast.
    pub(super) warn: bool,
}

impl Resets {
    pub(super) fn new(now: Instant) -> Self {
        Self { begun: now, meter: Meter::default(), unrested: 0, warned: false }
    }

    /// Counts resets that were received or sent.
    pub(super) fn count(&mut self, resets: usize, now: Instant) -> Option<Pause> {
        let resets = u32::try_from(resets).unwrap_or(u32::MAX);
        if resets == 0 {
            return None;
        }
        let since = now.duration_since(self.begun);
        let rate = Rate::per_second(PER_SECOND, BURST);
        let ahead = self.meter.count(resets, rate, since, LONGEST);
        self.unrested = self.unrested.saturating_add(resets);
        if ahead.is_zero() && self.unrested < AT_ONCE {
            return None;
        }
        self.unrested = 0;
        let warn = !ahead.is_zero() && !std::mem::replace(&mut self.warned, true);
        Some(Pause { time: ahead.max(REST), warn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_calls_of_a_connection_may_be_cancelled_at_once() {
        let now = Instant::now();
        let mut connection = Resets::new(now);
        assert_eq!(connection.count(0, now), None);
        assert_eq!(connection.count(AT_ONCE as usize - 1, now), None);
        let rest = Some(Pause { time: REST, warn: false });
        for _ in 1..BURST / AT_ONCE {
            assert_eq!(connection.count(AT_ONCE as usize, now), rest, "the transport catches up");
        }
        let later = now + Duration::from_secs(2);
        for tick in 1..100 {
            let later = later + Duration::from_millis(100) * tick;
            let pause = connection.count(PER_SECOND as usize / 10, later);
            assert!(pause.is_none_or(|it| it.time == REST && !it.warn), "at the rate: {pause:?}");
        }
    }

    #[test]
    fn what_comes_faster_waits_until_it_would_have_come_at_the_rate() {
        let now = Instant::now();
        let mut connection = Resets::new(now);
        let pause = |millis, warn| Some(Pause { time: Duration::from_millis(millis), warn });
        assert_eq!(connection.count(BURST as usize, now), pause(5, false));
        assert_eq!(connection.count(200, now), pause(100, true));
        let later = now + Duration::from_millis(100);
        assert_eq!(connection.count(20, later), pause(10, false));
        assert_eq!(connection.count(0, later), None);
        let flood = connection.count(1_000_000, later);
        assert_eq!(flood, pause(1_000, false), "pings are still answered in time");
    }
}
