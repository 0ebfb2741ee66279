//! What the suite `claims` is to reach.

use crate::report::{
    Figure,
    Wanted::{AtLeast, AtMost},
    figure,
};

/// What the register is to reach, with a million claims in fifty thousand exchanges.
pub(super) const FIGURES: &[Figure] = &[
    figure(CATCH_UP, "catching up, decoded and applied", AtLeast(500_000.0), "events/s"),
    figure(RESIDENT, "resident memory of the register", AtMost(250.0), "bytes/claim"),
    figure(COUNTS, "GetCountryCounts, p99", AtMost(1.0), "ms"),
    figure(GROUPS, "CountTransfers, slowest group-by", AtMost(30.0), "ms"),
    figure(AS_OF, "slowest question as of a position / now", AtMost(3.0), "x"),
    figure(READY, "ready to answer after a stop", AtMost(2.0), "s"),
];

pub(super) const CATCH_UP: &str = "catch-up";
pub(super) const RESIDENT: &str = "resident";
pub(super) const COUNTS: &str = "counts";
pub(super) const GROUPS: &str = "groups";
pub(super) const AS_OF: &str = "as-of";
pub(super) const READY: &str = "ready";
