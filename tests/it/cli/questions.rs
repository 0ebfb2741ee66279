//! Questions to a server that holds real exchanges: each command once, in every form of output.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::json;

use super::{Ran, parsed, run, run_with, transfer};
use crate::support::{Server, data_dir};

/// A server with the real exchanges, which no test here writes to.
struct Real {
    server: Server,
    _dir: tempfile::TempDir,
}

impl Real {
    /// The server that other tests use now, or a new one. The last test that holds it stops it:
    /// a static would keep it running when the tests have ended.
    fn get() -> Arc<Self> {
        static REAL: Mutex<Weak<Real>> = Mutex::new(Weak::new());
        // A test that panicked while it started the server has left an empty place.
        let mut shared = REAL.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let real = Arc::new(Self::start());
            *shared = Arc::downgrade(&real);
            real
        })
    }

    fn start() -> Self {
        let (dir, data) = data_dir();
        let server = Server::start(&data, &[]);
        for name in ["claims", "roles", "running_totals"] {
            let path = format!("examples/exchanges/{name}.csv");
            run(&server.address, &["import", &path]).good();
        }
        run(&server.address, &["import", super::EXAMPLE]).good();
        Self { server, _dir: dir }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&self.server.address, arguments)
    }

    fn answer(&self, arguments: &[&str]) -> String {
        self.run(arguments).good()
    }

    fn table(&self, arguments: &[&str]) -> String {
        self.answer(&[arguments, &["--output", "table"]].concat())
    }
}

const QUESTIONS: [&[&str]; 14] = [
    &["exchange", "ankara-2024-08-01"],
    &["exchange", "us-ru-2022-12-08", "--past"],
    &["counts", "--group-by", "from,to"],
    &["counts", "--kind", "exchange", "--from", "RU"],
    &["explain", "UA"],
    &["explain", "RU", "--sent", "--past"],
    &["history", "DE"],
    &["reconcile", "donbas-2017-12-27"],
    &["reconcile", "--series"],
    &["statements"],
    &["transfers"],
    &["exchanges"],
    &["sources"],
    &["claims", "show", "3"],
];

#[test]
fn every_question_has_a_table_a_line_for_each_entry_json_and_csv() {
    let real = Real::get();
    for question in QUESTIONS {
        let text = real.table(question);
        let at = text.lines().find(|line| line.starts_with("(as of position "));
        assert!(at.is_some(), "{question:?} does not say what it is true for:\n{text}");
        assert!(text.lines().count() > 2, "{question:?}:\n{text}");
        let lines = real.answer(question);
        assert_eq!(
            lines,
            real.answer(&[question, &["--output", "jsonl"]].concat()),
            "a pipe gets lines"
        );
        for line in parsed(&lines) {
            let at = line.get("asOfPosition").or(line.get("position"));
            assert!(at.is_some_and(serde_json::Value::is_string), "{question:?}: {line}");
        }
        let json = real.answer(&[question, &["--output", "json"]].concat());
        serde_json::from_str::<serde_json::Value>(&json).expect("one JSON text");
        let csv = real.answer(&[question, &["--output", "csv"]].concat());
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().expect("a header").clone();
        assert!(header.iter().next_back().expect("columns").ends_with("position"), "{header:?}");
        let rows: Vec<_> = reader.records().map(|row| row.expect("a whole row")).collect();
        assert!(!rows.is_empty(), "{question:?} has no rows");
    }
}

#[test]
fn tables_fit_100_columns_but_for_addresses() {
    let real = Real::get();
    for question in QUESTIONS {
        for line in real.table(question).lines() {
            let fits = line.chars().count() <= 100;
            assert!(fits || line.contains("://"), "{question:?}: {line}");
        }
    }
}

#[test]
fn the_story_of_an_exchange_says_who_says_what() {
    let real = Real::get();
    let text = real.table(&["exchange", "us-ru-2022-12-08"]);
    for expected in ["mediator, according to", "denied by", "! a role is attributed by some"] {
        assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
    }
    let error = real.run(&["exchange", "no-such-exchange"]).refused(3);
    assert!(error.contains("no-such-exchange"), "{error}");
    let error = real.run(&["reconcile", "no-such-exchange"]).refused(3);
    assert!(error.contains("no-such-exchange"), "{error}");
    let error = real.run(&["reconcile", "--series", "no such"]).refused(3);
    assert!(error.contains("no such"), "{error}");
}

#[test]
fn the_command_that_an_explanation_cites_gives_it_again_whatever_comes_later() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let record = |payload: &serde_json::Value| {
        let arguments = ["append", "-", "--stream", "exchange/demo-1"];
        run_with(&server.address, &arguments, &payload.to_string()).good();
    };
    record(&transfer("DE", 13));
    let table = |arguments: &[&str]| {
        run(&server.address, &[arguments, &["--output", "table"]].concat()).good()
    };
    let first = table(&["explain", "DE"]);
    record(&transfer("DE", 12));
    assert_ne!(table(&["explain", "DE"]), first);
    let cited = first.lines().last().and_then(|line| line.strip_prefix("to cite: handover "));
    let cited: Vec<&str> = cited.expect("a command to cite").split(' ').collect();
    assert_eq!(table(&cited), first);
}

#[test]
fn an_explanation_adds_up_to_the_figure() {
    let real = Real::get();
    for (country, side) in [("UA", "received"), ("RU", "received"), ("KP", "received")] {
        let counts = parsed(&real.answer(&["counts", country, "--unit", "person"]));
        let shares = parsed(&real.answer(&["explain", country, "--received"]));
        let sum = |end: &str| {
            let shares = shares.iter().filter_map(|entry| entry["share"][end].as_u64());
            shares.sum::<u64>()
        };
        let figure = &counts[0][side];
        assert_eq!(json!([sum("low"), sum("high")]), json!([figure["low"], figure["high"]]));
    }
}

#[test]
fn a_list_is_complete_although_it_comes_in_pages() {
    let real = Real::get();
    let lines = real.answer(&["transfers", "--past"]);
    assert!(lines.lines().count() > 200, "one page would do: {}", lines.lines().count());
    let positions: Vec<&str> = lines.lines().collect();
    let distinct: std::collections::HashSet<&&str> = positions.iter().collect();
    assert_eq!(distinct.len(), positions.len(), "nothing twice");
    assert_eq!(real.answer(&["transfers", "--past", "--limit", "3"]).lines().count(), 3);
    let text = real.table(&["transfers", "--limit", "3"]);
    assert!(text.contains("there are more: raise --limit\n"), "{text}");
}

#[test]
fn filters_choose_and_a_wrong_one_is_named() {
    let real = Real::get();
    let count = |arguments: &[&str]| real.answer(arguments).lines().count();
    assert!(count(&["transfers", "--record", "declined"]) < count(&["transfers"]));
    assert!(count(&["exchanges", "--occurred", "1953"]) < count(&["exchanges"]));
    assert!(count(&["sources", "--kind", "court-record"]) < count(&["sources"]));
    assert!(count(&["statements", "exchange"]) <= count(&["statements"]));
    assert!(real.table(&["statements", "zzzz"]).starts_with("no statements\n"));
    for (arguments, expected) in [
        (&["transfers", "--record", "rumoured"][..], "possible values: completed, agreed"),
        (&["exchanges", "--occurred", "sometime"], "occurred: is \"sometime\""),
        (&["explain", "de"], "did you mean DE?"),
        (&["history", "DE", "--as-of", "999999"], "999999"),
        (&["reconcile", "--series", "x", "--sent"], "--country"),
    ] {
        let error = real.run(arguments).refused(2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn a_running_total_is_set_against_the_exchanges_in_between() {
    let real = Real::get();
    let names = real.table(&["reconcile", "--series"]);
    let name = names.lines().find(|name| name.starts_with("AE MFA")).expect("the UAE series");
    let question = ["reconcile", "--series", name, "--mediator", "AE", "--denied-mediators"];
    let steps = parsed(&real.answer(&question));
    assert!(steps.len() > 5, "{steps:?}");
    let text = real.table(&question);
    assert!(text.starts_with(&format!("{name}\n up to ")), "{text}");
}
