//! Moments on the command line: positions, times and dates, and what could be two of them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{arg, example, file, positions, run};
use crate::support::{Server, data_dir};

/// Today in UTC.
#[expect(clippy::disallowed_methods, reason = "the server goes by this clock")]
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seconds = i64::try_from(now.as_secs()).expect("a time");
    let now = prost_types::Timestamp { seconds, nanos: 0 }.to_string();
    now.split('T').next().expect("a date").to_owned()
}

#[test]
fn a_date_that_lasts_is_now_and_one_to_come_is_not_known() {
    let (_dir, server) = example();
    let counts = |as_of: &str| run(&server.address, &["counts", "--as-of", as_of]);
    let now = run(&server.address, &["counts"]).good();
    let day = today();
    let month = &day[..7];
    for as_of in [day.as_str(), month] {
        assert_eq!(counts(as_of).good(), now, "{as_of}");
        let after = ["history", "DE", "--received", "--after", as_of];
        assert_eq!(run(&server.address, &after).good(), "", "nothing came after it");
    }
    assert_eq!(counts("2020-01-31").good(), "", "nothing was recorded then");
    assert_eq!(counts("2020-01").good(), "");
    let error = counts("2999-01-01").refused(2);
    assert!(error.contains("not known yet"), "{error}");
}

#[test]
fn a_number_that_reads_as_a_year_is_refused_as_ambiguous() {
    let (_dir, server) = example();
    for command in [
        &["counts"][..],
        &["exchanges"],
        &["explain", "DE", "--received"],
        &["reconcile", "--series"],
        &["claims", "show", "2"],
    ] {
        let with = |as_of| run(&server.address, &[command, &["--as-of", as_of]].concat());
        let error = with("2024").refused(2);
        assert!(error.contains("write position:2024, or a date such as 2024-12-31"), "{error}");
        with("position:32").good();
        with("32").good();
        for (number, expected) in [
            ("20240801", "write position:20240801, or a date such as 2024-08-01"),
            ("02024", "is not a position"),
            ("+5", "is not a position"),
            ("2024-13", "a month that no year has"),
        ] {
            let error = with(number).refused(2);
            assert!(error.contains(expected), "{error}");
        }
    }
    for command in [
        &["tail", "--no-follow", "--after", "+5"][..],
        &["counts", "--watch", "--after", "05"],
        &["export", "--after", "05"],
        &["claims", "show", "+5"],
        &["groups", "parked", "desk", "--after", "05"],
        &["groups", "replay", "desk", "05"],
        &["groups", "create", "desk", "--after", "+5"],
    ] {
        let error = run(&server.address, command).refused(2);
        assert!(error.contains("5\" is not a position; a position is digits"), "{error}");
    }
    let error = run(&server.address, &["counts", "--as-of", "position:2024"]).refused(2);
    assert!(error.contains("as_of.position is 2024, but the log ends at 32"), "{error}");
    let error =
        run(&server.address, &["history", "DE", "--received", "--after", "1999"]).refused(2);
    assert!(error.contains("position:1999"), "{error}");
}

#[test]
fn any_time_of_occurrence_is_said_by_leaving_the_flag_out() {
    let (_dir, server) = example();
    for command in [
        &["counts"][..],
        &["counts", "--group-by", "year"],
        &["explain", "DE", "--received"],
        &["history", "DE", "--received"],
        &["exchanges"],
        &["transfers"],
        &["statements"],
        &["reconcile", "--series", "x", "--country", "UA", "--received"],
    ] {
        for any in ["", ".."] {
            let error = run(&server.address, &[command, &["--occurred", any]].concat()).refused(2);
            assert!(error.contains("leave the flag out to have everything"), "{error}");
        }
    }
    let all = run(&server.address, &["counts"]).good();
    assert_eq!(run(&server.address, &["counts", "--occurred", "1990/.."]).good(), all);
    let error = run(&server.address, &["counts", "--unit", "person", "--from", ""]).refused(2);
    assert!(error.contains("the value of --from is empty"), "{error}");
}

#[test]
fn an_error_names_what_was_given_and_advises_what_is_taken() {
    let (_dir, server) = example();
    for (command, expected, unsaid) in [
        (
            &["history", "DE", "--received", "--after", "80"][..],
            "after.position is 80, but the log ends at 32",
            "as_of",
        ),
        (
            &["history", "DE", "--received", "--after", "2999-01-01"],
            "after.recorded_time is 2999-01-01",
            "as_of",
        ),
        (&["counts", "--watch", "--after", "80"], "--after is 80", "resume"),
        (&["exchange", "--watch", "x", "--after", "80"], "--after is 80", "resume"),
        (&["tail", "--after", "80"], "the log ends at 32", "resume"),
        (&["tail", "--store", "junk"], "name of a store", "expects junk"),
        (&["counts", "--watch", "--store", "junk"], "name of a store", "expects junk"),
    ] {
        let error = run(&server.address, command).refused(2);
        assert!(error.contains(expected) && !error.contains(unsaid), "{error}");
    }
    for (command, expected) in [
        (&["exchange", "nope"][..], "\"nope\" up to position 32; `handover exchanges` has the ids"),
        (&["exchange", "nope", "--as-of", "3"], "\"nope\" up to position 3; `handover exchanges`"),
        (&["reconcile", "nope"], "\"nope\" up to position 32; `handover exchanges` has the ids"),
        (
            &["explain", "DE", "--received", "--exchange", "nope"],
            "`handover exchanges` has the ids",
        ),
        (
            &["reconcile", "--series", "nope", "--country", "UA", "--received"],
            "`handover reconcile --series` without a name lists them",
        ),
    ] {
        let error = run(&server.address, command).refused(3);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn tail_begins_at_a_time_or_with_a_date() {
    let (_dir, server) = example();
    let tail = |since: &str| run(&server.address, &["tail", "--no-follow", "--since", since]);
    let all: Vec<u64> = (1..=32).collect();
    for since in [today().as_str(), "2020-01", "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00-04"]
    {
        assert_eq!(positions(&tail(since).good()), all, "{since}");
    }
    assert_eq!(tail("2999-01-01").good(), "");
    for (since, expected) in [
        ("2024", "is a number"),
        ("2020-01-01T00:00:00", "without an offset; write Z for UTC"),
        ("2020-01-01T00:00:00.0000000000Z", "10 digits after the point, over 9"),
    ] {
        let error = tail(since).refused(2);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn dates_of_other_programs_are_taken_and_kept_and_a_wrong_part_is_named() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let line = |occurred: &str, reported_at: &str| {
        json!({"payload": {
            "@type": "handover.v1.ExchangeReported",
            "attribution": {"sourceId": "demo-source", "reportedAt": reported_at},
            "exchangeId": "demo-1",
            "occurred": occurred,
            "status": "EXCHANGE_STATUS_COMPLETED",
        }})
    };
    let good = [
        ("2024-08-01T12:30:00.000Z", "2024-08-01T12:30:00.123456+02:00"),
        ("2024-08-01T23:30:00-04", "2024-08-01T12:30:00.1"),
        ("2024-08-01/..", "2024"),
    ];
    let bad = [
        ("..", "2024", "occurred: is \"..\", which is no date and no interval of EDTF"),
        ("2024", "..", "attribution.reported_at: is \"..\""),
        ("2024-08-01 12:30:00", "", "its day is \"01 12:30:00\""),
        ("2024-08-01T12:30:00+0200", "", "its offset is \"+0200\""),
        ("2024", "2024-08-01T12:30:00.1234567890Z", "10 digits after the point, over 9"),
        ("2024-08-01T12:30:00+24:00", "", "an offset that no place has: +24:00 (at most 23:59)"),
    ];
    let rows: Vec<_> = good
        .iter()
        .map(|(occurred, reported_at)| line(occurred, reported_at))
        .chain(bad.iter().map(|(occurred, reported_at, _)| line(occurred, reported_at)))
        .collect();
    let path = file(dir.path(), "dates.jsonl", &rows);
    let done = run(&server.address, &["import", arg(&path)]);
    assert_eq!(done.code, Some(5), "{}", done.err);
    assert!(done.out.contains("3 added, 0 already there, 6 refused"), "{}", done.out);
    for (expected, row) in bad.iter().zip(done.err.lines()) {
        assert!(row.contains(expected.2), "{row}");
    }
    let kept = run(&server.address, &["tail", "--no-follow"]).good();
    for (occurred, reported_at) in good {
        assert!(kept.contains(&format!("\"{occurred}\"")), "{kept}");
        assert!(kept.contains(&format!("\"{reported_at}\"")), "{kept}");
    }
    let august = ["exchanges", "--occurred", "2024-08-01"];
    assert!(run(&server.address, &august).good().contains("demo-1"));
}
