//! Why appends pause: no room on the disk, followers too far behind, or a clock that was set back.
//! Decisions only; [`super::back_pressure`] has the effects.
//!
//! A pause is not a fault: nothing was written, and appends resume by themselves once its reason
//! is gone.

use std::sync::Arc;

use crate::{
    domain::{
        event::{Micros, Position},
        limits,
        recorded::timestamp,
    },
    log::LogSettings,
};

/// Why appends are refused for the time being.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pause {
    /// What is free on the disk is needed to seal what is in the journal, and to recover it.
    #[error(
        "the disk is nearly full: {free} bytes are free, and {needed} must stay so to seal and \
         recover what is recorded; free some, and appends resume by themselves"
    )]
    Full {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        needed: u64,
    },
    /// Volumes or index cannot be made, and what waits for them has reached its bound.
    #[error(
        "volumes or index cannot be made ({reason}), and {unsealed} bytes and {unindexed} events \
         wait for them; mend the cause, and appends resume by themselves"
    )]
    Backlog {
        /// Bytes in no sealed volume yet.
        unsealed: u64,
        /// Events not indexed yet.
        unindexed: u64,
        /// What the last attempt failed with.
        reason: Arc<str>,
    },
    /// The system gives too little for the journal's next file: descriptors, memory.
    #[error(
        "the journal's next file cannot be made ({reason}); mend the cause, and appends resume by \
         themselves"
    )]
    Short {
        /// What the last attempt failed with.
        reason: Arc<str>,
    },
    /// The last event was recorded far in the clock's future.
    #[error(
        "the last event was recorded at {}, and this clock says {}: set the clock, or start the \
         server with --accept-clock-behind to record at the last time until the clock has caught \
         up",
        timestamp(*.last),
        timestamp(*.now)
    )]
    ClockBehind {
        /// When it was recorded.
        last: Micros,
        /// What the clock says.
        now: Micros,
    },
}

/// How far the followers of the journal lie behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Behind {
    /// Bytes of frames that are in no sealed volume.
    pub(super) unsealed: u64,
    /// Events that the index does not know.
    pub(super) unindexed: Position,
}

/// What bounds the followers' lag and the disk, as the log is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    volume_bytes: u64,
    volume_events: u64,
    journal_file_bytes: u64,
}

/// Volumes that may wait to be sealed before the writer waits for them.
const SLOW_VOLUMES: u64 = 4;
/// Volumes' worth of events that the index may lack before the writer waits for it: they are kept
/// in memory for decisions until the index has them.
const SLOW_INDEX_VOLUMES: u64 = 2;
/// How much further both may fall while they fail: an error that passes never fails an append.
const FAILING: u64 = 2;
/// Bytes on disk for each byte that is to be sealed: sled's file with its values, places and the
/// index's run beside it. A whole data directory was measured at 2.3, its journal included.
const SEALING: u64 = 3;
/// Bytes for what is small: manifest, marks, saved projections.
const SMALL_BYTES: u64 = 4 << 20;
/// How far the last event may lie in the clock's future: more means that the clock was set back.
const CLOCK_TOLERANCE: Micros = 3_600 * 1_000_000;

impl From<&LogSettings> for Bounds {
    fn from(settings: &LogSettings) -> Self {
        Self {
            volume_bytes: settings.volume_bytes,
            volume_events: settings.volume_events,
            journal_file_bytes: settings.journal_file_bytes,
        }
    }
}

impl Bounds {
    /// Whether the writer should wait for its followers.
    pub(super) fn are_slow(&self, behind: Behind) -> bool {
        self.exceeded(behind, 1)
    }

    /// Why appends pause, given what the last attempt to make a volume or a run failed with.
    pub(super) fn backlog(&self, behind: Behind, failed: Option<&Arc<str>>) -> Option<Pause> {
        let reason = Arc::clone(failed?);
        let Behind { unsealed, unindexed } = behind;
        self.exceeded(behind, FAILING).then_some(Pause::Backlog { unsealed, unindexed, reason })
    }

    fn exceeded(&self, behind: Behind, times: u64) -> bool {
        behind.unsealed > self.volume_bytes.saturating_mul(SLOW_VOLUMES * times)
            || behind.unindexed > self.volume_events.saturating_mul(SLOW_INDEX_VOLUMES * times)
    }

    /// Why appends pause with `free` bytes on the disk.
    ///
    /// What must stay free: the volumes of all that is not sealed (at least one: what is being
    /// built may have to be built again), the next file of the journal, and the batch that is
    /// about to be written.
    pub(super) fn room(&self, free: u64, behind: Behind) -> Option<Pause> {
        let batch = (limits::FRAME_BYTES + limits::APPEND_BYTES) as u64;
        let to_seal = behind.unsealed.saturating_add(batch).max(self.volume_bytes);
        let needed = to_seal
            .saturating_mul(SEALING)
            .saturating_add(self.journal_file_bytes.max(batch))
            .saturating_add(SMALL_BYTES);
        (free < needed).then_some(Pause::Full { free, needed })
    }
}

/// Why appends pause with the last event recorded at `last`.
pub(super) fn clock(last: Micros, now: Micros) -> Option<Pause> {
    (last.saturating_sub(now) > CLOCK_TOLERANCE).then_some(Pause::ClockBehind { last, now })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds =
        Bounds { volume_bytes: 64 << 20, volume_events: 200_000, journal_file_bytes: 32 << 20 };

    fn behind(volumes: u64, events: u64) -> Behind {
        Behind { unsealed: volumes * BOUNDS.volume_bytes, unindexed: events }
    }

    #[test]
    fn the_writer_waits_before_appends_are_refused() {
        assert!(!BOUNDS.are_slow(behind(4, 400_000)));
        assert!(BOUNDS.are_slow(behind(5, 0)));
        assert!(BOUNDS.are_slow(behind(0, 400_001)));
        let failed: Arc<str> = "no luck".into();
        for (behind, refused) in [
            (behind(5, 0), false),
            (behind(8, 800_000), false),
            (behind(9, 0), true),
            (behind(0, 800_001), true),
        ] {
            assert_eq!(BOUNDS.backlog(behind, Some(&failed)).is_some(), refused, "{behind:?}");
            assert_eq!(BOUNDS.backlog(behind, None), None, "nothing failed, so it will pass");
        }
    }

    #[test]
    fn more_must_stay_free_the_more_is_to_be_sealed() {
        let needed = |volumes| match BOUNDS.room(0, behind(volumes, 0)) {
            Some(Pause::Full { needed, .. }) => needed,
            other => panic!("{other:?}"),
        };
        assert_eq!(needed(0), needed(0).max(3 * BOUNDS.volume_bytes + BOUNDS.journal_file_bytes));
        assert!(needed(0) < needed(1) && needed(1) < needed(4));
        assert_eq!(BOUNDS.room(needed(4), behind(4, 0)), None);
        assert!(BOUNDS.room(needed(4) - 1, behind(4, 0)).is_some());
    }

    #[test]
    fn a_clock_may_lie_behind_by_an_hour() {
        let hour = CLOCK_TOLERANCE;
        assert_eq!(clock(5 * hour, 4 * hour), None);
        assert_eq!(
            clock(5 * hour, 4 * hour - 1),
            Some(Pause::ClockBehind { last: 5 * hour, now: 4 * hour - 1 })
        );
    }
}
