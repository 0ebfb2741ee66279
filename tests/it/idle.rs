//! Connections without a call: ended after their time, if that is set. Those with a call stay.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use handover::domain::proto::{SubscribeRequest, subscribe_response::Frame};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    frames::{PING, PREFACE, SETTINGS, frame},
    support::{Server, append, data_dir, event},
};

/// Longer than any of this takes.
const BOUND: Duration = Duration::from_mins(1);
/// How long a connection may be without a call.
const IDLE: Duration = Duration::from_secs(1);
/// The flag of a ping that answers another one.
const ACKNOWLEDGES: u8 = 1;

/// Opens a connection without a call, and answers each ping on it until the server ends it; how
/// many frames came. One that answered no ping would be ended for that.
async fn idle_until_ended(address: &str) -> usize {
    let mut idle = TcpStream::connect(address).await.expect("the server can be reached");
    let preface = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    idle.write_all(&preface).await.expect("it is taken");
    let (mut head, mut frames) = ([0; 9], 0);
    // The server closes it between two frames.
    while idle.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut content = vec![0; length as usize];
        idle.read_exact(&mut content).await.expect("a whole frame");
        frames += 1;
        if head[3] == PING && head[4] & ACKNOWLEDGES == 0 {
            let answer = frame(PING, ACKNOWLEDGES, 0, &content);
            idle.write_all(&answer).await.expect("it is taken");
        }
    }
    frames
}

#[tokio::test]
async fn an_idle_connection_is_ended_and_a_subscription_that_waits_is_not() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--idle-seconds", &IDLE.as_secs().to_string()]);
    let mut frames = server.client().await.subscribe(SubscribeRequest::default());
    frames.next().await.expect("a frame").expect("no error");
    for _ in 0..2 {
        let (address, begun) = (server.address.trim_start_matches("http://"), Instant::now());
        let ended = timeout(BOUND, idle_until_ended(address)).await;
        assert!(ended.expect("it is ended") > 0, "it was served before");
        assert!(begun.elapsed() >= IDLE, "it has its time: {:?}", begun.elapsed());
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
