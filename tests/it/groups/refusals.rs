//! What is wrong is refused with what would be right, and changes nothing.

use futures_util::{StreamExt as _, stream};
use handover::{
    domain::proto::{
        ConsumeRequest, ListParkedRequest, NackAction, ReplayParkedRequest,
        create_group_request::Start,
    },
    grpc::client::{ClientError, ClientErrorKind},
};

use super::{member::Member, *};
use crate::support::read_all;

fn assert_refused(error: &ClientError, kind: ClientErrorKind, reported: &str) {
    assert_eq!(error.kind, kind, "{error:?}");
    assert!(error.to_string().contains(reported), "{reported:?} is not told: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_is_refused_and_leaves_nothing() {
    let (_dir, _server, client) = start().await;
    let long = "a".repeat(65);
    let lease = Some(prost_types::Duration { seconds: 0, nanos: 1 });
    let settings = Some(GroupSettings { lease, ..GroupSettings::default() });
    let empty = Filter { items: vec![FilterItem::default()] };
    for (request, expected) in [
        (CreateGroupRequest { name: String::new(), ..quick("a") }, "name"),
        (CreateGroupRequest { name: "Desk".into(), ..quick("a") }, "lower-case"),
        (CreateGroupRequest { name: long, ..quick("a") }, "the limit is 64"),
        (CreateGroupRequest { settings, ..quick("a") }, "settings.lease"),
        (CreateGroupRequest { filter: Some(empty), ..quick("a") }, "filter.items[0]"),
        (CreateGroupRequest { request_id: "1".into(), ..quick("a") }, "request_id"),
        (CreateGroupRequest { start: Some(Start::FromNow(false)), ..quick("a") }, "from_now"),
    ] {
        let error = client.create_group(request).await.expect_err(expected);
        assert_refused(&error, ClientErrorKind::Invalid, expected);
    }
    let beyond = CreateGroupRequest { start: Some(Start::AfterPosition(7)), ..quick("a") };
    let error = client.create_group(beyond).await.expect_err("there is no such position");
    assert_eq!(error.reason, "BEYOND_HEAD");
    assert!(read_all(&client).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_group_of_a_name_and_its_creation_is_safe_to_repeat() {
    let (_dir, _server, client) = start().await;
    let request = CreateGroupRequest { start: Some(Start::FromNow(true)), ..quick("desk") };
    let first = client.create_group(request.clone()).await.expect("it is created");
    fill(&client, &["x/a"]).await;
    let again = client.create_group(request.clone()).await.expect("it is safe to repeat");
    let (first, again) = (first.receipt.unwrap(), again.receipt.unwrap());
    assert_eq!((first.position, first.stream.as_str(), first.revision), (1, "group/desk", 1));
    assert!(!first.duplicate && again.duplicate && again.position == 1);
    let other = CreateGroupRequest { filter: None, ..request.clone() };
    let error = client.create_group(other).await.expect_err("the id was used");
    assert_eq!(error.reason, "REQUEST_ID_REUSED", "{error:?}");
    let error = client.create_group(quick("desk")).await.expect_err("there is one");
    assert_eq!(error.reason, "ALREADY_EXISTS", "{error:?}");
    assert_eq!(read_all(&client).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_not_there_is_named() {
    let (_dir, _server, client) = start().await;
    let group = "no-such".to_owned();
    let mut member = Member::join(&client, "no-such", "one", 1);
    let error = member.next().await.expect_err("there is no such group");
    let list = ListGroupsRequest { name: group.clone(), ..Default::default() };
    let parked = ListParkedRequest { group: group.clone(), ..ListParkedRequest::default() };
    let replay = ReplayParkedRequest { group, ..ReplayParkedRequest::default() };
    for error in [
        error,
        client.list_groups(list).await.expect_err("there is no such group"),
        client.list_parked(parked).await.expect_err("there is no such group"),
        client.replay_parked(replay).await.expect_err("there is no such group"),
    ] {
        assert_refused(&error, ClientErrorKind::NotFound, "no-such");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_may_not_say_ends_its_call_and_no_other() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    fill(&client, &["x/a", "x/b"]).await;
    let mut other = Member::join(&client, "desk", "other", 1);
    other.next().await.expect("an event");
    let nack =
        |action: i32| handover::domain::proto::Nack { delivery: 1, action, reason: String::new() };
    let said = ConsumeRequest::default;
    for (request, expected) in [
        (ConsumeRequest { acks: vec![2], ..said() }, "delivery 2"),
        (ConsumeRequest { acks: vec![0], ..said() }, "delivery 0"),
        (ConsumeRequest { working: vec![2], ..said() }, "delivery 2"),
        (ConsumeRequest { nacks: vec![nack(0)], ..said() }, "nacks[0].action"),
        (ConsumeRequest { nacks: vec![nack(9)], ..said() }, "nacks[0].action"),
        (ConsumeRequest { credit: 10_000, ..said() }, "10000"),
        (ConsumeRequest { credit: 1 << 32, ..said() }, "4294967296"),
        (ConsumeRequest { group: "desk".into(), ..said() }, "group"),
    ] {
        let mut one = Member::join(&client, "desk", "one", 1);
        one.next().await.expect("an event");
        one.say(request);
        let error = one.receive().await.expect_err(expected);
        assert_refused(&error, ClientErrorKind::Invalid, expected);
    }
    let mut nameless = Member::join(&client, "desk", "", 1);
    let error = nameless.next().await.expect_err("it has no name");
    assert_refused(&error, ClientErrorKind::Invalid, "consumer");
    other.ack_all();
    until(&client, "desk", |group| group.consumers.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_end_with_the_first_are_refused_and_a_consumer_with_an_event_may_leave() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let first = ConsumeRequest {
        group: "desk".into(),
        consumer: "one".into(),
        credit: 1,
        ..ConsumeRequest::default()
    };
    let mut reported = client.consume(stream::iter([first]));
    let error = reported.next().await.expect("an answer").expect_err("they ended at once");
    assert_refused(&error, ClientErrorKind::Invalid, "keep them open");
    until(&client, "desk", |group| group.consumers.is_empty()).await;
    fill(&client, &["x/a"]).await;
    let mut one = Member::join(&client, "desk", "one", 1);
    one.next().await.expect("an event");
    one.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_parked_cannot_be_replayed() {
    let (_dir, _server, client) = start().await;
    client.create_group(patient("desk")).await.expect("it is created");
    let positions = fill(&client, &["x/a", "x/b"]).await;
    let mut one = Member::join(&client, "desk", "one", 2);
    one.positions(2).await;
    one.nack(1, NackAction::Park, "aside");
    until(&client, "desk", |group| group.parked == 1).await;
    let request = ReplayParkedRequest {
        request_id: new_id(),
        group: "desk".into(),
        positions: positions.clone(),
        ..<_>::default()
    };
    let error = client.replay_parked(request).await.expect_err("one of them is not parked");
    assert_eq!(error.reason, "RECORD_RULE");
    assert!(error.to_string().contains(&positions[1].to_string()), "{error}");
    assert_eq!(group(&client, "desk").await.parked, 1, "nothing was put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_server_records_in_the_streams_of_groups() {
    let (_dir, _server, client) = start().await;
    let error = client.append(append("group/desk", vec![event("mine", &[])])).await;
    assert_refused(&error.expect_err("not there"), ClientErrorKind::Invalid, "writes[0].stream");
    let created = handover::domain::proto::GroupCreated::default();
    let error = client.append(support::known("x/a", &created)).await;
    let error = error.expect_err("nor elsewhere");
    assert_refused(&error, ClientErrorKind::Invalid, "payload.type_url");
    assert!(read_all(&client).await.is_empty());
}
