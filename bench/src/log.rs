//! The suite `log`: the event store itself, as its clients use it.

mod appends;
mod conditions;
mod figures;
mod kills;
mod pipelines;
mod reads;
mod scale;

pub(super) use self::{appends::single_appends, reads::full_read};
use self::{
    appends::{Appends, BATCH_CALLERS, StreamChoice, USUAL_CALLERS},
    conditions::Conditions,
    figures::FIGURES,
    kills::Kills,
    pipelines::Pipelines,
    reads::Reads,
    scale::Scale,
};
use super::{
    case::{Case, Suite},
    follow::Follow,
    plan::Plan,
};

/// How many callers append at once.
const CALLERS: [usize; 5] = [1, 16, 64, 256, 1_024];
/// Events of a request with many of them.
const BATCHES: [u32; 2] = [100, 1_000];
/// Events of each request in a pipeline.
const PIPELINED: [u32; 2] = [1, 100];

/// The cases, in the order in which they run.
pub(super) fn suite(plan: &Plan) -> Suite {
    let mut cases: Vec<Box<dyn Case>> = Vec::new();
    for callers in CALLERS {
        cases.push(Box::new(Appends { callers, events: 1, choice: StreamChoice::Spread }));
    }
    for choice in [StreamChoice::Hot, StreamChoice::Many(plan.streams)] {
        cases.push(Box::new(Appends { callers: USUAL_CALLERS, events: 1, choice }));
    }
    for events in BATCHES {
        cases.push(Box::new(Appends {
            callers: BATCH_CALLERS,
            events,
            choice: StreamChoice::Spread,
        }));
    }
    for sustained in [false, true] {
        for events in PIPELINED {
            cases.push(Box::new(Pipelines { events, sustained }));
        }
    }
    for contended in [false, true] {
        cases.push(Box::new(Conditions { contended }));
    }
    cases.push(Box::new(Reads));
    cases.push(Box::new(Follow { subscribers: 1, rate: plan.followed, figure: None }));
    cases.push(Box::new(Scale));
    if plan.kills > 0 {
        cases.push(Box::new(Kills));
    }
    Suite { name: "log", cases, figures: FIGURES }
}
