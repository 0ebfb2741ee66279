//! The suite `claims`: a million claims about exchanges, and the queries over them.

mod figures;
mod generator;
mod register;
mod served;

use self::{figures::FIGURES, register::InProcess, served::Served};
use super::{
    case::{Case, Suite},
    plan::Plan,
};

/// The cases, in the order in which they run.
pub(super) fn suite(_: &Plan) -> Suite {
    let cases: Vec<Box<dyn Case>> = vec![Box::new(InProcess), Box::new(Served)];
    Suite { name: "claims", cases, figures: FIGURES }
}
