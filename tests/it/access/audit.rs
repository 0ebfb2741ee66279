//! The audit log names refused calls and administrative ones, in bounds, and never a token.

use handover::{
    domain::{
        access::Role,
        proto::{CreateGroupRequest, GetHeadRequest, GetStatusRequest},
    },
    grpc::client::{Client, ClientToken},
};

use super::{Guarded, UNKNOWN, expired, refused, secret, token};
use crate::{lifecycle::line_with, support::append};

#[tokio::test]
async fn each_refused_and_each_administrative_call_has_a_line() {
    let tokens = vec![
        token(1, "reader", &[Role::Reader], &[]),
        token(2, "operator", &[Role::Operator], &[]),
        expired(token(3, "old", &[Role::Reader], &[])),
    ];
    let server = Guarded::start("", tokens);
    let head = GetHeadRequest::default;
    refused(server.stranger().await.get_head(head()).await);
    let line = line_with(&server.log, "a call is refused");
    for part in ["handover::audit", "GetHead", "needs credentials", "127.0.0.1:"] {
        assert!(line.contains(part), "{line}");
    }
    refused(server.client(UNKNOWN).await.get_head(head()).await);
    let line = line_with(&server.log, "a call is refused");
    assert!(line.contains("does not know this token"), "{line}");
    assert!(!line.contains(&secret(UNKNOWN)[4..]), "{line}");
    refused(server.client(3).await.get_head(head()).await);
    let line = line_with(&server.log, "a call is refused");
    assert!(line.contains("old") && line.contains("expired on"), "{line}");
    refused(server.client(1).await.append(append("x/a", vec![])).await);
    let line = line_with(&server.log, "a call is refused");
    assert!(line.contains("identity=\"reader\"") && line.contains("EventStoreService/Append"));
    let group = CreateGroupRequest { name: "mail".to_owned(), ..CreateGroupRequest::default() };
    server.client(2).await.create_group(group).await.expect("it may");
    let line = line_with(&server.log, "an administrative call");
    for part in ["identity=\"operator\"", "CreateGroup", "handover::audit"] {
        assert!(line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn a_flood_of_refusals_writes_a_bounded_number_of_lines() {
    const CALLS: usize = 1_000;
    let server = Guarded::start("", vec![token(1, "operator", &[Role::Operator], &[])]);
    let stranger = server.stranger().await;
    let begun = std::time::Instant::now();
    for _ in 0..CALLS {
        refused(stranger.get_head(GetHeadRequest::default()).await);
    }
    let group = CreateGroupRequest { name: "mail".to_owned(), ..CreateGroupRequest::default() };
    server.client(1).await.create_group(group).await.expect("it may");
    let permitted = 100 + begun.elapsed().as_millis() / 100 + 1;
    let mut lines = 0;
    loop {
        let line = line_with(&server.log, "handover::audit");
        if line.contains("an administrative call") {
            break;
        }
        lines += usize::from(line.contains("a call is refused"));
    }
    assert!(lines >= 100, "{lines} lines");
    assert!(u128::try_from(lines).is_ok_and(|lines| lines <= permitted), "{lines} lines");
}

#[tokio::test]
async fn a_status_that_is_watched_has_one_line_a_minute_and_each_change_its_own() {
    const LOOKS: usize = 20;
    let operator = |number, name| token(number, name, &[Role::Operator], &[]);
    let server = Guarded::start("", vec![operator(1, "night"), operator(2, "day")]);
    let (night, day) = (server.client(1).await, server.client(2).await);
    for _ in 0..LOOKS {
        night.server_status(GetStatusRequest {}).await.expect("it may");
    }
    day.server_status(GetStatusRequest {}).await.expect("it may");
    for name in ["mail", "web"] {
        let group = CreateGroupRequest { name: name.to_owned(), ..CreateGroupRequest::default() };
        night.create_group(group).await.expect("it may");
    }
    let lines = [(); 4].map(|()| line_with(&server.log, "an administrative call"));
    for (line, (identity, method)) in lines.iter().zip([
        ("night", "GetStatus"),
        ("day", "GetStatus"),
        ("night", "CreateGroup"),
        ("night", "CreateGroup"),
    ]) {
        let parts = [format!("identity=\"{identity}\""), format!("/{method}\"")];
        assert!(parts.iter().all(|part| line.contains(part)), "{method}: {lines:#?}");
    }
}

#[tokio::test]
async fn a_token_is_not_sent_in_plain_text_to_another_machine() {
    let token = || ClientToken::parse(&secret(1)).expect("a token");
    for exposed in ["http://desk.example:1", "10.0.0.1:1"] {
        let client = Client::lazy(exposed).expect("an address");
        let error = client.with_token(token()).expect_err("it is refused");
        assert!(error.message.contains("connect by https://"), "{error}");
        assert!(!error.to_string().contains(&secret(1)));
    }
    for own in ["http://127.0.0.1:1", "localhost:1", "http://[::1]:1", "https://desk.example:1"] {
        let Ok(client) = Client::lazy(own) else { continue };
        client.with_token(token()).expect(own);
    }
}
