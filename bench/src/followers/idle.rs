//! Many subscribers that receive no events: the memory and the time that they cost the server, and
//! what they cost the callers that append.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{FutureExt as _, TryStreamExt as _, future::try_join_all};
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::{Filter, FilterItem, SubscribeRequest, subscribe_request::Start},
    grpc::client::{Answers, Client},
};

use crate::{
    case::{Bench, Case, Measuring},
    events::Layout,
    load::start,
    login::Secured,
    meter::{Meter, watch},
    process::Memory,
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series, Spread, approximate},
    subject::Subject,
    table::count,
};

/// Subscriptions of one connection: a little below what the server allows.
const PER_CONNECTION: usize = 1_000;
/// Callers that append meanwhile.
const CALLERS: usize = 64;
/// Bytes of a megabyte, the unit of memory in reports.
const MEGABYTE: f64 = 1e6;
/// Ticks of the system's clock in a second, the unit of processor time in `/proc`.
const TICKS: f64 = 100.0;
/// Streams that the events are spread over.
const LAYOUT: Layout = Layout::Streams(64);

/// Subscribers with filters that match nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// Whether they connect by TLS and log in by a token.
    pub(crate) secured: bool,
    /// The figure of what they occupy.
    pub(crate) memory: &'static str,
    /// The figure of what they cost others.
    pub(crate) appends: &'static str,
}

/// Subscriptions, each of which has caught up.
type Open = Vec<Answers<Bytes>>;

impl Case for Idle {
    fn name(&self) -> String {
        let how = if self.secured { ", by TLS and token" } else { "" };
        format!("idle subscribers, whose filters match nothing{how}")
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = self.server(bench).await?;
            let without = appends(bench, &subject).await?;
            subject.settle(&bench.plan).await?;
            let before = subject.process()?.memory()?;
            let begun = Instant::now();
            let open = open(&subject, bench.plan.idle).await?;
            let opened = begun.elapsed();
            let after = subject.process()?.memory()?;
            let busy = busy(&subject, bench.plan.measured).await?;
            let with = appends(bench, &subject).await?;
            drop(open);
            bench.retire(subject).await?;
            let took = (opened, busy);
            Ok(self.outcome(bench.plan.idle, (before, after), took, (&without, &with)))
        }
        .boxed_local()
    }
}

/// Single appends, which match none of the filters.
async fn appends(bench: &Bench, subject: &Subject) -> Result<Series, Failure> {
    let mut series = Series::new();
    for _ in 0..bench.plan.repeats {
        let meter = Meter::new(subject.lanes());
        let callers = start(&meter, subject.appenders(CALLERS, LAYOUT, 1));
        let sample: Sample = watch(&meter, bench.plan.span(), callers).await?;
        series.add(&sample);
    }
    Ok(series)
}

async fn open(subject: &Subject, idle: usize) -> Result<Open, Failure> {
    let mut open = Vec::with_capacity(idle);
    while open.len() < idle {
        let client = subject.client().await?;
        let first = open.len();
        let numbers = first..(first + PER_CONNECTION).min(idle);
        open.extend(try_join_all(numbers.map(|number| subscribe(&client, number))).await?);
    }
    Ok(open)
}

/// Subscribes to a tag that no event has, and waits for the first answer.
async fn subscribe(client: &Client, number: usize) -> Result<Answers<Bytes>, Failure> {
    let tags = vec![format!("idle:{number}")];
    let items = vec![FilterItem { tags, ..FilterItem::default() }];
    let (filter, start) = (Some(Filter { items }), Some(Start::FromNow(true)));
    let request = SubscribeRequest { filter, start, ..SubscribeRequest::default() };
    let mut frames = client.subscribe_encoded(request);
    match frames.try_next().await? {
        Some(_) => Ok(frames),
        None => Err(Failure::new(Exit::Unavailable, "the server ended a subscription")),
    }
}

/// The share of one processor that the server uses while nothing happens, from 0.
async fn busy(subject: &Subject, time: Duration) -> Result<f64, Failure> {
    let (begun, before) = (Instant::now(), subject.process()?.processor_ticks()?);
    tokio::time::sleep(time).await;
    let ticks = subject.process()?.processor_ticks()? - before;
    Ok(approximate(ticks) / TICKS / begun.elapsed().as_secs_f64())
}

impl Idle {
    async fn server(&self, bench: &Bench) -> Result<Subject, Failure> {
        if !self.secured {
            return bench.subject().await;
        }
        let Secured { arguments, login } = Secured::new(&bench.folder("secured")?).await?;
        bench.subject_with(&arguments, login).await
    }

    fn outcome(
        &self,
        idle: usize,
        (before, after): (Memory, Memory),
        (opened, busy): (Duration, f64),
        (without, with): (&Series, &Series),
    ) -> Outcome {
        let bytes = approximate(after.resident.saturating_sub(before.resident));
        let memory = Spread::exactly(bytes / MEGABYTE);
        let of = count(idle as u64);
        let each = bytes / approximate(idle as u64);
        let share = with.against(without);
        let seconds = Spread::exactly(opened.as_secs_f64());
        let rows = vec![
            Row::new(format!("memory of {of}"), "MB", memory).note(format!("{each:.0} bytes each")),
            Row::new("time to open them", "s", seconds),
            Row::new("processors used while nothing happens", "x", Spread::exactly(busy)),
            Row::rate("appends without them", without),
            Row::rate("appends beside them", with).against("without", share),
        ];
        let limit = format!("{of} subscribers");
        let measured = |(figure, value)| Measured { figure, value, limit: limit.clone() };
        let figures = [(self.memory, memory), (self.appends, share)].map(measured).to_vec();
        Outcome { rows, figures }
    }
}
