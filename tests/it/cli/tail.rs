//! `tail`: the events that are there, and those that come.

use serde_json::Value;

use super::{Running, command, example, parsed, positions, run, run_with, transfer};
use crate::support::{Server, data_dir};

fn follow(server: &str, arguments: &[&str]) -> Running {
    Running::start(command(server, &[&["tail"], arguments].concat()))
}

fn record(server: &str, to: &str) {
    let arguments = ["append", "-", "--stream", "exchange/demo-1"];
    run_with(server, &arguments, &transfer(to, 2).to_string()).good();
}

#[test]
fn each_flag_selects() {
    let (_dir, server) = example();
    let tail = |arguments: &[&str]| {
        positions(&run(&server.address, &[&["tail", "--no-follow"], arguments].concat()).good())
    };
    let all: Vec<u64> = (1..=32).collect();
    assert_eq!(tail(&[]), all);
    assert_eq!(tail(&["--after", "0"]), all);
    assert_eq!(tail(&["--after", "30"]), [31, 32]);
    assert_eq!(tail(&["--after", "32"]), [0; 0]);
    assert_eq!(tail(&["--since", "2020-01-01T00:00:00Z"]), all);
    assert_eq!(tail(&["--since", "2999-01-01T00:00:00Z"]), [0; 0]);
    assert_eq!(tail(&["--stream", "detention/detention-1"]), [31]);
    let two = ["--stream", "detention/detention-1", "--stream", "detention/detention-2"];
    assert_eq!(tail(&two), [31, 32]);
    assert_eq!(tail(&["--category", "detention", "--category", "source"]), [1, 31, 32]);
    assert_eq!(tail(&["--type", "TransferCompleted"]), [10, 11, 12]);
    assert_eq!(tail(&["--type", "handover.v1.TotalClaimed"]), [13]);
    assert_eq!(tail(&["--tag", "to:DE"]), [11]);
    assert_eq!(tail(&["--tag", "from:BY", "--tag", "to:US"]), [12], "all of the tags");
    assert_eq!(tail(&["--tag", "from:BY", "--type", "TotalClaimed", "--after", "12"]), [13]);
    assert_eq!(tail(&["--type", "TransferCompleted", "--category", "source"]), [0; 0]);
}

#[test]
fn filters_are_alternatives_whose_terms_must_all_fit() {
    let (_dir, server) = example();
    let tail = |arguments: &[&str]| {
        positions(&run(&server.address, &[&["tail", "--no-follow"], arguments].concat()).good())
    };
    assert_eq!(tail(&["--filter", "type=TransferCompleted tag=to:DE"]), [11]);
    let two = ["--filter", "tag=to:DE", "--filter", "category=detention"];
    assert_eq!(tail(&two), [11, 31, 32]);
    assert_eq!(tail(&["--filter", "category=source category=detention"]), [1, 31, 32]);
    assert_eq!(tail(&["--filter", "tag=from:BY tag=to:US"]), [12], "all of the tags");
    let mut live = follow(&server.address, &[&["--after", "11"], &two[..]].concat());
    assert_eq!(positions(&live.line()), [31]);
    let select = ["export", "--filter", "type=TransferCompleted tag=to:DE"];
    assert_eq!(run(&server.address, &select).good().lines().count(), 1);
    for command in ["tail", "export"] {
        let wrong = [command, "--filter", "tag=to:DE tag=DE"];
        let error = run(&server.address, &wrong).refused(2);
        assert!(error.contains("the term tag=DE is not of the form key:value"), "{error}");
        let both = [command, "--filter", "tag=to:DE", "--tag", "to:DE"];
        let error = run(&server.address, &both).refused(2);
        assert!(error.contains("cannot be used with"), "{error}");
    }
}

#[test]
fn a_pipe_gets_whole_events_and_people_get_columns() {
    let (_dir, server) = example();
    let select = ["tail", "--no-follow", "--type", "TransferCompleted"];
    let events = parsed(&run(&server.address, &select).good());
    assert_eq!(events[1]["payload"]["count"]["value"], 13);
    assert_eq!(events[1]["stream"], "exchange/ankara-2024-08-01");
    let tags = events[1]["tags"].to_string();
    assert!(tags.contains("\"to:DE\""), "the server's tags are shown: {tags}");
    let table = run(&server.address, &[&select[..], &["--output", "table"]].concat()).good();
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("    10  ") && lines[0].ends_with("-> RU: 10, minors 2"),
        "{table}"
    );
    let columns = |line: &str| line.find("TransferCompleted");
    assert!(columns(lines[0]).is_some() && columns(lines[0]) == columns(lines[2]), "{table}");
}

#[test]
fn a_wrong_selection_is_refused_by_its_field() {
    let (_dir, server) = example();
    for (arguments, expected) in [
        (["--tag", "DE"], "tags[0]: is not of the form key:value"),
        (["--stream", "exchange"], "streams[0]: is not of the form category/name"),
        (["--category", "Exchange/"], "categories[0]"),
        (["--after", "33"], "--after is 33, but the log ends at 32"),
        (["--since", "monday"], "--since"),
    ] {
        for command in [&["tail", "--no-follow"][..], &["tail"]] {
            let error = run(&server.address, &[command, &arguments].concat()).refused(2);
            assert!(error.starts_with("error: ") && error.contains(expected), "{error}");
            assert!(!error.contains("filter.items"), "{error}");
        }
    }
}

#[test]
fn what_is_recorded_later_is_printed_when_it_comes() {
    let (_dir, server) = example();
    let mut all = follow(&server.address, &["--after", "31"]);
    let mut some = follow(&server.address, &["--follow", "--tag", "to:FR"]);
    assert_eq!(positions(&all.line()), [32]);
    record(&server.address, "DE");
    record(&server.address, "FR");
    assert_eq!(positions(&all.line()), [33]);
    assert_eq!(positions(&all.line()), [34]);
    assert_eq!(positions(&some.line()), [34]);
    for running in [all, some] {
        running.interrupt();
        assert_eq!(running.end().good(), "", "Ctrl-C is a clean end");
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_well() {
    let (_dir, server) = example();
    // Nothing is recorded any more, so no write would tell that the reader is gone.
    let mut tail = follow(&server.address, &[]);
    assert_eq!(positions(&tail.line()), [1]);
    assert_eq!(tail.hang_up().good(), "");
    for arguments in [&["tail", "--no-follow"][..], &["export"], &["counts"]] {
        let done = Running::start(command(&server.address, arguments)).hang_up();
        assert_eq!(done.good(), "", "{arguments:?}");
    }
}

/// Follows a server until it goes, and goes on with the next one.
fn resume(go: fn(Server), reported: &str) {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    record(&server.address, "DE");
    record(&server.address, "FR");
    let mut tail = follow(&server.address, &["--no-reconnect"]);
    assert_eq!(positions(&tail.line()), [1]);
    assert_eq!(positions(&tail.line()), [2]);
    go(server);
    let done = tail.end();
    assert_eq!((done.code, done.out.as_str()), (Some(6), ""));
    assert!(done.err.starts_with(reported), "{}", done.err);
    assert!(done.err.contains("; resume with --after 2 --store urn:uuid:"), "{}", done.err);
    let server = Server::start(&data, &[]);
    record(&server.address, "US");
    let resumed = run(&server.address, &["tail", "--no-follow", "--after", "2"]).good();
    assert_eq!(positions(&resumed), [3]);
}

#[test]
fn a_server_that_goes_leaves_a_place_to_resume_from() {
    resume(Server::kill, "error: ");
    resume(
        |server| {
            server.terminate();
            assert!(server.wait());
        },
        "error: the server is stopping",
    );
}

/// Follows a server until it goes, and sees what is recorded once it is back.
fn outlive(go: fn(Server), first: &[&str]) {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    record(&server.address, "DE");
    let mut tail = follow(&server.address, first);
    assert_eq!(positions(&tail.line()), [1]);
    let address = server.address.trim_start_matches("http://").to_owned();
    go(server);
    let server = Server::start_at(&data, &address, &[]);
    record(&server.address, "FR");
    record(&server.address, "US");
    assert_eq!(positions(&tail.line()), [2]);
    assert_eq!(positions(&tail.line()), [3]);
    tail.interrupt();
    let ended = tail.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(ended.err.starts_with("note: "), "{}", ended.err);
    assert!(ended.err.contains("; the command goes on when the server is back\n"), "{}", ended.err);
}

#[test]
fn tail_goes_on_where_it_was_when_the_server_is_started_anew() {
    outlive(Server::kill, &[]);
    let stopped = |server: Server| {
        server.terminate();
        assert!(server.wait());
    };
    outlive(stopped, &["--since", "2020-01-01T00:00:00Z", "--tag", "exchange:demo-1"]);
}

/// The name of a server's store, as its exports have it.
fn name_of_store(server: &str) -> String {
    let events = parsed(&run(server, &["export", "--format", "cloudevents"]).good());
    events[0]["source"].as_str().expect("a source").to_owned()
}

#[test]
fn a_client_that_goes_on_is_not_led_into_another_store() {
    let ((_dir, data), (_other_dir, other_data)) = (data_dir(), data_dir());
    let other = Server::start(&other_data, &[]);
    for to in ["UA", "RU", "PL", "NO"] {
        record(&other.address, to);
    }
    let mut server = Server::start(&data, &[]);
    record(&server.address, "DE");
    let names = [&server, &other].map(|server| name_of_store(&server.address));
    other.kill();
    for arguments in [
        &["tail"][..],
        &["tail", "--since", "2020-01-01T00:00:00Z"],
        &["counts", "--watch"],
        &["exchange", "demo-1", "--watch", "--output", "jsonl"],
    ] {
        let mut command = Running::start(command(&server.address, arguments));
        command.line();
        let address = server.address.trim_start_matches("http://").to_owned();
        server.kill();
        let other = Server::start_at(&other_data, &address, &[]);
        let ended = command.end();
        assert_eq!((ended.code, ended.out.as_str()), (Some(9), ""), "{arguments:?}: {}", ended.err);
        assert!(names.iter().all(|name| ended.err.contains(name)), "{}", ended.err);
        assert!(ended.err.contains("; there, resume with --after 1 --store urn:"), "{}", ended.err);
        other.kill();
        server = Server::start_at(&data, &address, &[]);
    }
    // Between two programs, the name is what was kept.
    let here = ["--after", "0", "--store", &names[0]];
    let there = ["--after", "0", "--store", &names[1]];
    let tail = run(&server.address, &[&["tail", "--no-follow"], &here[..]].concat()).good();
    assert_eq!(positions(&tail), [1]);
    let watch = ["exchange", "demo-1", "--watch"];
    for arguments in [&["tail", "--no-follow"][..], &["tail"], &["counts", "--watch"], &watch] {
        let error = run(&server.address, &[arguments, &there].concat()).refused(9);
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
    }
}

/// The time of a second that has not come yet, and the name of it.
fn soon() -> (time::OffsetDateTime, String) {
    let now = time::OffsetDateTime::now_utc() + time::Duration::seconds(2);
    let soon = now.replace_nanosecond(0).expect("a whole second");
    (soon, soon.format(&time::format_description::well_known::Rfc3339).expect("a time"))
}

#[test]
fn what_is_recorded_before_a_time_in_the_future_is_held_back() {
    let (_dir, server) = example();
    let (soon, since) = soon();
    let mut tail = follow(&server.address, &["--since", &since]);
    run(&server.address, &["groups", "create", "desk", "--since", &since]).good();
    let recorded = |event: &Value| {
        let time = event["recordedAt"].as_str().expect("a time");
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(time, format).expect("a time")
    };
    let group = || parsed(&run(&server.address, &["groups", "desk"]).good()).remove(0);
    let mut late = Vec::new();
    while late.is_empty() {
        record(&server.address, "DE");
        let last = ["tail", "--no-follow", "--category", "exchange"];
        let events = parsed(&run(&server.address, &last).good());
        late = events.into_iter().filter(|event| recorded(event) >= soon).collect();
        assert_eq!(late.is_empty(), group()["lagEvents"].is_null(), "lag is of what is meant");
    }
    let first = &parsed(&tail.line())[0];
    assert_eq!(first, &late[0], "the first that is recorded then");
    assert_eq!(group()["lagEvents"], late.len().to_string());
    assert!(group()["recordedFrom"].as_str().is_some_and(|time| since.starts_with(&time[..19])));
}
