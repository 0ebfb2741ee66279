//! The suite `followers`: subscriptions, from one event to many and from many events to few, and
//! consumer groups.

mod consumers;
mod crowd;
mod figures;
mod idle;
mod rare;

pub(super) use self::idle::Idle;
use self::{
    consumers::Consumers,
    crowd::Crowd,
    figures::{ARRIVAL, FIGURES, IDLE_APPENDS, IDLE_MEMORY},
    rare::Rare,
};
use super::{
    case::{Case, Suite},
    follow::Follow,
    plan::Plan,
};

/// The cases, in the order in which they run.
pub(super) fn suite(plan: &Plan) -> Suite {
    let (rate, subscribers) = plan.fan_out;
    let cases: Vec<Box<dyn Case>> = vec![
        Box::new(Follow { subscribers, rate, figure: Some(ARRIVAL) }),
        Box::new(Crowd),
        Box::new(Rare),
        Box::new(Consumers),
        Box::new(Idle { secured: false, memory: IDLE_MEMORY, appends: IDLE_APPENDS }),
    ];
    Suite { name: "followers", cases, figures: FIGURES }
}
