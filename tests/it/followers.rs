//! Many followers: idle ones that all get one event, ones that never read, and one too many.

use futures_util::{StreamExt as _, future::join_all};
use handover::{
    domain::proto::{
        Filter, SubscribeRequest, SubscribeResponse, subscribe_request::Start,
        subscribe_response::Frame,
    },
    grpc::client::{Answers, Client},
};

use crate::support::{Server, append, data_dir, event, tagged};

/// What the server has open at most, and what one connection has.
const MOST_STREAMS: usize = 16_384;
const PER_CONNECTION: usize = 1_024;

fn request(filter: Option<Filter>) -> SubscribeRequest {
    let start = Some(Start::FromNow(true));
    SubscribeRequest { filter, start, ..SubscribeRequest::default() }
}

/// Subscribes and waits for the first frame.
async fn open(client: &Client, filter: Option<Filter>) -> Answers<SubscribeResponse> {
    let mut frames = client.subscribe(request(filter));
    let first = frames.next().await.expect("a frame").expect("a subscription");
    assert!(matches!(first.frame, Some(Frame::CaughtUp(_))), "{first:?}");
    frames
}

/// The position of the next event.
async fn event_of(frames: &mut Answers<SubscribeResponse>) -> u64 {
    loop {
        match frames.next().await.expect("a frame").expect("events").frame.expect("it says what") {
            Frame::Events(batch) => return batch.events[0].position,
            Frame::CaughtUp(_) | Frame::Checkpoint(_) | Frame::FellBehind(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_followers_as_are_let_in_get_one_event_and_one_more_is_turned_away() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let mut followers = Vec::new();
    for connection in 0..MOST_STREAMS / PER_CONNECTION {
        let client = server.client().await;
        let tags = [format!("desk:{connection}"), "desk:all".to_owned()];
        let filters = [None, Some(tagged(&[&tags[0]])), Some(tagged(&[&tags[1]]))];
        let opened = (0..PER_CONNECTION).map(|number| open(&client, filters[number % 3].clone()));
        followers.extend(join_all(opened).await);
    }
    let client = server.client().await;
    let mut refused = client.subscribe(request(None));
    let error = refused.next().await.expect("an answer").expect_err("a refusal");
    assert_eq!(error.reason, "OVERLOADED", "{error}");

    let tags: Vec<String> =
        (0..MOST_STREAMS / PER_CONNECTION).map(|it| format!("desk:{it}")).collect();
    let mut tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    tags.push("desk:all");
    let receipt = client.append(append("notes/1", vec![event("for all", &tags)])).await;
    let position = receipt.expect("the server goes on").first_position;
    let received = join_all(followers.iter_mut().map(event_of)).await;
    assert!(received.iter().all(|received| *received == position));

    // Followers that go make room.
    drop(followers.split_off(MOST_STREAMS / 2));
    let mut let_in = client.subscribe(request(None));
    while let Some(Err(error)) = let_in.next().await {
        assert_eq!(error.reason, "OVERLOADED", "{error}");
        // The server notices a moment later that they went.
        let_in = client.subscribe(request(None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_that_never_read_hold_nothing_up_and_miss_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--journal-file-mib", "1", "--volume-mib", "1"]);
    let (writer, reader) = (server.client().await, server.client().await);
    let mut never = Vec::new();
    for _ in 0..8 {
        // A connection each, because followers on one connection share its window.
        never.push(open(&server.client().await, None).await);
    }
    let mut reads = open(&reader, None).await;
    let (appends, each) = (40, 50);
    let payload = "x".repeat(2_000);
    for number in 0..appends {
        let events = (0..each).map(|_| event(&payload, &[])).collect();
        writer.append(append("notes/1", events)).await.expect("an append");
        let mut seen = number * each;
        while seen < (number + 1) * each {
            seen += events_of(&mut reads, seen).await;
        }
    }
    for frames in &mut never {
        let mut seen = 0;
        while seen < appends * each {
            seen += events_of(frames, seen).await;
        }
    }
}

/// How many events the next frame has, which follow those that were seen.
async fn events_of(frames: &mut Answers<SubscribeResponse>, seen: u64) -> u64 {
    let frame = frames.next().await.expect("a frame").expect("events").frame;
    let Some(Frame::Events(batch)) = frame else { return 0 };
    for (position, event) in (seen + 1..).zip(&batch.events) {
        assert_eq!(event.position, position, "once each, in order");
    }
    batch.events.len() as u64
}
