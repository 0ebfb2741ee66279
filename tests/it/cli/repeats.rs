//! A file that is imported again, after what it says was undone, recorded anew or typed otherwise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Ran, arg, file, head, parsed, retraction, run, run_with, transfer};
use crate::support::{Server, data_dir};

/// A server and files to import into it.
struct Desk {
    dir: TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let (dir, data) = data_dir();
        let server = Server::start(&data, &[]);
        Self { dir, server }
    }

    fn file(&self, name: &str, lines: &[Value]) -> PathBuf {
        file(self.dir.path(), name, lines)
    }

    fn import(&self, path: &Path, extra: &[&str]) -> Ran {
        run(&self.server.address, &[&["import", arg(path)], extra].concat())
    }

    /// Imports, and returns how many events were added and were there.
    fn counted(&self, path: &Path, extra: &[&str]) -> [u64; 2] {
        let done = self.import(path, extra).good();
        let number = |word: &str| {
            let before = done.split(word).next().expect("a text").trim_end();
            before.rsplit(' ').next().expect("a number").parse().expect("a number")
        };
        [number("added"), number("already")]
    }

    fn retract(&self, claim: u64) {
        let claim = claim.to_string();
        run(&self.server.address, &["claims", "retract", &claim, "--source", "desk"]).good();
    }

    fn head(&self) -> u64 {
        head(&self.server.address)
    }

    /// What is counted as received by Germany.
    fn received(&self) -> Option<Value> {
        let counts = parsed(&run(&self.server.address, &["counts", "DE"]).good());
        counts.first().map(|row| row["received"]["preferred"].clone())
    }

    /// Everything that is recorded, in a file.
    fn exported(&self) -> PathBuf {
        let path = self.dir.path().join(format!("export-{}.jsonl", self.head()));
        run(&self.server.address, &["export", "-o", arg(&path)]).good();
        path
    }
}

fn claim() -> Value {
    json!({"id": "a", "payload": transfer("DE", 4)})
}

fn confirmation() -> Value {
    let payload = json!({
        "@type": "handover.v1.ClaimConfirmed",
        "attribution": {"sourceId": "demo"},
        "claim": "a",
    });
    json!({"payload": payload})
}

#[test]
fn a_file_with_a_retraction_does_not_retract_what_was_recorded_anew() {
    let desk = Desk::new();
    let alone = desk.file("alone.jsonl", &[claim()]);
    let both = desk.file("both.jsonl", &[claim(), json!({"payload": retraction("a")})]);
    assert_eq!(desk.counted(&both, &[]), [2, 0]);
    assert_eq!(desk.import(&alone, &[]).code, Some(10));
    assert_eq!(desk.counted(&alone, &["--again"]), [1, 0]);
    // Twice: the second time, there are three recordings.
    for head in [3, 5] {
        assert_eq!((desk.head(), desk.received()), (head, Some(json!(4))));
        for extra in [&[][..], &["--atomic"], &["--again"]] {
            assert_eq!(desk.counted(&both, extra), [0, 2], "{extra:?}");
            let all = desk.exported();
            let events = [0, desk.head()];
            assert_eq!(desk.counted(&all, extra), events, "{extra:?}");
        }
        assert_eq!((desk.head(), desk.received()), (head, Some(json!(4))));
        if head == 3 {
            desk.retract(3);
            assert_eq!(desk.import(&both, &[]).code, Some(10), "the desk has retracted it");
            assert_eq!(desk.counted(&alone, &["--again"]), [1, 0]);
        }
    }
}

#[test]
fn a_line_about_a_row_is_recorded_anew_with_the_row_and_only_then() {
    let desk = Desk::new();
    let lines = desk.file("lines.jsonl", &[claim(), confirmation(), confirmation()]);
    assert_eq!(desk.counted(&lines, &[]), [3, 0]);
    desk.retract(1);
    let alone = desk.file("alone.jsonl", &[claim()]);
    assert_eq!(desk.counted(&alone, &["--again"]), [1, 0]);
    let done = desk.import(&lines, &[]);
    assert_eq!((done.code, desk.head()), (Some(10), 5), "{}", done.err);
    for expected in [":2:1: was imported before: ", ":3:1: was imported before: "] {
        assert!(done.err.contains(expected), "{}", done.err);
    }
    assert!(!done.err.contains(":1:1:"), "the claim is there again: {}", done.err);
    // Of equal rows one is recorded anew, and stands for the others.
    assert_eq!(desk.counted(&lines, &["--again"]), [1, 2]);
    for extra in [&[][..], &["--again"]] {
        assert_eq!(desk.counted(&lines, extra), [0, 3], "{extra:?}");
        assert_eq!(desk.counted(&desk.exported(), extra), [0, 6], "{extra:?}");
    }
}

#[test]
fn a_row_counts_as_there_while_a_copy_of_it_stands() {
    let desk = Desk::new();
    let other = json!({"id": "b", "payload": transfer("DE", 4)});
    let twice = desk.file("twice.jsonl", &[claim(), other]);
    let once = desk.file("once.jsonl", &[claim()]);
    assert_eq!(desk.counted(&twice, &[]), [2, 0]);
    desk.retract(1);
    assert_eq!(desk.counted(&twice, &[]), [0, 2], "the second copy stands");
    assert_eq!(desk.counted(&once, &["--again"]), [0, 1], "whether or not the file has it");
    desk.retract(2);
    for (path, rows) in [(&once, 1), (&twice, 2)] {
        let done = desk.import(path, &[]);
        assert_eq!((done.code, done.err.lines().count()), (Some(10), rows), "{}", done.err);
    }
    assert_eq!(desk.counted(&twice, &["--again"]), [1, 1]);
    assert_eq!(desk.received(), Some(json!(4)));
    for path in [&once, &twice] {
        assert_eq!(desk.counted(path, &[])[0], 0);
    }
}

#[test]
fn what_again_would_record_is_shown_without_recording_it() {
    let desk = Desk::new();
    let lines = desk.file("lines.jsonl", &[claim(), confirmation()]);
    // Nothing is recorded into an empty store either.
    let dry = |expected: &str| {
        let before = desk.head();
        let done = desk.import(&lines, &["--dry-run", "--again"]);
        assert_eq!((done.code, desk.head()), (Some(0), before), "{}", done.err);
        let expected =
            format!("2 lines: {expected}, 0 refused (only checked, nothing was recorded)\n");
        assert!(done.out.ends_with(&expected), "{}", done.out);
        done.err
    };
    assert_eq!(dry("2 would be added, 0 recorded anew, 0 are there already"), "");
    assert_eq!(desk.counted(&lines, &[]), [2, 0]);
    assert_eq!(dry("0 would be added, 0 recorded anew, 2 are there already"), "");
    desk.retract(1);
    let expected = dry("0 would be added, 2 recorded anew, 0 are there already");
    assert!(
        expected.contains(":1:1: was imported before: the event at 1 has no effect"),
        "{expected}"
    );
    assert_eq!(desk.counted(&lines, &["--again"]), [2, 0], "as it was shown");
    assert_eq!(dry("0 would be added, 0 recorded anew, 2 are there already"), "");
    let wrong = desk.file("wrong.jsonl", &[claim(), json!({"payload": retraction("b")})]);
    let done = desk.import(&wrong, &["--dry-run", "--again"]);
    assert_eq!(done.code, Some(5), "{}", done.err);
}

#[test]
fn a_row_that_is_spelled_otherwise_is_the_same_row() {
    const HEADER: &str = "exchange,part_of,title,occurred,place,parties,kind,record,from,to,unit,\
        category,portion,count,approximate,reason,scope,claimed_by,source";
    let desk = Desk::new();
    let row = |portion: &str, claimant: &str| {
        format!(
            "demo-1,,A title,2024-08,,,exchange,completed,RU,DE,person,,{portion},4,,,,\
             {claimant},A letter"
        )
    };
    let table = |name: &str, rows: &[String]| {
        let path = desk.dir.path().join(name);
        fs::write(&path, [&[HEADER.to_owned()], rows].concat().join("\n")).expect("written");
        path
    };
    let typed = [row("zz\u{200b} 1", "De\u{301}mo"), row("zz\u{a0} 2", "D\u{e9}mo ")];
    let folded = [row("zz 1", "D\u{e9}mo"), row("zz 2", "D\u{e9}mo")];
    let (typed, folded) = (table("typed.csv", &typed), table("folded.csv", &folded));
    assert_eq!(desk.counted(&typed, &[]), [4, 0]);
    assert_eq!(desk.counted(&folded, &[]), [0, 4]);
    let text = run(&desk.server.address, &["export", "--format", "csv"]).good();
    let own = run_with(&desk.server.address, &["import", "-"], &text).good();
    assert!(own.ends_with(": 2 lines: 0 added, 4 already there, 0 refused\n"), "{own}");
    assert_eq!(desk.counted(&desk.exported(), &[]), [0, 4]);
    // No spelling goes past a retraction, or past what was recorded anew.
    desk.retract(3);
    for path in [&typed, &folded] {
        let done = desk.import(path, &[]);
        assert_eq!((done.code, done.err.lines().count()), (Some(10), 1), "{}", done.err);
    }
    assert_eq!(desk.counted(&typed, &["--again"]), [1, 3]);
    for path in [&folded, &typed] {
        assert_eq!(desk.counted(path, &["--again"]), [0, 4]);
    }
}

/// A claim about the claim `a`, of this type.
fn about(kind: &str, more: &Value) -> Value {
    let mut payload = json!({
        "@type": format!("handover.v1.{kind}"),
        "attribution": {"sourceId": "demo"},
        "claim": "a",
    });
    let more = more.as_object().expect("members").clone();
    payload.as_object_mut().expect("members").extend(more);
    json!({"payload": payload})
}

#[test]
fn an_export_of_the_store_adds_nothing_however_its_events_were_recorded() {
    let desk = Desk::new();
    let at = |arguments: &[&str]| run(&desk.server.address, arguments).good();
    let row = desk.file("row.jsonl", &[claim()]);
    assert_eq!(desk.counted(&row, &[]), [1, 0]);
    at(&["claims", "correct", "1", "--value", "5", "--source", "desk"]);
    at(&["claims", "prefer", "1", "--source", "desk"]);
    at(&["claims", "confirm", "1", "--source", "other"]);
    let early = desk.exported();
    at(&["claims", "correct", "1", "--value", "6", "--source", "desk"]);
    at(&["claims", "prefer", "1", "--source", "desk", "--reason", "later"]);
    for extra in [&[][..], &["--again"], &["--atomic"]] {
        assert_eq!(desk.counted(&early, extra), [0, 4], "{extra:?}");
        assert_eq!((desk.head(), desk.received()), (6, Some(json!(6))), "{extra:?}");
    }
    assert_eq!(desk.counted(&desk.exported(), &[]), [0, 6]);
}

#[test]
fn an_export_from_before_a_retraction_revives_nothing() {
    let desk = Desk::new();
    let payload = desk.dir.path().join("payload.json");
    fs::write(&payload, transfer("DE", 7).to_string()).expect("a file");
    let stream = ["append", arg(&payload), "--stream", "exchange/demo-1"];
    run(&desk.server.address, &stream).good();
    let early = desk.exported();
    desk.retract(1);
    let done = desk.import(&early, &[]);
    assert_eq!((done.code, desk.head(), desk.received()), (Some(10), 2, None), "{}", done.err);
    assert!(done.err.contains("has no effect since the retraction at 2"), "{}", done.err);
    assert_eq!(desk.counted(&desk.exported(), &[]), [0, 2], "with its retraction");
    assert_eq!(desk.counted(&early, &["--again"]), [1, 0]);
    assert_eq!((desk.head(), desk.received()), (3, Some(json!(7))));
    for all in [early, desk.exported()] {
        assert_eq!(desk.import(&all, &[]).code, Some(0), "it stands again");
        assert_eq!(desk.head(), 3);
    }
}

#[test]
fn a_correction_stays_with_the_recording_that_it_was_about() {
    let desk = Desk::new();
    let row = desk.file("row.jsonl", &[claim()]);
    assert_eq!(desk.counted(&row, &[]), [1, 0]);
    let correct = ["claims", "correct", "1", "--value", "5", "--source", "desk"];
    run(&desk.server.address, &correct).good();
    desk.retract(1);
    assert_eq!(desk.counted(&row, &["--again"]), [1, 0]);
    for extra in [&[][..], &["--again"]] {
        assert_eq!(desk.counted(&desk.exported(), extra), [0, 4], "{extra:?}");
        assert_eq!((desk.head(), desk.received()), (4, Some(json!(4))), "{extra:?}");
    }
}

#[test]
fn what_an_import_records_itself_is_of_no_export_that_it_reads() {
    let desk = Desk::new();
    let (row, same) = (transfer("DE", 4), transfer("DE", 4));
    // The second line is a copy, although its id is that of the first one's position.
    let copies = [json!({"payload": row}), json!({"id": "e1", "payload": same})];
    let copies = desk.file("copies.jsonl", &copies);
    assert_eq!(desk.counted(&copies, &[]), [2, 0]);
    assert_eq!(desk.counted(&copies, &[]), [0, 2]);
}

#[test]
fn a_line_of_an_export_that_was_changed_is_a_line_of_its_own() {
    let desk = Desk::new();
    let row = desk.file("row.jsonl", &[json!({"id": "e1", "payload": transfer("DE", 4)})]);
    assert_eq!(desk.counted(&row, &[]), [1, 0]);
    let other = desk.file("other.jsonl", &[json!({"id": "e1", "payload": transfer("DE", 6)})]);
    assert_eq!(desk.counted(&other, &[]), [1, 0]);
    let tagged = json!({"id": "e1", "payload": transfer("DE", 4), "tags": ["desk:a"]});
    let tagged = desk.file("tagged.jsonl", &[tagged]);
    assert_eq!(desk.counted(&tagged, &[]), [1, 0]);
}

#[test]
fn a_retraction_of_what_another_retracted_is_reported_and_not_taken_for_recorded() {
    let desk = Desk::new();
    let row = desk.file("row.jsonl", &[claim()]);
    assert_eq!(desk.counted(&row, &[]), [1, 0]);
    desk.retract(1);
    let retracted = about("ClaimRetracted", &json!({"reason": "a slip of ours"}));
    let both = desk.file("both.jsonl", &[claim(), retracted]);
    for (head, again) in [(2, false), (3, true)] {
        if again {
            assert_eq!(desk.counted(&row, &["--again"]), [1, 0]);
        }
        let done = desk.import(&both, &[]);
        assert_eq!((done.code, desk.head()), (Some(5), head), "{}", done.err);
        let expected = "claim 1 is retracted already, by the event at 2, which says something else";
        assert!(done.err.contains(expected), "{}", done.err);
    }
}

#[test]
fn of_equal_rows_that_are_undone_a_dry_run_counts_the_one_that_again_records() {
    let desk = Desk::new();
    let rows = [json!({"payload": transfer("DE", 4)}), json!({"payload": transfer("DE", 4)})];
    let rows = desk.file("rows.jsonl", &rows);
    assert_eq!(desk.counted(&rows, &[]), [2, 0]);
    desk.retract(1);
    desk.retract(2);
    let done = desk.import(&rows, &["--dry-run", "--again"]);
    assert!(done.out.contains("1 recorded anew"), "{}", done.out);
    assert_eq!(desk.counted(&rows, &["--again"]), [1, 1], "as it was shown");
}
