//! How long and how much is measured.

use std::time::Duration;

use super::meter::Span;

/// Lengths and counts of all cases.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// How often each measurement is repeated.
    pub(super) repeats: usize,
    /// Load before each repeat that does not count.
    pub(super) warm_up: Duration,
    /// One repeat.
    pub(super) measured: Duration,
    /// A burst on a server that had nothing to do.
    pub(super) burst: Duration,
    /// A sustained load, and the slices of its report.
    pub(super) sustained: (Duration, usize),
    /// Connections that callers share.
    pub(super) connections: usize,
    /// Streams of the case with many of them.
    pub(super) streams: u64,
    /// Events of the log that is read.
    pub(super) read_events: u64,
    /// Appends a second of the case that follows them.
    pub(super) followed: u32,
    /// Appends a second that many subscribers follow, and how many do.
    pub(super) fan_out: (u32, usize),
    /// Subscribers of everything that share the processors.
    pub(super) crowd: usize,
    /// Events that a consumer group works through.
    pub(super) group_events: u64,
    /// Subscribers that receive no events.
    pub(super) idle: usize,
    /// Events of the large log.
    pub(super) scale_events: u64,
    /// Streams of the large log.
    pub(super) scale_streams: u64,
    /// Events of the small log that it is compared with.
    pub(super) early_events: u64,
    /// How often the server's memory is looked at.
    pub(super) look_at_memory: Duration,
    /// Bytes of the file that shows how fast commits can be; the journal's files have as many.
    pub(super) limit_file: usize,
    /// How long a server must have been at rest to be settled, and how often that is looked at.
    pub(super) rest: (Duration, Duration),
    /// How often the server is killed under load.
    pub(super) kills: u32,
    /// Events of the log that the suite of other stores reads.
    pub(super) peer_events: u64,
    /// Claims of the suite about them.
    pub(super) claims: u64,
    /// Settings of the server that keep a quick bench small.
    pub(super) server_settings: &'static [&'static str],
}

impl Plan {
    /// Measures.
    pub(super) fn full() -> Self {
        Self {
            repeats: 3,
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(5),
            burst: Duration::from_secs(3),
            sustained: (Duration::from_mins(1), 12),
            connections: 8,
            streams: 1_000_000,
            read_events: 2_000_000,
            followed: 2_000,
            fan_out: (10_000, 10),
            crowd: 50,
            group_events: 500_000,
            idle: 10_000,
            scale_events: 10_000_000,
            scale_streams: 1_000_000,
            early_events: 100_000,
            look_at_memory: Duration::from_secs(1),
            limit_file: 32 << 20,
            rest: (Duration::from_secs(3), Duration::from_millis(500)),
            kills: 0,
            peer_events: 1_000_000,
            claims: 1_000_000,
            server_settings: &[],
        }
    }

    /// Shows that everything works; the figures mean nothing.
    pub(super) fn quick() -> Self {
        Self {
            repeats: 1,
            warm_up: Duration::from_millis(20),
            measured: Duration::from_millis(80),
            burst: Duration::from_millis(60),
            sustained: (Duration::from_millis(90), 3),
            connections: 4,
            streams: 500,
            read_events: 3_000,
            followed: 500,
            fan_out: (500, 3),
            crowd: 3,
            group_events: 3_000,
            idle: 50,
            scale_events: 3_000,
            scale_streams: 300,
            early_events: 500,
            look_at_memory: Duration::from_millis(20),
            limit_file: 6 << 20,
            rest: (Duration::from_millis(100), Duration::from_millis(50)),
            kills: 0,
            peer_events: 3_000,
            claims: 2_000,
            server_settings: &["--journal-file-mib", "1", "--volume-mib", "1"],
        }
    }

    /// A repeat after its warm-up.
    pub(super) fn span(&self) -> Span {
        Span { warm_up: self.warm_up, slice: self.measured, slices: 1 }
    }

    /// A burst, from its first request on.
    pub(super) fn burst_span(&self) -> Span {
        Span { warm_up: Duration::ZERO, slice: self.burst, slices: 1 }
    }

    /// A sustained load, slice by slice.
    pub(super) fn sustained_span(&self) -> Span {
        let (whole, slices) = self.sustained;
        let slice = whole / u32::try_from(slices).unwrap_or(u32::MAX);
        Span { warm_up: self.warm_up, slice, slices }
    }
}
