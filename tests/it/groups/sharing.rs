//! Consumers share the work, each stream with one of them at a time.

use std::collections::{BTreeMap, BTreeSet};

use handover::domain::proto::{NackAction, ReadRequest};

use super::{member::Member, *};
use crate::support;

#[tokio::test(flavor = "multi_thread")]
async fn each_event_goes_to_one_consumer_and_a_stream_to_one_at_a_time() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let streams: Vec<_> = (0..40).map(|number| format!("x/{}", number % 8)).collect();
    let streams: Vec<_> = streams.iter().map(String::as_str).collect();
    let positions = fill(&client, &streams).await;
    fill(&client, &["y/other"]).await;
    let mut one = Member::join(&client, "desk", "one", 20);
    let first = one.positions(20).await;
    let mut two = Member::join(&client, "desk", "two", 100);
    let second = two.positions(20).await;
    let stream_of = |position: &u64| (position - positions[0]) % 8;
    let of = |some: &[u64]| some.iter().map(stream_of).collect::<BTreeSet<_>>();
    assert!(of(&first).is_disjoint(&of(&second)), "{first:?} and {second:?}");
    for some in [&first, &second] {
        let mut last = BTreeMap::new();
        for position in some {
            let before = last.insert(stream_of(position), position);
            assert!(before < Some(position), "{position} comes in the order of its stream");
        }
    }
    let mut all = [first, second].concat();
    all.sort_unstable();
    assert_eq!(all, positions, "every event once, and none of others");
    one.ack_all();
    two.ack_all();
    one.leave().await;
    two.leave().await;
    let group = until(&client, "desk", |group| group.lag_events == 0).await;
    assert_eq!((group.position >= positions[39], group.lag), (true, None), "{group:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_follows_what_is_recorded_later_and_never_its_own_events() {
    let (_dir, _server, client) = start().await;
    let everything = CreateGroupRequest { filter: None, ..patient("all") };
    client.create_group(everything).await.expect("it is created");
    let mut one = Member::join(&client, "all", "one", 1);
    for _ in 0..3 {
        let wanted = fill(&client, &["z/a"]).await;
        assert_eq!(one.positions(1).await, wanted);
        one.ack_all();
        until(&client, "all", |group| group.position >= wanted[0]).await;
    }
    one.leave().await;
    let streams = vec!["group/all".to_owned()];
    let item = FilterItem { streams, ..FilterItem::default() };
    let its_state =
        ReadRequest { filter: Some(Filter { items: vec![item] }), ..ReadRequest::default() };
    // It stands in the log, recorded soon after the last consumer has left.
    while support::read(&client, its_state.clone()).await.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(group(&client, "all").await.lag_events, 0, "and is not work of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_or_failing_event_holds_up_its_own_stream_only() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/slow", "x/slow", "x/fast", "x/fast"]).await;
    let mut one = Member::join(&client, "desk", "one", 10);
    assert_eq!(one.positions(4).await, positions);
    one.nack(1, NackAction::Retry, "not now");
    one.ack(&[3, 4]);
    one.receive().await.expect("it is told");
    assert_eq!(one.withdrawn, [2], "what is behind it is taken back");
    // The answers come one after the other, so the second may not be counted yet.
    until(&client, "desk", |group| {
        (group.resting, group.lag_events, group.unanswered) == (1, 2, 0)
    })
    .await;
    let mut two = Member::join(&client, "desk", "two", 10);
    let later = fill(&client, &["x/fast"]).await;
    let fast = tokio::select! {
        came = one.next() => came,
        came = two.next() => came,
    };
    assert_eq!(fast.expect("an event").event.position, later[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_too_often_is_parked_with_its_reason_and_comes_back_when_it_is_replayed() {
    let (_dir, _server, client) = start().await;
    client.create_group(quick("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/a"]).await;
    let mut one = Member::join(&client, "desk", "one", 100);
    let mut attempts = Vec::new();
    loop {
        let came = one.next().await.expect("an event");
        if came.event.position != positions[0] {
            if group(&client, "desk").await.parked == 1 {
                one.ack(&[came.delivery]);
                break;
            }
            continue;
        }
        attempts.push(came.attempts);
        one.nack(came.delivery, NackAction::Retry, "it cannot be read");
        if attempts.len() == 2 {
            until(&client, "desk", |group| group.parked == 1).await;
        }
    }
    assert_eq!(attempts, [0, 1]);
    let request =
        handover::domain::proto::ListParkedRequest { group: "desk".into(), ..Default::default() };
    let listed = client.list_parked(request).await.expect("the parked events");
    let [parked] = listed.parked.as_slice() else { panic!("one is parked: {listed:?}") };
    let event = parked.event.as_ref().expect("the event itself");
    assert_eq!((event.position, support::text(event)), (positions[0], "0".to_owned()));
    assert_eq!((parked.attempts, parked.consumer.as_str()), (2, "one"));
    assert_eq!(parked.reason, "it cannot be read");
    let [event_at, parked_at] =
        [event.recorded_at, parked.parked_at].map(|it| it.map(|it| (it.seconds, it.nanos)));
    assert!(event_at.is_some() && parked_at >= event_at, "{parked:?}");
    let request = handover::domain::proto::ReplayParkedRequest {
        request_id: new_id(),
        group: "desk".into(),
        positions: vec![],
        ..<_>::default()
    };
    let replayed = client.replay_parked(request.clone()).await.expect("it is put back");
    assert_eq!(replayed.replayed, 1);
    let again = one.next().await.expect("it comes again");
    assert_eq!((again.event.position, again.attempts), (positions[0], 0));
    one.ack(&[again.delivery]);
    one.leave().await;
    let repeated = client.replay_parked(request).await.expect("it is safe to repeat");
    assert_eq!((repeated.replayed, repeated.receipt.expect("the first").duplicate), (1, true));
    let group = until(&client, "desk", |group| group.lag_events == 0).await;
    assert_eq!(group.parked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_never_answers_loses_what_it_has_when_the_lease_ends() {
    let (_dir, _server, client) = start().await;
    client.create_group(quick("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b"]).await;
    let mut mute = Member::join(&client, "desk", "mute", 1);
    assert_eq!(mute.positions(1).await, positions[..1]);
    let mut other = Member::join(&client, "desk", "other", 10);
    let free = other.next().await.unwrap();
    assert_eq!((free.event.position, free.attempts), (positions[1], 0));
    // At once: its own lease goes on while that of the mute one does.
    other.ack_all();
    let late = other.next().await.unwrap();
    assert_eq!((late.event.position, late.attempts), (positions[0], 1));
    other.ack_all();
    mute.receive().await.expect("it is told");
    assert_eq!(mute.withdrawn, [1]);
    mute.ack(&[1]);
    other.leave().await;
    until(&client, "desk", |group| group.lag_events == 0).await;
}
