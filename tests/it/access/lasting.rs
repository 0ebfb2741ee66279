//! How long access lasts: streams end with their tokens and with the policy, and a policy that does
//! not parse changes nothing.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use handover::{
    domain::{
        access::{Role, Token},
        proto::{
            GetHeadRequest, SubscribeRequest, SubscribeResponse, subscribe_request::Start,
            subscribe_response::Frame,
        },
    },
    grpc::client::{Answers, Client, ClientError, ClientErrorKind},
};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::{Guarded, refused, token};
use crate::support::{append, event};

/// Far longer than any of this takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A subscription to what is recorded from now on.
async fn subscribed(client: &Client) -> Answers<SubscribeResponse> {
    let start = Some(Start::FromNow(true));
    let mut frames = client.subscribe(SubscribeRequest { start, ..SubscribeRequest::default() });
    let frame = timeout(PATIENCE, frames.try_next()).await.expect("in time").expect("it may");
    assert!(matches!(frame.and_then(|it| it.frame), Some(Frame::CaughtUp(_))));
    frames
}

/// What a stream ends with.
async fn end<T>(mut answers: impl Stream<Item = Result<T, ClientError>> + Unpin) -> ClientError {
    let ended = async {
        loop {
            match answers.next().await.expect("it ends with an error") {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    timeout(PATIENCE, ended).await.expect("it ends")
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let expires = OffsetDateTime::now_utc() + Duration::from_secs(3);
    let short = Token { expires: Some(expires), ..token(1, "short", &[Role::Recorder], &[]) };
    let server = Guarded::start("", vec![short, token(2, "long", &[Role::Reader], &[])]);
    let (short, long) = (server.client(1).await, server.client(2).await);
    let (mut frames, other) = (subscribed(&short).await, subscribed(&long).await);
    let pipeline = short.append_stream(stream::pending());
    let error = end(&mut frames).await;
    assert_eq!((error.kind, error.reason.as_str()), (ClientErrorKind::Denied, "NOT_AUTHENTICATED"));
    assert!(error.message.contains("\"short\" expired on"), "{error}");
    assert!(OffsetDateTime::now_utc() >= expires, "not before");
    assert_eq!(end(pipeline).await.reason, "NOT_AUTHENTICATED");
    refused(short.get_head(GetHeadRequest::default()).await);
    drop(other);
    long.get_head(GetHeadRequest::default()).await.expect("another token goes on");
}

#[tokio::test]
async fn streams_end_when_their_token_is_revoked_and_others_go_on() {
    let tokens = |revoked: bool| {
        let revoked = revoked.then(OffsetDateTime::now_utc);
        let first = Token { revoked, ..token(1, "first", &[Role::Reader], &[]) };
        vec![first, token(2, "second", &[Role::Recorder], &[])]
    };
    let server = Guarded::start("", tokens(false));
    let (first, second) = (server.client(1).await, server.client(2).await);
    let (frames, mut others) = (subscribed(&first).await, subscribed(&second).await);
    server.files.put(tokens(true));
    // The change is found without a signal.
    let error = end(frames).await;
    assert_eq!(error.kind, ClientErrorKind::Denied);
    assert!(error.message.contains("\"first\" was revoked on"), "{error}");
    second.append(append("x/a", vec![event("one", &[])])).await.expect("it may record");
    let frame = timeout(PATIENCE, others.try_next()).await.expect("in time").expect("it goes on");
    assert!(matches!(frame.and_then(|it| it.frame), Some(Frame::Events(_))));
}

#[tokio::test]
async fn a_policy_that_permits_less_ends_streams_and_one_that_does_not_parse_nothing() {
    let policy = |grants: &str| format!("[[identity]]\nname = 'desk'\ngrants = [{grants}]\n");
    let all = "{ role = 'reader' }";
    let server = Guarded::start(&policy(all), vec![token(1, "desk", &[], &[])]);
    let desk = server.client(1).await;
    let mut frames = subscribed(&desk).await;

    server.files.write("policy.toml", "[[identity]]\nname = 'desk'\ngrant = []");
    let line = server.reload("not taken up");
    assert!(line.contains("policy.toml") && line.contains("unknown field `grant`"), "{line}");
    desk.get_head(GetHeadRequest::default()).await.expect("the old policy is in use");

    server.files.write("policy.toml", &policy("{ role = 'reader' }, { role = 'recorder' }"));
    server.reload("new files are in use");
    desk.append(append("x/a", vec![event("one", &[])])).await.expect("it may record now");
    let frame = timeout(PATIENCE, frames.try_next()).await.expect("in time").expect("it goes on");
    assert!(matches!(frame.and_then(|it| it.frame), Some(Frame::Events(_))));

    server.files.write("policy.toml", &policy("{ role = 'reader', categories = ['x'] }"));
    server.reload("new files are in use");
    let error = end(frames).await;
    assert_eq!((error.kind, error.reason.as_str()), (ClientErrorKind::Unavailable, "NOT_READY"));
    refused(desk.subscribe(SubscribeRequest::default()).try_next().await);

    server.files.write("policy.toml", "public-read = true");
    server.reload("new files are in use");
    let frames = subscribed(&desk).await;
    server.files.write("policy.toml", "");
    server.reload("new files are in use");
    let error = end(frames).await;
    assert_eq!((error.kind, error.reason.as_str()), (ClientErrorKind::Denied, "NOT_PERMITTED"));
}
