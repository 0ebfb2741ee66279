//! Appends that the store refuses for its own sake: the reason is the one that `docs/TROUBLE.md`
//! explains, reads go on, and appends do once the trouble is over.

use handover::grpc::client::{Client, ClientError};

use super::{
    process::{self, Process},
    shim::World,
};
use crate::support::{append, event, read_all};

/// Bytes of an event; files of the journal and volumes have a mebibyte.
const EVENT: usize = 400 << 10;
/// Appends after which it must have been refused: more than eight volumes.
const MOST: usize = 40;

/// A server with trouble, and a client of it, on a store with one event.
async fn start(variable: &str, value: &str) -> (World, Process, Client) {
    let world = World::new();
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves");
    client.append(append("x/a", vec![event("first", &[])])).await.expect("it is recorded");
    assert!(server.stop().await.0.success());
    let mut command = process::command(&world.data());
    world.watch(&mut command, None);
    command.env(variable, value);
    let server = Process::spawn(command);
    let client = server.client().await.expect("it serves");
    (world, server, client)
}

/// Appends until one is refused; how many were recorded, and why it was.
async fn until_refused(client: &Client) -> (usize, ClientError) {
    let text = "x".repeat(EVENT);
    for recorded in 0..MOST {
        if let Err(error) = client.append(append("x/a", vec![event(&text, &[])])).await {
            return (recorded, error);
        }
    }
    panic!("{MOST} appends were recorded");
}

/// Fails unless reads go on, health says that appends do not, and a start without the trouble
/// takes appends. `uncertain` events may be there too.
async fn goes_on(world: World, server: Process, recorded: usize, uncertain: usize) {
    let client = server.client().await.expect("it serves");
    let found = read_all(&client).await.len();
    assert!((1 + recorded..=1 + recorded + uncertain).contains(&found), "{found}, {recorded}");
    server.until_health(false).await;
    // The trouble may keep it from stopping cleanly.
    server.stop().await;
    let server = Process::start(&world, None);
    let client = server.client().await.expect("it serves");
    client.append(append("x/a", vec![event("again", &[])])).await.expect("appends go on");
    let found = read_all(&client).await.len();
    assert!((2 + recorded..=2 + recorded + uncertain).contains(&found), "{found}, {recorded}");
    assert!(server.stop().await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_that_cannot_be_made_stop_appends_at_the_bound() {
    let fault = "stay mkdir|create data/volumes/* 1 28";
    let (world, server, client) = start("SHIM_FAULT", fault).await;
    let (recorded, error) = until_refused(&client).await;
    assert_eq!(error.reason, "BACKLOG_FULL", "{error:?}");
    assert!(recorded * EVENT > 7 << 20, "it is refused at a bound: {recorded}");
    assert!(error.message.contains("os error 28"), "{error:?}");
    goes_on(world, server, recorded, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_descriptors_stop_appends_before_the_next_file() {
    let fault = "stay create data/journal/*.journal* 1 24";
    let (world, server, client) = start("SHIM_FAULT", fault).await;
    let (recorded, error) = until_refused(&client).await;
    assert_eq!(error.reason, "RESOURCES_SHORT", "{error:?}");
    assert!(error.message.contains("os error 24"), "{error:?}");
    goes_on(world, server, recorded, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_hours_behind_stops_appends() {
    let (world, server, client) = start("SHIM_CLOCK", "-7200").await;
    let (recorded, error) = until_refused(&client).await;
    assert_eq!((recorded, error.reason.as_str()), (0, "CLOCK_BEHIND"), "{error:?}");
    assert!(error.message.contains("--accept-clock-behind"), "{error:?}");
    goes_on(world, server, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_leaves_one_append_unknown_and_stops_all_others() {
    let fault = "stay fdatasync data/journal/*.journal 3 5";
    let (world, server, client) = start("SHIM_FAULT", fault).await;
    let (recorded, error) = until_refused(&client).await;
    assert_eq!(error.reason, "OUTCOME_UNKNOWN", "{error:?}");
    let (none, error) = until_refused(&client).await;
    assert_eq!((none, error.reason.as_str()), (0, "STORE_FAILED"), "{error:?}");
    assert!(error.message.contains("os error 5"), "{error:?}");
    goes_on(world, server, recorded, 1).await;
}
