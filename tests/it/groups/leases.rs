//! How long a consumer keeps what it has: as long as it gives signs of life.

use std::time::Duration;

use handover::domain::proto::ConsumeRequest;

use super::{member::Member, *};

/// The lease of a `quick` group.
const LEASE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_at_a_consumer_that_answers_stays_with_it_and_uses_up_no_try() {
    let (_dir, _server, client) = start().await;
    let mut request = quick("desk");
    let settings = request.settings.as_mut().expect("settings");
    settings.lease = Some(prost_types::Duration { seconds: 2, nanos: 0 });
    client.create_group(request).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b", "x/c", "x/d"]).await;
    let mut slow = Member::join(&client, "desk", "slow", 4);
    assert_eq!(slow.positions(4).await, positions);
    for delivery in 1..=4 {
        // Each takes half a lease, all together two of them.
        tokio::time::sleep(Duration::from_secs(1)).await;
        slow.ack(&[delivery]);
    }
    let group = until(&client, "desk", |group| group.lag_events == 0).await;
    assert_eq!(group.parked, 0, "{group:?}");
    assert_eq!(slow.leave().await, [0; 0], "nothing was withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_the_lease_counts_while_no_other_consumer_has_the_event() {
    let (_dir, _server, client) = start().await;
    client.create_group(quick("desk")).await.expect("it is created");
    fill(&client, &["x/a", "x/b"]).await;
    let mut late = Member::join(&client, "desk", "late", 2);
    late.positions(2).await;
    while late.withdrawn.len() < 2 {
        late.receive().await.expect("it is told");
    }
    late.ack(&[1]);
    until(&client, "desk", |group| group.lag_events == 1).await;
    // The other event has waited behind that one.
    let mut other = Member::join(&client, "desk", "other", 1);
    assert_eq!(other.next().await.expect("an event").attempts, 0);
    late.ack(&[2]);
    late.leave().await;
    assert_eq!(group(&client, "desk").await.lag_events, 1, "the other has it");
    other.ack_all();
    until(&client, "desk", |group| group.lag_events == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_says_that_it_is_at_work_keeps_what_it_has_until_it_says_so_no_more() {
    let (_dir, _server, client) = start().await;
    client.create_group(quick("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b"]).await;
    let mut one = Member::join(&client, "desk", "one", 2);
    assert_eq!(one.positions(2).await, positions);
    for _ in 0..12 {
        one.say(ConsumeRequest { working: vec![1], ..ConsumeRequest::default() });
        let reported = tokio::time::timeout(LEASE / 5, one.receive()).await;
        assert!(reported.is_err(), "nothing is withdrawn: {:?}", one.withdrawn);
    }
    while one.withdrawn.len() < 2 {
        one.receive().await.expect("it is told");
    }
    let mut other = Member::join(&client, "desk", "other", 2);
    let mut came = [other.next().await.unwrap(), other.next().await.unwrap()];
    came.sort_by_key(|it| it.event.position);
    let attempts: Vec<_> = came.iter().map(|it| it.attempts).collect();
    assert_eq!(attempts, [1, 0], "what it was at counts as tried");
    other.ack_all();
    until(&client, "desk", |group| group.lag_events == 0).await;
}
