//! The client with patience: nothing twice, nothing lost, whatever happens to the connection.

mod consume;
mod streams;
mod watch;

use std::{collections::BTreeMap, time::Duration};

use handover::{
    client::{
        Append, Client, ClientErrorKind, Event, Follow, Followed, Retry, Start, Update, UpdateError,
    },
    domain::proto::{
        Any, Attribution, ClaimConfirmed, Count, Filter, FilterItem, Leg, RecordedEvent,
        TransferCompleted, Unit,
    },
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::{
    concurrency::{filters, matches},
    proxy::Proxy,
    support::{NOWHERE, Server, data_dir, read_all, text},
};

/// Bytes from the server after which a connection is cut: a few answers.
const SHORT: std::ops::Range<usize> = 40..1_500;

/// A client that comes back quickly.
pub(crate) fn client(address: &str) -> Client {
    let (first, longest) = (Duration::from_millis(2), Duration::from_millis(50));
    let retry = Retry::default().first_pause(first).longest_pause(longest);
    Client::lazy(address).expect("an address").with_retry(retry)
}

pub(crate) fn noted(text: &str) -> Event {
    let type_url = "type.googleapis.com/demo.v1.Noted".to_owned();
    Event::packed(Any { type_url, value: text.as_bytes().to_vec().into() })
}

/// Ends a server, in one way or the other, and starts the next one behind the proxy.
pub(crate) fn next_server(
    server: Server,
    data: &std::path::Path,
    proxy: &Proxy,
    gently: bool,
) -> Server {
    if gently {
        server.terminate();
        assert!(server.wait(), "it stops cleanly");
    } else {
        server.kill();
    }
    let server = Server::start(data, &[]);
    proxy.point_at(&server.address);
    server
}

/// Appends `count` events of a writer, some of which are for filters.
pub(crate) async fn write(client: Client, writer: u64, count: u64) {
    for number in 0..count {
        let event = noted(&format!("{writer}/{number}"));
        let event = if number % 3 == 0 { event.tag("third:yes") } else { event };
        let append = Append::new().event_in(format!("watch/{}", writer % 3), event);
        client.append(append).await.expect("it is answered in the end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_is_recorded_once_over_lost_answers_and_restarts() {
    let seed = crate::support::seed();
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    let proxy = Proxy::start(&server.address).await;
    proxy.lives(Some(SHORT), seed);
    let (writers, each) = (4, 50);
    let tasks: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(write(client(&proxy.address), writer, each)))
        .collect();
    for restart in 0..3_u64 {
        let head = client(&server.address);
        let wanted = (restart + 1) * writers * each / 5;
        let request = handover::domain::proto::GetHeadRequest { min_position: wanted };
        head.calls().get_head(request).await.expect("the writers get on");
        server = next_server(server, &data, &proxy, restart == 1);
    }
    for task in tasks {
        task.await.expect("a writer ends");
    }
    println!("{} connections", proxy.opened());
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for event in read_all(&server.client().await).await {
        *times.entry(text(&event)).or_default() += 1;
    }
    let once: BTreeMap<String, u32> = (0..writers)
        .flat_map(|writer| (0..each).map(move |number| (format!("{writer}/{number}"), 1)))
        .collect();
    assert_eq!(times, once, "each append once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_has_decided_is_reported_at_once() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = client(&server.address);
    let append = Append::new().event_in("demo/1", noted("a")).expect("demo/1", 3);
    let error = client.append(append).await.expect_err("others wrote first");
    assert_eq!((error.error.kind, error.attempts), (ClientErrorKind::Conflict, 1), "{error}");
    assert!(!error.outcome_unknown);
    let error = client.append(Append::new().event_in("demo", noted("a"))).await;
    let error = error.expect_err("no stream has that name");
    assert_eq!((error.error.kind, error.attempts), (ClientErrorKind::Invalid, 1), "{error}");
    assert_eq!(read_all(client.calls()).await.len(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_reported_with_how_often_it_was_tried() {
    let retry = Retry::default().within(Duration::from_secs(3));
    let client = client(NOWHERE).with_retry(retry.first_pause(Duration::from_millis(1)));
    let error = client.append(Append::new().event_in("demo/1", noted("a"))).await;
    let error = error.expect_err("nobody is there");
    assert_eq!(error.error.kind, ClientErrorKind::Unavailable, "{error}");
    assert!(error.attempts > 1 && !error.outcome_unknown, "nothing was sent: {error:?}");
}

fn transfer() -> TransferCompleted {
    TransferCompleted {
        attribution: Some(Attribution { source_id: "demo-source".into(), ..Default::default() }),
        leg: Some(Leg {
            exchange_id: "demo-1".into(),
            to: vec!["DE".into()],
            unit: Unit::Person.into(),
            ..Default::default()
        }),
        count: Some(Count { value: Some(2), ..Default::default() }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_record_find_their_streams() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = client(&server.address);
    let claim = client.append(Append::new().event(transfer())).await.expect("it is recorded");
    let confirmation = ClaimConfirmed {
        attribution: transfer().attribution,
        claim: claim.first_position,
        ..Default::default()
    };
    let receipt = client.append(Append::new().event(confirmation)).await.expect("it is recorded");
    assert_eq!(receipt.revisions, [("exchange/demo-1".to_owned(), 2)].into());
    let nothing = ClaimConfirmed { claim: 99, ..Default::default() };
    let error = client.append(Append::new().event(nothing)).await.expect_err("no such claim");
    assert_eq!(error.error.kind, ClientErrorKind::BeyondHead, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_updates_that_compete_no_decision_is_lost() {
    let seed = crate::support::seed();
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let proxy = Proxy::start(&server.address).await;
    proxy.lives(Some(2_000..20_000), seed);
    let count = |client: Client| async move {
        for _ in 0..25 {
            let next = |events: &[RecordedEvent]| {
                let last = events.last().map_or(0, |event| text(event).parse().expect("a number"));
                Ok::<_, String>(vec![noted(&(last + 1_u64).to_string())])
            };
            client.update(Update::of("demo/count").attempts(1_000), next).await.expect("updated");
        }
    };
    let writers: Vec<_> = (0..4).map(|_| tokio::spawn(count(client(&proxy.address)))).collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let numbers: Vec<_> = read_all(&server.client().await).await.iter().map(text).collect();
    let expected: Vec<_> = (1..=100).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_ends_as_its_decision_says() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = client(&server.address);
    let nothing = client.update("demo/1", |_| Ok::<_, String>(Vec::new())).await;
    assert_eq!(nothing, Ok(None));
    let refused = client.update("demo/1", |_| Err("full")).await;
    assert_eq!(refused, Err(UpdateError::Decided("full")));

    // Another append comes between each reading and the append that it leads to.
    let mut seen = Vec::new();
    let meddled = client
        .update(Update::of("demo/1").attempts(3), |events| {
            seen.push(events.len());
            let other = client.append(Append::new().event_in("demo/1", noted("other")));
            let handle = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| handle.block_on(other)).expect("it is recorded");
            Ok::<_, String>(vec![noted("mine")])
        })
        .await;
    let Err(UpdateError::Contended { attempts: 3, error }) = meddled else {
        panic!("{meddled:?}");
    };
    assert_eq!(error.attempts, 1, "a conflict is never repeated as it is");
    assert_eq!(seen, [0, 1, 2], "each decision sees what the last one missed");
    let later = client.update(Update::of("demo/1").after_revision(2), |events| {
        assert_eq!(events.len(), 1, "only what comes after the revision is read");
        Ok::<_, String>(vec![noted("mine")])
    });
    assert_eq!(later.await.expect("updated").expect("appended").revisions["demo/1"], 4);
}

/// Follows until everything up to `last` was dealt with.
async fn follow(client: Client, follow: Follow, last: u64) -> (Vec<RecordedEvent>, u32) {
    let mut following = client.subscribe(follow);
    let (mut events, mut interrupted, mut at) = (Vec::new(), 0, 0);
    while at < last {
        match following.next().await.expect("it goes on") {
            Followed::Event(event) => {
                at = event.position;
                events.push(*event);
            }
            Followed::CaughtUp(mark) | Followed::Checkpoint(mark) | Followed::FellBehind(mark) => {
                at = mark.position;
            }
            Followed::Interrupted { .. } => interrupted += 1,
        }
    }
    (events, interrupted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_sees_everything_once_over_cut_connections_and_restarts() {
    let seed = crate::support::seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    let proxy = Proxy::start(&server.address).await;
    proxy.lives(Some(200..20_000), chance.random());
    let (rounds, each) = (5, 60);
    let last = 2 * rounds * each;
    let since = prost_types::Timestamp { seconds: 1_577_836_800, nanos: 0 };
    let starts = [Start::Beginning, Start::After(0), Start::RecordedFrom(since)];
    let mut followers = Vec::new();
    for (filter, start) in filters().into_iter().cycle().zip(starts.iter().cycle()).take(12) {
        let what = Follow::all().filter(filter.clone()).start(start.clone());
        let following = tokio::spawn(follow(client(&proxy.address), what, last));
        followers.push((filter, following));
    }
    for round in 0..rounds {
        let writers = (0..2)
            .map(|writer| tokio::spawn(write(client(&proxy.address), 2 * round + writer, each)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("a writer ends");
        }
        proxy.cut();
        server = next_server(server, &data, &proxy, chance.random());
    }
    let log = read_all(&server.client().await).await;
    assert_eq!(log.len() as u64, last);
    let mut times = 0;
    for (filter, following) in followers {
        let (events, interrupted) = following.await.expect("a follower ends");
        let expected: Vec<_> = log.iter().filter(|event| matches(&filter, event)).collect();
        assert_eq!(events.iter().collect::<Vec<_>>(), expected, "filter {filter:?}");
        times += interrupted;
    }
    println!("interrupted {times} times");
    assert!(times > 0, "nothing was ever cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_now_on_means_from_the_first_answer_on() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let proxy = Proxy::start(&server.address).await;
    let writer = client(&server.address);
    write(writer.clone(), 0, 3).await;
    let mut following = client(&proxy.address).subscribe(Follow::all().start(Start::Now));
    let caught_up = following.next().await.expect("an answer");
    assert!(matches!(caught_up, Followed::CaughtUp(mark) if mark.position == 3), "{caught_up:?}");
    proxy.cut();
    write(writer, 0, 3).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let Followed::Event(event) = following.next().await.expect("it goes on") {
            seen.push(event.position);
        }
    }
    assert_eq!(seen, [4, 5, 6], "what was recorded while nobody listened is not lost");
    assert_eq!(following.position(), Some(5), "the last one is handled when the next is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_repetition_mends_ends_a_subscription() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = client(&server.address);
    let beyond = client.subscribe(Follow::all().after(9)).next().await.expect_err("there is no 9");
    assert_eq!(beyond.error.kind, ClientErrorKind::BeyondHead);
    let nothing = Filter { items: vec![FilterItem::default()] };
    let wrong = client.subscribe(Follow::all().filter(nothing)).next().await;
    assert_eq!(wrong.expect_err("a wrong filter").error.kind, ClientErrorKind::Invalid);
}
