//! What the tests share: the real binary as a child, events to append, and reading all back.

mod watchdog;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use handover::{
    domain::proto::{
        Any, AppendRequest, Filter, FilterItem, NewEvent, ReadRequest, RecordedEvent, StreamWrite,
    },
    grpc::client::Client,
};

/// An address without a server: no test is given a port below 1,024, whereas a free one that a test
/// closes can become that of another test's server.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_handover");
/// What the server prints before its address.
const SERVING: &str = "serving on ";

/// A child that is killed when dropped: a test that fails leaves no process behind either.
#[derive(Debug)]
pub(crate) struct Held(pub(crate) Child);

impl Held {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the binary can be run"))
    }

    /// Waits for its end; what it wrote to standard error besides, which must be piped.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut errors = String::new();
        let mut output = self.0.stderr.take().expect("a piped error output");
        output.read_to_string(&mut errors).expect("messages are UTF-8");
        (self.0.wait().expect("it has ended"), errors)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Held,
    /// Keeps the pipe open: a server must not die of a closed standard output.
    _output: BufReader<ChildStdout>,
    pub(crate) address: String,
    /// What it printed, up to its address.
    pub(crate) printed: String,
}

impl Server {
    /// Starts a server on `data` and waits until it says that it serves.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::try_start(data, arguments).expect("the server starts")
    }

    /// Starts a server at an address that an earlier one had, `host:port`.
    pub(crate) fn start_at(data: &Path, address: &str, arguments: &[&str]) -> Self {
        let child = spawn_at(data, address, arguments);
        Self::announced(child).expect("the server starts")
    }

    /// Starts a server; an error is what it wrote to standard error.
    pub(crate) fn try_start(data: &Path, arguments: &[&str]) -> Result<Self, String> {
        Self::announced(spawn(data, arguments))
    }

    /// Waits until a child that was started says that it serves.
    pub(crate) fn announced(child: Child) -> Result<Self, String> {
        let mut child = Held(child);
        let mut output = BufReader::new(child.0.stdout.take().expect("a piped output"));
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("the output can be read");
            if read == 0 {
                return Err(child.end().1);
            }
            printed.push_str(&line);
            if let Some((_, address)) = line.split_once(SERVING) {
                let address = address.trim().to_owned();
                // The test does not read it from here on; a full pipe would stop the server.
                let mut errors = child.0.stderr.take().expect("a piped error output");
                std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
                return Ok(Self { child, _output: output, address, printed });
            }
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address).await.expect("the server can be reached")
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Processor time that it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
        // The name, in parentheses, may hold anything. Behind it, user and system time are the
        // twelfth and thirteenth field, in ticks of 10 ms.
        let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
        let ticks = fields.skip(11).take(2).map(|it| it.parse::<u64>().expect("ticks"));
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// Kills it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.0.kill().expect("it can be killed");
        self.child.0.wait().expect("it has ended");
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill can be run");
        assert!(sent.success());
    }

    /// Waits for its end; whether it ended well.
    pub(crate) fn wait(mut self) -> bool {
        self.child.0.wait().expect("it has ended").success()
    }
}

/// Starts the binary without waiting for anything.
pub(crate) fn spawn(data: &Path, arguments: &[&str]) -> Child {
    spawn_at(data, "127.0.0.1:0", arguments)
}

fn spawn_at(data: &Path, address: &str, arguments: &[&str]) -> Child {
    Command::new(BINARY)
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--listen", address])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run")
}

/// A data directory that goes with the test. What runs on it is ended if it runs too long.
pub(crate) fn data_dir() -> (tempfile::TempDir, PathBuf) {
    watchdog::start();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    (dir, data)
}

/// An event of a type that the server does not know.
pub(crate) fn event(payload: &str, tags: &[&str]) -> NewEvent {
    NewEvent {
        payload: Some(Any {
            type_url: "type.googleapis.com/demo.v1.Noted".into(),
            value: payload.as_bytes().to_vec().into(),
        }),
        tags: tags.iter().map(ToString::to_string).collect(),
        metadata: std::collections::BTreeMap::new(),
    }
}

/// An append of `events` to one stream.
pub(crate) fn append(stream: &str, events: Vec<NewEvent>) -> AppendRequest {
    let write = StreamWrite { stream: stream.into(), expected_revision: None, events };
    AppendRequest { request_id: new_id(), writes: vec![write], ..AppendRequest::default() }
}

/// An append of one known event to its stream.
pub(crate) fn known<M: prost::Message + prost::Name>(stream: &str, message: &M) -> AppendRequest {
    let payload = Some(Any::pack(message));
    append(stream, vec![NewEvent { payload, ..NewEvent::default() }])
}

pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The seed of a random test, which is printed: that of `HANDOVER_SEED`, or a new one.
#[expect(clippy::print_stdout, reason = "a test that has failed is run again with it")]
pub(crate) fn seed() -> u64 {
    let given = std::env::var("HANDOVER_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("HANDOVER_SEED={seed}");
    seed
}

/// A filter of one item with these tags.
pub(crate) fn tagged(tags: &[&str]) -> Filter {
    let tags = tags.iter().map(ToString::to_string).collect();
    Filter { items: vec![FilterItem { tags, ..FilterItem::default() }] }
}

/// Everything that a read yields.
pub(crate) async fn read(client: &Client, request: ReadRequest) -> Vec<RecordedEvent> {
    let batches: Vec<_> = client.read(request).try_collect().await.expect("the log can be read");
    batches.into_iter().flat_map(|batch| batch.events).collect()
}

/// The whole log; positions and revisions are checked to have no gaps.
pub(crate) async fn read_all(client: &Client) -> Vec<RecordedEvent> {
    let events = read(client, ReadRequest::default()).await;
    assert_dense(&events);
    events
}

/// Fails if positions or revisions of the whole log have gaps.
pub(crate) fn assert_dense(log: &[RecordedEvent]) {
    let mut revisions = std::collections::HashMap::new();
    for (position, event) in (1..).zip(log) {
        assert_eq!(event.position, position, "positions have no gaps");
        let revision = revisions.entry(event.stream.clone()).or_insert(0);
        *revision += 1;
        assert_eq!(event.revision, *revision, "revisions of {} have no gaps", event.stream);
    }
}

/// The payload of an event made by [`event`].
pub(crate) fn text(event: &RecordedEvent) -> String {
    let payload = event.payload.as_ref().expect("every event has a payload");
    String::from_utf8_lossy(&payload.value).into_owned()
}
