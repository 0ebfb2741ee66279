//! Appends of callers that wait for each answer: single events, many a request, hot and cold.

use futures_util::FutureExt as _;
use handover::cli::exit::Failure;

use super::figures::{CALLERS_64, ONE_CALLER};
use crate::{
    case::{Bench, Case, Measuring},
    events::Layout,
    limits::CommitBatch,
    load::start,
    meter::{Meter, Span, watch},
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series, Spread},
    subject::Subject,
    table::count,
};

/// Callers of the cases that compare something else than their number.
pub(super) const USUAL_CALLERS: usize = 64;
/// Callers of requests with many events.
pub(super) const BATCH_CALLERS: usize = 16;

/// Callers, and what each of their requests appends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appends {
    pub(super) callers: usize,
    /// Events of each request.
    pub(super) events: u32,
    pub(super) choice: StreamChoice,
}

/// Which streams the events are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamChoice {
    /// As many streams as there are callers.
    Spread,
    /// One stream.
    Hot,
    /// So many streams, each of which is there already.
    Many(u64),
}

/// The same load on the server and on its limits, in turn.
struct Rounds {
    appends: Series,
    echo: Series,
    batch: Series,
    page: Series,
}

impl Case for Appends {
    fn name(&self) -> String {
        let plural = if self.callers == 1 { "" } else { "s" };
        let callers = format!("{} caller{plural}", count(self.callers as u64));
        match (self.events, self.choice) {
            (1, StreamChoice::Spread) => format!("single appends, {callers}"),
            (1, StreamChoice::Hot) => format!("single appends to one hot stream, {callers}"),
            (1, StreamChoice::Many(streams)) => {
                format!("single appends to {} streams, {callers}", count(streams))
            }
            (events, _) => format!("{} events a request, {callers}", count(events.into())),
        }
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            if let StreamChoice::Many(streams) = self.choice {
                subject.fill(self.layout(), streams).await?;
            }
            let rounds = self.rounds(bench, &subject).await?;
            bench.retire(subject).await?;
            Ok(self.outcome(bench, &rounds))
        }
        .boxed_local()
    }
}

impl Appends {
    fn layout(&self) -> Layout {
        match self.choice {
            StreamChoice::Spread => Layout::Streams(self.callers as u64),
            StreamChoice::Hot => Layout::Streams(1),
            StreamChoice::Many(streams) => Layout::Streams(streams),
        }
    }

    fn batch(&self, bench: &Bench) -> CommitBatch {
        CommitBatch::of(self.callers, self.events as usize, bench.stored_bytes)
    }

    async fn rounds(&self, bench: &Bench, subject: &Subject) -> Result<Rounds, Failure> {
        let mut rounds = Rounds {
            appends: Series::new(),
            echo: Series::new(),
            batch: Series::new(),
            page: Series::new(),
        };
        for _ in 0..bench.plan.repeats {
            // What the server still does in the background must not burden its limits.
            subject.settle(&bench.plan).await?;
            if self.callers == 1 {
                rounds.page.add(&bench.commits(CommitBatch::PAGE).await?);
            }
            rounds.batch.add(&bench.commits(self.batch(bench)).await?);
            rounds.echo.add(&self.load(bench.echo(), bench.plan.span()).await?);
            rounds.appends.add(&self.load(subject, bench.plan.span()).await?);
        }
        Ok(rounds)
    }

    async fn load(&self, subject: &Subject, span: Span) -> Result<Sample, Failure> {
        closed_loop(subject, self, span).await
    }

    fn outcome(&self, bench: &Bench, rounds: &Rounds) -> Outcome {
        let of_echo = rounds.appends.against(&rounds.echo);
        let batch = self.batch(bench);
        let plural = if batch.events == 1 { "" } else { "s" };
        let raw = format!("raw commit of {} event{plural}", count(batch.events as u64));
        let mut rows = vec![
            Row::rate("append", &rounds.appends).against("echo RPC", of_echo),
            Row::rate("echo RPC", &rounds.echo),
            Row::rate(raw, &rounds.batch),
        ];
        let mut figures = Vec::new();
        if self.callers == 1 {
            rows.push(Row { unit: "1/s", ..Row::rate("fdatasync of a page", &rounds.page) });
            figures.push(one_caller(rounds));
        }
        if self.callers == USUAL_CALLERS && self.events == 1 && self.choice == StreamChoice::Spread
        {
            let limit = format!("echo RPC {} /s", count(rounded(rounds.echo.rate())));
            figures.push(Measured { figure: CALLERS_64, value: of_echo, limit });
        }
        Outcome { rows, figures }
    }
}

/// So many callers that append single events, each to a stream of its own, for a while.
pub(crate) async fn single_appends(
    subject: &Subject,
    callers: usize,
    span: Span,
) -> Result<Sample, Failure> {
    let load = Appends { callers, events: 1, choice: StreamChoice::Spread };
    closed_loop(subject, &load, span).await
}

/// Callers at work on a server for a while.
pub(super) async fn closed_loop(
    subject: &Subject,
    load: &Appends,
    span: Span,
) -> Result<Sample, Failure> {
    let meter = Meter::new(subject.lanes());
    let callers = start(&meter, subject.appenders(load.callers, load.layout(), load.events));
    watch(&meter, span, callers).await
}

/// The time of one append of a single caller, in units of one `fdatasync` and one echo. Times are
/// the reciprocals of rates, so that both sides include all that a caller does in between.
fn one_caller(rounds: &Rounds) -> Measured {
    let limits = rounds.page.rates.iter().zip(&rounds.echo.rates);
    let limits: Vec<f64> = limits.map(|(page, echo)| 1.0 / page + 1.0 / echo).collect();
    let times = rounds.appends.rates.iter().zip(&limits);
    let value = Spread::of(&times.map(|(rate, limit)| 1.0 / rate / limit).collect::<Vec<_>>());
    let limit = format!("{:.3} ms together", Spread::of(&limits).median * 1e3);
    Measured { figure: ONE_CALLER, value, limit }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is neither negative nor beyond any integer"
)]
fn rounded(value: Spread) -> u64 {
    value.median.round() as u64
}
