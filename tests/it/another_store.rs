//! A position without its store: who resumes where another store is found by now ends, and is told
//! the names of both.

use std::time::Duration;

use futures_util::StreamExt as _;
use handover::{
    client::{Client, Consumer, Follow, Followed, Start, Verdict, Watch, Watched},
    domain::proto::{
        ConsumeRequest, CreateGroupRequest, GetHeadRequest, ReadRequest, SubscribeRequest,
        WatchCountryCountsRequest, WatchExchangeRequest, subscribe_request,
    },
    grpc::client::{Client as Calls, ClientError, ClientErrorKind},
};

use crate::{
    client::{client, write},
    proxy::Proxy,
    support::{Server, data_dir},
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

/// What becomes of those who go on at an address behind which another server is found.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_is_not_led_into_another_store() {
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
    let (told, mut handled) = tokio::sync::mpsc::channel(100);
    let consuming = following.clone();
    let consumer = tokio::spawn(async move {
        let handle = move |_| {
            told.try_send(()).expect("the test goes on");
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

    // What a program kept beside its position is named before anything is asked for.
    let kept = client(&proxy.address).of_store(names[0]);
    assert_eq!(kept.store().await.as_deref(), Ok(names[0]));
    for start in [Start::After(2), Start::Now] {
        let error = kept.subscribe(Follow::all().start(start)).next().await;
        assert_another(&error.expect_err("another store").error, names);
    }
    let anew: Client = client(&proxy.address);
    assert_eq!(anew.store().await.as_deref(), Ok(names[1]), "another client may begin there");
}
