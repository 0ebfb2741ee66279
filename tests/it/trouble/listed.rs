//! Each error and each reason of the code is on the page: a new one fails here until it is.

use std::{collections::BTreeSet, fs};

use super::PAGE;

/// The variants of an error, each with words of the page.
type Variants = &'static [(&'static str, &'static str)];

/// For each kind of error, its file and its variants.
const LISTED: [(&str, &str, Variants); 6] = [
    (
        "src/log/error.rs",
        "LogError",
        &[
            ("Locked", "### In use\n"),
            ("NewerFormat", "### Newer\n"),
            ("NotAStore", "### Not a store\n"),
            ("Unfinished", "### A restore was interrupted\n"),
            ("Copied", "### A copy of a running server's folder\n"),
            ("Damaged", "### MANIFEST is damaged\n"),
            ("Io", "### The system refuses\n"),
            ("OutOfRange", "`there is no event at position N`"),
            ("Journal", "### The journal is damaged\n"),
            ("Unindexable", "`the event at position N cannot be indexed`"),
            ("Index", "`the index is being rebuilt from the record`"),
            ("Volume", "### The newest volume is damaged\n"),
        ],
    ),
    (
        "src/log/journal.rs",
        "JournalError",
        &[
            ("Io", "### The system refuses\n"),
            ("Damaged", "### The journal is damaged\n"),
            ("Newer", "is of format version N, which this program does not know"),
            ("Released", "`the journal let go of frames up to N`"),
            ("Abandoned", "`OUTCOME_UNKNOWN`"),
            ("Stopped", "`STORE_FAILED`"),
        ],
    ),
    (
        "src/log/volume.rs",
        "VolumeError",
        &[("Io", "### The system refuses\n"), ("Damaged", "### The newest volume is damaged\n")],
    ),
    (
        "src/log/index/error.rs",
        "IndexError",
        &[
            ("WouldBlock", "`the index is being rebuilt from the record`"),
            ("Damaged", "`the index is being rebuilt from the record`"),
        ],
    ),
    (
        "src/log/backup/error.rs",
        "BackupError",
        &[
            ("Target", "### The target cannot be written\n"),
            ("Piece", "### A piece is damaged\n"),
            ("Unfit", "### Not a folder for backups\n"),
            ("Full", "### There is no room\n"),
            ("NoBackup", "### No backup is there\n"),
            ("AnotherStore", "### Backups of another store\n"),
            ("NewerFormat", "### A newer program made them\n"),
            ("Busy", "### Another backup works there\n"),
            ("Beyond", "### The end lies beyond the backup\n"),
            ("Occupied", "### The place is taken\n"),
            ("NoRoom", "`the restored record takes N bytes, and N are free`"),
            ("TooManyRestores", "`cannot be restored: its record was restored 256 times`"),
            ("Released", "`the journal let go of frames up to N`"),
            ("Altered", "`..., twice as it came from the server`"),
            ("OtherHistory", "`the record at position N is another than in the last backup`"),
            ("Stopping", "`the server stops`"),
            ("Log", "### The record is damaged\n"),
            ("Remote", "### No server answers\n"),
        ],
    ),
    (
        "src/engine/pause.rs",
        "Pause",
        &[
            ("Full", "`STORE_FULL`"),
            ("Backlog", "`BACKLOG_FULL`"),
            ("Short", "`RESOURCES_SHORT`"),
            ("ClockBehind", "`CLOCK_BEHIND`"),
        ],
    ),
];

/// The variants of an enumeration in a source.
fn variants(text: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = text.split_once(&format!("pub enum {name} {{\n")).expect("the enumeration");
    let body = body.split("\n}\n").next().unwrap_or_default();
    let variant = |line: &str| {
        let line = line.strip_prefix("    ")?;
        let end = line.find(|it: char| !it.is_alphanumeric()).unwrap_or(line.len());
        line.starts_with(char::is_uppercase).then(|| line[..end].to_owned())
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn each_error_of_the_store_is_on_the_page() {
    for (file, name, listed) in LISTED {
        let text = fs::read_to_string(file).expect("a source");
        let known: BTreeSet<_> = listed.iter().map(|(variant, _)| (*variant).to_owned()).collect();
        assert_eq!(variants(&text, name), known, "{name}: the page says of each what to do");
        for (variant, words) in listed {
            // Sentences of a page are wrapped.
            let there = PAGE.contains(words) || PAGE.replace('\n', " ").contains(words);
            assert!(there, "{name}::{variant}: {words} is not on the page");
        }
    }
}

/// The reasons that clients are given.
fn reasons() -> Vec<String> {
    let proto = fs::read_to_string("proto/handover/v1/errors.proto").expect("the proto");
    let reason = |line: &str| {
        let (name, number) = line.trim().strip_prefix("ERROR_REASON_")?.split_once(" = ")?;
        (number != "0;").then(|| name.to_owned())
    };
    proto.lines().filter_map(reason).collect()
}

#[test]
fn each_reason_is_on_the_page_and_those_of_the_store_have_a_test_that_meets_them() {
    let reasons = reasons();
    assert!(reasons.len() >= 25, "{reasons:?}");
    let missing: Vec<_> =
        reasons.iter().filter(|reason| !PAGE.contains(&format!("`{reason}`"))).collect();
    assert!(missing.is_empty(), "the page says nothing of {missing:?}");
    let explained: Vec<_> = rows().into_iter().filter(|row| row.len() == 3).collect();
    let tested: Vec<_> = rows().into_iter().filter(|row| row.len() == 2).collect();
    assert_eq!(explained.len(), 8, "a row for each reason with which the store takes no append");
    for (row, test) in explained.iter().zip(&tested) {
        assert_eq!(row[0], test[0], "each has a test, in the same order");
        let reason = row[0].trim_matches('`');
        assert!(reasons.contains(&reason.to_owned()), "{reason} is no reason");
        let file = test[1].trim_matches('`').split("::").next().unwrap_or_default();
        let source = fs::read_to_string(file).expect("the test");
        assert!(source.contains(&format!("\"{reason}\"")), "{} does not meet {reason}", test[1]);
    }
    assert_eq!(explained.len(), tested.len());
}

/// The rows of the page's tables, without their heads.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect();
    PAGE.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}
