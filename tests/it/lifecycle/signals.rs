//! More signals than one while the server stops: it waits for less, and loses nothing of what it
//! has acknowledged.

use std::{
    process::{Command, ExitStatus},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use handover::grpc::client::Client;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{line_with, start_logged};
use crate::{
    frames::{PING, PREFACE, SETTINGS, frame, opened},
    support::{Held, Server, append, data_dir, event, read_all, text},
};

/// Longer than any of this takes, and far shorter than the grace period.
const BOUND: Duration = Duration::from_mins(1);
const GRACE: &str = "3600";

fn signal(child: &Held, name: &str) {
    let id = child.0.id().to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
    assert!(sent.expect("kill can be run").success());
}

/// Waits until the server has ended, and with it its log; how it ended, and the rest of the log.
fn ended(mut child: Held, log: &Receiver<String>) -> (ExitStatus, Vec<String>) {
    let (until, mut lines) = (Instant::now() + BOUND, Vec::new());
    let end = loop {
        match log.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => lines.push(line),
            Err(end) => break end,
        }
    };
    assert_eq!(end, RecvTimeoutError::Disconnected, "it has not ended: {lines:#?}");
    (child.0.wait().expect("it has ended"), lines)
}

/// A call that has begun, and whose message never comes, so that no drain sees its end.
async fn begun_call(address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.expect("the server can be reached");
    let sent = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        &opened(1, "/handover.v1.EventStoreService/Append"),
        &frame(PING, 0, 0, &[7; 8]),
    ];
    connection.write_all(&sent.concat()).await.expect("it is taken");
    // The ping was answered, so that the headers before it were read.
    let (mut answer, pong) = (Vec::new(), frame(PING, 1, 0, &[7; 8]));
    let answered = async {
        while !answer.ends_with(&pong) {
            answer.push(connection.read_u8().await.expect("the connection stands"));
        }
    };
    tokio::time::timeout(BOUND, answered).await.expect("it is answered");
    connection
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_at_once_and_nothing_that_was_acknowledged_is_lost() {
    for second in ["TERM", "INT"] {
        let (_dir, data) = data_dir();
        let arguments = ["--stop-grace-seconds", GRACE];
        let (child, log) = start_logged(&data, "127.0.0.1:0", &arguments);
        let started = line_with(&log, "starting");
        let at = started.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
        let address = at.expect("an address").to_owned();
        line_with(&log, "serving");
        let url = format!("http://{address}");
        let client = Client::connect(&url).await.expect("the server can be reached");
        client.append(append("x/a", vec![event("kept", &[])])).await.expect("it is recorded");
        let held = begun_call(&address).await;

        signal(&child, "TERM");
        line_with(&log, "stopping");
        signal(&child, second);
        let line = line_with(&log, "another signal");
        assert!(line.contains("WARN") && line.contains("are not waited for"), "{line}");
        let (status, lines) = ended(child, &log);
        assert_eq!(status.code(), Some(0), "the store is closed all the same: {lines:#?}");
        drop(held);
        let server = Server::start(&data, &[]);
        let log = read_all(&server.client().await).await;
        assert_eq!(log.iter().map(text).collect::<Vec<_>>(), ["kept"]);
    }
}
