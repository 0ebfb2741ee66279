//! How long after it is sent an event reaches subscribers, at a fixed rate below saturation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, TryStreamExt as _};
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::{SubscribeRequest, subscribe_request::Start, subscribe_response::Frame},
};
use tokio::task::JoinSet;

use crate::{
    case::{Bench, Case, Measuring},
    events::{EventGenerator, Layout},
    load::Line,
    meter::{Callers, Meter, watch},
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series, Spread},
    subject::Subject,
    table::count,
};

/// Streams that the events are spread over.
const LAYOUT: Layout = Layout::Streams(64);
/// How often appends that have become due are sent.
const TICK: Duration = Duration::from_millis(1);
/// Sending times that are remembered: more than appends can be under way.
const REMEMBERED: usize = 1 << 17;

/// Single appends at a fixed rate, and subscribers to all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follow {
    pub(super) subscribers: usize,
    /// Appends a second.
    pub(super) rate: u32,
    /// The figure that the 99th percentile of arrivals is for, as a share of that of appends.
    pub(super) figure: Option<&'static str>,
}

impl Case for Follow {
    fn name(&self) -> String {
        let rate = count(self.rate.into());
        match self.subscribers {
            1 => "append to subscriber, single appends at a fixed rate".to_owned(),
            many => format!("append to {many} subscribers, {rate} single appends a second"),
        }
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            let (mut arrivals, mut appends) = (Series::new(), Series::new());
            let mut shares = Vec::new();
            for _ in 0..bench.plan.repeats {
                subject.settle(&bench.plan).await?;
                let (arrived, appended) = self.measure(bench, &subject).await?;
                shares.push(share(&arrived, &appended));
                arrivals.add(&arrived);
                appends.add(&appended);
            }
            bench.retire(subject).await?;
            let (rate, value) = (count(self.rate.into()), Spread::of(&shares));
            let rows = vec![
                Row::rate("subscriber", &arrivals).note("times are from sending to arrival"),
                Row::rate("append", &appends).note(format!("{rate} a second are wanted")),
                Row::new("99th percentile, subscriber / append", "x", value),
            ];
            let limit = "appends in the same run".to_owned();
            let figures = self.figure.map(|figure| Measured { figure, value, limit });
            Ok(Outcome { rows, figures: figures.into_iter().collect() })
        }
        .boxed_local()
    }
}

/// When events were sent, by their numbers; a slot is used again after many others.
pub(crate) struct Sent {
    begun: Instant,
    nanoseconds: Vec<AtomicU64>,
}

impl Sent {
    pub(crate) fn new() -> Arc<Self> {
        let nanoseconds = (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { begun: Instant::now(), nanoseconds })
    }

    fn slot(&self, number: u64) -> Option<&AtomicU64> {
        self.nanoseconds.get(usize::try_from(number).ok()? % REMEMBERED)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn note(&self, number: u64) {
        if let Some(slot) = self.slot(number) {
            slot.store(self.now(), Ordering::Relaxed);
        }
    }

    pub(crate) fn since(&self, number: u64) -> Duration {
        let sent = self.slot(number).map_or(0, |slot| slot.load(Ordering::Relaxed));
        Duration::from_nanos(self.now().saturating_sub(sent))
    }
}

/// The 99th percentile of one as a share of that of the other.
fn share(arrivals: &Sample, appends: &Sample) -> f64 {
    let p99 = |sample: &Sample| sample.latency.quantile(0.99).unwrap_or_default();
    p99(arrivals) / p99(appends).max(1.0)
}

impl Follow {
    /// Watches arrivals and answers at the same time.
    async fn measure(&self, bench: &Bench, subject: &Subject) -> Result<(Sample, Sample), Failure> {
        let (sent, arrivals) = (Sent::new(), Meter::new(self.subscribers));
        let answers = Meter::new(subject.lanes());
        let mut subscribers = Callers::new();
        for number in 0..self.subscribers {
            let line = Line { lane: number, ..subject.line(number) };
            let (source, meter) = (Arc::clone(&subject.source), Arc::clone(&arrivals));
            subscribers.spawn(subscribe(line, source, Arc::clone(&sent), meter));
        }
        let lines = (0..subject.lanes()).map(|lane| subject.line(lane)).collect();
        let sender = Sender { lines, source: Arc::clone(&subject.source), sent };
        let mut senders = Callers::new();
        senders.spawn(sender.run(self.rate, Arc::clone(&answers)));
        let span = bench.plan.span();
        tokio::try_join!(watch(&arrivals, span, subscribers), watch(&answers, span, senders))
    }
}

/// Takes what arrives; the arrival of a frame is that of all its events.
async fn subscribe(
    line: Line,
    source: Arc<EventGenerator>,
    sent: Arc<Sent>,
    meter: Arc<Meter>,
) -> Result<(), Failure> {
    let start = Some(Start::FromNow(true));
    let mut frames = line.client.subscribe(SubscribeRequest { start, ..Default::default() });
    loop {
        let answer = tokio::select! {
            answer = frames.try_next() => answer?,
            // When nothing is sent any more, nothing would arrive.
            () = meter.ended() => return Ok(()),
        };
        let Some(answer) = answer else {
            return Err(Failure::new(Exit::Unavailable, "the server ended the subscription"));
        };
        let Some(Frame::Events(batch)) = answer.frame else { continue };
        for event in &batch.events {
            let payload = event.payload.as_ref().map(|any| &any.value[..]).unwrap_or_default();
            if let Some(number) = source.identity().number(payload) {
                meter.count(1);
                meter.time(line.lane, sent.since(number));
            }
        }
    }
}

/// Sends at a fixed rate, whether or not answers come.
struct Sender {
    lines: Vec<Line>,
    source: Arc<EventGenerator>,
    sent: Arc<Sent>,
}

impl Sender {
    async fn run(self, rate: u32, meter: Arc<Meter>) -> Result<(), Failure> {
        let (begun, mut appends) = (Instant::now(), JoinSet::new());
        let mut due = 0.0;
        for line in self.lines.iter().cycle() {
            while begun.elapsed().as_secs_f64() * f64::from(rate) < due {
                tokio::time::sleep(TICK).await;
            }
            if meter.has_ended() {
                break;
            }
            due += 1.0;
            let append = append(line.clone(), Arc::clone(&self.source), Arc::clone(&self.sent));
            let meter = Arc::clone(&meter);
            appends.spawn(async move {
                append.await.map(|(lane, took)| {
                    meter.count(1);
                    meter.time(lane, took);
                })
            });
            while let Some(ended) = appends.try_join_next() {
                ended.map_err(|error| Failure::new(Exit::Failed, error.to_string()))??;
            }
        }
        crate::meter::complete(appends).await
    }
}

async fn append(
    line: Line,
    source: Arc<EventGenerator>,
    sent: Arc<Sent>,
) -> Result<(usize, Duration), Failure> {
    let batch = source.draw(LAYOUT, 1);
    let request = source.request(&batch);
    sent.note(batch.first);
    let (took, answer) = line.append(request).await;
    source.note(line.lane, &batch, &answer?);
    Ok((line.lane, took))
}
