//! Races: two writers on one revision, and subscribers across the boundary of catching up.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use handover::{
    domain::proto::{
        Filter, FilterItem, GetHeadRequest, RecordedEvent, SubscribeRequest,
        subscribe_request::Start, subscribe_response::Frame,
    },
    grpc::client::{Client, ClientErrorKind},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::Barrier;

use crate::support::{Server, append, data_dir, event, read_all, tagged};

/// A follower gets something long before, if only how far the log has come.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_on_one_expected_revision_exactly_one_wins() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let clients = [server.client().await, server.client().await];
    for round in 0..100_u64 {
        let barrier = Arc::new(Barrier::new(2));
        let racers = clients.clone().map(|client| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                let mut request = append("race/one", vec![event("mine", &[])]);
                request.writes[0].expected_revision = Some(round);
                barrier.wait().await;
                client.append(request).await
            })
        });
        let mut won = 0;
        for racer in racers {
            match racer.await.expect("a racer ends") {
                Ok(answer) => {
                    won += 1;
                    assert_eq!(answer.revisions["race/one"], round + 1);
                }
                Err(error) => assert_eq!(error.kind, ClientErrorKind::Conflict, "{error}"),
            }
        }
        assert_eq!(won, 1, "in round {round}");
    }
    assert_eq!(read_all(&clients[0]).await.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_on_one_condition_exactly_one_wins() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    for round in 0..50 {
        let tag = format!("seat:{round}");
        let attempts = (0..4).map(|writer| {
            let mut request =
                append(&format!("race/{writer}"), vec![event("taken", &[tag.as_str()])]);
            let fail_if_match = Some(tagged(&[&tag]));
            request.condition =
                Some(handover::domain::proto::AppendCondition { fail_if_match, after_position: 0 });
            client.append(request)
        });
        let outcomes = futures_util::future::join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    }
}

/// Reads a subscription until it has seen position `last` or something beyond, or it breaks off.
async fn follow(
    client: &Client,
    filter: &Filter,
    from: &mut u64,
    last: u64,
    most: usize,
) -> Vec<RecordedEvent> {
    let start = Some(Start::AfterPosition(*from));
    let filter = Some(filter.clone());
    let request = SubscribeRequest { filter, start, ..SubscribeRequest::default() };
    let mut frames = client.subscribe(request);
    let mut seen = Vec::new();
    while *from < last && seen.len() < most {
        let frame = tokio::time::timeout(PATIENCE, frames.next()).await;
        match frame.expect("a follower that is behind hears something") {
            Some(Ok(answer)) => match answer.frame.expect("a frame is not empty") {
                Frame::Events(batch) => {
                    assert!(!batch.events.is_empty());
                    for event in batch.events {
                        assert!(event.position > *from, "once each, in order");
                        *from = event.position;
                        seen.push(event);
                    }
                }
                Frame::CaughtUp(mark) => *from = mark.position.max(*from),
                Frame::Checkpoint(mark) => *from = mark.position.max(*from),
                Frame::FellBehind(_) => {}
            },
            Some(Err(_)) | None => return seen,
        }
    }
    seen
}

pub(crate) fn filters() -> Vec<Filter> {
    let item = |streams: &[&str], types: &[&str], tags: &[&str]| FilterItem {
        streams: streams.iter().map(ToString::to_string).collect(),
        categories: Vec::new(),
        types: types.iter().map(ToString::to_string).collect(),
        tags: tags.iter().map(ToString::to_string).collect(),
    };
    vec![
        Filter::default(),
        Filter { items: vec![item(&["watch/1"], &[], &[])] },
        Filter { items: vec![item(&[], &["demo.v1.Noted"], &["third:yes"])] },
        Filter { items: vec![item(&["watch/0"], &[], &[]), item(&[], &[], &["third:yes"])] },
    ]
}

pub(crate) fn matches(filter: &Filter, event: &RecordedEvent) -> bool {
    let all = |wanted: &[String], held: &dyn Fn(&String) -> bool| wanted.iter().all(held);
    filter.items.is_empty()
        || filter.items.iter().any(|item| {
            (item.streams.is_empty() || item.streams.contains(&event.stream))
                && all(&item.tags, &|tag| event.tags.contains(tag))
        })
}

async fn write(client: Client, writer: u64, events: u64) {
    for number in 0..events {
        let third = if number % 3 == 0 { &["third:yes"][..] } else { &[] };
        let request = append(&format!("watch/{}", writer % 3), vec![event("noted", third)]);
        client.append(request).await.expect("it is acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_see_every_event_once_in_order_across_the_live_boundary() {
    let seed = crate::support::seed();
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (writers, each) = (4, 250);
    let last = writers * each;
    let mut tasks = Vec::new();
    for writer in 0..writers {
        tasks.push(tokio::spawn(write(server.client().await, writer, each)));
    }
    let mut followers = Vec::new();
    for (number, filter) in filters().into_iter().cycle().take(12).enumerate() {
        let client = server.client().await;
        let mut chance = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
        followers.push(tokio::spawn(async move {
            let (mut from, mut events) = (0, Vec::new());
            // Each reconnects at random and resumes after what it has handled.
            while from < last {
                let most = chance.random_range(1..200);
                events.extend(follow(&client, &filter, &mut from, last, most).await);
            }
            (filter, events)
        }));
    }
    for task in tasks {
        task.await.expect("a writer ends");
    }
    let log = read_all(&server.client().await).await;
    assert_eq!(log.len() as u64, last);
    for follower in followers {
        let (filter, events) = follower.await.expect("a follower ends");
        let expected: Vec<_> = log.iter().filter(|event| matches(&filter, event)).collect();
        assert_eq!(events.iter().collect::<Vec<_>>(), expected, "filter {filter:?}");
    }
}

/// A server that comes and goes on one address book: what a client has to cope with.
async fn reconnecting(data: &Path, seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let filters = filters();
    let mut places = vec![(0_u64, Vec::<RecordedEvent>::new()); filters.len()];
    for round in 0..6 {
        let server = Server::start(data, &[]);
        let client = server.client().await;
        let count = chance.random_range(20..80);
        let writer = tokio::spawn(write(server.client().await, round, count));
        for (filter, (from, seen)) in filters.iter().zip(&mut places) {
            let most = chance.random_range(1..60);
            let head = client.get_head(GetHeadRequest::default()).await.expect("a head").position;
            seen.extend(follow(&client, filter, from, head, most).await);
        }
        writer.await.expect("the writer ends");
        if chance.random() {
            server.kill();
        } else {
            server.terminate();
            assert!(server.wait(), "it stops cleanly");
        }
    }
    let server = Server::start(data, &[]);
    let client = server.client().await;
    let log = read_all(&client).await;
    for (filter, (from, seen)) in filters.iter().zip(&mut places) {
        seen.extend(follow(&client, filter, from, log.len() as u64, usize::MAX).await);
        let expected: Vec<_> = log.iter().filter(|event| matches(filter, event)).collect();
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected, "filter {filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_resume_across_restarts_without_gap_or_duplicate() {
    let seed = crate::support::seed();
    let (_dir, data) = data_dir();
    reconnecting(&data, seed).await;
}
