//! What the suite `followers` is to reach.

use crate::report::{
    Figure,
    Wanted::{AtLeast, AtMost},
};

pub(super) const ARRIVAL: &str = "arrival";
pub(super) const FAN_OUT: &str = "fan-out";
pub(super) const RARE: &str = "rare";
pub(super) const PER_EVENT: &str = "per-event";
pub(super) const GROUP_RATE: &str = "group-rate";
pub(super) const IDLE_MEMORY: &str = "idle-memory";
pub(super) const IDLE_APPENDS: &str = "idle-appends";

/// What subscriptions are to reach, with payloads of 256 bytes, on two cores that the client
/// shares.
pub(super) const FIGURES: &[Figure] = &[
    Figure {
        id: ARRIVAL,
        name: "99th percentile, 10 subscribers / append",
        wanted: AtMost(2.0),
        unit: "x",
    },
    Figure {
        id: FAN_OUT,
        name: "50 subscribers of everything",
        wanted: AtLeast(3_000_000.0),
        unit: "events/s",
    },
    Figure {
        id: RARE,
        name: "caught up through a filter, 1 in 10,000",
        wanted: AtMost(2.0),
        unit: "s",
    },
    Figure {
        id: PER_EVENT,
        name: "time for an event, 1 in 10,000 / neighbours",
        wanted: AtMost(2.0),
        unit: "x",
    },
    Figure {
        id: GROUP_RATE,
        name: "acknowledged by a group of 4 consumers",
        wanted: AtLeast(50_000.0),
        unit: "events/s",
    },
    Figure {
        id: IDLE_MEMORY,
        name: "memory of 10,000 idle subscribers",
        wanted: AtMost(100.0),
        unit: "MB",
    },
    Figure {
        id: IDLE_APPENDS,
        name: "append rate, with / without idle subscribers",
        wanted: AtLeast(0.9),
        unit: "x",
    },
];
