//! The suite `claims`: a million claims about exchanges, and the queries over them.

mod generator;
mod register;
mod served;

use self::{register::InProcess, served::Served};
use super::{
    case::{Case, Suite},
    plan::Plan,
    report::{
        Figure,
        Wanted::{AtLeast, AtMost},
        figure,
    },
};

/// What the register is to reach, with a million claims in fifty thousand exchanges.
const FIGURES: &[Figure] = &[
    figure(CATCH_UP, "catching up, decoded and applied", AtLeast(500_000.0), "events/s"),
    figure(RESIDENT, "resident memory of the register", AtMost(250.0), "bytes/claim"),
    figure(COUNTS, "GetCountryCounts, p99", AtMost(1.0), "ms"),
    figure(GROUPS, "CountTransfers, slowest group-by", AtMost(30.0), "ms"),
    figure(AS_OF, "slowest question as of a position / now", AtMost(3.0), "x"),
    figure(READY, "ready to answer after a stop", AtMost(2.0), "s"),
];

const CATCH_UP: &str = "catch-up";
const RESIDENT: &str = "resident";
const COUNTS: &str = "counts";
const GROUPS: &str = "groups";
const AS_OF: &str = "as-of";
const READY: &str = "ready";

/// The cases, in the order in which they run.
pub(super) fn suite(_: &Plan) -> Suite {
    let cases: Vec<Box<dyn Case>> = vec![Box::new(InProcess), Box::new(Served)];
    Suite { name: "claims", cases, figures: FIGURES }
}
