//! `import` and `export`: a file in, the same events out, nothing twice, nothing by halves.

use std::{
    fs,
    io::{BufWriter, Read as _, Write as _},
    process::Stdio,
};

use handover::domain::{known::Known, proto::RecordedEvent};
use serde_json::{Value, json};

use super::{
    EXAMPLE, arg, command, example, file, head, nowhere, retraction, run, run_with, transfer,
};
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
fn refused_rows_are_reported_by_line_and_column_and_the_others_are_kept() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let path = file(dir.path(), "rows.jsonl", &rows());
    let name = path.display();
    for reported in ["2 added, 0 already there", "0 added, 2 already there"] {
        let done = run(&server.address, &["import", arg(&path)]);
        assert_eq!(done.code, Some(5), "{}", done.err);
        assert_eq!(done.out, format!("{name}: 7 lines: {reported}, 5 refused\n"));
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

#[tokio::test]
async fn atomic_checks_everything_first_and_is_the_same_import_otherwise() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let good = [
        json!({"id": "first", "payload": transfer("DE", 2)}),
        json!({"payload": transfer("FR", 3)}),
        json!({"payload": retraction("first")}),
    ];
    let mut bad = good.to_vec();
    bad.push(json!({"payload": transfer("Germany", 4)}));
    let path = file(dir.path(), "bad.jsonl", &bad);
    let done = run(&server.address, &["import", "--atomic", arg(&path)]);
    assert_eq!(done.code, Some(5), "{}", done.err);
    let expected =
        "4 lines: 0 added, 0 already there, 1 refused; with --atomic, nothing is added then\n";
    assert!(done.out.ends_with(expected), "{}", done.out);
    assert!(done.err.contains(":4:12: payload.leg.to[0]"), "{}", done.err);
    assert_eq!(head(&server.address), 0);

    // What only the server can know ends it there.
    let unknown = json!({"stream": "exchange/demo-1", "payload": retraction(999)});
    let late = [&good[0], &good[1], &unknown, &good[1]];
    let path = file(dir.path(), "late.jsonl", &late);
    let error = run(&server.address, &["import", "--atomic", arg(&path)]).refused(8);
    assert!(error.contains("3:1: claim 999: there is no claim"), "{error}");
    assert!(error.ends_with("2 lines added, 0 already there\n"), "{error}");
    assert_eq!(head(&server.address), 2);

    // What was added is known again, by this import and the plain one, from a file and a pipe.
    let path = file(dir.path(), "good.jsonl", &good);
    let text = fs::read_to_string(&path).expect("it was written");
    let import = |arguments: &[&str]| {
        run_with(&server.address, &[&["import"], arguments].concat(), &text).good()
    };
    let added = import(&["--atomic", arg(&path)]);
    assert!(added.ends_with("3 lines: 1 added, 2 already there, 0 refused\n"), "{added}");
    for arguments in [&["--atomic", "-"][..], &[arg(&path)], &["--atomic", arg(&path)]] {
        let again = import(arguments);
        assert!(again.ends_with("3 lines: 0 added, 3 already there, 0 refused\n"), "{again}");
    }

    // An export is such a file.
    let (_example, full) = example();
    enrich(&full).await;
    let text = run(&full.address, &["export"]).good();
    let (_other, data) = data_dir();
    let other = Server::start(&data, &[]);
    let done = run_with(&other.address, &["import", "--atomic", "-"], &text).good();
    assert!(done.ends_with("36 lines: 36 added, 0 already there, 0 refused\n"), "{done}");
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_next_is_taken() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let line = json!({"payload": transfer("DE", 2)}).to_string();
    let text = [line.as_str(), &"x".repeat(9 << 20), &line].join("\n");
    let done = run_with(&server.address, &["import", "-"], &text);
    assert_eq!(done.code, Some(5), "{}", done.err);
    assert!(
        done.err.starts_with("standard input:2:1: has more than 8388608 bytes"),
        "{}",
        done.err
    );
    assert!(done.out.ends_with("3 lines: 2 added, 0 already there, 1 refused\n"), "{}", done.out);
}

#[test]
fn a_dry_run_reports_and_changes_nothing() {
    let (dir, server) = example();
    let path = file(dir.path(), "rows.jsonl", &rows());
    let done = run(&server.address, &["import", "--dry-run", arg(&path)]);
    assert_eq!(done.code, Some(5));
    // That claim 999 is not there, only the server knows.
    let expected = "7 lines: 3 good, 4 refused (only checked, nothing was sent)\n";
    assert!(done.out.ends_with(expected), "{}", done.out);
    assert_eq!(done.err.lines().count(), 4, "{}", done.err);
    let misfit = ":5:99: the claim is a ClaimRetracted, which a ClaimRetracted cannot be about";
    assert!(done.err.contains(misfit), "{}", done.err);
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
    let done = run_with(&server.address, &["import", "-"], "x\n");
    assert!(done.err.contains("this is neither JSON Lines nor a table: it begins"), "{}", done.err);
    for (text, expected) in [
        ("\u{0}\n".to_owned(), "this is neither JSON Lines nor a table"),
        ("a b\n".repeat(1_000), "this is neither JSON Lines nor a table"),
        ("exchange;actor\na;b".to_owned(), "no form has these columns: missing \"role\""),
        ("[\n  {}\n]\n".to_owned(), "this is neither JSON Lines nor a table: it looks like a JSON"),
        ("a,b\n".repeat(1_000), "no form has these columns"),
    ] {
        let error = run_with(&server.address, &["import", "-"], &text).refused(2);
        assert!(error.starts_with(&format!("error: standard input: {expected}")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let marked = format!("\u{feff}{line}\n");
    let done = run_with(&server.address, &["import", "-"], &marked).good();
    assert_eq!(done, "standard input: 1 line: 0 added, 1 already there, 0 refused\n");
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
async fn cloud_events_are_of_a_source_that_is_one_store_for_as_long_as_it_is() {
    let (dir, server) = example();
    enrich(&server).await;
    let export = |server: &Server, extra: &[&str]| -> Vec<Value> {
        let text = run(&server.address, &[&["export", "--format", "cloudevents"], extra].concat());
        let lines = text.good();
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    };
    let events = export(&server, &[]);
    let ids: Vec<String> = (1..=36).map(|position: u32| position.to_string()).collect();
    assert_eq!(events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>(), ids);
    assert_eq!(events[33]["data"]["claim"], "33");
    assert_eq!(events[35]["data_base64"], "AW5vdGVkw78=");
    let source = events[0]["source"].as_str().expect("a source").to_owned();
    assert!(source.starts_with("urn:uuid:"), "{source}");
    assert!(events.iter().all(|event| event["source"] == source));

    let select = ["--stream", "demo/notes", "--source", "https://record.example/"];
    let selected = export(&server, &select);
    assert_eq!(selected.len(), 1);
    assert_eq!(selected[0]["source"], "https://record.example/");

    server.terminate();
    assert!(server.wait());
    let again = Server::start(&dir.path().join("data"), &[]);
    assert_eq!(export(&again, &[])[0]["source"], source);
    let (_other, data) = data_dir();
    let other = Server::start(&data, &["--load", EXAMPLE]);
    assert_ne!(export(&other, &[])[0]["source"], source);
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

#[test]
fn tables_are_imported_row_by_row_and_a_retracted_claim_counts_for_nothing() {
    const HEADER: &str = "exchange,part_of,title,occurred,place,parties,kind,record,from,to,unit,\
        category,portion,count,approximate,reason,scope,claimed_by,source";
    let row = |record: &str, to: &str, count: &str| {
        format!(
            "demo-1,,\"A title, quoted\",2024-08,,RU+DE,exchange,{record},RU,{to},person,,,\
             {count},,,,TR MFA,https://example.org/1"
        )
    };
    let rows = [
        HEADER.to_owned(),
        row("completed", "DE", "13"),
        row("retracted", "US", "3"),
        row("completed", "DE", "thirteen"),
    ];
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let path = file(dir.path(), "claims.csv", &rows);
    let name = path.display();
    // The source, the exchange and the claim; a claim and its retraction.
    for expected in ["5 added, 0 already there", "0 added, 5 already there"] {
        let done = run(&server.address, &["import", arg(&path)]);
        assert_eq!(done.code, Some(5), "{}", done.err);
        assert_eq!(done.out, format!("{name}: 3 lines: {expected}, 1 refused\n"));
        assert!(
            done.err.starts_with(&format!("{name}:4:14: count: is \"thirteen\"")),
            "{}",
            done.err
        );
    }
    let refused = run(&server.address, &["import", "--atomic", arg(&path)]);
    assert_eq!(refused.code, Some(5));
    let counts = run(&server.address, &["counts", "--output", "csv"]).good();
    assert!(counts.contains("DE") && counts.contains("13") && !counts.contains("US"), "{counts}");
    let wrong = file(dir.path(), "wrong.csv", &["exchange,role".to_owned(), "a,b".to_owned()]);
    let error = run(&server.address, &["import", arg(&wrong)]).refused(2);
    assert!(error.contains(": missing \"actor\", \"source\""), "{error}");
}

/// Imports so many lines, which all differ and have an id, and returns the most memory that it had
/// resident by then, in KiB.
fn peak(server: &str, options: &[&str], lines: u64) -> u64 {
    let mut command = command(server, &[&["import", "-"], options].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary can be run");
    let mut pipe = BufWriter::new(child.stdin.take().expect("a piped input"));
    for number in 0..lines {
        let payload = format!(r#"{{"@type":"demo.v1.Thing","@bytes":"{number:012}"}}"#);
        writeln!(pipe, r#"{{"id":"e{number}","stream":"demo/{number}","payload":{payload}}}"#)
            .expect("it reads on");
    }
    pipe.flush().expect("it reads on");
    // All but what the pipe and a buffer hold has been read; the process goes on like its input.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it goes on");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    drop(pipe);
    let mut out = String::new();
    child.stdout.take().expect("a piped output").read_to_string(&mut out).expect("it is text");
    assert!(child.wait().expect("it ends").success());
    let (all, refused) = (format!("{lines} lines: "), " 0 refused");
    assert!(out.contains(&all) && out.contains(refused), "{out}");
    peak
}

#[test]
fn memory_does_not_grow_with_the_lines_of_an_import() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    // Both have more lines than what is kept in memory.
    for options in [&["--dry-run"][..], &[]] {
        let [few, many] = [12_000, 42_000].map(|lines| peak(&server.address, options, lines));
        let more = many.saturating_sub(few);
        println!("{options:?}: {few} KiB, and {more} KiB more for 30,000 more lines");
        assert!(more < 4 << 10, "{options:?}: {few} KiB and then {many} KiB");
    }
    assert_eq!(head(&server.address), 42_000);
}

/// A line that retracts what the line with this id claims.
fn retracting(id: &str) -> Value {
    json!({"payload": retraction(id)})
}

#[test]
fn what_was_retracted_since_is_reported_and_recorded_anew_only_if_that_is_meant() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let lines = [
        json!({"id": "a", "payload": transfer("DE", 4)}),
        json!({"id": "b", "payload": transfer("FR", 5)}),
        json!({"payload": transfer("US", 6)}),
        // The file takes this one back itself: that is no undoing.
        json!({"id": "d", "payload": transfer("PL", 7)}),
        retracting("d"),
    ];
    let path = file(dir.path(), "claims.jsonl", &lines);
    let import = |extra: &[&str]| {
        let mut arguments = vec!["import", arg(&path)];
        arguments.extend(extra);
        run(&server.address, &arguments)
    };
    let claims = |arguments: &[&str]| {
        run(&server.address, &[&["claims"], arguments, &["--source", "desk"]].concat()).good();
    };
    let received = |country: &str| {
        let counts = run(&server.address, &["counts", country]).good();
        let row =
            counts.lines().next().map(|row| serde_json::from_str::<Value>(row).expect("JSON"));
        row.map(|row| row["received"]["preferred"].clone())
    };
    import(&[]).good();
    assert!(import(&["--again"]).good().contains("5 lines: 0 added, 5 already there, 0 refused"));
    assert_eq!(head(&server.address), 5, "what the file takes back is not recorded anew");

    claims(&["retract", "1"]);
    claims(&["correct", "2", "--value", "50"]);
    for extra in [&[][..], &["--atomic"]] {
        let done = import(extra);
        assert_eq!(done.code, Some(10), "{}", done.err);
        let expected = "5 lines: 0 added, 5 already there, 0 refused; 1 of those already there";
        assert!(done.out.contains(expected) && done.out.contains("--again"), "{}", done.out);
        let expected =
            ":1:1: was imported before: the event at 1 has no effect since the retraction at 6";
        let alone = done.err.trim_end().ends_with(expected) && done.err.lines().count() == 1;
        assert!(alone, "what is corrected stands with its correction: {}", done.err);
    }
    assert_eq!((head(&server.address), received("DE")), (7, None));

    let done = import(&["--again"]).good();
    assert!(done.contains("5 lines: 1 added, 4 already there, 0 refused"), "{done}");
    assert_eq!((received("DE"), received("FR")), (Some(json!(4)), Some(json!(50))));
    for extra in [&[][..], &["--again"], &["--atomic", "--again"]] {
        let done = import(extra).good();
        assert!(done.contains("5 lines: 0 added, 5 already there, 0 refused"), "{done}");
    }
    assert_eq!(head(&server.address), 8, "nothing twice");

    // The second time that it is recorded anew is another one again.
    claims(&["retract", "8"]);
    let done = import(&[]);
    assert!(
        done.err.contains("the event at 8 has no effect since the retraction at 9"),
        "{}",
        done.err
    );
    assert_eq!(done.code, Some(10));
    assert!(import(&["--again"]).good().contains("1 added"));
    import(&[]).good();
}

#[test]
fn a_line_about_one_that_is_recorded_anew_names_the_new_one() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let claim = json!({"id": "a", "payload": transfer("DE", 4)});
    let path = file(dir.path(), "claims.jsonl", &[&claim]);
    run(&server.address, &["import", arg(&path)]).good();
    run(&server.address, &["claims", "retract", "1", "--source", "desk"]).good();
    let confirmed = json!({"payload": {
        "@type": "handover.v1.ClaimConfirmed", "attribution": {"sourceId": "demo"}, "claim": "a",
    }});
    let path = file(dir.path(), "claims.jsonl", &[&claim, &confirmed]);
    let done = run(&server.address, &["import", arg(&path)]);
    assert_eq!(done.code, Some(5), "the claim that it names is retracted: {}", done.err);
    let done = run(&server.address, &["import", arg(&path), "--again"]).good();
    assert!(done.contains("2 lines: 2 added, 0 already there, 0 refused"), "{done}");
    let claim = run(&server.address, &["claims", "show", "3", "--output", "json"]).good();
    assert!(claim.contains("ClaimConfirmed"), "{claim}");
}

#[test]
fn a_request_whose_effect_is_gone_ends_with_a_code_of_its_own() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let id = "6d9d3f7c-5a8e-4f2b-9c55-0d2f1f0c7a11";
    let event = transfer("DE", 4).to_string();
    let record = ["append", "-", "--stream", "exchange/demo-1", "--request-id", id];
    run_with(&server.address, &record, &event).good();
    run(&server.address, &["claims", "retract", "1", "--source", "desk"]).good();
    let done = run_with(&server.address, &record, &event);
    assert_eq!(done.code, Some(10));
    assert!(done.out.contains("\"duplicate\": true"), "the first answer is given: {}", done.out);
    let expected = "the event at 1 has no effect since the retraction at 2; a new --request-id records it anew";
    assert!(done.err.contains(expected), "{}", done.err);
    // What is about a claim cannot be recorded anew while that is retracted.
    let mut anew = record;
    anew[5] = "6d9d3f7c-5a8e-4f2b-9c55-0d2f1f0c7a21";
    run_with(&server.address, &anew, &event).good();
    let confirm = ["claims", "confirm", "3", "--source", "desk", "--request-id"];
    let confirm = [&confirm[..], &["6d9d3f7c-5a8e-4f2b-9c55-0d2f1f0c7a22"]].concat();
    run(&server.address, &confirm).good();
    run(&server.address, &["claims", "retract", "3", "--source", "desk"]).good();
    let done = run(&server.address, &confirm);
    assert_eq!(done.code, Some(10), "{}", done.err);
    let expected = "since the retraction at 5; record claim 3 anew, and then what is about it";
    assert!(done.err.contains(expected), "{}", done.err);

    let id = "6d9d3f7c-5a8e-4f2b-9c55-0d2f1f0c7a12";
    let create = ["groups", "create", "desk", "--request-id", id];
    run(&server.address, &create).good();
    run(&server.address, &create).good();
    let id = "6d9d3f7c-5a8e-4f2b-9c55-0d2f1f0c7a13";
    let delete = ["groups", "delete", "desk", "--request-id", id];
    run(&server.address, &delete).good();
    let done = run(&server.address, &create);
    assert_eq!(done.code, Some(10), "{}", done.err);
    assert!(
        done.err.contains("the group is deleted by the event at 7; a new --request-id creates"),
        "{}",
        done.err
    );
    run(&server.address, &["groups", "create", "desk"]).good();
    let done = run(&server.address, &delete);
    assert_eq!(done.code, Some(10), "{}", done.err);
    assert!(
        done.err.contains("the group is created again by the event at 8; a new --"),
        "{}",
        done.err
    );
    // The group that the first request created is gone, and one of its name is there.
    let done = run(&server.address, &create);
    assert_eq!(done.code, Some(10), "{}", done.err);
    assert!(done.err.contains("at 7; a group of this name is there again"), "{}", done.err);
}
