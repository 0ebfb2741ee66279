//! Conditional appends: an expected revision and a condition, without and with conflicts.

use std::sync::Arc;

use futures_util::{FutureExt as _, TryStreamExt as _};
use handover::{
    cli::exit::Failure,
    domain::proto::{
        AppendCondition, AppendRequest, Filter, FilterItem, ReadDirection, ReadRequest,
    },
    grpc::client::ClientErrorKind,
};

use super::appends::{BATCH_CALLERS, USUAL_CALLERS};
use crate::{
    case::{Bench, Case, Measuring},
    events::EventGenerator,
    load::{Caller, Line, start},
    log::appends::{Appends, StreamChoice, closed_loop},
    meter::{Meter, watch},
    report::{Outcome, Row},
    statistics::{Sample, Series, approximate},
    subject::Subject,
    table::number,
};

/// Callers that append only if nothing came in between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// All of them want the same stream.
    pub(super) contended: bool,
}

impl Case for Conditions {
    fn name(&self) -> String {
        let callers = self.callers();
        let how = if self.contended { "on one stream, with" } else { "on their own streams, no" };
        format!("conditional appends, {callers} callers {how} conflicts")
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            let (mut appends, mut echo) = (Series::new(), Series::new());
            let load = Appends { callers: self.callers(), events: 1, choice: StreamChoice::Spread };
            for _ in 0..bench.plan.repeats {
                subject.settle(&bench.plan).await?;
                echo.add(&closed_loop(bench.echo(), &load, bench.plan.span()).await?);
                appends.add(&self.load(bench, &subject).await?);
            }
            bench.retire(subject).await?;
            let of_echo = appends.against(&echo);
            let row = Row::rate("append", &appends).against("echo RPC", of_echo);
            let measured =
                bench.plan.measured.as_secs_f64() * approximate(bench.plan.repeats as u64);
            let refused = number(approximate(appends.refused) / measured);
            let row = row.note(format!("{refused} refused a second"));
            Ok(Outcome { rows: vec![row, Row::rate("echo RPC", &echo)], figures: Vec::new() })
        }
        .boxed_local()
    }
}

impl Conditions {
    fn callers(self) -> usize {
        if self.contended { BATCH_CALLERS } else { USUAL_CALLERS }
    }

    async fn load(self, bench: &Bench, subject: &Subject) -> Result<Sample, Failure> {
        let meter = Meter::new(subject.lanes());
        // Streams of their own are new ones in each repeat: their revisions are known.
        let first = if self.contended { 0 } else { subject.source.drawn() };
        let callers = (0..self.callers()).map(|caller| ConditionalCaller {
            line: subject.line(caller),
            source: Arc::clone(&subject.source),
            stream: if self.contended { first } else { first + caller as u64 },
            revision: 0,
            position: 0,
        });
        watch(&meter, bench.plan.span(), start(&meter, callers)).await
    }
}

/// Appends only if its stream, and the events with its label, are as it has last seen them.
#[derive(Debug)]
struct ConditionalCaller {
    line: Line,
    source: Arc<EventGenerator>,
    stream: u64,
    /// The stream's revision as last seen.
    revision: u64,
    /// Position of the stream's last event as last seen.
    position: u64,
}

impl Caller for ConditionalCaller {
    async fn call(&mut self, meter: &Meter) -> Result<(), Failure> {
        let batch = self.source.draw_for(self.stream, 1);
        let request = self.guarded(self.source.request(&batch));
        match self.line.append(request).await {
            (took, Ok(response)) => {
                self.source.note(self.line.lane, &batch, &response);
                self.revision = response.revisions.values().next().copied().unwrap_or_default();
                self.position = response.last_position;
                meter.count(1);
                meter.time(self.line.lane, took);
                Ok(())
            }
            (_, Err(error)) if error.kind == ClientErrorKind::Conflict => {
                meter.refuse();
                self.look().await
            }
            (_, Err(error)) => Err(error.into()),
        }
    }
}

impl ConditionalCaller {
    fn label(&self) -> String {
        format!("bench-writer:{}", self.source.identity().stream(self.stream))
    }

    fn guarded(&self, mut request: AppendRequest) -> AppendRequest {
        for write in &mut request.writes {
            write.expected_revision = Some(self.revision);
            write.events.iter_mut().for_each(|event| event.tags.push(self.label()));
        }
        let labelled = FilterItem { tags: vec![self.label()], ..FilterItem::default() };
        request.condition = Some(AppendCondition {
            fail_if_match: Some(Filter { items: vec![labelled] }),
            after_position: self.position,
        });
        request
    }

    /// Reads the last event of the stream, as a refused client does.
    async fn look(&mut self) -> Result<(), Failure> {
        let streams = vec![self.source.identity().stream(self.stream)];
        let request = ReadRequest {
            filter: Some(Filter { items: vec![FilterItem { streams, ..FilterItem::default() }] }),
            direction: ReadDirection::Backwards.into(),
            limit: Some(1),
            ..ReadRequest::default()
        };
        let mut batches = self.line.client.read(request);
        while let Some(batch) = batches.try_next().await? {
            if let Some(last) = batch.events.first() {
                (self.revision, self.position) = (last.revision, last.position);
            }
        }
        Ok(())
    }
}
