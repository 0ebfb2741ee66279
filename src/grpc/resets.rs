//! Back-pressure on a client that cancels calls without end: its connection is read more slowly.
//!
//! A call that is opened and reset at once costs the server as much as one that is answered, and
//! the client nearly nothing. Without a bound, one client keeps every processor busy, and every
//! other call waits for its turn. A client may cancel all of its calls at once, so a burst is free.

use std::time::Duration;

use tokio::time::Instant;

use crate::grpc::frames::{Frames, RST_STREAM};

/// Resets that cost nothing when they come at once: twice the calls that a connection may have.
const BURST: u32 = 2_048;
/// Resets a second that cost nothing after that.
const PER_SECOND: u32 = 2_000;
/// The longest time for which a connection is not read. Pings of the server are answered on it as
/// well, within 10 s.
const LONGEST: Duration = Duration::from_secs(1);

/// The resets of a connection, by the generic cell rate algorithm (ITU-T I.371).
#[derive(Debug)]
pub(super) struct Resets {
    frames: Frames,
    /// When all resets so far would have come at the permitted rate.
    paid: Instant,
    warned: bool,
}

/// For how long a connection is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) time: Duration,
    /// It is the first one of the connection.
    pub(super) first: bool,
}

impl Resets {
    pub(super) fn new(now: Instant) -> Self {
        Self { frames: Frames::default(), paid: now, warned: false }
    }

    /// Counts the resets among the bytes that were received.
    pub(super) fn received(&mut self, mut bytes: &[u8], now: Instant) -> Option<Pause> {
        let kinds = std::iter::from_fn(|| self.frames.next(&mut bytes)).map(|frame| frame.kind);
        let resets = kinds.filter(|kind| *kind == RST_STREAM).count();
        if resets == 0 {
            return None;
        }
        let each = Duration::from_secs(1) / PER_SECOND;
        let (burst, resets) = (each * BURST, u32::try_from(resets).unwrap_or(u32::MAX));
        let paid = self.paid.max(now) + each.saturating_mul(resets);
        self.paid = paid.min(now + burst + LONGEST);
        let time = self.paid.duration_since(now).checked_sub(burst).filter(|it| !it.is_zero())?;
        Some(Pause { time, first: !std::mem::replace(&mut self.warned, true) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::frames::encoded;

    fn resets(count: u32) -> Vec<u8> {
        encoded(RST_STREAM, &[0, 0, 0, 8]).repeat(count as usize)
    }

    fn opened(now: Instant) -> Resets {
        let mut opened = Resets::new(now);
        assert_eq!(opened.received(&encoded(4, &[]), now), None);
        opened
    }

    #[test]
    fn all_calls_of_a_connection_may_be_cancelled_at_once() {
        let now = Instant::now();
        let mut connection = opened(now);
        assert_eq!(connection.received(&resets(BURST), now), None);
        let later = now + Duration::from_secs(2);
        assert_eq!(connection.received(&resets(BURST), later), None, "they are paid for");
        for tick in 1..100 {
            let later = later + Duration::from_millis(100) * tick;
            assert_eq!(connection.received(&resets(PER_SECOND / 10), later), None, "at the rate");
        }
    }

    #[test]
    fn what_comes_faster_waits_until_it_would_have_come_at_the_rate() {
        let now = Instant::now();
        let mut connection = opened(now);
        assert_eq!(connection.received(&resets(BURST), now), None);
        let pause = |millis, first| Some(Pause { time: Duration::from_millis(millis), first });
        assert_eq!(connection.received(&resets(200), now), pause(100, true));
        let later = now + Duration::from_millis(100);
        assert_eq!(connection.received(&resets(20), later), pause(10, false));
        assert_eq!(connection.received(&encoded(0, b"a call"), later), None, "no reset");
        let flood = connection.received(&resets(1_000_000), later);
        assert_eq!(flood, pause(1_000, false), "pings are still answered in time");
    }
}
