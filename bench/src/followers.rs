//! The suite `followers`: subscriptions, from one event to many and from many events to few, and
//! consumer groups.

mod consumers;
mod crowd;
mod idle;
mod rare;

use self::{consumers::Consumers, crowd::Crowd, idle::Idle, rare::Rare};
use super::{
    case::{Case, Suite},
    follow::Follow,
    plan::Plan,
    report::{
        Figure,
        Wanted::{AtLeast, AtMost},
    },
};

const ARRIVAL: &str = "arrival";
const FAN_OUT: &str = "fan-out";
const RARE: &str = "rare";
const PER_EVENT: &str = "per-event";
const GROUP_RATE: &str = "group-rate";
const IDLE_MEMORY: &str = "idle-memory";
const IDLE_APPENDS: &str = "idle-appends";

/// What subscriptions are to reach, with payloads of 256 bytes, on two cores that the client
/// shares.
const FIGURES: &[Figure] = &[
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

/// The cases, in the order in which they run.
pub(super) fn suite(plan: &Plan) -> Suite {
    let (rate, subscribers) = plan.fan_out;
    let cases: Vec<Box<dyn Case>> = vec![
        Box::new(Follow { subscribers, rate, figure: Some(ARRIVAL) }),
        Box::new(Crowd),
        Box::new(Rare),
        Box::new(Consumers),
        Box::new(Idle),
    ];
    Suite { name: "followers", cases, figures: FIGURES }
}
