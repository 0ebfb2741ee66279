//! Every request with a position of an earlier history: refused beyond the branch, answered up to
//! it.

use std::{path::Path, time::Duration};

use futures_util::{Stream, StreamExt as _};
use handover::{
    client::{Consumer, UpdateError, Verdict},
    domain::proto::{
        AppendCondition, AppendRequest, ClaimConfirmed, ConfirmClaimRequest, ConsumeRequest,
        CreateGroupRequest, ListSourcesRequest, ReadDirection, ReadRequest, SourceRegistered,
        SubscribeRequest, WatchCountryCountsRequest, WatchCountryCountsResponse,
        WatchExchangeRequest, WatchExchangeResponse, create_group_request, read_request,
        subscribe_request,
    },
    grpc::client::{Client as Calls, ClientError, ClientErrorKind},
};

use super::{assert_changed, copy, head, note, restore, stop};
use crate::{
    client::{client, noted},
    rpc::Rpc,
    support::{Server, append, data_dir, event, known, new_id, tagged},
};

/// Events before the branch.
const BRANCH: u64 = 10;

/// A restored store, with the name that it had before and the present one.
struct Restored {
    _dir: tempfile::TempDir,
    server: Server,
    plain: String,
    name: String,
    /// A token of a list as of the end of the earlier history, and one as of the branch.
    tokens: [String; 2],
}

/// A store whose stream `desk/notes` has [`BRANCH`] events, then a restore, then others.
async fn restored(prepare: impl AsyncFn(&Calls)) -> Restored {
    let (dir, data) = data_dir();
    let kept = dir.path().join("kept");
    let server = Server::start(&data, &[]);
    let calls = server.client().await;
    prepare(&calls).await;
    let (_, before) = head(&calls).await;
    note(&calls, usize::try_from(BRANCH - before).expect("few")).await;
    let (plain, _) = head(&calls).await;
    let early = token(&calls).await;
    stop(server);
    copy(&data, &kept);
    let late = beyond(&data).await;
    restore(&kept, &data, BRANCH);
    // A watch that resumes says nothing before a heartbeat, if nothing changes.
    let server = Server::start(&data, &["--heartbeat-seconds", "1"]);
    let calls = server.client().await;
    note(&calls, 8).await;
    let (name, _) = head(&calls).await;
    Restored { _dir: dir, server, plain, name, tokens: [late, early] }
}

/// What the earlier history had beyond the branch; a token of a list there.
async fn beyond(data: &Path) -> String {
    let server = Server::start(data, &[]);
    let calls = server.client().await;
    note(&calls, 5).await;
    let token = token(&calls).await;
    stop(server);
    token
}

/// A page token of a list with more than one entry; empty: there are not so many.
async fn token(calls: &Calls) -> String {
    let (_, min_position) = head(calls).await;
    let request = ListSourcesRequest { page_size: 1, min_position, ..Default::default() };
    calls.sources(request).await.expect("a list").next_page_token
}

async fn first<T>(
    mut answers: impl Stream<Item = Result<T, ClientError>> + Unpin,
) -> Option<ClientError> {
    let answer = tokio::time::timeout(Duration::from_mins(1), answers.next()).await;
    answer.expect("it answers in time").expect("an answer").err()
}

async fn watched(rpc: &Rpc, request: WatchCountryCountsRequest) -> Option<ClientError> {
    let method = "CountService/WatchCountryCounts";
    rpc.first::<_, WatchCountryCountsResponse>(method, request).await.err()
}

async fn story(rpc: &Rpc, request: WatchExchangeRequest) -> Option<ClientError> {
    rpc.first::<_, WatchExchangeResponse>("ExchangeService/WatchExchange", request).await.err()
}

/// The first error of each call that reads from a position on. A watch that resumes where nothing
/// has changed answers with a heartbeat alone, which the client keeps to itself: hence the calls as
/// they go over the wire.
async fn reads(
    (calls, rpc): (&Calls, &Rpc),
    store: &str,
    position: u64,
) -> Vec<Option<ClientError>> {
    let store = store.to_owned();
    let read = |start, direction: ReadDirection, min_position| ReadRequest {
        filter: Some(tagged(&["desk:all"])),
        store: store.clone(),
        start,
        direction: direction.into(),
        min_position,
        ..Default::default()
    };
    let after = || Some(read_request::Start::AfterPosition(position));
    let subscribe = SubscribeRequest {
        store: store.clone(),
        start: Some(subscribe_request::Start::AfterPosition(position)),
        ..Default::default()
    };
    let counts = |after_position, min_position| WatchCountryCountsRequest {
        after_position,
        min_position,
        store: store.clone(),
        ..Default::default()
    };
    let exchange = |after_position, min_position| WatchExchangeRequest {
        exchange_id: "demo-1".into(),
        after_position,
        min_position,
        store: store.clone(),
        ..Default::default()
    };
    vec![
        first(calls.read(read(after(), ReadDirection::Forwards, 0))).await,
        first(calls.read(read(after(), ReadDirection::Backwards, 0))).await,
        first(calls.read(read(None, ReadDirection::Forwards, position))).await,
        first(calls.subscribe(subscribe)).await,
        watched(rpc, counts(Some(position), 0)).await,
        watched(rpc, counts(None, position)).await,
        story(rpc, exchange(Some(position), 0)).await,
        story(rpc, exchange(None, position)).await,
    ]
}

/// The outcome of each call that records something and rests on a position.
async fn writes(calls: &Calls, store: &str, position: u64) -> Vec<Option<ClientError>> {
    let condition =
        AppendCondition { fail_if_match: Some(tagged(&["desk:none"])), after_position: position };
    let noted = || append("desk/others", vec![event("noted", &[])]);
    let conditional =
        AppendRequest { condition: Some(condition), store: store.to_owned(), ..noted() };
    let start = Some(create_group_request::Start::AfterPosition(position));
    let group = CreateGroupRequest {
        request_id: new_id(),
        name: format!("g{}", new_id().replace('-', ".")),
        start,
        store: store.to_owned(),
        ..Default::default()
    };
    let mut piped = calls.append_stream(futures_util::stream::iter([conditional.clone()]));
    let piped = piped.next().await.expect("an answer").expect("the pipeline goes on");
    vec![calls.append(conditional).await.err(), piped.err(), calls.create_group(group).await.err()]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_position_beyond_the_branch_is_refused_and_each_before_it_is_valid() {
    let Restored { _dir, server, plain, name, .. } = restored(async |_| {}).await;
    let (calls, rpc) = (server.client().await, Rpc::connect(&server).await);
    for position in [0, 1, BRANCH] {
        let outcomes = reads((&calls, &rpc), &plain, position).await;
        assert!(outcomes.iter().all(Option::is_none), "{position}: {outcomes:?}");
    }
    assert!(writes(&calls, &plain, BRANCH).await.iter().all(Option::is_none));
    let (_, before) = head(&calls).await;
    for beyond in [BRANCH + 1, 9_999] {
        for outcomes in
            [reads((&calls, &rpc), &plain, beyond).await, writes(&calls, &plain, beyond).await]
        {
            for (place, outcome) in outcomes.into_iter().enumerate() {
                let error = outcome.unwrap_or_else(|| panic!("{place} goes on after {beyond}"));
                assert_changed(&error, &name, Some(BRANCH));
            }
        }
    }
    assert_eq!(head(&calls).await.1, before, "nothing is recorded");
    // A history that led nowhere near here: how much of it is common is not known, and never 0.
    for other in [format!("{plain}#{:032x}", 7), format!("{plain}#junk")] {
        for outcome in reads((&calls, &rpc), &other, 1).await {
            assert_changed(&outcome.expect("a refusal"), &name, None);
        }
        assert!(
            reads((&calls, &rpc), &other, 0).await.iter().all(Option::is_none),
            "a beginning is common"
        );
    }
    let another = "urn:uuid:00000000-0000-4000-8000-000000000000#00000000000000000000000000000000";
    for outcome in reads((&calls, &rpc), another, 1).await {
        assert_eq!(outcome.expect("a refusal").kind, ClientErrorKind::AnotherStore);
    }
    for current in ["", &name] {
        let outcomes = reads((&calls, &rpc), current, BRANCH + 3).await;
        assert!(outcomes.iter().all(Option::is_none), "{current}: {outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_beyond_the_branch_is_refused_though_the_stream_has_as_many_events_again() {
    let Restored { _dir, server, plain, name, .. } = restored(async |_| {}).await;
    let calls = server.client().await;
    let notes = |revision, store: &str| {
        let mut request = append("desk/notes", vec![event("noted", &[])]);
        request.writes[0].expected_revision = Some(revision);
        AppendRequest { store: store.to_owned(), ..request }
    };
    let own = calls.append(notes(BRANCH + 8, &plain)).await.expect_err("a refusal");
    assert_changed(&own, &name, Some(BRANCH));
    let error = calls.append(notes(BRANCH + 20, &plain)).await.expect_err("a refusal");
    assert_changed(&error, &name, Some(BRANCH));
    let stale = calls.append(notes(BRANCH, &plain)).await.expect_err("a conflict");
    assert_eq!(stale.kind, ClientErrorKind::Conflict, "what is common is decided as ever");
    calls.append(notes(BRANCH + 8, &name)).await.expect("the present history");

    // A client that reads, decides and appends gets the name with what it has read.
    let updating = client(&server.address).of_store(&plain);
    let updated = updating.update("desk/notes", |events| {
        assert_eq!(events.len() as u64, BRANCH + 9);
        Ok::<_, std::convert::Infallible>(vec![noted("after all")])
    });
    updated.await.expect("it is appended");
    let update = handover::client::Update::of("desk/notes").after_revision(BRANCH + 2);
    let updated =
        updating.update(update, |_| Ok::<_, std::convert::Infallible>(vec![noted("never")])).await;
    let Err(UpdateError::Call(error)) = updated else { panic!("{updated:?}") };
    assert_changed(&error.error, &name, Some(BRANCH));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_beyond_the_branch_is_not_confirmed() {
    let Restored { _dir, server, plain, name, .. } = restored(async |_| {}).await;
    let calls = server.client().await;
    let confirm = |claim, store: &str| {
        let confirmation = Some(ClaimConfirmed { claim, ..Default::default() });
        ConfirmClaimRequest { confirmation, store: store.to_owned(), ..Default::default() }
    };
    let error = calls.confirm_claim(confirm(BRANCH + 1, &plain)).await.expect_err("a refusal");
    assert_changed(&error, &name, Some(BRANCH));
    let error = calls.confirm_claim(confirm(BRANCH, &plain)).await.expect_err("no claim");
    assert_ne!(error.kind, ClientErrorKind::HistoryChanged, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_refused_by_an_earlier_name_and_takes_part_by_the_present_one() {
    let prepare = async |calls: &Calls| {
        let request = CreateGroupRequest { name: "desk".into(), ..Default::default() };
        calls.create_group(request).await.expect("it is created");
    };
    let Restored { _dir, server, plain, name, .. } = restored(prepare).await;
    let consuming = client(&server.address).of_store(&plain);
    let consumer = || Consumer::of("desk", "one");
    let handle = |_| std::future::ready(Verdict::Done);
    let error = consuming.consume(consumer(), std::future::pending(), handle).await;
    assert_changed(&error.expect_err("a refusal").error, &name, Some(BRANCH));

    let calls = server.client().await;
    let (group, consumer) = ("desk".to_owned(), "one".to_owned());
    let request =
        ConsumeRequest { group, consumer, credit: 5, store: name.clone(), ..Default::default() };
    let requests = futures_util::stream::iter([request]).chain(futures_util::stream::pending());
    let mut answers = calls.consume(requests);
    let answer = loop {
        let answer = answers.next().await.expect("an answer").expect("it takes part");
        if !answer.heartbeat {
            break answer;
        }
    };
    assert_eq!(answer.store, name, "the first hand-out names the history");
    assert!(!answer.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_of_events_that_are_gone_is_refused_and_an_earlier_one_goes_on() {
    let prepare = async |calls: &Calls| {
        for number in 0..3 {
            let source = SourceRegistered {
                source_id: format!("source-{number}"),
                title: format!("source {number}"),
                ..Default::default()
            };
            let stream = format!("source/source-{number}");
            calls.append(known(&stream, &source)).await.expect("it is registered");
        }
    };
    let Restored { _dir, server, name, tokens: [late, early], .. } = restored(prepare).await;
    let calls = server.client().await;
    let list = |page_token| ListSourcesRequest { page_size: 1, page_token, ..Default::default() };
    let error = calls.sources(list(late)).await.expect_err("a refusal");
    assert_changed(&error, &name, Some(BRANCH));
    let page = calls.sources(list(early)).await.expect("a page");
    assert_eq!((page.sources.len(), page.position), (1, BRANCH));
    let next = calls.sources(list(page.next_page_token)).await.expect("a page");
    assert_eq!((next.sources.len(), next.next_page_token.as_str()), (1, ""));
}
