//! Connections without a call: ended after their time, if that is set. Those with a call stay.

use std::time::Duration;

use futures_util::StreamExt as _;
use handover::domain::proto::{SubscribeRequest, subscribe_response::Frame};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    frames::{PREFACE, SETTINGS, frame},
    support::{Server, append, data_dir, event},
};

/// Longer than any of this takes.
const BOUND: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_idle_connection_is_ended_and_a_subscription_that_waits_is_not() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--idle-seconds", "1"]);
    let mut frames = server.client().await.subscribe(SubscribeRequest::default());
    frames.next().await.expect("a frame").expect("no error");
    for _ in 0..2 {
        let address = server.address.trim_start_matches("http://");
        let mut idle = TcpStream::connect(address).await.expect("the server can be reached");
        let preface = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        idle.write_all(&preface).await.expect("it is taken");
        let mut answers = Vec::new();
        let ended = timeout(BOUND, idle.read_to_end(&mut answers)).await.expect("it is ended");
        ended.expect("and not by force");
        assert!(!answers.is_empty(), "it was served before");
    }
    let writer = server.client().await;
    writer.append(append("x/a", vec![event("noted", &[])])).await.expect("it is recorded");
    let event = async {
        loop {
            let response = frames.next().await.expect("it goes on").expect("no error");
            if let Some(Frame::Events(batch)) = response.frame {
                return batch.events.len();
            }
        }
    };
    assert_eq!(timeout(BOUND, event).await.expect("it comes"), 1);
}
