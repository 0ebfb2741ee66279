//! Repeated requests about groups after their effect is gone: the answer is the first, and says so.

use std::time::Duration;

use handover::domain::proto::{
    DeleteGroupRequest, NackAction, Receipt, ReplayParkedRequest, Undoing,
};
use tokio::time::timeout;

use super::{member::Member, *};

/// What the answer to a repeated request says of its effect.
fn undone(first: u64, again: Option<Receipt>) -> Option<(u64, Undoing)> {
    let again = again.expect("a receipt");
    assert_eq!((again.position, again.duplicate), (first, true));
    again.undone.map(|undone| (undone.by, undone.how()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_is_undone_by_a_deletion_and_a_deletion_by_a_later_creation() {
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    let mut client = server.client().await;
    let creation = patient("desk");
    let deletion = DeleteGroupRequest { request_id: new_id(), name: "desk".into() };
    let position = |receipt: Option<Receipt>| receipt.expect("a receipt").position;
    let created = position(client.create_group(creation.clone()).await.unwrap().receipt);
    let again = client.create_group(creation.clone()).await.unwrap().receipt;
    assert_eq!(undone(created, again), None);
    let deleted = position(client.delete_group(deletion.clone()).await.unwrap().receipt);
    let again = client.delete_group(deletion.clone()).await.unwrap().receipt;
    assert_eq!(undone(deleted, again), None);
    let again = client.create_group(creation.clone()).await.unwrap().receipt;
    assert_eq!(undone(created, again), Some((deleted, Undoing::Deleted)), "it is not there");
    let again = client.delete_group(deletion.clone()).await.unwrap().receipt;
    assert_eq!(undone(deleted, again), None, "it is gone indeed");
    client.create_group(patient("desk")).await.expect("it is created");
    let other = DeleteGroupRequest { request_id: new_id(), name: "desk".into() };
    client.delete_group(other).await.expect("it is there");
    let again = client.delete_group(deletion.clone()).await.unwrap().receipt;
    assert_eq!(undone(deleted, again), None, "what was there in between is gone as well");
    let later = position(client.create_group(patient("desk")).await.unwrap().receipt);
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server = Server::start(&data, &[]);
            client = server.client().await;
        }
        let again = client.delete_group(deletion.clone()).await.unwrap().receipt;
        assert_eq!(undone(deleted, again), Some((later, Undoing::Created)), "it is there");
        let again = client.create_group(creation.clone()).await.unwrap().receipt;
        assert_eq!(undone(created, again), Some((deleted, Undoing::Deleted)), "that one is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_undone_by_what_is_parked_again_or_by_a_deletion() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b"]).await;
    let mut one = Member::join(&client, "desk", "one", 10);
    assert_eq!(one.positions(2).await, positions);
    one.nack(1, NackAction::Park, "aside");
    one.nack(2, NackAction::Park, "aside");
    until(&client, "desk", |group| group.parked == 2).await;
    let replay = ReplayParkedRequest {
        request_id: new_id(),
        group: "desk".into(),
        positions: positions.clone(),
        ..<_>::default()
    };
    let first = client.replay_parked(replay.clone()).await.expect("they are parked");
    let first = first.receipt.expect("a receipt").position;
    let again = client.replay_parked(replay.clone()).await.expect("safe to repeat");
    assert_eq!((undone(first, again.receipt), again.replayed), (None, 2));
    assert_eq!(one.positions(2).await, positions);
    one.ack(&[3]);
    one.nack(4, NackAction::Park, "aside again");
    until(&client, "desk", |group| group.parked == 1).await;
    let again = client.replay_parked(replay.clone()).await.expect("safe to repeat");
    let (by, how) = undone(first, again.receipt).expect("one of them is parked");
    assert_eq!((how, again.replayed), (Undoing::Parked, 2));
    assert!(by > first);
    assert_eq!(group(&client, "desk").await.parked, 1, "nothing was put back");

    // Put back and handled under another id, nothing of it is parked any more.
    let other = ReplayParkedRequest { request_id: new_id(), positions: vec![], ..replay.clone() };
    client.replay_parked(other).await.expect("one is parked");
    assert_eq!(one.positions(1).await, positions[1..]);
    one.ack(&[5]);
    until(&client, "desk", |group| group.parked == 0 && group.lag_events == 0).await;
    let again = client.replay_parked(replay.clone()).await.expect("safe to repeat");
    assert_eq!(undone(first, again.receipt), None);

    let deletion = DeleteGroupRequest { request_id: new_id(), name: "desk".into() };
    let deleted = client.delete_group(deletion).await.unwrap().receipt.unwrap().position;
    let again = client.replay_parked(replay.clone()).await.expect("though the group is gone");
    let expected = (Some((deleted, Undoing::Deleted)), 2);
    assert_eq!((undone(first, again.receipt), again.replayed), expected);
    client.create_group(patient("desk")).await.expect("it is created");
    let again = client.replay_parked(replay).await.expect("safe to repeat");
    assert_eq!((undone(first, again.receipt), again.replayed), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_repeated_while_it_is_under_way_has_one_answer() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b"]).await;
    let mut one = Member::join(&client, "desk", "one", 100);
    let mut delivery = 0;
    let rounds = async {
        for named in [&positions[..], &[]].repeat(8) {
            assert_eq!(one.positions(2).await, positions);
            for _ in 0..2 {
                delivery += 1;
                one.nack(delivery, NackAction::Park, "aside");
            }
            until(&client, "desk", |group| group.parked == 2).await;
            let (request_id, group) = (new_id(), "desk".to_owned());
            let replay = ReplayParkedRequest {
                request_id,
                group,
                positions: named.to_vec(),
                ..<_>::default()
            };
            let all = (0..4).map(|_| client.replay_parked(replay.clone()));
            let answers = futures_util::future::try_join_all(all).await.expect("safe to repeat");
            let receipts = answers.iter().map(|answer| answer.receipt.as_ref().expect("a receipt"));
            let places: Vec<_> = receipts.clone().map(|receipt| receipt.position).collect();
            assert_eq!(places, [places[0]; 4]);
            assert!(answers.iter().all(|answer| answer.replayed == 2), "{answers:?}");
            assert_eq!(receipts.filter(|receipt| !receipt.duplicate).count(), 1);
        }
    };
    timeout(Duration::from_mins(2), rounds).await.expect("each replay is answered");
}
