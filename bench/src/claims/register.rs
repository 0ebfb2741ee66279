//! The register by itself, without a server around it: how fast it catches up, and what it holds.

use std::time::Instant;

use futures_util::FutureExt as _;
use handover::{
    cli::exit::{Exit, Failure},
    domain::{event::Position, proto::Any},
    projections::{Event, Projection as _, register::Register},
};

use super::{
    figures::{CATCH_UP, RESIDENT},
    generator::{Generator, Made},
};
use crate::{
    case::{Bench, Case, Measuring},
    process::own_resident,
    report::{Measured, Outcome, Row},
    statistics::{Spread, approximate},
    table::count,
};

/// Events that are made before the clock runs, and applied while it does.
const BATCH: usize = 100;

/// Fills a register in the bench's own process.
#[derive(Clone, Copy, Debug)]
pub(super) struct InProcess;

impl Case for InProcess {
    fn name(&self) -> String {
        "the register by itself".to_owned()
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let claims = bench.plan.claims;
            let (seed, before) = (bench.seed(), own_resident()?);
            let filled = tokio::task::spawn_blocking(move || fill(seed, claims)).await;
            let (register, seconds) = filled.map_err(failed)??;
            let grown = own_resident()?.saturating_sub(before);
            let mut outcome = Outcome::default();
            report(&mut outcome, claims, seconds, grown);
            drop(register);
            Ok(outcome)
        }
        .boxed_local()
    }
}

fn report(outcome: &mut Outcome, claims: u64, seconds: f64, grown: u64) {
    let rate = Spread::exactly(approximate(claims) / seconds);
    let note = format!("{} claims, one thread", count(claims));
    outcome.rows.push(Row::new("decoded and applied", "events/s", rate).note(note));
    outcome.figures.push(Measured { figure: CATCH_UP, value: rate, limit: String::new() });
    let each = Spread::exactly(approximate(grown) / approximate(claims));
    outcome.rows.push(Row::new("resident memory", "bytes/claim", each));
    outcome.figures.push(Measured { figure: RESIDENT, value: each, limit: String::new() });
}

/// A register of so many claims, and the seconds that decoding and applying took.
fn fill(seed: u64, claims: u64) -> Result<(Register, f64), Failure> {
    let mut generator = Generator::new(seed);
    let mut register = Register::default();
    let mut seconds = 0.0;
    let mut position: Position = 0;
    while position < claims {
        let left = usize::try_from(claims - position).unwrap_or(BATCH).min(BATCH);
        let batch: Vec<Made> = (0..left).map(|_| generator.next()).collect();
        let payloads: Vec<Any> = batch.iter().map(|made| made.event.pack()).collect();
        for (made, at) in batch.iter().zip(position + 1..) {
            generator.recorded(made, at);
        }
        drop(batch);
        let begun = Instant::now();
        for payload in payloads {
            position += 1;
            let event = Event {
                position,
                recorded_at: 0,
                type_name: payload.type_name(),
                payload: &payload.value,
            };
            let taken = Register::take(&event).map_err(failed)?;
            register.apply(position, taken).map_err(failed)?;
        }
        seconds += begun.elapsed().as_secs_f64();
    }
    Ok((register, seconds))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}
