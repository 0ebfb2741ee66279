//! Consumers with a handler: every event answered, in order within its stream, whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use handover::{
    client::{Calls, ClientErrorKind, Consumer, Delivery, Verdict},
    domain::proto::{
        CreateGroupRequest, Filter, FilterItem, Group, GroupSettings, ListGroupsRequest,
        ListParkedRequest,
    },
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::{JoinSet, yield_now},
};
use tokio_util::sync::CancellationToken;

use super::{client, next_server, write};
use crate::{
    proxy::Proxy,
    support::{Server, append, data_dir, event, read_all, text},
};

const GROUP: &str = "desk";

/// A group over the category `watch` that tries an event so often, and soon again.
async fn create(calls: &Calls, max_attempts: u32) {
    create_with(calls, max_attempts, None).await;
}

/// The same with a lease of so many seconds.
async fn create_with(calls: &Calls, max_attempts: u32, lease: Option<i64>) {
    let item = FilterItem { categories: vec!["watch".into()], ..FilterItem::default() };
    let settings = GroupSettings {
        lease: lease.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
        max_attempts,
        retry_delay: Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }),
    };
    let request = CreateGroupRequest {
        name: GROUP.into(),
        filter: Some(Filter { items: vec![item] }),
        settings: Some(settings),
        ..CreateGroupRequest::default()
    };
    calls.create_group(request).await.expect("it is created");
}

/// Asks until the group is as it should be.
async fn until(calls: &Calls, enough: impl Fn(&Group) -> bool) -> Group {
    let looking = async {
        loop {
            let request = ListGroupsRequest { name: GROUP.into(), ..Default::default() };
            let groups = calls.list_groups(request).await.expect("the group is there").groups;
            let group = groups.into_iter().next().expect("one group");
            if enough(&group) {
                return group;
            }
            yield_now().await;
        }
    };
    let found = tokio::time::timeout(Duration::from_mins(2), looking).await;
    found.expect("the group gets there")
}

/// What all handlers have done, in terms of the log.
#[derive(Default)]
struct Done {
    /// Positions that were handled, by stream.
    handled: BTreeMap<String, BTreeSet<u64>>,
    /// What was begun before an earlier event of its stream was handled.
    too_early: Vec<(String, u64, u64)>,
    begun: usize,
    failed: usize,
}

impl Done {
    /// `revision` events of the stream should have been handled, counting this one.
    fn begin(&mut self, stream: &str, position: u64, revision: u64) {
        self.begun += 1;
        let handled = self.handled.entry(stream.to_owned()).or_default();
        let before = handled.range(..position).count() as u64;
        if before + 1 != revision {
            self.too_early.push((stream.to_owned(), position, before));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_handle_everything_in_order_over_cut_connections_and_restarts() {
    let seed = crate::support::seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    create(&server.client().await, 1_000).await;
    let proxy = Proxy::start(&server.address).await;
    proxy.lives(Some(500..10_000), chance.random());
    let (done, stop) = (Arc::new(Mutex::new(Done::default())), CancellationToken::new());
    let mut consumers = JoinSet::new();
    for number in 0..3 {
        let consumer = Consumer::of(GROUP, format!("c{number}")).credit(20).concurrency(4);
        let (client, stop, done) = (client(&proxy.address), stop.clone(), Arc::clone(&done));
        let chance = Mutex::new(StdRng::seed_from_u64(chance.random()));
        let handler = move |Delivery { event, .. }: Delivery| {
            let (rest, fails) = {
                let mut chance = chance.lock().unwrap();
                (chance.random_range(0..20), chance.random_bool(0.1))
            };
            let done = Arc::clone(&done);
            async move {
                done.lock().unwrap().begin(&event.stream, event.position, event.revision);
                for _ in 0..rest {
                    yield_now().await;
                }
                let mut done = done.lock().unwrap();
                if fails {
                    done.failed += 1;
                    return Err("by chance");
                }
                done.handled.entry(event.stream).or_default().insert(event.position);
                Ok(())
            }
        };
        consumers
            .spawn(async move { client.consume(consumer, stop.cancelled_owned(), handler).await });
    }
    for round in 0..4 {
        let writers =
            (0..2).map(|w| tokio::spawn(write(client(&proxy.address), 2 * round + w, 40)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("a writer ends");
        }
        server = next_server(server, &data, &proxy, chance.random());
    }
    let calls = server.client().await;
    let group = until(&calls, |group| group.lag_events == 0).await;
    assert_eq!(group.parked, 0);
    stop.cancel();
    while let Some(left) = consumers.join_next().await {
        assert_eq!(left.expect("a consumer ends"), Ok(()));
    }
    let mut wanted: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for event in read_all(&calls).await.iter().filter(|event| event.stream.starts_with("watch/")) {
        wanted.entry(event.stream.clone()).or_default().insert(event.position);
    }
    let done = done.lock().unwrap();
    println!("{} begun, {} failed, {} connections", done.begun, done.failed, proxy.opened());
    assert_eq!(done.too_early, [], "stream, position, and how many were handled before it");
    assert_eq!(done.handled, wanted);
    assert!(done.begun > 320 && done.failed > 0, "nothing has gone wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_has_its_effect() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    create(&calls, 2).await;
    for said in ["done", "retry", "park", "skip", "panic", "once"] {
        let request = append(&format!("watch/{said}"), vec![event(said, &[]); 2]);
        calls.append(request).await.expect("it is appended");
    }
    let handler = async |delivery: Delivery| match text(&delivery.event).as_str() {
        "retry" => Verdict::Retry("not now".into()),
        "park" => Verdict::Park("too odd".into()),
        "skip" => Verdict::Skip("not ours".into()),
        "panic" => panic!("this one breaks the handler"),
        "once" if delivery.attempts == 0 => Verdict::Retry("not yet".into()),
        _ => Verdict::Done,
    };
    let stop = CancellationToken::new();
    let (client, stopped) = (client(&server.address), stop.clone());
    let mut consuming = tokio::spawn(async move {
        client.consume(Consumer::of(GROUP, "demo"), stopped.cancelled_owned(), handler).await
    });
    tokio::select! {
        _ = until(&calls, |group| group.lag_events == 0 && group.parked == 6) => {}
        ended = &mut consuming => panic!("it ended before it was stopped: {ended:?}"),
    }
    stop.cancel();
    assert_eq!(consuming.await.expect("it ends"), Ok(()));
    let request = ListParkedRequest { group: GROUP.into(), ..ListParkedRequest::default() };
    let parked = calls.list_parked(request).await.expect("the parked ones").parked;
    let reported: Vec<_> = parked
        .iter()
        .map(|parked| (parked.event.as_ref().map_or("", |it| &it.stream), parked.reason.as_str()))
        .collect();
    let expected = [
        ("watch/retry", "not now"),
        ("watch/park", "too odd"),
        ("watch/panic", "the handler panicked"),
    ];
    let expected: Vec<_> = expected.into_iter().flat_map(|parked| [parked; 2]).collect();
    assert_eq!(reported, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_stops_finishes_and_answers_what_was_begun_and_leaves_the_rest() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    create(&calls, 5).await;
    for stream in ["watch/1", "watch/2"] {
        let events = vec![event("a", &[]); 3];
        calls.append(append(stream, events)).await.expect("it is appended");
    }
    let (report, mut reported) = mpsc::channel(10);
    let gate = Arc::new(Semaphore::new(0));
    let stop = CancellationToken::new();
    let (note, stopped) = oneshot::channel();
    let consuming = tokio::spawn({
        let (client, gate) = (client(&server.address), Arc::clone(&gate));
        let stop = stop.clone().cancelled_owned().map(|()| note.send(()).expect("it is read"));
        let handler = move |_| {
            let (gate, report) = (Arc::clone(&gate), report.clone());
            async move {
                report.send(()).await.expect("the test goes on");
                gate.acquire().await.expect("the gate is there").forget();
                Verdict::Done
            }
        };
        async move { client.consume(Consumer::of(GROUP, "demo"), stop, handler).await }
    });
    for _ in 0..2 {
        reported.recv().await.expect("one of each stream is begun");
    }
    stop.cancel();
    stopped.await.expect("the consumer has taken note");
    gate.add_permits(10);
    assert_eq!(consuming.await.expect("it ends"), Ok(()));
    assert!(reported.recv().await.is_none(), "nothing is begun after the stop");
    let group = until(&calls, |group| group.consumers.is_empty()).await;
    assert_eq!((group.lag_events, group.unanswered, group.resting), (4, 0, 0), "{group:?}");
}

/// Takes part in the group until nothing of it is unfinished.
async fn until_finished<F>(
    server: &Server,
    consumer: Consumer,
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) -> Group
where
    F: Future<Output = Verdict> + Send + 'static,
{
    let stop = CancellationToken::new();
    let (client, stopped) = (client(&server.address), stop.clone());
    let mut consuming =
        tokio::spawn(
            async move { client.consume(consumer, stopped.cancelled_owned(), handler).await },
        );
    let calls = server.client().await;
    let group = tokio::select! {
        group = until(&calls, |group| group.lag_events == 0) => group,
        ended = &mut consuming => panic!("it ended before it was stopped: {ended:?}"),
    };
    stop.cancel();
    assert_eq!(consuming.await.expect("it ends"), Ok(()));
    group
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_handles_each_event_once_whatever_the_lease() {
    for (takes, events) in [(Duration::from_millis(700), 6), (Duration::from_secs(5), 2)] {
        let (_dir, data) = data_dir();
        let server = Server::start(&data, &[]);
        let calls = server.client().await;
        create_with(&calls, 1, Some(2)).await;
        for number in 0..events {
            let request = append(&format!("watch/{number}"), vec![event("a", &[])]);
            calls.append(request).await.expect("it is appended");
        }
        let (report, mut reported) = mpsc::channel(100);
        let handler = move |delivery: Delivery| {
            let report = report.clone();
            async move {
                tokio::time::sleep(takes).await;
                report.send((delivery.event.stream, delivery.attempts)).await.expect("it is read");
                Verdict::Done
            }
        };
        let consumer = Consumer::of(GROUP, "slow").concurrency(1);
        let group = until_finished(&server, consumer, handler).await;
        assert_eq!(group.parked, 0);
        let mut seen = Vec::new();
        while let Ok(one) = reported.try_recv() {
            seen.push(one);
        }
        seen.sort();
        let once: Vec<_> = (0..events).map(|number| (format!("watch/{number}"), 0)).collect();
        assert_eq!(seen, once);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_hangs_is_given_up_and_holds_up_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    create_with(&calls, 2, Some(1)).await;
    for (stream, said) in [("watch/1", "hang"), ("watch/1", "go"), ("watch/2", "go")] {
        calls.append(append(stream, vec![event(said, &[])])).await.expect("it is appended");
    }
    let tally = Arc::new(Mutex::new(BTreeMap::new()));
    let count = Arc::clone(&tally);
    let handler = move |delivery: Delivery| {
        *count.lock().unwrap().entry(delivery.event.position).or_insert(0) += 1;
        async move {
            if text(&delivery.event) == "hang" {
                std::future::pending::<()>().await;
            }
            Verdict::Done
        }
    };
    // Longer than the lease, so that the event would be lost if the client did not name it.
    let timeout = Duration::from_secs(2);
    let consumer = Consumer::of(GROUP, "demo").handler_timeout(timeout);
    let group = until_finished(&server, consumer, handler).await;
    assert_eq!(group.parked, 1);
    let request = ListParkedRequest { group: GROUP.into(), ..ListParkedRequest::default() };
    let parked = calls.list_parked(request).await.expect("the parked ones").parked;
    assert_eq!(
        (parked[0].reason.as_str(), parked[0].attempts),
        ("the handler took longer than 2s", 2)
    );
    let times: Vec<_> = tally.lock().unwrap().values().copied().collect();
    assert_eq!(times, [2, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_not_there_is_an_error() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let never = std::future::pending();
    let consumer = Consumer::of("nobody", "demo");
    let error = client(&server.address).consume(consumer, never, async |_| Verdict::Done).await;
    assert_eq!(error.expect_err("no such group").error.kind, ClientErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_waits_for_a_server_and_may_be_stopped_meanwhile() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let stop = tokio::time::sleep(Duration::from_millis(100));
    let left =
        client(&address).consume(Consumer::of(GROUP, "demo"), stop, async |_| Verdict::Done).await;
    assert_eq!(left, Ok(()));
}
