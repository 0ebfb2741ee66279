//! A consumer group: how many events its consumers are given, and acknowledge, in a second.

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
    domain::proto::{
        ConsumeRequest, ConsumeResponse, CreateGroupRequest, DeleteGroupRequest, Filter,
        FilterItem, GetHeadRequest, Group, GroupState, ListGroupsRequest,
        create_group_request::Start,
    },
    grpc::client::Client,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::figures::GROUP_RATE;
use crate::{
    case::{Bench, Case, Measuring},
    events::{CATEGORY, Layout},
    meter::{Callers, complete, joined},
    report::{Measured, Outcome, Row},
    statistics::{Spread, approximate},
    subject::Subject,
    table::count,
};

/// Consumers of the group.
const CONSUMERS: usize = 4;
/// What each may have and not have answered.
const CREDIT: u64 = 4_096;
/// Answers of a consumer that may be under way.
const ANSWERS: usize = 64;
/// How the events are spread: over many streams, over few, and all in one. The order of the one
/// lets only one consumer work at a time.
const STREAMS: [u64; 3] = [10_000, 64, 1];
/// Pause between two looks at how far the group is, once all is acknowledged.
const LOOK: Duration = Duration::from_millis(5);

/// A group that works through a log that is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Consumers;

impl Case for Consumers {
    fn name(&self) -> String {
        format!("a group of {CONSUMERS} consumers that acknowledge everything")
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let mut outcome = Outcome::default();
            for streams in STREAMS {
                let rates = work_through(bench, streams).await?;
                let of = match streams {
                    1 => "one stream".to_owned(),
                    _ => format!("{} streams", count(streams)),
                };
                let row = Row::new(format!("events of {of}"), "events/s", rates);
                let credit = count(CREDIT);
                outcome.rows.push(row.note(format!("each consumer with a credit of {credit}")));
                if outcome.figures.is_empty() {
                    let limit = format!("{} events of {of}", count(bench.plan.group_events));
                    outcome.figures.push(Measured { figure: GROUP_RATE, value: rates, limit });
                }
            }
            Ok(outcome)
        }
        .boxed_local()
    }
}

/// Has a new group work through the same log, once a repeat.
async fn work_through(bench: &Bench, streams: u64) -> Result<Spread, Failure> {
    let subject = bench.subject().await?;
    // A server that is only an address may hold what an earlier case appended.
    let head = subject.line(0).client.get_head(GetHeadRequest::default()).await?.position;
    subject.fill(Layout::Streams(streams), bench.plan.group_events).await?;
    subject.settle(&bench.plan).await?;
    let mut rates = Vec::new();
    for _ in 0..bench.plan.repeats {
        rates.push(once(&subject, head).await?);
    }
    bench.retire(subject).await?;
    Ok(Spread::of(&rates))
}

/// Events a second, from the first request of the consumers until the group has finished all.
async fn once(subject: &Subject, after: u64) -> Result<f64, Failure> {
    let client = subject.line(0).client;
    let group = create(&client, after).await?;
    let (events, over) = (subject.source.acknowledged(), CancellationToken::new());
    let (begun, acknowledged) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut consumers = Callers::new();
    for number in 0..CONSUMERS {
        let line = subject.line(number);
        let consumer = Consumer { group: group.clone(), name: format!("consumer-{number}") };
        consumers.spawn(consumer.run(line.client, Arc::clone(&acknowledged), over.clone()));
    }
    let finished = wait_until_finished(&client, &group, (&acknowledged, events));
    tokio::select! {
        finished = finished => finished?,
        Some(ended) = consumers.join_next() => joined(ended)?,
    }
    let rate = approximate(events) / begun.elapsed().as_secs_f64();
    over.cancel();
    complete(consumers).await?;
    let request_id = Uuid::new_v4().to_string();
    client.delete_group(DeleteGroupRequest { request_id, name: group }).await?;
    Ok(rate)
}

/// A group of what the bench has appended after a position.
async fn create(client: &Client, after: u64) -> Result<String, Failure> {
    let name = format!("bench-{}", Uuid::new_v4().simple());
    let items = vec![FilterItem { categories: vec![CATEGORY.to_owned()], ..FilterItem::default() }];
    let request = CreateGroupRequest {
        request_id: Uuid::new_v4().to_string(),
        name: name.clone(),
        filter: Some(Filter { items }),
        start: Some(Start::AfterPosition(after)),
        ..CreateGroupRequest::default()
    };
    client.create_group(request).await?;
    Ok(name)
}

/// The group is finished when the server says so, which is queried once all can be acknowledged.
async fn wait_until_finished(
    client: &Client,
    group: &str,
    (acknowledged, events): (&AtomicU64, u64),
) -> Result<(), Failure> {
    loop {
        tokio::time::sleep(LOOK).await;
        if acknowledged.load(Ordering::Relaxed) < events {
            continue;
        }
        let request = ListGroupsRequest { name: group.to_owned(), ..Default::default() };
        let groups = client.list_groups(request).await?.groups;
        let done = |group: &Group| group.state() == GroupState::Ready && group.lag_events == 0;
        if groups.first().is_some_and(done) {
            return Ok(());
        }
    }
}

/// Takes part in a group, and acknowledges whatever comes at once.
struct Consumer {
    group: String,
    name: String,
}

impl Consumer {
    async fn run(
        self,
        client: Client,
        acknowledged: Arc<AtomicU64>,
        over: CancellationToken,
    ) -> Result<(), Failure> {
        let (answer, answers) = mpsc::channel(ANSWERS);
        let first = ConsumeRequest {
            group: self.group,
            consumer: self.name,
            credit: CREDIT,
            ..ConsumeRequest::default()
        };
        answer.send(first).await.map_err(|_| ended())?;
        let mut given = client.consume(ReceiverStream::new(answers));
        loop {
            let response = tokio::select! {
                response = given.try_next() => response?.ok_or_else(ended)?,
                () = over.cancelled() => return Ok(()),
            };
            let request = acknowledge(&response);
            let events = request.credit;
            answer.send(request).await.map_err(|_| ended())?;
            acknowledged.fetch_add(events, Ordering::Relaxed);
        }
    }
}

fn acknowledge(response: &ConsumeResponse) -> ConsumeRequest {
    let events = response.events.len() as u64;
    let first = response.first_delivery;
    let acks = (first..first + events).collect();
    ConsumeRequest { credit: events, acks, ..ConsumeRequest::default() }
}

fn ended() -> Failure {
    Failure::new(Exit::Unavailable, "the server ended the call of a consumer")
}
