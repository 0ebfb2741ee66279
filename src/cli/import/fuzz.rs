//! Mutated tables and lines: each row is an event or an error of that row, and none makes reading
//! panic.

use super::{csv, reading::Reading, rows};
use crate::fuzz::Fuzz;

fn table(input: &[u8]) -> String {
    let mut rows = match csv::Rows::open(input, b',', &Reading::default()) {
        Ok(rows) => rows,
        Err(failure) => return format!("{failure:?}"),
    };
    let mut outcome = String::new();
    loop {
        match rows.next() {
            Ok(None) => return outcome + "end",
            Ok(Some(Ok(_))) => outcome.push('x'),
            Ok(Some(Err(error))) => outcome.push_str(&error.problem),
            Err(failure) => return format!("{outcome}{failure:?}"),
        }
    }
}

fn lines(input: &[u8]) -> String {
    let (mut rows, mut outcome) = (rows::Rows::new(input), String::new());
    loop {
        match rows.next() {
            Ok(None) => return outcome + "end",
            Ok(Some(Ok(line))) => {
                let event = line.event(None);
                assert!(event.payload.is_some(), "a line without a payload was taken");
                outcome.push('x');
            }
            Ok(Some(Err(error))) => outcome.push_str(&error.problem),
            Err(failure) => return format!("{outcome}{failure:?}"),
        }
    }
}

#[test]
fn no_table_that_was_changed_makes_the_import_panic() {
    let seeds = ["claims", "roles", "running_totals"].map(|name| {
        let text = std::fs::read_to_string(format!("examples/exchanges/{name}.csv")).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').take(4).collect();
        lines.concat().into_bytes()
    });
    Fuzz::of("csv", seeds).with_words(&["\"", ",", "\n", ";", "\r\n", "2024-08", "DE"]).run(table);
}

#[test]
fn no_line_that_was_changed_makes_the_import_panic() {
    let golden = std::fs::read_to_string("tests/golden/events.jsonl").unwrap();
    let seeds = golden.lines().map(|line| line.as_bytes().to_vec());
    let words = &["{", "}", "[", "]", "\"@type\"", "null", "1e999", "\\ud800", "\n", "true"];
    Fuzz::of("json_lines", seeds).with_words(words).run(lines);
}
