//! An append with a fate that the server does not know is settled by repeating it, at the next
//! server if need be.

use std::time::Duration;

use handover::client::{Append, ClientErrorKind, Retry};

use super::{
    process::Process,
    shim::{Errno, Fault, World},
};
use crate::{
    client::{client, noted},
    proxy::Proxy,
    support::read_all,
};

/// Syncs of the journal while a store is made; more than there are.
const MOST_SYNCS: usize = 64;

/// A server that serves; its next sync of the journal goes wrong.
async fn about_to_fail(action: &'static str) -> (World, Process) {
    for nth in 1..MOST_SYNCS {
        let (calls, place) = ("fdatasync".to_owned(), "data/journal/*".to_owned());
        let fault = Fault { action, calls, place, nth, errno: Errno::Io };
        let world = World::new();
        let server = Process::start(&world, Some(&fault));
        if server.client().await.is_some() {
            return (world, server);
        }
    }
    panic!("no server comes to serve");
}

async fn settled_by_the_next_server(action: &'static str) {
    let (world, server) = about_to_fail(action).await;
    let proxy = Proxy::start(&server.said().address().expect("it serves")).await;
    let append = Append::new().event_in("demo/1", noted("once")).expect("demo/1", 0);

    let hasty = client(&proxy.address).with_retry(Retry::default().within(Duration::from_secs(1)));
    let error = hasty.append(append.clone()).await.expect_err("the sync went wrong");
    println!("{action}: {error}");
    // The last try may be under way when the time is up.
    let open = [ClientErrorKind::Unavailable, ClientErrorKind::Deadline];
    assert!(open.contains(&error.error.kind), "{error:?}");
    assert!(error.outcome_unknown, "nobody has said that it is not recorded: {error:?}");
    assert!(error.attempts > 1, "{error:?}");

    let patient = client(&proxy.address);
    let appending = tokio::spawn({
        let append = append.clone();
        async move { patient.append(append).await }
    });
    drop(server);
    let server = Process::start(&world, None);
    let direct = server.client().await.expect("it serves once nothing goes wrong");
    proxy.point_at(&server.said().address().expect("it serves"));
    let outcome = appending.await.expect("it ends");
    // The failed store may refuse the append at once, with a known outcome: then it is repeated.
    if outcome.is_err() {
        client(&proxy.address).append(append).await.expect("it is settled");
    }
    assert_eq!(read_all(&direct).await.len(), 1, "{action}: recorded once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_of_unknown_fate_is_recorded_once() {
    for action in ["fail", "kill"] {
        settled_by_the_next_server(action).await;
    }
}
