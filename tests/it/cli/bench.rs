//! `handover bench` with the real binary: quick runs show that every part works. What they
//! measure means nothing, so no test looks at it.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Running, Server, arg, command, data_dir, run};

/// Runs a quick bench in a folder of its own; the folder must be gone afterwards.
fn quick(dir: &Path, more: &[&str]) -> String {
    let folder = dir.join("bench");
    let arguments = ["bench", "--suite", "log", "--quick", "--dir", arg(&folder)];
    let printed = run("", &[&arguments[..], more].concat()).good();
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
    let (dir, _) = data_dir();
    let folder = dir.path().join("bench");
    let arguments = ["bench", "--suite", "claims", "--quick", "--dir", arg(&folder)];
    let report = json(&run("", &arguments).good());
    let expected = ["the register by itself", "a server full of claims"];
    assert_eq!(names(&report["cases"]), expected);
    let figures = report["figures"].as_array().expect("a list");
    assert_eq!(figures.len(), 6);
    for figure in figures {
        assert!(figure["met"].is_boolean(), "a figure was not measured: {figure}");
    }
}

#[test]
fn a_quick_bench_measures_every_case_and_figure_and_verifies_across_kills() {
    let (dir, _) = data_dir();
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
    let (dir, _) = data_dir();
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
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let chosen = |only: &str| {
        let arguments = ["--server", &server.address, "--verify", "--only", only];
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
    let kept = run(&server.address, &["tail", "--no-follow"]).good();
    let own = kept.lines().all(|line| line.contains("\"stream\":\"bench/"));
    assert!(own && !kept.is_empty(), "only streams of the bench's own are appended to");
}

#[test]
fn an_interrupt_stops_the_servers_and_removes_the_folder() {
    let (dir, _) = data_dir();
    let folder = dir.path().join("bench");
    let arguments = ["bench", "--dir", arg(&folder), "--output", "table", "--seconds", "3600"];
    let mut bench = Running::start(command("", &arguments));
    // The head is printed when the first servers have been started.
    while !bench.line().starts_with("one event:") {}
    let children = children_of(bench.child.0.id());
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
    let (dir, _) = data_dir();
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
        (&["--only", "nothing of the kind"], "--only"),
    ] {
        let all = [&["bench", "--dir", arg(&folder)], arguments].concat();
        let error = run("", &all).refused(2);
        assert!(error.contains(named), "{arguments:?}: {error}");
        assert!(!folder.exists(), "{arguments:?} made the folder");
    }
    fs::create_dir(&folder).expect("a folder can be made");
    fs::write(folder.join("mine"), "x").expect("a file can be written");
    let error = run("", &["bench", "--dir", arg(&folder)]).refused(2);
    assert!(error.contains(arg(&folder)) && error.contains("not empty"), "{error}");
    assert!(folder.join("mine").exists());
}

#[test]
fn a_server_that_cannot_be_started_is_told_with_its_last_words() {
    let (dir, _) = data_dir();
    let folder = dir.path().join("bench");
    let arguments = ["bench", "--quick", "--dir", arg(&folder), "--", "--recorded-by", "a\nb"];
    let error = run("", &arguments).refused(1);
    assert!(error.contains("--recorded-by"), "{error}");
    assert!(!folder.exists(), "the folder was left behind");
    let error = run("", &["bench", "--server", &super::nowhere(), "--dir", arg(&folder)]);
    assert!(error.refused(6).contains("cannot reach"));
}
