//! Starting and stopping: one process a directory, formats, and a stop that answers every caller.

mod signals;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::Receiver,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _};
use handover::{
    domain::proto::{
        GetCountryCountsRequest, GetHeadRequest, ReadRequest, SubscribeRequest,
        WatchCountryCountsRequest,
    },
    grpc::client::{Answers, Client, ClientError, ClientErrorKind},
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::{BINARY, Held, Server, append, data_dir, event, read_all};

#[tokio::test]
async fn a_data_directory_is_held_by_one_process() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let error = Server::try_start(&data, &[]).expect_err("it is held");
    assert!(error.contains("another process") || error.contains("in use"), "{error}");
    assert_eq!(server.printed, format!("serving on {}\n", server.address));
    let client = server.client().await;
    client.append(append("x/a", vec![event("one", &[])])).await.expect("the first goes on");
}

#[tokio::test]
async fn a_data_directory_of_a_newer_format_is_refused_and_left_alone() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    server.terminate();
    assert!(server.wait());
    let store = data.join("STORE");
    let text = fs::read_to_string(&store).expect("the store's file");
    // The file ends with a checksum of the rest.
    let newer = text.replace("format 1\n", "format 99\n");
    assert_ne!(newer, text, "the file names its format");
    let body = newer.split("crc32c ").next().expect("a body");
    let newer = format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
    fs::write(&store, &newer).expect("it can be changed");
    let lock = data.join("LOCK");
    fs::write(&lock, "another's note\n").expect("it can be changed");
    let error = Server::try_start(&data, &[]).expect_err("it is newer");
    assert!(error.contains("newer") && error.contains("99"), "{error}");
    assert_eq!(fs::read_to_string(&store).expect("the store's file"), newer);
    assert_eq!(fs::read_to_string(&lock).expect("the lock"), "another's note\n");
    fs::write(&store, text).expect("it can be changed back");
    Server::start(&data, &[]);
}

#[test]
fn a_foreign_directory_is_refused_and_left_alone() {
    let (_dir, data) = data_dir();
    fs::create_dir_all(&data).expect("a directory");
    fs::write(data.join("thesis.txt"), "mine").expect("a file");
    let error = Server::try_start(&data, &[]).expect_err("it is somebody else's");
    assert!(error.contains(&data.display().to_string()), "{error}");
    let names: Vec<_> = fs::read_dir(&data)
        .expect("it can be listed")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name != "LOCK")
        .collect();
    assert_eq!(names, ["thesis.txt"]);
}

#[test]
fn a_bad_setting_is_refused_by_name_and_value() {
    let (dir, data) = data_dir();
    let file = dir.path().join("handover.toml");
    for (text, expected) in [
        ("\nliste = ':7'\n", "line 2: liste is not a setting; did you mean listen?"),
        ("volume-mib = 0", "line 1: volume-mib is 0; it must be a whole number from 1 to 1024"),
        ("scrub = true\nscrub = true", "duplicate key; each setting is given once"),
    ] {
        fs::write(&file, text).expect("it can be written");
        let path = file.to_str().expect("UTF-8");
        let error = Server::try_start(&data, &["--config", path]).expect_err("it is refused");
        assert!(error.contains(path) && error.contains(expected), "{error}");
    }
    for (arguments, named) in [
        (["--journal-file-mib", "0"], ["journal-file-mib", "0"]),
        (["--log", "=="], ["log", "=="]),
        (["--config", "/nowhere/x.toml"], ["config", "/nowhere/x.toml"]),
    ] {
        let error = Server::try_start(&data, &arguments).expect_err("it is refused");
        assert!(named.iter().all(|name| error.contains(name)), "{error}");
    }
    for (variable, value, expected) in [
        ("HANDOVER_LISTEN", "nowhere", "invalid value 'nowhere' for 'HANDOVER_LISTEN'"),
        ("HANDOVER_VOLUME_MIB", "0", "invalid value '0' for 'HANDOVER_VOLUME_MIB'"),
        ("HANDOVER_LOG", "==", "invalid value '==' for 'HANDOVER_LOG'"),
        ("HANDOVER_LOG_FORMAT", "xml", "invalid value 'xml' for 'HANDOVER_LOG_FORMAT'"),
    ] {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--data"]).arg(&data).env(variable, value);
        let ended = command.output().expect("the binary can be run");
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    assert!(!data.exists(), "a refused start touches nothing");
}

#[tokio::test]
async fn a_name_can_be_listened_on() {
    let (_dir, data) = data_dir();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--listen", "localhost:0", "--data"]).arg(&data);
    let mut child = Held::start(command.stdout(Stdio::piped()));
    let mut line = String::new();
    let output = child.0.stdout.take().expect("a piped output");
    BufReader::new(output).read_line(&mut line).expect("it can be read");
    let address = line.trim().strip_prefix("serving on ").expect("it serves").to_owned();
    let client = Client::connect(&address).await.expect("it can be reached");
    assert!(client.serving().await.expect("an answer"));
}

/// A server with a log that is kept apart.
pub(crate) fn start_logged(
    data: &Path,
    listen: &str,
    arguments: &[&str],
) -> (Held, Receiver<String>) {
    let mut command = Command::new(BINARY);
    command.args(["serve", "--listen", listen, "--data"]).arg(data).args(arguments);
    let mut child = Held::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let errors = BufReader::new(child.0.stderr.take().expect("a piped output"));
    let (report, reported) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        errors
            .lines()
            .map_while(Result::ok)
            .take_while(|line| report.send(line.clone()).is_ok())
            .count()
    });
    (child, reported)
}

/// The next line of a log that holds `text`.
#[track_caller]
pub(crate) fn line_with(log: &Receiver<String>, text: &str) -> String {
    loop {
        let line = log.recv_timeout(Duration::from_mins(1)).expect("the line comes");
        if line.contains(text) {
            return line;
        }
    }
}

#[test]
fn signals_that_request_a_reload_end_nothing() {
    let (_dir, data) = data_dir();
    let (mut child, log) = start_logged(&data, "127.0.0.1:0", &["--log-format", "json"]);
    let started = line_with(&log, "starting");
    for part in [env!("CARGO_PKG_VERSION"), data.to_str().expect("UTF-8"), "127.0.0.1:"] {
        assert!(started.contains(part), "{part} is missing: {started}");
    }
    line_with(&log, "serving");
    let id = child.0.id().to_string();
    for signal in ["HUP", "USR1", "USR2"] {
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(sent.expect("kill can be run").success());
        line_with(&log, &format!("SIG{signal}"));
    }
    Command::new("kill").args(["-TERM", &id]).status().expect("kill can be run");
    line_with(&log, "stopping");
    assert!(child.0.wait().expect("it ends").success());
}

/// A start that is refused: its exit code, and the lines on standard error.
fn refused_start(command: &mut Command) -> (i32, Vec<String>) {
    let ended = command.output().expect("the binary can be run");
    let errors = String::from_utf8(ended.stderr).expect("messages are UTF-8");
    let code = ended.status.code().expect("an exit code");
    assert_ne!(code, 0, "{errors}");
    (code, errors.lines().map(ToOwned::to_owned).collect())
}

/// All of the lines are JSON, and the last one is the refusal with its exit code.
#[track_caller]
fn assert_json_refusal((code, lines): (i32, Vec<String>), expected_code: i32, part: &str) {
    let parsed = lines.iter().map(|line| serde_json::from_str(line).map_err(|_| line));
    let parsed: Vec<serde_json::Value> = parsed.collect::<Result<_, _>>().expect("JSON alone");
    let last = parsed.last().expect("a refusal");
    assert_eq!((code, &last["fields"]["exit_code"]), (expected_code, &expected_code.into()));
    assert_eq!(last["level"], "ERROR", "{last}");
    let message = last["fields"]["message"].as_str().expect("a message");
    assert!(message.contains(part), "{part:?} is missing: {message}");
    assert_eq!(parsed.iter().filter(|line| line["level"] == "ERROR").count(), 1, "{lines:?}");
}

#[test]
fn a_refused_start_is_one_json_line_where_the_log_is_json() {
    let (dir, data) = data_dir();
    let _server = Server::start(&data, &[]);
    let serve = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).args(arguments);
        command
    };
    let in_use = "is in use by process";
    let json = ["--log-format", "json"];
    assert_json_refusal(refused_start(&mut serve(&json)), 1, in_use);
    // What the log leaves out by its filter is the log's; why there is no server is not.
    let mut silent = serve(&["--log-format", "json", "--log", "off"]);
    let (code, lines) = refused_start(&mut silent);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_json_refusal((code, lines), 1, in_use);
    let file = dir.path().join("handover.toml");
    fs::write(&file, "log-format = 'json'\n").expect("it can be written");
    let config = ["--config", file.to_str().expect("UTF-8")];
    assert_json_refusal(refused_start(&mut serve(&config)), 1, in_use);
    for arguments in [&json[..], &config] {
        let mut misspelt = serve(arguments);
        let refused = refused_start(misspelt.env("HANDOVER_LISTN", "127.0.0.1:1"));
        assert_json_refusal(refused, 2, "HANDOVER_LISTN is not a setting");
    }
    // The flag says the format even if the file says nothing that can be read.
    fs::write(&file, "log-format = 'json'\nliste = ':7'\n").expect("it can be written");
    let flagged = refused_start(serve(&config).args(json));
    assert_json_refusal(flagged, 2, "liste is not a setting");
    let (code, lines) = refused_start(&mut serve(&config));
    assert!(code == 2 && lines[0].starts_with("error: config: "), "{lines:?}");
    let (code, lines) = refused_start(&mut serve(&[]));
    let last = lines.last().expect("a refusal");
    assert!(code == 1 && last.starts_with("error: ") && last.contains(in_use), "{lines:?}");
    let mut misspelt = serve(&[]);
    let (code, lines) = refused_start(misspelt.env("HANDOVER_LISTN", "127.0.0.1:1"));
    assert!(code == 2 && lines.len() == 1 && lines[0].starts_with("error: "), "{lines:?}");
}

#[tokio::test]
async fn stored_files_are_for_no_other_user() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--volume-mib", "1", "--journal-file-mib", "1"]);
    let client = server.client().await;
    for number in 0..4 {
        let payload = format!("{number} {}", "x".repeat(600 << 10));
        client.append(append("x/a", vec![event(&payload, &[])])).await.expect("it is recorded");
    }
    server.terminate();
    assert!(server.wait(), "it stops cleanly");
    let mut folders = vec![data];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder) & 0o077, 0, "{}", folder.display());
        for entry in fs::read_dir(&folder).expect("it can be listed") {
            let path = entry.expect("an entry").path();
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
            files += usize::from(path.is_file());
            folders.extend(path.is_dir().then_some(path));
        }
    }
    assert!(files > 6, "journal, manifest, index and sled's files: {files}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode()
}

/// The error of a call that waited when the server stopped.
#[track_caller]
fn assert_stopping(what: &str, error: &ClientError) {
    let reported = (error.kind, error.reason.as_str());
    assert_eq!(reported, (ClientErrorKind::Unavailable, "NOT_READY"), "{what}: {error}");
}

/// How a stream ends, after everything that it brings.
async fn end<T>(mut answers: Answers<T>) -> ClientError {
    loop {
        match answers.try_next().await {
            Ok(answer) => drop(answer.expect("it does not end as if that was all")),
            Err(error) => return error,
        }
    }
}

/// A call that is on its way to the server before any that follows it on the connection.
fn sent<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let mut call = Box::pin(call);
    let unnamed = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(unnamed).is_pending());
    tokio::spawn(call)
}

/// Appends for as long as the server takes it, and returns how that ended.
async fn append_on(client: Client, first: oneshot::Sender<()>) -> (Vec<u64>, ClientError) {
    let requests = futures_util::stream::iter(0..)
        .map(|number| append("x/b", vec![event(&number.to_string(), &[])]));
    let mut outcomes = client.append_stream(requests);
    let mut first = Some(first);
    let mut acknowledged = Vec::new();
    loop {
        match outcomes.next().await.expect("it does not end as if that was all") {
            Err(error) => return (acknowledged, error),
            Ok(outcome) => {
                acknowledged.push(outcome.expect("what is accepted is recorded").last_position);
                first.take().map(|first| first.send(()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_under_way_ends_streams_and_releases_the_directory() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    client.append(append("x/a", vec![event("first", &[])])).await.expect("it is appended");
    let mut frames = client.subscribe(SubscribeRequest::default());
    frames.next().await.expect("a frame").expect("no error");
    let mut figures = client.watch_country_counts(WatchCountryCountsRequest::default());
    figures.next().await.expect("a snapshot").expect("no error");
    let request = ReadRequest { min_position: u64::MAX, ..ReadRequest::default() };
    let waiting = sent(end(client.read(request)));
    let min_position = u64::MAX;
    let request = GetCountryCountsRequest { min_position, ..GetCountryCountsRequest::default() };
    let requesting = client.clone();
    let figures_wait = sent(async move { requesting.country_counts(request).await });
    let (first, acked) = oneshot::channel();
    let pipeline = tokio::spawn(append_on(client.clone(), first));
    acked.await.expect("appends are under way");

    server.terminate();
    let (acknowledged, error) = pipeline.await.expect("the pipeline ends");
    assert_stopping("a pipeline", &error);
    assert_stopping("a subscription", &end(frames).await);
    assert_stopping("a watch", &end(figures).await);
    assert_stopping("a read that waits", &waiting.await.expect("it ends"));
    let refused = figures_wait.await.expect("it ends").expect_err("it cannot be reached");
    assert_stopping("figures that wait", &refused);
    assert!(server.wait(), "it ends well");

    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let log = read_all(&client).await;
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head");
    assert_eq!(head.position, log.len() as u64);
    assert!(acknowledged.iter().all(|position| *position <= head.position));
    assert!(!acknowledged.is_empty());
}
