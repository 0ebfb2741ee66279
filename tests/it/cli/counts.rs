//! `counts`: the figures from a second process, then, now, and as they change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Running, command, example, nowhere, parsed, positions, run, run_with, serve::TABLE, transfer,
};
use crate::support::{Server, data_dir};

#[test]
fn another_process_counts_what_was_printed() {
    let (_dir, server) = example();
    let counts =
        |arguments: &[&str]| run(&server.address, &[&["counts"], arguments].concat()).good();
    assert_eq!(counts(&["--output", "table"]), TABLE);

    let whole: Value = serde_json::from_str(&counts(&["--output", "json"])).expect("JSON");
    assert_eq!(whole["position"], "32");
    let received: BTreeMap<_, _> = whole["counts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|count| (count["country"].as_str().expect("a code"), &count["received"]))
        .collect();
    assert_eq!(received["DE"]["preferred"], 13);
    assert_eq!(received["RU"]["preferred"], 10);
    assert_eq!(received["RU"]["ofWhich"]["minors"], json!({"low": 2, "high": 2, "legs": 1}));
    assert_eq!(received["US"]["preferred"], 3);
    let origins = ["BY", "DE", "NO", "PL", "RU", "SI", "US"];
    assert_eq!(received.keys().copied().collect::<Vec<_>>(), origins);
    for count in whole["counts"].as_array().expect("a list") {
        // No number for what was sent, above all no 0.
        assert_eq!(count["sent"], json!({"shared": {"legs": 3, "atMost": 26}}), "{count}");
    }

    let lines = counts(&[]);
    assert_eq!(lines, counts(&["--output", "jsonl"]), "a pipe gets lines");
    let mut rows = whole["counts"].clone();
    for row in rows.as_array_mut().expect("a list") {
        row["position"] = json!("32");
    }
    assert_eq!(Value::Array(parsed(&lines)), rows, "each line says what it is true for");

    let csv = counts(&["--output", "csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let of = |row: &[&str], column: &str| {
        row[rows[0].iter().position(|name| *name == column).expect(column)].to_owned()
    };
    assert_eq!(rows.iter().skip(1).map(|row| row[0]).collect::<Vec<_>>(), origins);
    for row in &rows[1..] {
        assert_eq!([of(row, "sent_low"), of(row, "sent_shared_at_most")], ["", "26"], "{row:?}");
    }
    assert!(rows[1..].iter().all(|row| of(row, "position") == "32"));
    let ru = ["received_low", "received_high", "received_preferred", "received_minors_high"];
    assert_eq!(ru.map(|column| of(&rows[5], column)), ["10", "10", "10", "2"]);
}

#[test]
fn countries_and_the_time_of_the_exchange_select() {
    let (_dir, server) = example();
    let countries = |arguments: &[&str]| -> Vec<String> {
        let out = run(&server.address, &[&["counts"], arguments].concat()).good();
        parsed(&out).iter().map(|count| count["country"].to_string()).collect()
    };
    assert_eq!(countries(&["US", "DE"]), ["\"DE\"", "\"US\""]);
    assert_eq!(countries(&["--occurred", "2024-08"]).len(), 7);
    assert_eq!(countries(&["--occurred", "2023/2024-07"]).len(), 0);
    assert_eq!(countries(&["--unit", "remains"]).len(), 0);
    assert_eq!(countries(&["--unit", "person"]).len(), 7);
}

#[test]
fn the_record_is_counted_as_it_stood() {
    let (_dir, server) = example();
    let table = |as_of: &str| {
        let arguments = ["counts", "--output", "table", "--as-of", as_of];
        run(&server.address, &arguments).good()
    };
    assert_eq!(table("32"), TABLE);
    let before = table("11");
    assert!(
        before.contains(" US      | person | -             | shared, at most 23\n"),
        "{before}"
    );
    assert!(before.ends_with("received in all: 23\n(as of position 11)\n"), "{before}");
    assert_eq!(table("2020-01-01"), "no transfers (nothing was recorded yet)\n");
    let now =
        time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339);
    assert_eq!(table(&now.expect("a time")), TABLE, "nothing has been recorded since");
    assert_eq!(table("2020-01-01T00:00:00Z"), "no transfers (nothing was recorded yet)\n");
    let events = parsed(&run(&server.address, &["tail", "--no-follow"]).good());
    let last = events.last().expect("events")["recordedAt"].as_str().expect("a time");
    assert_eq!(table(last), TABLE, "a moment is inclusive");
}

#[test]
fn a_country_without_a_transfer_is_named_and_is_no_zero() {
    let (_dir, server) = example();
    let counts = |arguments: &[&str]| run(&server.address, &[&["counts"], arguments].concat());
    let line = "no transfer is recorded of FR: unknown, not 0\n";
    let table = counts(&["DE", "FR", "--output", "table"]).good();
    assert!(table.contains(" DE ") && table.ends_with(line), "{table}");
    let csv = counts(&["FR", "FR", "--output", "csv"]);
    assert_eq!((csv.code, csv.out.lines().count()), (Some(0), 1), "{}", csv.out);
    assert_eq!(csv.err, format!("note: {line}"));
    let narrowed = counts(&["DE", "--occurred", "1999", "--output", "table"]).good();
    assert!(narrowed.ends_with("no such transfer is recorded of DE: unknown, not 0\n"));
    let known = counts(&["PL"]);
    assert_eq!((known.err.as_str(), known.out.lines().count()), ("", 1), "PL shares");
}

#[test]
fn months_count_every_exchange_once_and_coarse_dates_stand_apart() {
    let (_dir, server) = example();
    run(&server.address, &["import", "examples/exchanges/claims.csv"]).good();
    let counts = |arguments: &[&str]| {
        let csv = [&["counts", "--unit", "person", "--output", "csv"], arguments].concat();
        let text = run(&server.address, &csv).good();
        let rows: Vec<Vec<String>> =
            text.lines().map(|row| row.split(',').map(str::to_owned).collect()).collect();
        let column = rows[0].iter().position(|name| name == "exchanges").expect("the column");
        let sum: u32 = rows[1..].iter().map(|row| row[column].parse::<u32>().expect(&text)).sum();
        (rows, sum)
    };
    let (_, all) = counts(&["--group-by", "unit"]);
    assert!(all > 50, "{all}");
    for arguments in [&["--by-month"][..], &["--group-by", "month"], &["--group-by", "quarter"]] {
        let (rows, sum) = counts(arguments);
        assert_eq!(sum, all, "{arguments:?}");
        assert!(rows.len() > 10, "{rows:?}");
    }
    let table = run(&server.address, &["counts", "--by-month", "--output", "table"]).good();
    assert!(table.contains("\n 2024-12 ") && table.contains(" (no month) "), "{table}");
    let error = run(&server.address, &["counts", "--by-month", "--group-by", "to"]).refused(2);
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn a_wrong_question_is_refused_by_its_field() {
    let (_dir, server) = example();
    for (arguments, named) in [
        (&["DE", "XX1"][..], "countries[1]: is \"XX1\""),
        (&["de"], "countries[0]: is \"de\", not a party's code, did you mean DE?"),
        (&["--as-of", "33"], "as_of.position is 33, but the log ends at 32"),
        (
            &["--as-of", "2999-01-01"],
            "as_of.recorded_time is 2999-01-01T23:59:59.999999Z, but it is",
        ),
        (&["--as-of", "yesterday"], "--as-of"),
        (&["--occurred", "yesterday"], "occurred: is \"yesterday\""),
        (&["--unit", "dozen"], "--unit"),
        (&["--output", "xml"], "--output"),
        (&["--watch", "--output", "csv"], "--watch"),
        (&["--watch", "--as-of", "3"], "--as-of"),
        (&["--watch", "XX1"], "countries[0]"),
    ] {
        let error = run(&server.address, &[&["counts"], arguments].concat()).refused(2);
        assert!(error.starts_with("error: ") && error.contains(named), "{arguments:?}: {error}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named_with_a_hint() {
    let address = nowhere();
    for arguments in [
        &["counts"][..],
        &["counts", "--watch"],
        &["tail"],
        &["tail", "--no-follow"],
        &["export"],
        &["import", super::EXAMPLE],
    ] {
        let error = run(&address, arguments).refused(6);
        assert!(error.contains(&address) && error.contains("handover serve"), "{error}");
    }
    let event = transfer("DE", 1).to_string();
    let arguments = ["append", "-", "--stream", "exchange/demo-1"];
    let error = run_with(&address, &arguments, &event).refused(6);
    assert!(error.contains(&address), "{error}");
}

fn watch(server: &str, arguments: &[&str]) -> Running {
    Running::start(command(server, &[&["counts", "--watch"], arguments].concat()))
}

fn record(server: &str, payload: &Value) {
    let arguments = ["append", "-", "--stream", "exchange/demo-1"];
    run_with(server, &arguments, &payload.to_string()).good();
}

#[test]
fn a_watch_shows_the_figures_and_then_each_change_with_its_cause() {
    let (_dir, server) = example();
    let mut words = watch(&server.address, &["--output", "table"]);
    let shown: Vec<String> = TABLE.lines().map(|_| words.line()).collect();
    assert_eq!(shown.join("\n") + "\n", TABLE);
    let mut lines = watch(&server.address, &["DE"]);
    let first = &parsed(&lines.line())[0];
    assert_eq!(first["snapshot"]["counts"][0]["received"]["preferred"], 13);

    record(&server.address, &transfer("DE", 4));
    let line = words.line();
    assert!(line.starts_with("33: DE (person) received 13 -> 17; sent shared"), "{line}");
    assert!(line.ends_with("; because of 33"), "{line}");
    let change = &parsed(&lines.line())[0];
    let after = &change["change"]["after"];
    assert_eq!((&change["position"], &after["country"]), (&json!("33"), &json!("DE")));
    assert_eq!(after["received"]["preferred"], 17);
    assert_eq!(change["change"]["causedBy"], json!(["33"]));
    assert_eq!(change["change"]["before"]["received"]["preferred"], 13);

    words.interrupt();
    assert_eq!(words.end().good(), "");
    // Its reader goes while nothing is recorded.
    assert_eq!(lines.hang_up().good(), "");
}

#[test]
fn a_watch_can_end_with_its_server_and_says_how_to_resume() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let mut first = watch(&server.address, &["--output", "table", "--no-reconnect"]);
    assert_eq!(first.line(), "no transfers (nothing was recorded yet)");
    record(&server.address, &transfer("DE", 4));
    assert!(first.line().starts_with("1: DE (person) received - -> 4; "), "it is told");
    server.kill();
    let done = first.end();
    assert_eq!((done.code, done.out.as_str()), (Some(6), ""));
    assert!(done.err.starts_with("error: "), "{}", done.err);
    assert!(done.err.contains("; resume with --after 1 --store urn:uuid:"), "{}", done.err);

    let server = Server::start(&data, &[]);
    record(&server.address, &transfer("DE", 5));
    let mut resumed = watch(&server.address, &["--output", "table", "--after", "1"]);
    let line = resumed.line();
    assert!(line.starts_with("2: DE (person) received 4 -> 4..5; "), "{line}");
    let error = run(&server.address, &["counts", "--watch", "--after", "3"]).refused(2);
    assert!(error.contains("--after is 3, but the log ends at 2"), "{error}");
    let error = run(&server.address, &["counts", "--after", "1"]).refused(2);
    assert!(error.contains("--watch"), "{error}");
}

/// Watches while the server goes and comes back, and sees what was recorded meanwhile, once.
fn outlive(go: fn(Server)) {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    record(&server.address, &transfer("DE", 4));
    let mut counts = watch(&server.address, &[]);
    assert_eq!(parsed(&counts.line())[0]["position"], "1");
    let arguments = ["exchange", "demo-1", "--watch", "--output", "jsonl"];
    let mut story = Running::start(command(&server.address, &arguments));
    assert_eq!(parsed(&story.line())[0]["position"], "1");
    let address = server.address.trim_start_matches("http://").to_owned();
    go(server);
    let server = Server::start_at(&data, &address, &[]);
    for (number, position) in [(5, "2"), (6, "3")] {
        record(&server.address, &transfer("DE", number));
        let (position, causes) = (json!(position), json!([position]));
        let reported = &parsed(&counts.line())[0];
        assert_eq!((&reported["position"], &reported["change"]["causedBy"]), (&position, &causes));
        let reported = &parsed(&story.line())[0];
        assert_eq!((&reported["position"], &reported["causedBy"]), (&position, &causes));
    }
    for running in [counts, story] {
        running.interrupt();
        let ended = running.end();
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
        assert!(ended.err.starts_with("note: "), "{}", ended.err);
        assert!(
            ended.err.contains("; the command goes on when the server is back\n"),
            "{}",
            ended.err
        );
    }
}

#[test]
fn watches_go_on_where_they_were_when_the_server_is_started_anew() {
    outlive(Server::kill);
    outlive(|server| {
        server.terminate();
        assert!(server.wait());
    });
}

#[test]
fn an_empty_record_has_no_figures() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    assert_eq!(run(&server.address, &["counts"]).good(), "");
    assert_eq!(positions(&run(&server.address, &["tail", "--no-follow"]).good()), [0; 0]);
    let csv = run(&server.address, &["counts", "--output", "csv"]).good();
    assert_eq!(csv.lines().count(), 1, "the columns are there");
}
