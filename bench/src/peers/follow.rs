//! How long after it is sent an event reaches a subscriber, at a fixed rate.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, TryStreamExt as _};
use handover::cli::exit::{Exit, Failure};
use tokio::{task::JoinSet, time::timeout};

use super::{
    connection::Arrivals,
    contender::Contender,
    contest::{Compared, Contest, Of, Work},
    figures,
    server::{Server, Shared},
    work::{Place, Source},
};
use crate::{
    case::{Bench, Case, Measuring},
    follow::Sent,
    meter::{Callers, Meter, complete, joined, watch},
    statistics::Sample,
    table::count,
};

/// Streams that the events are spread over.
const STREAMS: u64 = 64;
/// How often appends that have become due are sent.
const TICK: Duration = Duration::from_millis(1);
/// How long a subscription may take to begin.
const BEGINS: Duration = Duration::from_secs(30);

/// One subscriber of all events, and appends at a fixed rate.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) contest: Rc<Contest>,
    /// Appends a second.
    pub(super) rate: u32,
}

/// The same as work of a store.
struct AtRate(u32);

impl Case for Follow {
    fn name(&self) -> String {
        format!("append to subscriber, {} single appends a second", count(self.rate.into()))
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move { self.contest.hold(bench, &AtRate(self.rate)).await }.boxed_local()
    }
}

impl Work for AtRate {
    fn lines(&self) -> Vec<String> {
        vec!["append".to_owned(), "append to subscriber".to_owned()]
    }

    fn suits(&self, contender: &Contender) -> bool {
        contender.has_subscriptions()
    }

    async fn measure(
        &self,
        server: &Server,
        bench: &Bench,
    ) -> Result<Vec<Option<Sample>>, Failure> {
        let subscriber = server.connect().await?;
        let begun = timeout(BEGINS, subscriber.follow()).await;
        let late = |_| Failure::new(Exit::Unavailable, "the subscription does not begin");
        let arrivals = begun.map_err(late)??;
        let (sent, appended, arrived) = (Sent::new(), Meter::new(1), Meter::new(1));
        let (mut senders, mut subscribers) = (Callers::new(), Callers::new());
        let taking = (Arc::clone(&server.source), Arc::clone(&sent), Arc::clone(&arrived));
        subscribers.spawn(take(arrivals, taking));
        let lines = server.connections(bench.plan.connections).await?;
        let sender = Sender { lines, source: Arc::clone(&server.source), sent };
        senders.spawn(sender.run(self.0, Arc::clone(&appended)));
        let span = bench.plan.span();
        let watched =
            tokio::try_join!(watch(&appended, span, senders), watch(&arrived, span, subscribers));
        let (appends, arrivals) = watched?;
        if arrivals.latency.quantile(0.5).is_none() {
            return Err(Failure::new(Exit::Failed, "no event reached the subscriber"));
        }
        Ok(vec![Some(appends), Some(arrivals)])
    }

    fn compared(&self) -> Vec<Compared> {
        vec![Compared { figure: figures::SUBSCRIBER, of: Of::P99, lines: (1, 0) }]
    }
}

/// Takes what arrives until the meter has ended.
async fn take(
    mut arrivals: Arrivals,
    (source, sent, meter): (Arc<Source>, Arc<Sent>, Arc<Meter>),
) -> Result<(), Failure> {
    loop {
        let payloads = tokio::select! {
            payloads = arrivals.try_next() => payloads?,
            // When nothing is sent any more, nothing would arrive.
            () = meter.ended() => return Ok(()),
        };
        let Some(payloads) = payloads else {
            return Err(Failure::new(Exit::Unavailable, "the server ended the subscription"));
        };
        for number in payloads.iter().filter_map(|it| source.identity.number(it)) {
            meter.count(1);
            meter.time(0, sent.since(number));
        }
    }
}

/// Sends at a fixed rate, whether or not answers come.
struct Sender {
    lines: Vec<Shared>,
    source: Arc<Source>,
    sent: Arc<Sent>,
}

impl Sender {
    async fn run(self, rate: u32, meter: Arc<Meter>) -> Result<(), Failure> {
        let (begun, mut due, mut appends) = (Instant::now(), 0.0, JoinSet::new());
        let streams: Vec<u64> = (0..STREAMS).map(|_| self.source.new_stream()).collect();
        for (line, stream) in self.lines.iter().cycle().zip(streams.iter().cycle()) {
            while begun.elapsed().as_secs_f64() * f64::from(rate) < due {
                tokio::time::sleep(TICK).await;
            }
            if meter.has_ended() {
                break;
            }
            due += 1.0;
            let batch = self.source.draw(Place::Stream(*stream), 1);
            let (line, sent) = (Arc::clone(line), Arc::clone(&self.sent));
            let meter = Arc::clone(&meter);
            appends.spawn(async move {
                let at = Instant::now();
                sent.note(batch.first);
                line.append(&batch).await?;
                meter.count(1);
                meter.time(0, at.elapsed());
                Ok(())
            });
            while let Some(ended) = appends.try_join_next() {
                joined(ended)?;
            }
        }
        complete(appends).await
    }
}
