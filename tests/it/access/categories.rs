//! Identities that are limited to categories: what they write and read, and what no refusal tells.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use handover::{
    domain::{
        access::Role,
        proto::{
            AppendCondition, AppendRequest, ClaimConfirmed, ConfirmClaimRequest, ConsumeRequest,
            CreateGroupRequest, Filter, FilterItem, GetCountryCountsRequest, GetHeadRequest,
            ListGroupsRequest, ReadRequest, SubscribeRequest,
        },
    },
    grpc::client::{Client, ClientError},
};

use super::{Guarded, refused, token};
use crate::support::{append, event, known, read, read_all, tagged, text};

/// Numbers of tokens.
const DESK: u8 = 1;
const ALL: u8 = 2;
const CURATOR: u8 = 3;
const OPERATOR: u8 = 4;
const SOME_OPERATOR: u8 = 5;

async fn store() -> (Guarded, Client, Client) {
    let tokens = vec![
        token(DESK, "desk", &[Role::Recorder], &["desk", "notes"]),
        token(ALL, "all", &[Role::Recorder, Role::Curator], &[]),
        token(CURATOR, "curator", &[Role::Curator], &["desk"]),
        token(OPERATOR, "operator", &[Role::Operator], &[]),
        token(SOME_OPERATOR, "some", &[Role::Operator], &["desk"]),
    ];
    let server = Guarded::start("", tokens);
    let (desk, all) = (server.client(DESK).await, server.client(ALL).await);
    (server, desk, all)
}

fn in_categories(names: &[&str]) -> Filter {
    let categories = names.iter().map(ToString::to_string).collect();
    Filter { items: vec![FilterItem { categories, ..FilterItem::default() }] }
}

fn reading(filter: Option<Filter>) -> ReadRequest {
    ReadRequest { filter, ..ReadRequest::default() }
}

async fn read_refused(client: &Client, filter: Option<Filter>) -> ClientError {
    refused(client.read(reading(filter)).try_collect::<Vec<_>>().await)
}

#[tokio::test]
async fn an_append_is_recorded_whole_or_not_at_all_if_one_stream_is_elsewhere() {
    let (_server, desk, all) = store().await;
    desk.append(append("desk/a", vec![event("own", &[])])).await.expect("its category");
    let mut both = append("notes/a", vec![event("one", &[])]);
    both.writes.extend(append("secret/a", vec![event("two", &[])]).writes);
    let error = refused(desk.append(both).await);
    assert_eq!(error.reason, "NOT_PERMITTED");
    assert!(error.message.contains("desk, notes"), "{error}");
    // In a pipeline the refused append is answered in its place, and the next one is made.
    let appends = [("desk/a", "1"), ("secret/a", "2"), ("desk/a", "3")];
    let appends = appends.map(|(stream, text)| append(stream, vec![event(text, &[])]));
    let outcomes: Vec<_> =
        desk.append_stream(stream::iter(appends)).try_collect().await.expect("it goes on");
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    refused(outcomes[1].clone());
    let texts: Vec<_> = read_all(&all).await.iter().map(text).collect();
    assert_eq!(texts, ["own", "1", "3"]);
}

#[tokio::test]
async fn a_reader_gets_what_is_in_its_categories_and_no_question_reaches_beyond() {
    let (_server, desk, all) = store().await;
    for (stream, text) in [("desk/a", "open"), ("secret/a", "hidden")] {
        let append = append(stream, vec![event(text, &["topic:x"])]);
        all.append(append).await.expect("it may record everywhere");
    }
    let read: Vec<_> = read(&desk, reading(Some(in_categories(&["desk", "notes"])))).await;
    assert_eq!(read.iter().map(text).collect::<Vec<_>>(), ["open"]);
    for filter in [None, Some(in_categories(&["desk", "secret"])), Some(tagged(&["topic:x"]))] {
        let error = read_refused(&desk, filter.clone()).await;
        assert_eq!(error.reason, "NOT_PERMITTED");
        let request = SubscribeRequest { filter, ..SubscribeRequest::default() };
        refused(desk.subscribe(request).try_next().await);
    }
    let figures = desk.country_counts(GetCountryCountsRequest::default()).await;
    refused(figures);
    refused(desk.list_groups(ListGroupsRequest::default()).await);
    desk.get_head(GetHeadRequest::default()).await.expect("the page says what that tells");
}

#[tokio::test]
async fn conditions_and_claims_tell_nothing_of_other_categories() {
    let (server, desk, all) = store().await;
    let hidden = all.append(append("secret/a", vec![event("hidden", &["topic:x"])])).await;
    let hidden = hidden.expect("it may record everywhere").first_position;
    for filter in [tagged(&["topic:x"]), tagged(&["topic:y"]), Filter::default()] {
        let condition = AppendCondition { fail_if_match: Some(filter), after_position: 0 };
        let probe = append("desk/a", vec![event("probe", &[])]);
        refused(desk.append(AppendRequest { condition: Some(condition), ..probe }).await);
    }
    let condition =
        AppendCondition { fail_if_match: Some(in_categories(&["desk"])), after_position: 0 };
    let own = append("desk/a", vec![event("own", &[])]);
    let own = AppendRequest { condition: Some(condition), ..own };
    desk.append(own).await.expect("it looks at its own category");

    // A claim elsewhere is refused just as one that is nowhere.
    let curator = server.client(CURATOR).await;
    let mut answers = Vec::new();
    for claim in [hidden, 1_000] {
        let about = ClaimConfirmed { claim, ..ClaimConfirmed::default() };
        answers.push(refused(curator.append(known("desk/a", &about)).await));
        let confirmation = Some(about);
        let request = ConfirmClaimRequest { confirmation, ..ConfirmClaimRequest::default() };
        answers.push(refused(curator.confirm_claim(request).await));
    }
    let about = ClaimConfirmed::default();
    answers.push(refused(curator.append(known("desk/a", &about)).await));
    assert!(answers.iter().all(|it| it.message == answers[0].message), "{answers:?}");
}

#[tokio::test]
async fn claims_about_claims_are_for_curators_by_every_way() {
    let (server, desk, all) = store().await;
    let claim = all.append(append("desk/a", vec![event("one", &[])])).await.expect("an event");
    let about = ClaimConfirmed { claim: claim.first_position, ..ClaimConfirmed::default() };
    let error = refused(desk.append(known("desk/a", &about)).await);
    assert!(error.message.contains("the role curator"), "{error}");
    let curator = server.client(CURATOR).await;
    let error = refused(curator.append(append("desk/a", vec![event("two", &[])])).await);
    assert!(error.message.contains("the role recorder"), "{error}");
    // A curator is let through to the rules of the record, by which it lacks a claimant.
    let error = curator.append(known("desk/a", &about)).await.expect_err("it is no claim");
    assert_eq!(error.reason, "INVALID_FIELD", "{error:?}");
}

#[tokio::test]
async fn groups_are_consumed_and_created_within_categories() {
    let (server, desk, _all) = store().await;
    let create = |name: &str, filter| CreateGroupRequest {
        name: name.to_owned(),
        filter,
        ..CreateGroupRequest::default()
    };
    let (operator, some) = (server.client(OPERATOR).await, server.client(SOME_OPERATOR).await);
    operator.create_group(create("whole", None)).await.expect("an operator of all");
    some.create_group(create("own", Some(in_categories(&["desk"]))))
        .await
        .expect("within its category");
    refused(some.create_group(create("other", Some(in_categories(&["secret"])))).await);
    let consume = |group: &str| {
        let (group, consumer) = (group.to_owned(), "one".to_owned());
        let first = ConsumeRequest { group, consumer, credit: 1, ..ConsumeRequest::default() };
        let mut answers = desk.consume(stream::iter([first]).chain(stream::pending()));
        async move { answers.try_next().await }
    };
    desk.append(append("desk/a", vec![event("one", &[])])).await.expect("its category");
    let delivered = consume("own").await.expect("it may").expect("a delivery");
    assert_eq!(delivered.events.iter().map(text).collect::<Vec<_>>(), ["one"]);
    let (there, nowhere) = (refused(consume("whole").await), refused(consume("absent").await));
    assert_eq!(there.message, nowhere.message, "whether a group is there is not told");
}
