//! A server full of claims: how soon it answers what, now and as of before.

use std::{collections::BTreeMap, time::Instant};

use futures_util::FutureExt as _;
use handover::{
    cli::exit::Failure,
    domain::{
        event::Position,
        proto::{self, AppendRequest, Dimension, as_of::Moment},
    },
    grpc::client::{Client, ClientError},
};

use super::{
    figures::{AS_OF, COUNTS, GROUPS, READY},
    generator::{Generator, Made},
};
use crate::{
    case::{Bench, Case, Measuring},
    report::{Measured, Outcome, Row},
    statistics::{Latency, Spread, Times, approximate},
    subject::Subject,
    table::count,
};

/// Claims of one append.
const APPENDED: u64 = 200;
/// Calls of a quick query, and of a slow one.
const CALLS: (usize, usize) = (2_000, 30);

/// All queries to one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served;

/// A query.
#[derive(Clone, Copy, Debug)]
enum Query {
    Countries,
    Year,
    Groups(&'static [Dimension]),
}

impl Case for Served {
    fn name(&self) -> String {
        "a server full of claims".to_owned()
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let mut subject = bench.subject().await?;
            let mut outcome = Outcome::default();
            fill(&mut outcome, bench, &subject.line(0).client).await?;
            questions(&mut outcome, bench, &subject).await?;
            let resident =
                Spread::exactly(approximate(subject.process()?.memory()?.resident) / 1e6);
            outcome.rows.push(Row::new("resident memory of the server", "MB", resident));
            ready(&mut outcome, &mut subject, bench.plan.claims).await?;
            bench.retire(subject).await?;
            Ok(outcome)
        }
        .boxed_local()
    }
}

/// Records the claims, in appends of several streams each.
async fn fill(outcome: &mut Outcome, bench: &Bench, client: &Client) -> Result<(), Failure> {
    let mut generator = Generator::new(bench.seed());
    let claims = bench.plan.claims;
    let begun = Instant::now();
    let mut recorded = 0;
    while recorded < claims {
        let many = APPENDED.min(claims - recorded);
        let made: Vec<Made> = (0..many).map(|_| generator.next()).collect();
        let (request, order) = request(&made);
        let answer = client.append(request).await?;
        for (index, position) in order.iter().zip(answer.first_position..) {
            made.get(*index).into_iter().for_each(|made| generator.recorded(made, position));
        }
        recorded += many;
    }
    caught_up(client, claims).await?;
    let rate = Spread::exactly(approximate(claims) / begun.elapsed().as_secs_f64());
    let note = format!("{} claims, {APPENDED} an append, one after the other", count(claims));
    outcome.rows.push(Row::new("recorded and projected", "events/s", rate).note(note));
    Ok(())
}

/// One append of all, and the indexes of the claims in the order of their positions.
fn request(made: &[Made]) -> (AppendRequest, Vec<usize>) {
    let mut streams: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, made) in made.iter().enumerate() {
        streams.entry(&made.stream).or_default().push(index);
    }
    let order = streams.values().flatten().copied().collect();
    let event = |index: &usize| proto::NewEvent {
        payload: made.get(*index).map(|made| made.event.pack()),
        ..proto::NewEvent::default()
    };
    let write = |(stream, indexes): (&str, Vec<usize>)| proto::StreamWrite {
        stream: stream.to_owned(),
        expected_revision: None,
        events: indexes.iter().map(event).collect(),
    };
    let writes = streams.into_iter().map(write).collect();
    (AppendRequest { writes, ..AppendRequest::default() }, order)
}

async fn caught_up(client: &Client, position: Position) -> Result<(), ClientError> {
    let countries = vec!["UA".to_owned()];
    let request = proto::GetCountryCountsRequest {
        countries,
        min_position: position,
        ..proto::GetCountryCountsRequest::default()
    };
    client.country_counts(request).await.map(drop)
}

async fn questions(outcome: &mut Outcome, bench: &Bench, subject: &Subject) -> Result<(), Failure> {
    let client = &subject.line(0).client;
    let groups: [(&str, &'static [Dimension]); 8] = [
        ("by receiver", &[Dimension::To]),
        ("by sender", &[Dimension::From]),
        ("by route", &[Dimension::Route]),
        ("by year", &[Dimension::Year]),
        ("by mediator", &[Dimension::Mediator]),
        ("by kind", &[Dimension::Kind]),
        ("by category", &[Dimension::Category]),
        ("by receiver and year", &[Dimension::To, Dimension::Year]),
    ];
    let mut slowest: f64 = 0.0;
    let mut worst: f64 = 0.0;
    let early = bench.plan.claims / 3;
    let named = groups.iter().map(|(name, dimensions)| (*name, Query::Groups(dimensions)));
    let all = [("GetCountryCounts", Query::Countries), ("GetCountryCounts of a year", Query::Year)];
    for (name, query) in all.into_iter().chain(named) {
        let now = timed(client, query, None).await?;
        let before = timed(client, query, Some(early)).await?;
        worst = worst.max(before.p50 / now.p50);
        match query {
            Query::Countries => figure(outcome, COUNTS, now.p99),
            Query::Groups(_) => slowest = slowest.max(now.p50),
            Query::Year => {}
        }
        for (name, latency) in [(name.to_owned(), now), (format!("{name}, as of before"), before)] {
            let value = Spread::exactly(latency.p50);
            let note = format!("p99 {:.3} ms", latency.p99);
            outcome.rows.push(Row::new(name, "ms", value).note(note));
        }
    }
    figure(outcome, GROUPS, slowest);
    figure(outcome, AS_OF, worst);
    Ok(())
}

fn figure(outcome: &mut Outcome, figure: &'static str, value: f64) {
    let value = Spread::exactly(value);
    outcome.figures.push(Measured { figure, value, limit: String::new() });
}

/// How long the answers take, one after the other.
async fn timed(client: &Client, query: Query, as_of: Option<Position>) -> Result<Latency, Failure> {
    let mut times = Times::new();
    let many = if matches!(query, Query::Countries) { CALLS.0 } else { CALLS.1 };
    for _ in 0..many {
        let begun = Instant::now();
        call(client, query, as_of).await?;
        times.record(begun.elapsed());
    }
    Latency::of(&times).ok_or_else(|| Failure::usage("no query was made".to_owned()))
}

async fn call(client: &Client, query: Query, as_of: Option<Position>) -> Result<(), ClientError> {
    let as_of = as_of.map(|it| proto::AsOf { moment: Some(Moment::Position(it)) });
    if let Query::Groups(dimensions) = query {
        let group_by = dimensions.iter().map(|dimension| (*dimension).into()).collect();
        let request = proto::CountTransfersRequest { group_by, as_of, ..Default::default() };
        return client.count_transfers(request).await.map(drop);
    }
    let occurred = if matches!(query, Query::Year) { "2024" } else { "" };
    let request = proto::GetCountryCountsRequest {
        as_of,
        occurred: occurred.into(),
        ..proto::GetCountryCountsRequest::default()
    };
    client.country_counts(request).await.map(drop)
}

/// From the start of the process to an answer with everything in it.
async fn ready(outcome: &mut Outcome, subject: &mut Subject, claims: u64) -> Result<(), Failure> {
    subject.stop().await?;
    let begun = Instant::now();
    subject.start_again().await?;
    caught_up(&subject.line(0).client, claims).await?;
    let seconds = begun.elapsed().as_secs_f64();
    outcome.rows.push(Row::new("ready to answer after a stop", "s", Spread::exactly(seconds)));
    figure(outcome, READY, seconds);
    Ok(())
}
