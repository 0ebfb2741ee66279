//! A disk that does not answer while the server stops: one more signal ends it, and nothing that
//! was acknowledged is lost.

use std::{fs, process::Command, time::Duration};

use handover::grpc::client::Client;

use super::{
    process::Process,
    shim::{Errno, Fault, World},
};
use crate::support::{append, event, read_all, text};

/// Longer than any of this takes.
const BOUND: Duration = Duration::from_mins(1);

/// Waits until the shim has struck.
async fn struck(world: &World) {
    let struck = async {
        loop {
            let steps = fs::read(world.steps()).unwrap_or_default();
            if String::from_utf8_lossy(&steps).contains("struck ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(BOUND, struck).await.expect("the store is closed, and the step struck");
}

fn terminate(id: u32) {
    let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status();
    assert!(sent.expect("kill can be run").success());
}

async fn texts(client: &Client) -> Vec<String> {
    read_all(client).await.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_server_whose_store_does_not_close() {
    // The mark of a clean stop is the last thing that is written.
    for (calls, place) in [("fdatasync|fsync", "*clean-stop*"), ("rename", "*projections*")] {
        let world = World::new();
        let errno = Errno::Io;
        let fault =
            Fault { action: "hang", calls: calls.into(), place: place.into(), nth: 1, errno };
        let server = Process::start(&world, Some(&fault));
        let client = server.client().await.expect("it serves");
        client.append(append("x/a", vec![event("kept", &[])])).await.expect("it is recorded");
        drop(client);
        terminate(server.id());
        struck(&world).await;
        terminate(server.id());
        let (status, said) = server.end().await;
        assert_eq!(status.code(), Some(1), "{place}: {said:#?}");
        let last = said.lines.last().expect("it says why");
        assert!(last.contains("before its store was closed"), "{place}: {last}");

        let server = Process::start(&world, None);
        let client = server.client().await.expect("it serves again");
        assert_eq!(texts(&client).await, ["kept"], "{place}");
        let (status, said) = server.stop().await;
        assert!(status.success(), "{said:#?}");
    }
}
