//! Clocks that were set back, a little and far: no event is recorded before the one that it
//! follows, and a clock that is hours behind the log stops appends and nothing else.

use handover::{domain::proto::RecordedEvent, grpc::client::Client};

use super::{
    process::{self, Process},
    shim::World,
};
use crate::support::{append, event, read_all};

/// A server whose clock is so many seconds ahead.
async fn start(world: &World, ahead: i64) -> (Process, Client) {
    let mut command = process::command(&world.data());
    world.watch(&mut command, None);
    command.env("SHIM_CLOCK", ahead.to_string());
    let server = Process::spawn(command);
    let client = server.client().await.expect("it serves");
    (server, client)
}

fn times(events: &[RecordedEvent]) -> Vec<(i64, i32)> {
    let time = |event: &RecordedEvent| event.recorded_at.expect("each event has its time");
    events.iter().map(time).map(|time| (time.seconds, time.nanos)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_puts_no_event_before_another_and_far_back_stops_appends() {
    let world = World::new();
    let one = |text: &str| append("x/a", vec![event(text, &[])]);
    let (server, client) = start(&world, 0).await;
    client.append(one("first")).await.expect("it is recorded");
    assert!(server.stop().await.0.success());

    let (server, client) = start(&world, -600).await;
    client.append(one("second")).await.expect("ten minutes are let pass");
    let recorded = times(&read_all(&client).await);
    assert_eq!(recorded[0], recorded[1], "the second is not before the first");
    assert!(server.stop().await.0.success());

    let (server, client) = start(&world, -7_200).await;
    let refused = client.append(one("third")).await.expect_err("two hours are too much");
    assert!(refused.message.contains("set the clock"), "{refused}");
    assert_eq!(read_all(&client).await.len(), 2, "reads go on");
    assert!(server.stop().await.0.success());

    let (server, client) = start(&world, 0).await;
    client.append(one("fourth")).await.expect("the clock is right again");
    let recorded = times(&read_all(&client).await);
    assert!(recorded.is_sorted() && recorded[2] > recorded[1], "{recorded:?}");
    assert!(server.stop().await.0.success());
}
