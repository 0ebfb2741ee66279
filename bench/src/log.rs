//! The suite `log`: the event store itself, as its clients use it.

mod appends;
mod conditions;
mod kills;
mod pipelines;
mod reads;
mod scale;

use self::{
    appends::{Appends, StreamChoice},
    conditions::Conditions,
    kills::Kills,
    pipelines::Pipelines,
    reads::Reads,
    scale::Scale,
};
use super::{
    case::{Case, Suite},
    follow::Follow,
    plan::Plan,
    report::{
        Figure,
        Wanted::{AtLeast, AtMost},
        figure,
    },
};

/// How many callers append at once.
const CALLERS: [usize; 5] = [1, 16, 64, 256, 1_024];
/// Callers of the cases that compare something else than their number.
const USUAL_CALLERS: usize = 64;
/// Callers of requests with many events.
const BATCH_CALLERS: usize = 16;
/// Events of a request with many of them.
const BATCHES: [u32; 2] = [100, 1_000];
/// Events of each request in a pipeline.
const PIPELINED: [u32; 2] = [1, 100];

/// What the log is to reach, with payloads of 256 bytes, on two cores that the client shares.
const FIGURES: &[Figure] = &[
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

const CALLERS_64: &str = "callers-64";
const ONE_CALLER: &str = "one-caller";
const BURST: &str = "burst";
const SUSTAINED: &str = "sustained";
const FULL_READ: &str = "full-read";
const STREAM_READ: &str = "stream-read";
const TAG_READ: &str = "tag-read";
const MEMORY: &str = "memory";
const GROWTH: &str = "growth";
const READY_CLEAN: &str = "ready-clean";
const READY_KILLED: &str = "ready-killed";
const DISK: &str = "disk";
const KEPT_RATE: &str = "kept-rate";

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
