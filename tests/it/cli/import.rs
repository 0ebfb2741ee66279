//! `import` and `export`: a file in, the same events out, nothing twice, nothing by halves.

use std::fs;

use handover::domain::{known::Known, proto::RecordedEvent};
use serde_json::{Value, json};

use super::{EXAMPLE, arg, example, file, head, nowhere, retraction, run, run_with, transfer};
use crate::support::{Server, data_dir, event, read_all};

/// Rows of which the server and the command refuse five, each for another reason.
fn rows() -> Vec<String> {
    let row = |payload: Value| json!({"payload": payload}).to_string();
    vec![
        json!({"id": "good", "payload": transfer("DE", 2)}).to_string(),
        row(transfer("Germany", 2)),
        "{\"payload\": nonsense}".to_owned(),
        json!({"id": "gone", "stream": "exchange/demo-1", "payload": retraction(999)}).to_string(),
        row(retraction("gone")),
        row(retraction("nobody")),
        String::new(),
        row(retraction("good")),
    ]
}

#[test]
fn importing_twice_adds_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let import = || run(&server.address, &["import", EXAMPLE]).good();
    assert_eq!(import(), format!("{EXAMPLE}: 32 lines: 32 added, 0 already there, 0 refused\n"));
    assert_eq!(import(), format!("{EXAMPLE}: 32 lines: 0 added, 32 already there, 0 refused\n"));
    assert_eq!(head(&server.address), 32);
}

#[test]
fn refused_rows_are_told_by_line_and_column_and_the_others_are_kept() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let path = file(dir.path(), "rows.jsonl", &rows());
    let name = path.display();
    for told in ["2 added, 0 already there", "0 added, 2 already there"] {
        let done = run(&server.address, &["import", arg(&path)]);
        assert_eq!(done.code, Some(5), "{}", done.err);
        assert_eq!(done.out, format!("{name}: 7 lines: {told}, 5 refused\n"));
        let mut refused: Vec<&str> = done.err.lines().collect();
        refused.sort_unstable();
        for (row, expected) in refused.iter().zip([
            ":2:12: payload.leg.to[0]: is \"Germany\"",
            ":3:14: not JSON",
            ":4:1: claim 999: there is no claim",
            ":5:99: the line with the id \"gone\" was refused",
            ":6:99: no earlier line has the id \"nobody\"",
        ]) {
            assert!(row.starts_with(&format!("{name}{expected}")), "{row:?} is not {expected:?}");
        }
        assert_eq!(refused.len(), 5, "{refused:#?}");
    }
    assert_eq!(head(&server.address), 2);
    assert_eq!(run(&server.address, &["counts"]).good(), "", "the only transfer is retracted");
}

#[test]
fn atomic_is_all_or_nothing() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let good = [json!({"payload": transfer("DE", 2)}), json!({"payload": transfer("FR", 3)})];
    let mut bad = good.to_vec();
    bad.push(json!({"payload": transfer("Germany", 4)}));
    let path = file(dir.path(), "bad.jsonl", &bad);
    let done = run(&server.address, &["import", "--atomic", arg(&path)]);
    assert_eq!(done.code, Some(5), "{}", done.err);
    let told = "3 lines: 0 added, 0 already there, 1 refused; --atomic adds all or nothing\n";
    assert!(done.out.ends_with(told), "{}", done.out);
    assert!(done.err.contains(":3:12: payload.leg.to[0]"), "{}", done.err);

    // Refused only by the server, which sees the first event before it.
    let bad = [good[0].clone(), json!({"stream": "exchange/demo-1", "payload": retraction(999)})];
    let path = file(dir.path(), "bad.jsonl", &bad);
    let error = run(&server.address, &["import", "--atomic", arg(&path)]).refused(8);
    assert!(error.contains("nothing was added: claim 999"), "{error}");
    assert_eq!(head(&server.address), 0);

    let path = file(dir.path(), "good.jsonl", &good);
    let import = || run(&server.address, &["import", "--atomic", arg(&path)]).good();
    assert!(import().ends_with("2 lines: 2 added, 0 already there, 0 refused\n"));
    assert!(import().ends_with("2 lines: 0 added, 2 already there, 0 refused\n"));
    assert_eq!(head(&server.address), 2);
}

#[test]
fn a_dry_run_reports_and_changes_nothing() {
    let (dir, server) = example();
    let path = file(dir.path(), "rows.jsonl", &rows());
    let done = run(&server.address, &["import", "--dry-run", arg(&path)]);
    assert_eq!(done.code, Some(5));
    // That claim 999 is not there, only the server knows.
    let told = "7 lines: 4 good, 3 refused (only checked, nothing was sent)\n";
    assert!(done.out.ends_with(told), "{}", done.out);
    assert_eq!(done.err.lines().count(), 3, "{}", done.err);
    assert_eq!(head(&server.address), 32);
    let checked = run(&nowhere(), &["import", "--dry-run", EXAMPLE]).good();
    assert!(checked.contains("32 lines: 32 good, 0 refused"), "it needs no server: {checked}");
}

#[test]
fn standard_input_is_read_and_named() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let line = json!({"payload": transfer("DE", 2)}).to_string();
    let done = run_with(&server.address, &["import", "-"], &line).good();
    assert_eq!(done, "standard input: 1 line: 1 added, 0 already there, 0 refused\n");
    let done = run_with(&server.address, &["import", "-"], "\u{0}\n");
    assert!(done.err.starts_with("standard input:1:1: not JSON"), "{}", done.err);
    assert_eq!(run_with(&server.address, &["import", "-"], "").good().lines().count(), 1);
    let error = run(&server.address, &["import", "/nowhere/x.jsonl"]).refused(2);
    assert!(error.contains("cannot open /nowhere/x.jsonl"), "{error}");
}

/// The events without what each store adds of its own: the time.
fn timeless(events: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
    events.into_iter().map(|event| RecordedEvent { recorded_at: None, ..event }).collect()
}

/// Fails with the first event that differs, rather than with all of them.
fn assert_same(actual: &[RecordedEvent], expected: &[RecordedEvent]) {
    for (actual, expected) in actual.iter().zip(expected) {
        assert_eq!(actual, expected);
    }
    assert_eq!(actual.len(), expected.len());
}

/// Adds what an export has to carry beyond the example: claims about claims, another's events,
/// own tags and metadata.
async fn enrich(server: &Server) {
    let address = &server.address;
    let stream = ["--stream", "exchange/demo-1"];
    let append = |event: Value, extra: &[&str]| {
        let arguments = [&["append", "-"], &stream[..], extra].concat();
        run_with(address, &arguments, &event.to_string()).good();
    };
    append(transfer("DE", 2), &["--tag", "desk:night", "--metadata", "shift=3"]);
    append(
        json!({
            "@type": "handover.v1.ClaimCorrected",
            "attribution": {"sourceId": "demo-source"},
            "claim": 33,
            "replacement": transfer("DE", 3),
            "by": "CORRECTED_BY_RECORDER",
            "reason": "a slip",
        }),
        &[],
    );
    append(retraction(33), &[]);
    let noted = crate::support::append("demo/notes", vec![event("\u{1}noted\u{ff}", &["desk:a"])]);
    server.client().await.append(noted).await.expect("it is appended");
}

#[tokio::test]
async fn what_is_exported_is_imported_to_the_same_events() {
    let (dir, server) = example();
    enrich(&server).await;
    let before = timeless(read_all(&server.client().await).await);
    assert_eq!(before.len(), 36);
    let path = dir.path().join("export.jsonl");
    assert_eq!(run(&server.address, &["export", "-o", arg(&path)]).good(), "");
    let text = fs::read_to_string(&path).expect("it was written");
    assert_eq!(run(&server.address, &["export"]).good(), text);

    let (_other, data) = data_dir();
    let other = Server::start(&data, &[]);
    let done = run(&other.address, &["import", arg(&path)]).good();
    assert!(done.contains("36 lines: 36 added, 0 already there, 0 refused"), "{done}");
    assert_same(&timeless(read_all(&other.client().await).await), &before);
    assert_eq!(run(&other.address, &["export"]).good(), text);
    run(&other.address, &["import", arg(&path)]).good();
    assert_eq!(head(&other.address), 36, "nothing twice");
}

#[tokio::test]
async fn a_claim_is_found_again_in_a_store_where_it_has_another_position() {
    let (_dir, server) = example();
    enrich(&server).await;
    let select = ["export", "--stream", "exchange/demo-1", "--with-positions"];
    let text = run(&server.address, &select).good();
    let (_other, data) = data_dir();
    let other = Server::start(&data, &[]);
    run_with(&other.address, &["import", "-"], &text).good();
    let events = read_all(&other.client().await).await;
    let about = |event: &RecordedEvent| {
        let any = event.payload.as_ref().expect("a payload");
        Known::decode(any.type_name(), &any.value).expect("known").expect("valid").about()
    };
    assert_eq!(events.iter().map(about).collect::<Vec<_>>(), [None, Some(1), Some(1)]);

    // Without the claim itself, the line would name whatever stands there elsewhere.
    let select = ["export", "--type", "ClaimRetracted"];
    let error = run(&server.address, &select).refused(2);
    assert!(error.contains("event 35 is about event 33"), "{error}");
}
