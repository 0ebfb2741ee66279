//! A position without its store: a client that resumes where it now finds another store ends, with
//! an error that names both.

use std::time::Duration;

use futures_util::StreamExt as _;
use handover::{
    client::{
        Append, Client, Consumer, Event, Follow, Followed, Start, UpdateError, Verdict, Watch,
        Watched,
    },
    domain::proto::{
        Any, AppendRequest, Attribution, ClaimConfirmed, ClaimDisputed, ConfirmClaimRequest,
        ConsumeRequest, Count, CreateGroupRequest, DisputeClaimRequest, GetHeadRequest, Leg,
        ReadRequest, ReplayParkedRequest, SubscribeRequest, TransferCompleted, Unit,
        WatchCountryCountsRequest, WatchExchangeRequest, create_group_request, subscribe_request,
    },
    grpc::client::{Client as Calls, ClientError, ClientErrorKind},
};

use crate::{
    client::{client, write},
    proxy::Proxy,
    support::{Server, append, data_dir, event, known, new_id},
};

async fn name(calls: &Calls) -> String {
    calls.get_head(GetHeadRequest::default()).await.expect("an answer").store
}

fn assert_another(error: &ClientError, names: [&str; 2]) {
    assert_eq!(error.kind, ClientErrorKind::AnotherStore, "{error:?}");
    assert_eq!(error.reason, "ANOTHER_STORE", "{error:?}");
    assert!(names.iter().all(|name| error.message.contains(name)), "{error}");
}

/// The first error of each call that takes the name of a store.
async fn outcomes(calls: &Calls, store: &str) -> Vec<Option<ClientError>> {
    let store = store.to_owned();
    let read = ReadRequest { store: store.clone(), ..Default::default() };
    let start = Some(subscribe_request::Start::AfterPosition(0));
    let subscribe = SubscribeRequest { store: store.clone(), start, ..Default::default() };
    let counts = WatchCountryCountsRequest { store: store.clone(), ..Default::default() };
    let exchange_id = "demo-1".to_owned();
    let exchange = WatchExchangeRequest { exchange_id, store: store.clone(), ..Default::default() };
    let (group, consumer) = ("desk".to_owned(), "one".to_owned());
    let consume = ConsumeRequest { group, consumer, credit: 1, store, ..Default::default() };
    let consume = futures_util::stream::iter([consume]).chain(futures_util::stream::pending());
    vec![
        calls.read(read).next().await.expect("an answer").err(),
        calls.subscribe(subscribe).next().await.expect("an answer").err(),
        calls.watch_country_counts(counts).next().await.expect("an answer").err(),
        calls.watch_exchange(exchange).next().await.expect("an answer").err(),
        calls.consume(consume).next().await.expect("an answer").err(),
    ]
}

async fn create_group(calls: &Calls) {
    let request = CreateGroupRequest { name: "desk".into(), ..Default::default() };
    calls.create_group(request).await.expect("it is created");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_that_resumes_can_name_its_store_and_is_refused_by_another() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    create_group(&calls).await;
    write(client(&server.address), 0, 3).await;
    let own = name(&calls).await;
    for store in ["", &own] {
        for outcome in outcomes(&calls, store).await {
            assert_eq!(outcome, None, "{store:?} is this store");
        }
    }
    let other = "urn:uuid:00000000-0000-4000-8000-000000000000";
    for outcome in outcomes(&calls, other).await {
        assert_another(&outcome.expect("a refusal"), [&own, other]);
    }
}

/// Why a watch does not go on.
async fn ended<T: std::fmt::Debug>(watch: &mut Watch<T>) -> ClientError {
    loop {
        match watch.next().await {
            Ok(item) => {
                let interrupted = matches!(item, Watched::Interrupted { .. });
                assert!(interrupted, "it went on with {item:?}");
            }
            Err(error) => return error.error,
        }
    }
}

/// What becomes of clients that go on at an address where they now find another server.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_on_is_not_led_into_another_store() {
    let ((_dir, data), (_other_dir, other_data)) = (data_dir(), data_dir());
    let (server, other) = (Server::start(&data, &[]), Server::start(&other_data, &[]));
    let proxy = Proxy::start(&server.address).await;
    let (own_calls, other_calls) = (server.client().await, other.client().await);
    let names = [name(&own_calls).await, name(&other_calls).await];
    let names = [names[0].as_str(), names[1].as_str()];
    create_group(&own_calls).await;
    // What has the same positions there, and more.
    create_group(&other_calls).await;
    write(client(&server.address), 0, 3).await;
    write(client(&other.address), 0, 9).await;

    let following = client(&proxy.address);
    let mut starts = Vec::new();
    for start in [Start::Beginning, Start::Now] {
        let mut followed = following.subscribe(Follow::all().start(start));
        while !matches!(followed.next().await.expect("it goes on"), Followed::CaughtUp(_)) {}
        starts.push(followed);
    }
    let mut counts = following.watch_counts(WatchCountryCountsRequest::default());
    counts.next().await.expect("the figures");
    let exchange_id = "demo-1".to_owned();
    let mut story =
        following.watch_exchange(WatchExchangeRequest { exchange_id, ..Default::default() });
    story.next().await.expect("a story");
    let (reported, mut handled) = tokio::sync::mpsc::channel(100);
    let consuming = following.clone();
    let consumer = tokio::spawn(async move {
        let handle = move |_| {
            reported.try_send(()).expect("the test goes on");
            std::future::ready(Verdict::Done)
        };
        consuming.consume(Consumer::of("desk", "one"), std::future::pending(), handle).await
    });
    for _ in 0..3 {
        handled.recv().await.expect("an event is handled");
    }

    proxy.point_at(&other.address);
    proxy.cut();
    for mut followed in starts {
        let error = loop {
            match followed.next().await {
                Ok(Followed::Interrupted { .. }) => {}
                Ok(item) => panic!("it went on with {item:?}"),
                Err(error) => break error,
            }
        };
        assert_another(&error.error, names);
    }
    assert_another(&ended(&mut counts).await, names);
    assert_another(&ended(&mut story).await, names);
    let result = tokio::time::timeout(Duration::from_mins(1), consumer).await.expect("in time");
    assert_another(&result.expect("no panic").expect_err("another store").error, names);
    assert!(handled.recv().await.is_none(), "nothing of the other store was handled");
    let read = following.read_all(ReadRequest::default()).await;
    assert_another(&read.expect_err("another store").error, names);

    // A program names the store that it kept beside its position before its first request.
    let kept = client(&proxy.address).of_store(names[0]);
    assert_eq!(kept.store().await.as_deref(), Ok(names[0]));
    for start in [Start::After(2), Start::Now] {
        let error = kept.subscribe(Follow::all().start(start)).next().await;
        assert_another(&error.expect_err("another store").error, names);
    }
    let anew: Client = client(&proxy.address);
    assert_eq!(anew.store().await.as_deref(), Ok(names[1]), "another client may begin there");
}

/// What takes a position or a revision and records something, with the name of a store.
async fn recorded(calls: &Calls, store: &str, claim: u64) -> Vec<Result<(), ClientError>> {
    let store = store.to_owned();
    let append = AppendRequest {
        store: store.clone(),
        ..append("desk/notes", vec![event("noted", &["desk:a"])])
    };
    let attribution = Some(Attribution { source_id: "desk".into(), ..Default::default() });
    let confirmation =
        Some(ClaimConfirmed { attribution: attribution.clone(), claim, ..Default::default() });
    let confirm = ConfirmClaimRequest { confirmation, store: store.clone(), ..Default::default() };
    let dispute = Some(ClaimDisputed { attribution, claim, ..Default::default() });
    let dispute = DisputeClaimRequest { dispute, store: store.clone(), ..Default::default() };
    let (name, group) = (new_id().replace('-', "."), "desk".to_owned());
    let start = Some(create_group_request::Start::AfterPosition(1));
    let create = CreateGroupRequest {
        name: format!("g{name}"),
        start,
        store: store.clone(),
        ..Default::default()
    };
    let replay = ReplayParkedRequest { group, store, ..Default::default() };
    let mut piped = calls.append_stream(futures_util::stream::iter([append.clone()]));
    let piped = piped.next().await.expect("an answer").expect("the pipeline goes on");
    vec![
        calls.append(append).await.map(drop),
        piped.map(drop),
        calls.confirm_claim(confirm).await.map(drop),
        calls.dispute_claim(dispute).await.map(drop),
        calls.create_group(create).await.map(drop),
        calls.replay_parked(replay).await.map(drop),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_that_records_can_name_its_store_and_leaves_nothing_in_another() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    create_group(&calls).await;
    let claim = TransferCompleted {
        attribution: Some(Attribution { source_id: "desk".into(), ..Default::default() }),
        leg: Some(Leg {
            exchange_id: "demo-1".into(),
            to: vec!["DE".into()],
            unit: Unit::Person.into(),
            ..Default::default()
        }),
        count: Some(Count { value: Some(3), ..Default::default() }),
        ..Default::default()
    };
    let claim = calls.append(known("exchange/demo-1", &claim)).await.expect("recorded");
    let own = name(&calls).await;
    assert_eq!(claim.store, own, "the answer names the store");
    let head = async || calls.get_head(GetHeadRequest::default()).await.expect("a head").position;
    let before = head().await;
    let other = "urn:uuid:00000000-0000-4000-8000-000000000000";
    for outcome in recorded(&calls, other, claim.first_position).await {
        assert_another(&outcome.expect_err("a refusal"), [&own, other]);
    }
    assert_eq!(head().await, before, "nothing is recorded");
    for store in ["", &own] {
        for outcome in recorded(&calls, store, claim.first_position).await {
            assert_eq!(outcome, Ok(()), "{store:?} is this store");
        }
    }
    // The store is no part of what a request id stands for.
    let first = append("desk/notes", vec![event("noted", &["desk:b"])]);
    let recorded = calls.append(first.clone()).await.expect("recorded");
    let again = AppendRequest { store: own, ..first };
    let again = calls.append(again).await.expect("known again");
    assert!(again.duplicate && again.first_position == recorded.first_position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_writes_nothing_into_another_store_that_took_the_place_of_its_own() {
    let ((_dir, data), (_other_dir, other_data)) = (data_dir(), data_dir());
    let (server, other) = (Server::start(&data, &[]), Server::start(&other_data, &[]));
    let proxy = Proxy::start(&server.address).await;
    let (calls, other_calls) = (server.client().await, other.client().await);
    let names = [name(&calls).await, name(&other_calls).await];
    let names = [names[0].as_str(), names[1].as_str()];
    let noted = || Any { type_url: "x/demo.v1.Noted".into(), value: "a".into() };
    let appending = client(&proxy.address);
    let append = || Append::new().event_in("desk/1", Event::packed(noted()));
    appending.append(append().expect("desk/1", 0)).await.expect("recorded");

    // In the midst of an update: what it has read is of another store.
    let mut decided = 0;
    let updated = appending
        .update("desk/1", |_| {
            decided += 1;
            proxy.point_at(&other.address);
            proxy.cut();
            Ok::<_, std::convert::Infallible>(vec![Event::packed(noted())])
        })
        .await;
    let Err(UpdateError::Call(error)) = updated else { panic!("{updated:?}") };
    assert_another(&error.error, names);
    assert_eq!(decided, 1);
    for append in [append(), append().expect("desk/1", 0)] {
        assert_another(&appending.append(append).await.expect_err("another").error, names);
    }
    let head = other_calls.get_head(GetHeadRequest::default()).await.expect("a head");
    assert_eq!(head.position, 0, "nothing is recorded there");
}
