//! Catching up on a large log through filters that match more or less of it, beside reads of as
//! many events that lie side by side.

use std::time::Instant;

use futures_util::{FutureExt as _, TryStreamExt as _};
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::{Filter, FilterItem, ReadRequest, SubscribeRequest},
};

use super::figures::{PER_EVENT, RARE};
use crate::{
    case::{Bench, Case, Measuring},
    encoded::{Counted, counted},
    events::Layout,
    report::{Measured, Outcome, Row},
    shares::SELECTIVITIES,
    statistics::{Spread, approximate},
    subject::Subject,
    table::count,
};

/// The selectivity that figures are given for.
const RAREST: u64 = 10_000;
/// Nanoseconds of a second.
const NANOSECONDS: f64 = 1e9;

/// Filters that select little of a large log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rare;

impl Case for Rare {
    fn name(&self) -> String {
        "catching up through a filter".to_owned()
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            subject.fill(Layout::Shares, bench.plan.scale_events).await?;
            subject.settle(&bench.plan).await?;
            let mut outcome = Outcome::default();
            for of in SELECTIVITIES {
                compare(&mut outcome, bench, &subject, of).await?;
            }
            bench.retire(subject).await?;
            Ok(outcome)
        }
        .boxed_local()
    }
}

async fn compare(
    outcome: &mut Outcome,
    bench: &Bench,
    subject: &Subject,
    of: u64,
) -> Result<(), Failure> {
    let (mut seconds, mut each, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.plan.repeats {
        let begun = Instant::now();
        let matches = catch_up(subject, of).await?;
        let took = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let limit = Some(matches.max(1));
        let request = ReadRequest { limit, ..ReadRequest::default() };
        let neighbours = counted(&subject.line(0).client, request).await?;
        let beside = begun.elapsed().as_secs_f64() / approximate(neighbours.events.max(1));
        let event = took / approximate(matches.max(1));
        seconds.push(took);
        each.push(event * NANOSECONDS);
        shares.push(event / beside);
    }
    let (seconds, shares) = (Spread::of(&seconds), Spread::of(&shares));
    let name = format!("one tag, 1 in {}", count(of));
    let row = Row::new(format!("{name}, each event"), "ns", Spread::of(&each));
    outcome.rows.push(Row::new(name, "s", seconds));
    outcome.rows.push(row.against("as many neighbours, read", shares));
    if of == RAREST {
        let limit = format!("a log of {} events", count(subject.source.acknowledged()));
        let figures = [(RARE, seconds), (PER_EVENT, shares)];
        let measured =
            figures.map(|(figure, value)| Measured { figure, value, limit: limit.clone() });
        outcome.figures.extend(measured);
    }
    Ok(())
}

/// Follows a tag from the beginning until it has caught up; answers with the number of events.
async fn catch_up(subject: &Subject, of: u64) -> Result<u64, Failure> {
    let tags = vec![subject.source.identity().tag(of)];
    let items = vec![FilterItem { tags, ..FilterItem::default() }];
    let filter = Some(Filter { items });
    let request = SubscribeRequest { filter, ..SubscribeRequest::default() };
    let mut frames = subject.line(0).client.subscribe_encoded(request);
    let mut events = 0;
    while let Some(frame) = frames.try_next().await? {
        match Counted::of_frame(frame)? {
            Some(counted) => events += counted.events,
            None => return Ok(events),
        }
    }
    Err(Failure::new(Exit::Unavailable, "the server ended a subscription"))
}
