//! The server under a service manager: the messages that it gets, and how the server drains.

use std::{
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all};
use handover::{
    domain::proto::{SubscribeRequest, subscribe_response::Frame},
    grpc::client::ClientErrorKind,
};
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::support::{BINARY, Server, append, data_dir, event, read_all};

/// What has not happened after this does not happen.
const LONG: Duration = Duration::from_mins(1);

/// A service manager with a socket.
struct Manager {
    dir: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(LONG)).expect("a time");
        Self { dir, socket }
    }

    /// Starts a server that it watches.
    fn start(&self, watchdog: &str) -> Server {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(self.dir.path().join("data"));
        command.env("NOTIFY_SOCKET", self.dir.path().join("notify"));
        command.env("WATCHDOG_USEC", watchdog);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Server::announced(child.expect("the binary can be run")).expect("it starts")
    }

    /// The next message.
    fn message(&self) -> String {
        let mut message = [0; 1_024];
        let length = self.socket.recv(&mut message).expect("a message in time");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    /// All messages up to the first that begins so.
    fn messages_until(&self, line: &str) -> Vec<String> {
        let mut all = vec![self.message()];
        while !all.last().is_some_and(|last| last.starts_with(line)) {
            all.push(self.message());
        }
        all
    }
}

#[test]
fn the_manager_hears_of_the_start_of_progress_and_of_the_stop() {
    let manager = Manager::new();
    let server = manager.start("300000");
    let before = manager.messages_until("READY=1");
    let starts = |message: &String| message.starts_with("EXTEND_TIMEOUT_USEC=");
    assert!(before.iter().any(starts), "{before:?}");
    let ready = before.last().expect("a message");
    assert_eq!(ready, &format!("READY=1\nSTATUS=serving on {}", server.address));
    for _ in 0..3 {
        assert_eq!(manager.message(), "WATCHDOG=1");
    }
    server.terminate();
    let stop = manager.messages_until("STOPPING=1");
    assert!(stop.iter().rev().skip(1).all(|it| it == "WATCHDOG=1"), "{stop:?}");
    assert!(server.wait(), "it ends well");
}

#[test]
fn a_socket_that_is_not_there_ends_nothing() {
    let manager = Manager::new();
    std::fs::remove_file(manager.dir.path().join("notify")).expect("it was there");
    let server = manager.start("300000");
    server.terminate();
    assert!(server.wait(), "it ends well");
}

async fn health(server: &Server) -> HealthClient<Channel> {
    let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
    HealthClient::new(endpoint.connect().await.expect("the server can be reached"))
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn a_drain_reports_to_watchers_answers_appends_and_waits_for_no_stream() {
    let (_dir, data) = data_dir();
    // A drain that waits for streams takes longer than the test does.
    let server = Server::start(&data, &["--stop-grace-seconds", "600"]);
    let client = server.client().await;
    client.append(append("x/a", vec![event("first", &[])])).await.expect("it is appended");
    let mut frames = client.subscribe(SubscribeRequest::default());
    loop {
        let frame = frames.next().await.expect("it goes on").expect("no error").frame;
        if matches!(frame, Some(Frame::CaughtUp(_))) {
            break;
        }
    }
    let mut watcher = health(&server).await;
    let live = watcher.check(of("liveness")).await.expect("an answer").into_inner();
    assert_eq!(live.status(), ServingStatus::Serving);
    let watch = watcher.watch(of("handover.v1.EventStoreService")).await.expect("an answer");
    let mut watch = watch.into_inner();
    let next = watch.message().await.expect("no error").expect("a status");
    assert_eq!(next.status(), ServingStatus::Serving);

    let appends = (0..200).map(|number| {
        let client = client.clone();
        async move { client.append(append("x/b", vec![event(&number.to_string(), &[])])).await }
    });
    let appends = tokio::spawn(join_all(appends));
    // Some of them are under way.
    loop {
        let Some(Frame::Events(_)) = frames.next().await.expect("more").expect("no error").frame
        else {
            continue;
        };
        break;
    }
    server.terminate();
    let drained = async {
        let next = watch.message().await.expect("no error").expect("a status");
        assert_eq!(next.status(), ServingStatus::NotServing);
        let end = watch.message().await.expect_err("it is ended");
        assert_eq!(end.code(), tonic::Code::Unavailable, "{end}");
        let end = loop {
            if let Err(end) = frames.next().await.expect("it does not end as if that was all") {
                break end;
            }
        };
        assert_eq!((end.kind, end.reason.as_str()), (ClientErrorKind::Unavailable, "NOT_READY"));
        appends.await.expect("no panic")
    };
    let outcomes = tokio::time::timeout(LONG, drained).await.expect("no stream is waited for");
    let waiting = tokio::task::spawn_blocking(move || server.wait());
    assert!(tokio::time::timeout(LONG, waiting).await.expect("it ends").expect("no panic"));

    let mut recorded = 1;
    for outcome in outcomes {
        match outcome {
            Ok(_) => recorded += 1,
            Err(error) => {
                let never_begun = error.reason == "NOT_READY" || error.reason.is_empty();
                assert!(error.kind == ClientErrorKind::Unavailable && never_begun, "{error}");
            }
        }
    }
    let server = Server::start(&data, &[]);
    let log = read_all(&server.client().await).await;
    assert!(recorded > 1, "some were under way");
    assert_eq!(log.len(), recorded, "each that was begun was answered");
}
