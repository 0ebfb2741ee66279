//! What a group knows after its consumers or its server have gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use handover::domain::{
    group::{Chain, Entry},
    proto::{AppendRequest, ConsumeRequest, Nack, NackAction, ReadRequest, StreamWrite},
};
use prost::Message;

use super::{member::Member, *};
use crate::{
    proxy::Proxy,
    support::{Server, read},
};

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
    let proxy = Proxy::start(&server.address).await;
    let through = Client::connect(&proxy.address).await.expect("it can be reached");
    let mut gone = Member::join(&through, "desk", "gone", 2);
    assert_eq!(gone.positions(2).await, positions);
    // Its connection ends under it. A call that is only dropped may end in order, as if it left.
    proxy.cut();
    let mut other = Member::join(&client, "desk", "other", 2);
    let came = [other.next().await.unwrap(), other.next().await.unwrap()];
    let came: BTreeSet<_> = came.iter().map(|it| (it.event.position, it.attempts)).collect();
    let tried = BTreeSet::from([(positions[0], 1), (positions[1], 0)]);
    assert_eq!(came, tried, "the one that it was at counts as tried");
}

/// The head of a frame of data that belongs to no stream: the server has to cut the connection.
const ILLEGAL: &[u8] = &[0; 9];

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_cuts_is_no_try_of_what_was_under_way_on_it() {
    let (_dir, server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a"]).await;
    let proxy = Proxy::start(&server.address).await;
    let through = Client::connect(&proxy.address).await.expect("it can be reached");
    let mut bystander = Member::join(&through, "desk", "bystander", 1);
    assert_eq!(bystander.positions(1).await, positions);
    proxy.insert(ILLEGAL);
    bystander.receive().await.expect_err("its connection is cut");
    let mut other = Member::join(&client, "desk", "other", 1);
    let came = other.next().await.expect("it comes again");
    assert_eq!((came.event.position, came.attempts), (positions[0], 0));
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

/// Events that rest in a group with checkpoints that are too long to be recorded each time.
const RESTING: usize = 2_000;

/// How far the group `desk` is, as the log shows it to every reader; and how many events say only
/// what has changed.
async fn recorded(client: &Client) -> (BTreeMap<u64, u32>, usize) {
    let item = FilterItem { streams: vec!["group/desk".into()], ..FilterItem::default() };
    let filter = Some(Filter { items: vec![item] });
    let (mut chain, mut changes) = (Chain::begun(0), 0);
    for event in read(client, ReadRequest { filter, ..ReadRequest::default() }).await {
        let payload = event.payload.expect("every event has a payload");
        let entry = match payload.type_name() {
            "handover.v1.GroupCheckpointed" => {
                Entry::Whole(Message::decode(payload.value).expect("a checkpoint"))
            }
            "handover.v1.GroupProgressed" => {
                changes += 1;
                Entry::Changes(Message::decode(payload.value).expect("changes"))
            }
            _ => continue,
        };
        chain.read(&entry);
    }
    (chain.last().expect("it begins somewhere").unfinished.iter().collect(), changes)
}

/// Waits until these events, tried so often, are recorded as unfinished; how many changes are.
async fn until_recorded(client: &Client, unfinished: &BTreeMap<u64, u32>) -> usize {
    let looking = async {
        loop {
            let (found, changes) = recorded(client).await;
            if found == *unfinished {
                return changes;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), looking).await.expect("it is recorded")
}

/// Appends an event to each of so many streams.
async fn fill_streams(client: &Client, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    for first in (0..count).step_by(500) {
        let streams = first..count.min(first + 500);
        let writes = streams.map(|stream| StreamWrite {
            stream: format!("x/{stream}"),
            expected_revision: None,
            events: vec![event("one", &[])],
        });
        let writes = writes.collect();
        let request = AppendRequest { request_id: new_id(), writes, ..<_>::default() };
        let appended = client.append(request).await.expect("it is appended");
        positions.extend(appended.first_position..=appended.last_position);
    }
    positions
}

/// Has all events of the group but these few tried once more.
async fn try_all(client: &Client, unfinished: &mut BTreeMap<u64, u32>, few: usize) {
    let mut member = Member::join(client, "desk", "one", RESTING as u64);
    let mut came = BTreeMap::new();
    let mut nacks = Vec::new();
    while came.len() < unfinished.len() {
        let delivered = member.next().await.expect("an event");
        came.insert(delivered.event.position, delivered.attempts);
        let (delivery, action) = (delivered.delivery, NackAction::Retry.into());
        let nack = Nack { delivery, action, reason: "later".into() };
        nacks.push((delivered.event.position, nack));
    }
    assert_eq!(came, *unfinished, "what is unfinished comes again, as often tried as before");
    let (positions, nacks): (Vec<_>, Vec<_>) = nacks.into_iter().skip(few).unzip();
    for position in positions {
        *unfinished.get_mut(&position).expect("it came") += 1;
    }
    member.say(ConsumeRequest { nacks, ..ConsumeRequest::default() });
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kills_between_the_changes_of_a_long_checkpoint_all_that_was_recorded_counts() {
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    let mut client = server.client().await;
    let settings = GroupSettings {
        max_attempts: 100,
        retry_delay: Some(prost_types::Duration { seconds: 3_600, nanos: 0 }),
        ..GroupSettings::default()
    };
    let request = CreateGroupRequest { settings: Some(settings), ..patient("desk") };
    client.create_group(request).await.expect("it is created");
    let positions = fill_streams(&client, RESTING).await;
    let mut unfinished: BTreeMap<_, _> = positions.iter().map(|position| (*position, 0)).collect();
    for _ in 0..3 {
        try_all(&client, &mut unfinished, 5).await;
        let before = until_recorded(&client, &unfinished).await;
        let mut changes = before;
        for _ in 0..5 {
            let mut member = Member::join(&client, "desk", "one", 1);
            let position = member.positions(1).await[0];
            member.ack_all();
            member.leave().await;
            unfinished.remove(&position).expect("one that does not rest");
            changes = until_recorded(&client, &unfinished).await;
        }
        assert!(changes >= before + 5, "few changes are no reason for a long checkpoint");
        server.kill();
        server = Server::start(&data, &[]);
        client = server.client().await;
        assert_eq!(group(&client, "desk").await.lag_events, unfinished.len() as u64);
    }
}
