//! Backups by the real binary: of a server under load and of a stopped folder, and the way back.

mod killed;
mod modes;
mod output;
mod page;
mod refused;

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use handover::{
    domain::proto::{GetHeadRequest, RecordedEvent},
    grpc::client::Client,
};
use serde_json::Value;

use crate::support::{BINARY, Server, append, data_dir, event, read_all};

/// Small files, so that a few thousand events make several volumes.
const SMALL: [&str; 4] = ["--journal-file-mib", "1", "--volume-mib", "1"];

/// A command that has ended.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// What it printed, if it ended well.
    fn good(self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).expect("an object")
    }

    /// What it complained about, if it ended with this code.
    fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).args(["--output", "json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Ran {
    let ended = command(arguments).output().expect("the binary can be run");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn back_up(server: &Server, to: &Path) -> Value {
    run(&["backup", "--server", &server.address, "--to", path(to)]).good()
}

fn position(answer: &Value) -> u64 {
    answer["position"].as_str().expect("a position").parse().expect("a number")
}

fn number(answer: &Value, key: &str) -> u64 {
    let value = &answer[key];
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
}

/// Appends of one to three events with much padding, until there are so many events.
async fn fill(client: &Client, events: u64) {
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head").position;
    let mut last = head;
    for number in 0.. {
        if last >= head + events {
            return;
        }
        let padding = "x".repeat(1 + number % 7 * 700);
        let parts = (0..=number % 3).map(|part| event(&format!("{part}/{padding}"), &[]));
        let request = append(&format!("fill/{}", number % 8), parts.collect());
        last = client.append(request).await.expect("an answer").last_position;
    }
}

/// The events with their stored bytes: an event has one encoding.
fn stored(events: &[RecordedEvent]) -> Vec<Vec<u8>> {
    events.iter().map(prost::Message::encode_to_vec).collect()
}

/// Restores, serves what was restored, and reads all of it.
async fn restored(from: &Path, data: &Path, more: &[&str]) -> (Value, Vec<RecordedEvent>) {
    let arguments = [&["restore", "--from", path(from), "--data", path(data)], more].concat();
    let answer = run(&arguments).good();
    let server = Server::start(data, &SMALL);
    let client = server.client().await;
    let events = read_all(&client).await;
    fill(&client, 3).await;
    server.terminate();
    assert!(server.wait());
    (answer, events)
}

/// Appends until it is stopped; the last acknowledged position is always known.
async fn load(client: Client, caller: usize, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let padding = "x".repeat(1 + number % 7 * 700);
        let parts = (0..=number % 3).map(|part| event(&format!("{caller}/{part}/{padding}"), &[]));
        let request = append(&format!("load/{caller}"), parts.collect());
        let answer = client.append(request).await.expect("an answer");
        acknowledged.fetch_max(answer.last_position, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_to_exactly_what_was_acknowledged() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    fill(&client, 1_500).await;
    let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            tokio::spawn(load(client.clone(), caller, stop, acknowledged))
        })
        .collect();
    let target = home.path().join("backups");
    let mut ends = Vec::new();
    for round in 0..4 {
        let before = acknowledged.load(Ordering::SeqCst);
        let (address, to) = (server.address.clone(), target.clone());
        let made = tokio::task::spawn_blocking(move || {
            run(&["backup", "--server", &address, "--to", path(&to)]).good()
        });
        let answer = made.await.expect("no panic");
        assert!(position(&answer) >= before, "{answer}: {before} were acknowledged before");
        if round > 0 {
            assert!(number(&answer, "keptPieces") > 0, "{answer}");
        }
        ends.push((answer["backup"].as_str().expect("a name").to_owned(), position(&answer)));
    }
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.expect("no panic");
    }
    let all = stored(&read_all(&client).await);
    for (number, (name, end)) in ends.iter().enumerate() {
        let data = home.path().join(format!("restored-{number}"));
        let (answer, events) = restored(&target, &data, &["--backup", name]).await;
        assert_eq!(position(&answer), *end);
        let end = usize::try_from(*end).expect("it is small");
        assert!(stored(&events) == all[..end], "{name} is not the first {end} events");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_copies_only_what_is_new_and_old_ones_go() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    fill(&client, 3_000).await;
    let target = home.path().join("backups");
    let first = back_up(&server, &target);
    assert_eq!(number(&first, "keptPieces"), 0);
    let again = back_up(&server, &target);
    assert_eq!(position(&again), position(&first));
    fill(&client, 60).await;
    let keep = ["--keep", "1"];
    let arguments = ["backup", "--server", &server.address, "--to", path(&target)];
    let second = run(&[&arguments[..], &keep[..]].concat()).good();
    assert!(number(&second, "copiedBytes") * 4 < number(&first, "copiedBytes"), "{second}");
    assert_eq!(number(&second, "removedBackups"), 2);
    let manifests = std::fs::read_dir(target.join("backups")).expect("a folder").count();
    assert_eq!(manifests, 1);
    let all = stored(&read_all(&client).await);
    let (_, events) = restored(&target, &home.path().join("restored"), &[]).await;
    assert!(stored(&events) == all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_restored_up_to_a_position_or_a_time_and_no_append_is_cut() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    fill(&client, 2_500).await;
    let target = home.path().join("backups");
    let last = position(&back_up(&server, &target));
    let all = read_all(&client).await;
    // `fill` appends one, two and three events in turn.
    let ends = |up_to: u64| {
        let mut end = 0;
        for size in [1, 2, 3].into_iter().cycle() {
            if end + size > up_to {
                return end;
            }
            end += size;
        }
        end
    };
    for (number, at) in [1, 2, 6, 700, 1_201, last - 1, last].into_iter().enumerate() {
        let data = home.path().join(format!("position-{number}"));
        let text = format!("position:{at}");
        let (answer, events) = restored(&target, &data, &["--at", &text]).await;
        assert_eq!(position(&answer), ends(at).max(1), "{at}");
        let end = usize::try_from(position(&answer)).expect("it is small");
        assert!(stored(&events) == stored(&all[..end]), "{at}");
    }
    let at = &all[1_300];
    let time = at.recorded_at.expect("a time");
    let data = home.path().join("time");
    let (answer, events) = restored(&target, &data, &["--at", &time.to_string()]).await;
    let until = all.iter().filter(|it| {
        let found = it.recorded_at.expect("a time");
        (found.seconds, found.nanos) <= (time.seconds, time.nanos)
    });
    let until: Vec<RecordedEvent> = until.cloned().collect();
    assert_eq!(position(&answer), until.len() as u64);
    assert!(stored(&events) == stored(&until));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_folder_is_backed_up_into_the_same_target() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    fill(&client, 2_000).await;
    let target = home.path().join("backups");
    back_up(&server, &target);
    fill(&client, 10).await;
    let all = stored(&read_all(&client).await);
    let live = run(&["backup", "--data", path(&data), "--to", path(&target)]).refused(6);
    assert!(live.contains("in use by process") && live.contains("--server"), "{live}");
    // Killed, so that the journal has to be recovered.
    server.kill();
    let answer = run(&["backup", "--data", path(&data), "--to", path(&target)]).good();
    assert_eq!(position(&answer), all.len() as u64);
    assert!(number(&answer, "keptPieces") > 0, "{answer}");
    let (_, events) = restored(&target, &home.path().join("restored"), &[]).await;
    assert!(stored(&events) == all);
}
