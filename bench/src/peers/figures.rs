//! What handover is to reach, as ratios to the better of UmaDB's two settings in the same run.

use crate::report::{
    Figure,
    Wanted::{AtLeast, AtMost},
    figure,
};

pub(super) const FIGURES: &[Figure] = &[
    figure(CALLERS_1, "single appends, 1 caller", AtLeast(1.6), "x"),
    figure(CALLERS_16, "single appends, 16 callers", AtLeast(2.0), "x"),
    figure(CALLERS_64, "single appends, 64 callers", AtLeast(2.0), "x"),
    figure(CALLERS_256, "single appends, 256 callers", AtLeast(2.0), "x"),
    figure(CALLERS_64_P999, "single appends, 64 callers, p99.9", AtMost(1.0), "x"),
    figure(CONDITIONAL, "conditional appends, 64 callers", AtLeast(2.0), "x"),
    figure(CONDITIONAL_P999, "conditional appends, 64 callers, p99.9", AtMost(1.0), "x"),
    figure(EVENTS_100, "100 events a request, 16 callers", AtLeast(5.0), "x"),
    figure(EVENTS_1000, "1,000 events a request, 16 callers", AtLeast(8.0), "x"),
    figure(FLOOD_4, "250 in flight on each of 4 connections", AtLeast(1.5), "x"),
    figure(FLOOD_16, "250 in flight on each of 16 connections", AtLeast(1.5), "x"),
    figure(ONE_EVENT[0], "one event by label and type, 1 reader", AtLeast(1.5), "x"),
    figure(ONE_EVENT[1], "one event by label and type, 4 readers", AtLeast(1.5), "x"),
    figure(ONE_EVENT[2], "one event by label and type, 16 readers", AtLeast(1.5), "x"),
    figure(ONE_EVENT[3], "one event by label and type, 64 readers", AtLeast(1.5), "x"),
    figure(READS_BESIDE, "8 readers beside 8 writers", AtLeast(1.5), "x"),
    figure(FULL_READ, "full read", AtLeast(3.0), "x"),
    figure(SHARES[0], "label of 1 in 10", AtLeast(5.0), "x"),
    figure(SHARES[1], "label of 1 in 1,000", AtLeast(4.0), "x"),
    figure(SHARES[2], "label of 1 in 100,000", AtLeast(3.0), "x"),
    figure(SUBSCRIBER, "append to subscriber / UmaDB's append, p99", AtMost(1.0), "x"),
];

pub(super) const CALLERS_1: &str = "callers-1";
pub(super) const CALLERS_16: &str = "callers-16";
pub(super) const CALLERS_64: &str = "callers-64";
pub(super) const CALLERS_256: &str = "callers-256";
pub(super) const CALLERS_64_P999: &str = "callers-64-p999";
pub(super) const CONDITIONAL: &str = "conditional";
pub(super) const CONDITIONAL_P999: &str = "conditional-p999";
pub(super) const EVENTS_100: &str = "events-100";
pub(super) const EVENTS_1000: &str = "events-1000";
pub(super) const FLOOD_4: &str = "flood-4";
pub(super) const FLOOD_16: &str = "flood-16";
/// From 1, 4, 16 and 64 readers.
pub(super) const ONE_EVENT: [&str; 4] = ["one-1", "one-4", "one-16", "one-64"];
pub(super) const READS_BESIDE: &str = "reads-beside";
pub(super) const FULL_READ: &str = "full-read";
/// Of one in 10, 1,000 and 100,000 events.
pub(super) const SHARES: [&str; 3] = ["share-10", "share-1000", "share-100000"];
pub(super) const SUBSCRIBER: &str = "subscriber";
