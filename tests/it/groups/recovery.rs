//! What a group knows after its consumers or its server have gone.

use std::collections::BTreeSet;

use handover::domain::proto::NackAction;

use super::{member::Member, *};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_only_what_was_not_answered_comes_again() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b", "x/c", "x/d"]).await;
    let mut one = Member::join(&client, "desk", "one", 4);
    assert_eq!(one.positions(4).await, positions);
    one.nack(2, NackAction::Park, "aside");
    one.ack(&[1, 4]);
    one.leave().await;
    let before = until(&client, "desk", |group| group.parked == 1).await;
    server.terminate();
    assert!(server.wait());
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let after = group(&client, "desk").await;
    assert_eq!((after.lag_events, after.parked, after.position), (1, 1, positions[1]));
    assert_eq!((after.filter, after.settings), (before.filter, before.settings));
    assert_eq!(after.created_at, before.created_at);
    let mut two = Member::join(&client, "desk", "two", 4);
    assert_eq!(two.positions(1).await, positions[2..3]);
    let later = fill(&client, &["x/c"]).await;
    two.ack_all();
    assert_eq!(two.positions(1).await, later, "and then what is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_nothing_is_lost_and_what_was_parked_stays_so() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b", "x/c"]).await;
    let mut one = Member::join(&client, "desk", "one", 3);
    assert_eq!(one.positions(3).await, positions);
    one.ack(&[1]);
    one.nack(2, NackAction::Park, "aside");
    // What is parked is recorded, and how far the group is with it.
    until(&client, "desk", |group| group.parked == 1).await;
    server.kill();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let after = group(&client, "desk").await;
    assert_eq!((after.lag_events, after.parked), (1, 1));
    let mut two = Member::join(&client, "desk", "two", 3);
    assert_eq!(two.positions(1).await, positions[2..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_had_that_has_gone_goes_to_others() {
    let (_dir, server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b"]).await;
    let mut gone = Member::join(&server.client().await, "desk", "gone", 2);
    assert_eq!(gone.positions(2).await, positions);
    drop(gone);
    let mut other = Member::join(&client, "desk", "other", 2);
    let came = [other.next().await.unwrap(), other.next().await.unwrap()];
    let came: BTreeSet<_> = came.iter().map(|it| (it.event.position, it.attempts)).collect();
    let tried = BTreeSet::from([(positions[0], 1), (positions[1], 0)]);
    assert_eq!(came, tried, "the one that it was at counts as tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_group_is_gone_and_a_new_one_of_its_name_begins_anew() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a"]).await;
    let mut one = Member::join(&client, "desk", "one", 2);
    assert_eq!(one.positions(1).await, positions);
    one.ack_all();
    until(&client, "desk", |group| group.lag_events == 0).await;
    let deletion =
        handover::domain::proto::DeleteGroupRequest { request_id: new_id(), name: "desk".into() };
    client.delete_group(deletion.clone()).await.expect("it is deleted");
    let ended = one.next().await.expect_err("its consumers are told");
    assert_eq!(ended.reason, "NOT_FOUND", "{ended:?}");
    let again = client.delete_group(deletion).await.expect("it is safe to repeat");
    assert!(again.receipt.expect("the first answer").duplicate);
    client.create_group(patient("desk")).await.expect("the name is free");
    server.kill();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let mut two = Member::join(&client, "desk", "two", 2);
    assert_eq!(two.positions(1).await, positions, "it knows nothing of the other");
}
