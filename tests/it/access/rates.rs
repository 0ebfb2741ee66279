//! The rate of an identity: it is refused what is more, learns when to call again, and holds up no
//! other identity.

use std::time::Duration;

use handover::{
    domain::{access::Role, proto::GetHeadRequest},
    grpc::client::ClientErrorKind,
};
use tokio::time::{sleep, timeout};

use super::{Guarded, UNKNOWN, token};
use crate::lifecycle::line_with;

/// Longer than any of this takes.
const BOUND: Duration = Duration::from_mins(1);
const POLICY: &str = "public-read = true\n\
                      rate = { calls-per-second = 1000000 }\n\
                      [[identity]]\nname = 'News desk'\ntokens = ['first', 'second']\ngrants = []\n\
                      rate = { calls-per-second = 1, burst = 3 }\n";

#[tokio::test]
async fn an_identity_that_is_too_fast_learns_when_to_call_again_and_holds_up_no_other() {
    let reader = |number, name| token(number, name, &[Role::Reader], &[]);
    let tokens = vec![reader(1, "first"), reader(2, "second"), reader(3, "press")];
    let server = Guarded::start(POLICY, tokens);
    let head = GetHeadRequest::default;
    let (first, second) = (server.client(1).await, server.client(2).await);
    let until_refused = async {
        loop {
            if let Err(error) = first.get_head(head()).await {
                return error;
            }
        }
    };
    let error = timeout(BOUND, until_refused).await.expect("it is too fast");
    assert_eq!((error.kind, &*error.reason), (ClientErrorKind::Unavailable, "OVERLOADED"));
    assert!(
        error.message.contains("\"News desk\" may make 1 calls a second, 3 at once"),
        "{error}"
    );
    let after = error.retry_after.expect("it says when");
    assert!(after > Duration::ZERO && after <= Duration::from_secs(1), "{after:?}");
    let line = line_with(&server.log, "a call is refused");
    assert!(line.contains("identity=\"News desk\"") && line.contains("GetHead"), "{line}");

    let (press, stranger) = (server.client(3).await, server.stranger().await);
    for _ in 0..20 {
        press.get_head(head()).await.expect("it has a rate of its own");
        stranger.get_head(head()).await.expect("and so has an address");
    }
    sleep(after).await;
    first.get_head(head()).await.expect("the time has come");
    let both = async {
        loop {
            if second.get_head(head()).await.is_err() {
                return;
            }
        }
    };
    timeout(BOUND, both).await.expect("its other token is no way around it");

    assert!(first.serving().await.expect("an answer"), "health has no rate");
    let faster = POLICY.replace("= 1, burst = 3", "= 1000, burst = 1000");
    server.files.write("policy.toml", &faster);
    server.reload("new files are in use");
    // More than a burst of the old rate, by which the next ones would wait for a second each.
    for _ in 0..20 {
        while let Err(error) = first.get_head(head()).await {
            let after = error.retry_after.expect("it says when");
            assert!(after < Duration::from_millis(100), "the old rate is in use: {after:?}");
            sleep(after).await;
        }
    }
}

#[tokio::test]
async fn credentials_of_no_use_are_no_way_around_the_rate_of_an_address() {
    let policy = "rate = { calls-per-second = 1, burst = 3 }";
    let press = token(1, "press", &[Role::Reader], &[]);
    let server = Guarded::start(policy, vec![press]);
    let guessing = server.client(UNKNOWN).await;
    let (refused, error) = timeout(BOUND, async {
        for refused in 0.. {
            let error = guessing.get_head(GetHeadRequest::default()).await.expect_err("a guess");
            if error.reason == "OVERLOADED" {
                return (refused, error);
            }
            assert_eq!(error.reason, "NOT_AUTHENTICATED", "{error}");
        }
        unreachable!("it ends with the bound");
    })
    .await
    .expect("guesses are counted");
    assert!(refused >= 3, "{refused}: those within the rate learn what is wrong");
    assert!(error.retry_after.is_some() && error.message.contains("at this address"), "{error}");
    let press = server.client(1).await;
    press.get_head(GetHeadRequest::default()).await.expect("it has a rate of its own");
}
