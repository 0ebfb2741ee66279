//! `append`: one event and its receipt.

use handover::domain::proto::GetHeadRequest;
use serde_json::json;

use super::{arg, example, file, head, parsed, retraction, run, run_with, transfer};
use crate::support::{Server, data_dir, new_id, read_all};

const STREAM: &str = "exchange/demo-1";

#[tokio::test]
async fn a_receipt_says_where_the_event_stands() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let path = file(dir.path(), "event.json", &[transfer("DE", 2)]);
    let append = |arguments: &[&str]| {
        run(&server.address, &[&["append", arg(&path), "--stream", STREAM], arguments].concat())
            .good()
    };
    let receipt = parsed(&append(&["--output", "jsonl"])).remove(0);
    let store = server.client().await.get_head(GetHeadRequest::default()).await.expect("it").store;
    let expected = json!({
        "firstPosition": "1",
        "lastPosition": "1",
        "revisions": {"exchange/demo-1": "1"},
        "store": store,
    });
    assert_eq!(receipt, expected);
    let extra = ["--tag", "desk:night", "--metadata", "shift=3", "--expected-revision", "1"];
    let receipt = append(&[&["--output", "table"], &extra[..]].concat());
    assert_eq!(receipt, "position 2, exchange/demo-1 revision 2\n");
    assert!(append(&[]).starts_with("{\n"), "a pipe gets JSON");

    let events = read_all(&server.client().await).await;
    assert_eq!(events.len(), 3);
    assert!(events[1].tags.contains(&"desk:night".to_owned()), "{:?}", events[1].tags);
    assert_eq!(events[1].metadata["shift"], "3");
}

#[test]
fn others_that_wrote_first_are_a_conflict() {
    let (_dir, server) = example();
    let event = transfer("DE", 2).to_string();
    let expecting = |revision: &str| {
        let arguments = ["append", "-", "--stream", STREAM, "--expected-revision", revision];
        run_with(&server.address, &arguments, &event)
    };
    expecting("0").good();
    let error = expecting("0").refused(4);
    assert!(error.contains("exchange/demo-1") && error.contains("is at 1"), "{error}");
    expecting("2").refused(4);
    assert_eq!(head(&server.address), 33);
    expecting("1").good();
}

#[test]
fn a_request_id_makes_it_safe_to_repeat() {
    let (_dir, server) = example();
    let id = new_id();
    let append = |count: u32, output: &str| {
        let arguments = ["append", "-", "--stream", STREAM, "--request-id", &id];
        let event = transfer("DE", count).to_string();
        run_with(&server.address, &[&arguments[..], &["--output", output]].concat(), &event)
    };
    assert_eq!(append(2, "table").good(), "position 33, exchange/demo-1 revision 1\n");
    let again = "position 33, exchange/demo-1 revision 1 (was there already)\n";
    assert_eq!(append(2, "table").good(), again);
    assert_eq!(parsed(&append(2, "jsonl").good())[0]["duplicate"], true);
    let error = append(3, "table").refused(4);
    assert!(error.contains("request_id") && error.contains("33"), "{error}");
    assert_eq!(head(&server.address), 33);
}

#[test]
fn what_is_wrong_with_an_event_is_reported_and_nothing_is_added() {
    let (_dir, server) = example();
    let transfer = |to: &str| transfer(to, 2).to_string();
    let mut misspelt = retraction(10);
    misspelt["reasn"] = json!("x");
    for (event, stream, code, expected) in [
        (transfer("Germany"), STREAM, 2, "payload.leg.to[0]: is \"Germany\""),
        (transfer("DE"), "exchange/other", 2, "stream: is exchange/other"),
        (transfer("DE"), "exchange", 2, "stream: is not of the form category/name"),
        (retraction(99).to_string(), STREAM, 8, "claim 99: there is no claim"),
        (retraction(1).to_string(), STREAM, 8, "claim 1: is a SourceRegistered"),
        (retraction(10).to_string(), STREAM, 2, "exchange/ankara-2024-08-01"),
        (retraction("to-ru").to_string(), STREAM, 2, "\"to-ru\" is not a position"),
        (misspelt.to_string(), STREAM, 2, "standard input:1:"),
        ("{\"@type\":\n  nonsense}".to_owned(), STREAM, 2, "standard input:2:4: not JSON"),
        (String::new(), STREAM, 2, "standard input:1:"),
        ("{\"@type\": \"demo.v1.Note\"}".to_owned(), "demo/1", 2, "@bytes"),
    ] {
        let arguments = ["append", "-", "--stream", stream];
        let error = run_with(&server.address, &arguments, &event).refused(code);
        assert!(error.starts_with("error: ") && error.contains(expected), "{event}: {error}");
        assert!(
            !error.contains("writes["),
            "it speaks of the command, not of the request: {error}"
        );
    }
    let twice = ["--metadata", "shift=3", "--metadata", "shift=4"];
    let arguments = [&["append", "-", "--stream", STREAM], &twice[..]].concat();
    let error = run_with(&server.address, &arguments, &transfer("DE")).refused(2);
    assert!(error.contains("the metadata \"shift\" is given twice"), "{error}");
    for (arguments, expected) in [
        (["--tag", "to:DE"], "tags[0]: uses the key \"to\""),
        (["--tag", "night"], "tags[0]"),
        (["--metadata", "night"], "key=value"),
        (["--request-id", "7"], "--request-id"),
    ] {
        let arguments = [&["append", "-", "--stream", STREAM], &arguments[..]].concat();
        let error = run_with(&server.address, &arguments, &transfer("DE")).refused(2);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(head(&server.address), 32, "nothing was added");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_with_its_place() {
    let (_dir, server) = example();
    let event = |more: &str| {
        let event = r#"{"@type":"handover.v1.ExchangeReported","attribution":{"sourceId":"s"},
            "exchangeId":"demo-1","status":"EXCHANGE_STATUS_AGREED","#;
        format!("{event}\n{more}}}")
    };
    let append = |text: &str| {
        run_with(&server.address, &["append", "-", "--stream", STREAM, "--output", "table"], text)
    };
    for (more, expected) in [
        (r#""occurred":"2024","occurred":"2025""#, "3:19: \"occurred\" is given twice"),
        (r#""exchange_id":"demo-2""#, "3:1: \"exchange_id\" is the field that \"exchangeId\" is"),
        (r#""attribution":{"sourceId":"t"}"#, "3:1: \"attribution\" is given twice"),
        (r#""@type":"handover.v1.ExchangeReported""#, "3:1: \"@type\" is given twice"),
        (r#""kind":4294967297"#, "3:8: is 4294967297; the field holds whole numbers from"),
    ] {
        let error = append(&event(more)).refused(2);
        assert!(error.starts_with(&format!("error: standard input:{expected}")), "{error}");
    }
    let claim = r#"{"@type":"handover.v1.ClaimRetracted","attribution":{"sourceId":"s"},"claim":"#;
    // As the largest position that there is, it would have been a claim.
    let error = append(&format!("{claim}18446744073709551616}}")).refused(2);
    assert!(error.contains("1:78: is 18446744073709551616; the field holds"), "{error}");
    assert_eq!(head(&server.address), 32, "nothing was added");
    // Editors put a mark before UTF-8, and some systems end lines with CR.
    let event = event(r#""occurred":"2025""#).replace('\n', "\r");
    assert!(append(&format!("\u{feff}{event}")).good().starts_with("position 33,"));
    let error = append(&event.replace("2025", "2025\",\"occurred\":\"2025")).refused(2);
    assert!(error.contains(":3:19: \"occurred\" is given twice"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_a_wrong_command_line() {
    let arguments = ["append", "/nowhere/event.json", "--stream", STREAM];
    let error = run("", &arguments).refused(2);
    assert!(error.contains("cannot open /nowhere/event.json"), "{error}");
}
