//! Bad input: each has its status, reason and field paths, and changes nothing.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use handover::{
    domain::{
        limits,
        proto::{
            self, Any, AppendCondition, AppendRequest, Attribution, ClaimRetracted, Count, Filter,
            FilterItem, Leg, NewEvent, ReadRequest, RoleAttributed, SubscribeRequest,
            TransferCompleted, read_request, subscribe_request,
        },
    },
    grpc::client::{Client, ClientError, ClientErrorKind},
};

use crate::support::{Server, append, data_dir, event, known, new_id, read_all, tagged};

fn attribution() -> Attribution {
    Attribution { source_id: "demo-source".into(), ..Attribution::default() }
}

fn transfer(to: &str) -> TransferCompleted {
    TransferCompleted {
        attribution: Some(attribution()),
        leg: Some(Leg {
            exchange_id: "demo-1".into(),
            to: vec![to.into()],
            unit: proto::Unit::Person.into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(3), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

fn retraction(claim: u64) -> ClaimRetracted {
    ClaimRetracted { attribution: Some(attribution()), claim, reason: "an error".into() }
}

fn raw(type_name: &str, value: &'static [u8]) -> NewEvent {
    let type_url = format!("type.googleapis.com/{type_name}");
    NewEvent { payload: Some(Any { type_url, value: value.into() }), ..NewEvent::default() }
}

struct Expected {
    kind: ClientErrorKind,
    reason: &'static str,
    fields: Vec<&'static str>,
}

fn invalid(fields: &[&'static str]) -> Expected {
    let (kind, reason) = (ClientErrorKind::Invalid, "INVALID_FIELD");
    Expected { kind, reason, fields: fields.to_vec() }
}

fn oversize(fields: &[&'static str]) -> Expected {
    Expected { reason: "LIMIT_EXCEEDED", ..invalid(fields) }
}

fn rule() -> Expected {
    let (kind, reason) = (ClientErrorKind::Refused, "RECORD_RULE");
    Expected { kind, reason, fields: Vec::new() }
}

fn beyond() -> Expected {
    let (kind, reason) = (ClientErrorKind::BeyondHead, "BEYOND_HEAD");
    Expected { kind, reason, fields: Vec::new() }
}

fn assert_error(what: &str, error: &ClientError, expected: &Expected) {
    let invalid = error.kind == ClientErrorKind::Invalid;
    let named = error.fields.iter().filter(|_| invalid);
    let fields: Vec<_> = named.map(|(field, _)| field.as_str()).collect();
    let actual = (error.kind, error.reason.as_str(), fields);
    assert_eq!(
        actual,
        (expected.kind, expected.reason, expected.fields.clone()),
        "{what}: {error}"
    );
}

fn bad_names() -> Vec<(&'static str, AppendRequest, Expected)> {
    let noted = || vec![event("noted", &[])];
    let tag = |tag: &str| append("x/a", vec![event("noted", &[tag])]);
    let long = format!("x/{}", "a".repeat(limits::STREAM_NAME_BYTES));
    vec![
        ("an empty stream", append("", noted()), invalid(&["writes[0].stream"])),
        ("a stream without category", append("x", noted()), invalid(&["writes[0].stream"])),
        ("a stream with a space", append("x/a b", noted()), invalid(&["writes[0].stream"])),
        ("a long stream", append(&long, noted()), oversize(&["writes[0].stream"])),
        ("an empty tag", tag(""), invalid(&["writes[0].events[0].tags[0]"])),
        ("a tag without value", tag("desk:"), invalid(&["writes[0].events[0].tags[0]"])),
        ("the server's tag", tag("to:DE"), invalid(&["writes[0].events[0].tags[0]"])),
        (
            "a long tag",
            tag(&format!("desk:{}", "a".repeat(limits::TAG_BYTES))),
            oversize(&["writes[0].events[0].tags[0]"]),
        ),
        (
            "a request id that is no UUID",
            AppendRequest { request_id: "7".into(), ..append("x/a", noted()) },
            invalid(&["request_id"]),
        ),
    ]
}

fn too_much() -> Vec<(&'static str, AppendRequest, Expected)> {
    let many = |count: usize| append("x/a", vec![event("noted", &[]); count]);
    let tags: Vec<String> = (0..=limits::TAGS_PER_EVENT).map(|n| format!("desk:{n}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let large = "x".repeat(limits::EVENT_BYTES);
    let half = "x".repeat(limits::EVENT_BYTES / 2);
    let mut metadata = append("x/a", vec![event("noted", &[])]);
    let value = "x".repeat(limits::METADATA_BYTES);
    metadata.writes[0].events[0].metadata = BTreeMap::from([("k".into(), value)]);
    let terms: Vec<String> = (0..=limits::FILTER_TERMS).map(|n| format!("desk:{n}")).collect();
    let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
    let mut condition = append("x/a", vec![event("noted", &[])]);
    condition.condition =
        Some(AppendCondition { fail_if_match: Some(tagged(&terms)), after_position: 0 });
    vec![
        ("too many events", many(limits::APPEND_EVENTS + 1), oversize(&["writes"])),
        (
            "too many tags",
            append("x/a", vec![event("noted", &tags)]),
            oversize(&["writes[0].events[0].tags"]),
        ),
        (
            "a large event",
            append("x/a", vec![event(&large, &[])]),
            oversize(&["writes[0].events[0]"]),
        ),
        ("a large append", append("x/a", vec![event(&half, &[]); 9]), oversize(&["writes"])),
        ("large metadata", metadata, oversize(&["writes[0].events[0].metadata"])),
        ("too many terms", condition, oversize(&["condition.fail_if_match.items"])),
    ]
}

fn bad_shapes() -> Vec<(&'static str, AppendRequest, Expected)> {
    let noted = || vec![event("noted", &[])];
    let mut twice = append("x/a", noted());
    twice.writes.push(twice.writes[0].clone());
    let mut condition = append("x/a", noted());
    condition.condition = Some(AppendCondition { fail_if_match: None, after_position: 0 });
    let mut ahead = append("x/a", noted());
    ahead.condition =
        Some(AppendCondition { fail_if_match: Some(Filter::default()), after_position: 99 });
    vec![
        (
            "no writes",
            AppendRequest { writes: Vec::new(), ..append("x/a", noted()) },
            invalid(&["writes"]),
        ),
        ("no events", append("x/a", Vec::new()), invalid(&["writes[0].events"])),
        ("a stream twice", twice, invalid(&["writes[1].stream"])),
        (
            "no payload",
            append("x/a", vec![NewEvent::default()]),
            invalid(&["writes[0].events[0].payload"]),
        ),
        ("a condition on nothing", condition, invalid(&["condition.fail_if_match"])),
        ("a condition past the end", ahead, beyond()),
    ]
}

fn bad_events() -> Vec<(&'static str, AppendRequest, Expected)> {
    let payload = "writes[0].events[0].payload";
    let field = |path: &str| Box::leak(format!("{payload}.{path}").into_boxed_str()) as &str;
    let role = RoleAttributed {
        attribution: Some(attribution()),
        exchange_id: "demo-1".into(),
        actor: Some(proto::Actor { party: "TR".into(), ..proto::Actor::default() }),
        role: 99,
        denied: false,
    };
    let transfer_bytes: &'static [u8] = b"\xff\xff\xff";
    vec![
        (
            "an unknown party",
            known("exchange/demo-1", &transfer("Germany")),
            invalid(&[field("leg.to[0]")]),
        ),
        ("an empty party", known("exchange/demo-1", &transfer("")), invalid(&[field("leg.to[0]")])),
        ("an unknown enum value", known("exchange/demo-1", &role), invalid(&[field("role")])),
        (
            "bytes that do not parse",
            append("exchange/demo-1", vec![raw("handover.v1.TransferCompleted", transfer_bytes)]),
            invalid(&[field("value")]),
        ),
        (
            "a misspelt type",
            append("exchange/demo-1", vec![raw("handover.v1.TransferComplete", b"")]),
            invalid(&[field("type_url")]),
        ),
        (
            "a message that is no event",
            append("exchange/demo-1", vec![raw("handover.v1.Leg", b"")]),
            invalid(&[field("type_url")]),
        ),
        (
            "a known type in another's stream",
            known("exchange/demo-2", &transfer("DE")),
            invalid(&["writes[0].stream"]),
        ),
        (
            "a claim about a claim that is not there",
            known("exchange/demo-1", &retraction(99)),
            rule(),
        ),
        (
            "a claim about an event that is no claim",
            known("exchange/demo-1", &retraction(1)),
            rule(),
        ),
        (
            "a claim about a claim in another's stream",
            known("exchange/demo-2", &retraction(2)),
            invalid(&["writes[0].stream"]),
        ),
        ("a claim about a retracted claim", known("exchange/demo-1", &retraction(3)), rule()),
    ]
}

/// A store of four events: a foreign one, two transfers, and the retraction of the second.
async fn four_events(client: &Client) {
    let transfers = [
        append("x/a", vec![event("noted", &[])]),
        known("exchange/demo-1", &transfer("DE")),
        known("exchange/demo-1", &transfer("RU")),
        known("exchange/demo-1", &retraction(3)),
    ];
    for request in transfers {
        client.append(request).await.expect("good input is accepted");
    }
}

#[tokio::test]
async fn bad_appends_are_refused_by_field_and_leave_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    four_events(&client).await;
    let before = read_all(&client).await;
    let cases = [bad_names(), too_much(), bad_shapes(), bad_events()];
    for (what, request, expected) in cases.into_iter().flatten() {
        let error = client.append(request.clone()).await.expect_err(what);
        assert_error(what, &error, &expected);
        let pipelined = futures_util::stream::iter([request]);
        let outcomes: Vec<_> =
            client.append_stream(pipelined).try_collect().await.expect("the pipeline goes on");
        assert_error(what, outcomes[0].as_ref().expect_err(what), &expected);
        // A good event of the same append must not land either.
    }
    assert_eq!(read_all(&client).await, before, "a refused append leaves nothing");
    drop(client);
    server.kill();
    let server = Server::start(&data, &[]);
    assert_eq!(read_all(&server.client().await).await, before, "nor does it after a restart");
}

#[tokio::test]
async fn one_bad_event_refuses_the_whole_append() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let mut request = known("exchange/demo-1", &transfer("DE"));
    let mut bad = known("exchange/demo-1", &transfer("XX1")).writes.remove(0).events;
    request.writes[0].events.append(&mut bad);
    let error = client.append(request).await.expect_err("one event is bad");
    assert_error("one bad event", &error, &invalid(&["writes[0].events[1].payload.leg.to[0]"]));
    assert_eq!(read_all(&client).await, []);
}

#[tokio::test]
async fn bad_reads_are_refused_by_field() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    four_events(&client).await;
    let after = |start| ReadRequest { start: Some(start), ..ReadRequest::default() };
    let of = |filter| ReadRequest { filter: Some(filter), ..ReadRequest::default() };
    let backwards = proto::ReadDirection::Backwards.into();
    let revision = ReadRequest {
        start: Some(read_request::Start::AfterRevision(9)),
        filter: Some(Filter {
            items: vec![FilterItem { streams: vec!["x/a".into()], ..FilterItem::default() }],
        }),
        ..ReadRequest::default()
    };
    let cases = [
        ("past the end", after(read_request::Start::AfterPosition(5)), beyond()),
        (
            "backwards from past the end",
            ReadRequest { direction: backwards, ..after(read_request::Start::AfterPosition(6)) },
            beyond(),
        ),
        ("past the revision", revision, beyond()),
        (
            "a revision of nothing",
            after(read_request::Start::AfterRevision(1)),
            invalid(&["after_revision"]),
        ),
        (
            "an item that says nothing",
            of(Filter { items: vec![FilterItem::default()] }),
            invalid(&["filter.items[0]"]),
        ),
        ("a bad tag", of(tagged(&["to:DE", "x"])), invalid(&["filter.items[0].tags[1]"])),
        (
            "no direction",
            ReadRequest { direction: 7, ..ReadRequest::default() },
            invalid(&["direction"]),
        ),
        (
            "a limit of 0",
            ReadRequest { limit: Some(0), ..ReadRequest::default() },
            invalid(&["limit"]),
        ),
    ];
    for (what, request, expected) in cases {
        let error = client.read(request).try_next().await.expect_err(what);
        assert_error(what, &error, &expected);
    }
    let start = Some(subscribe_request::Start::AfterPosition(5));
    let request = SubscribeRequest { start, ..SubscribeRequest::default() };
    let error = client.subscribe(request).try_next().await.expect_err("past the end");
    assert_error("a subscription past the end", &error, &beyond());
}

#[tokio::test]
async fn a_request_id_is_good_for_one_content_for_ever() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let mut request = append("x/a", vec![event("one", &["desk:a"]), event("two", &[])]);
    request.writes[0].expected_revision = Some(0);
    let first = client.append(request.clone()).await.expect("it is appended");
    client.append(append("x/a", vec![event("three", &[])])).await.expect("another");
    let mut changed = request.clone();
    changed.writes[0].events[0].metadata.insert("k".into(), "v".into());
    let check = async |client: &Client, when: &str| {
        let again = client.append(request.clone()).await.expect(when);
        let expected = proto::AppendResponse { duplicate: true, ..first.clone() };
        assert_eq!(again, expected, "{when}");
        let error = client.append(changed.clone()).await.expect_err(when);
        assert_eq!(
            (error.kind, error.reason.as_str()),
            (ClientErrorKind::Conflict, "REQUEST_ID_REUSED"),
            "{when}"
        );
    };
    check(&client, "at once").await;
    drop(client);
    server.kill();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    check(&client, "after a restart").await;
    assert_eq!(read_all(&client).await.len(), 3);

    // A refused request is not remembered: its id may be used for what is right.
    let mut refused = append("x/a", vec![event("four", &[])]);
    refused.request_id = new_id();
    refused.writes[0].expected_revision = Some(9);
    client.append(refused.clone()).await.expect_err("a wrong revision");
    refused.writes[0].expected_revision = Some(3);
    assert!(!client.append(refused).await.expect("now it is right").duplicate);
}
