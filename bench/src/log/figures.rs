//! What the suite `log` is to reach.

use crate::report::{
    Figure,
    Wanted::{AtLeast, AtMost},
    figure,
};

/// What the log is to reach, with payloads of 256 bytes, on two cores that the client shares.
pub(super) const FIGURES: &[Figure] = &[
    figure(CALLERS_64, "64 single callers / echo RPC", AtLeast(0.8), "x"),
    figure(ONE_CALLER, "time of one caller / (fdatasync + echo RPC)", AtMost(1.3), "x"),
    figure(BURST, "pipelined, 100 events a request, burst", AtLeast(400_000.0), "events/s"),
    figure(SUSTAINED, "pipelined, 100 events a request, 60 s", AtLeast(250_000.0), "events/s"),
    figure(FULL_READ, "full read, left encoded", AtLeast(2_000_000.0), "events/s"),
    figure(STREAM_READ, "one stream, 1 in 1,000 / full read", AtLeast(0.5), "x"),
    figure(TAG_READ, "one tag, 1 in 1,000 / full read", AtLeast(0.5), "x"),
    figure(MEMORY, "most resident memory of the large log", AtMost(250.0), "MB"),
    figure(GROWTH, "resident memory, whole / half of the log", AtMost(1.1), "x"),
    figure(READY_CLEAN, "ready after a clean stop", AtMost(2.0), "s"),
    figure(READY_KILLED, "ready after kill -9", AtMost(2.0), "s"),
    figure(DISK, "disk / payload", AtMost(2.2), "x"),
    figure(KEPT_RATE, "append rate, large / small log", AtLeast(0.95), "x"),
];

pub(super) const CALLERS_64: &str = "callers-64";
pub(super) const ONE_CALLER: &str = "one-caller";
pub(super) const BURST: &str = "burst";
pub(super) const SUSTAINED: &str = "sustained";
pub(super) const FULL_READ: &str = "full-read";
pub(super) const STREAM_READ: &str = "stream-read";
pub(super) const TAG_READ: &str = "tag-read";
pub(super) const MEMORY: &str = "memory";
pub(super) const GROWTH: &str = "growth";
pub(super) const READY_CLEAN: &str = "ready-clean";
pub(super) const READY_KILLED: &str = "ready-killed";
pub(super) const DISK: &str = "disk";
pub(super) const KEPT_RATE: &str = "kept-rate";
