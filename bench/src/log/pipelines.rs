//! Pipelined appends: bursts on a server at rest, and a load that goes on.

use futures_util::FutureExt as _;
use handover::cli::exit::Failure;

use super::figures::{BURST, SUSTAINED};
use crate::{
    case::{Bench, Case, Measuring},
    events::Layout,
    meter::{Meter, Span, watch},
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series},
    subject::Subject,
    table::{count, number},
};

/// Streams that the events are spread over.
const LAYOUT: Layout = Layout::Streams(1_000);
/// Events that open the connections and the paths of the code before a burst.
const FIRST_EVENTS: u64 = 1_000;
/// Events a request of the cases that give the figures to compare.
const COMPARED: u32 = 100;

/// Pipelines with so many events in each request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pipelines {
    pub(super) events: u32,
    pub(super) sustained: bool,
}

impl Case for Pipelines {
    fn name(&self) -> String {
        let how = if self.sustained { "sustained" } else { "bursts" };
        let events = count(self.events.into());
        let plural = if self.events == 1 { "" } else { "s" };
        format!("pipelined appends, {how}, {events} event{plural} a request")
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let mut appends = Series::new();
            let mut echo = Series::new();
            let repeats = if self.sustained { 1 } else { bench.plan.repeats };
            for _ in 0..repeats {
                let subject = bench.subject().await?;
                subject.fill(LAYOUT, subject.source.drawn() + FIRST_EVENTS).await?;
                subject.settle(&bench.plan).await?;
                echo.add(&self.load(bench.echo(), bench.plan.span()).await?);
                let span = if self.sustained {
                    bench.plan.sustained_span()
                } else {
                    bench.plan.burst_span()
                };
                appends.add(&self.load(&subject, span).await?);
                bench.retire(subject).await?;
            }
            Ok(self.outcome(&appends, &echo))
        }
        .boxed_local()
    }
}

impl Pipelines {
    async fn load(&self, subject: &Subject, span: Span) -> Result<Sample, Failure> {
        let meter = Meter::new(subject.lanes());
        let pipelines = subject.pipelines(&meter, LAYOUT, self.events, u64::MAX);
        watch(&meter, span, pipelines).await
    }

    fn outcome(self, appends: &Series, echo: &Series) -> Outcome {
        let of_echo = if self.sustained {
            appends.against_rate(echo.rate().median)
        } else {
            appends.against(echo)
        };
        let row = Row::rate("append", appends).against("echo stream", of_echo);
        let row = if self.sustained { row.note("spread over slices of the run") } else { row };
        let limit = format!("echo stream {} /s", number(echo.rate().median));
        let figure = if self.sustained { SUSTAINED } else { BURST };
        let measured = Measured { figure, value: appends.rate(), limit };
        Outcome {
            rows: vec![row, Row::rate("echo stream", echo)],
            figures: (self.events == COMPARED).then_some(measured).into_iter().collect(),
        }
    }
}
