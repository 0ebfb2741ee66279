//! The identity that records an event is stored with it, and no caller can choose it.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use handover::{
    domain::{
        access::Role,
        proto::{CreateGroupRequest, NewEvent, ReadRequest, SubscribeRequest},
    },
    grpc::client::ClientErrorKind,
};

use super::{Guarded, token};
use crate::support::{append, event, read_all};

const POLICY: &str = "\
public-read = true
[[identity]]
name = 'News desk'
tokens = ['desk-2027']
grants = []
";

#[tokio::test]
async fn each_event_has_the_identity_that_recorded_it_and_nothing_in_a_request_changes_that() {
    let tokens = vec![
        token(1, "desk-2027", &[Role::Recorder], &[]),
        token(2, "press", &[Role::Recorder], &[]),
        token(3, "operator", &[Role::Operator], &[]),
    ];
    let server = Guarded::start_with(POLICY, tokens, &["--recorded-by", "the server"]);
    let (desk, press) = (server.client(1).await, server.client(2).await);
    let claims = [("recorded_by", "mallory"), ("recorded-by", "mallory")];
    let claims = claims.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let claiming = NewEvent { metadata: BTreeMap::from(claims), ..event("one", &[]) };
    let first = append("x/a", vec![claiming, event("two", &[])]);
    desk.append(first.clone()).await.expect("it may record");
    let again = press.append(first).await.expect("the request id is known");
    assert!(again.duplicate, "a repetition records nothing, whichever identity sends it");
    press.append(append("x/a", vec![event("three", &[])])).await.expect("it may record");
    let operator = server.client(3).await;
    let group = CreateGroupRequest { name: "mail".to_owned(), ..CreateGroupRequest::default() };
    operator.create_group(group).await.expect("it may create groups");
    let stranger = server.stranger().await;
    let recorded: Vec<_> =
        read_all(&stranger).await.into_iter().map(|it| (it.stream, it.recorded_by)).collect();
    let expected = [("x/a", "News desk"), ("x/a", "News desk"), ("x/a", "press")];
    let expected: Vec<_> = expected.into_iter().chain([("group/mail", "operator")]).collect();
    let recorded: Vec<_> = recorded.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(recorded, expected);
    let refused = stranger.append(append("x/a", vec![event("four", &[])])).await;
    assert_eq!(refused.expect_err("it has no credentials").kind, ClientErrorKind::Denied);
    assert_eq!(read_all(&stranger).await.len(), 4);
}

#[tokio::test]
async fn answers_that_stay_encoded_are_given_to_a_token_and_refused_without() {
    let server = Guarded::start("", vec![token(1, "press", &[Role::Recorder, Role::Reader], &[])]);
    let press = server.client(1).await;
    press.append(append("x/a", vec![event("one", &[])])).await.expect("it may record");
    let read = press.read_encoded(ReadRequest::default()).try_collect::<Vec<_>>().await;
    assert!(!read.expect("it may read").is_empty());
    let mut frames = press.subscribe_encoded(SubscribeRequest::default());
    frames.next().await.expect("a frame").expect("it may follow");
    let mut refused = server.stranger().await.read_encoded(ReadRequest::default());
    let error = refused.next().await.expect("an answer").expect_err("it shows no token");
    assert_eq!(error.kind, ClientErrorKind::Denied);
}
