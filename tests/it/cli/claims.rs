//! `claims`: what a claim says, and what becomes of it, with figures that follow.

use serde_json::{Value, json};

use super::{parsed, run, run_with, transfer};
use crate::support::{Server, data_dir};

/// A server that holds two claims about one leg, at positions 1 and 2.
fn disputed() -> (tempfile::TempDir, Server) {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    for (by, value) in [("RU MoD", 150), ("UA HQ", 189)] {
        let mut claim = transfer("UA", value);
        claim["attribution"]["claimedBy"] = json!({"name": by});
        let arguments = ["append", "-", "--stream", "exchange/demo-1"];
        run_with(&server.address, &arguments, &claim.to_string()).good();
    }
    (dir, server)
}

fn received(server: &Server) -> Value {
    let text = run(&server.address, &["counts", "UA"]).good();
    parsed(&text)[0]["received"].clone()
}

/// Runs `claims` with who says so; where the event was recorded.
fn deed(server: &Server, arguments: &[&str]) -> u64 {
    let said = ["--source", "desk", "--by", "TR MFA"];
    let text = run(&server.address, &[&["claims"], arguments, &said].concat()).good();
    let receipt: Value = serde_json::from_str(&text).expect("a receipt");
    assert_eq!(receipt["stream"], "exchange/demo-1");
    receipt["position"].as_str().and_then(|text| text.parse().ok()).expect("a position")
}

#[test]
fn a_preference_decides_and_its_retraction_leaves_it_open_again() {
    let (_dir, server) = disputed();
    let open = received(&server);
    assert_eq!((&open["low"], &open["high"]), (&json!(150), &json!(189)));
    assert_eq!(open.get("preferred"), None);
    let preference = deed(&server, &["prefer", "2", "--reason", "named one by one"]);
    assert_eq!(received(&server)["preferred"], 189);
    deed(&server, &["retract", &preference.to_string()]);
    assert_eq!(received(&server), open);
    deed(&server, &["prefer", "1", "--country", "UA", "--received"]);
    assert_eq!(received(&server)["preferred"], 150);
}

#[test]
fn a_number_is_corrected_and_the_rest_of_the_claim_stays() {
    let (_dir, server) = disputed();
    deed(&server, &["correct", "1", "--value", "151", "--reason", "a slip"]);
    assert_eq!(received(&server)["low"], 151);
    let shown = run(&server.address, &["claims", "show", "1"]).good();
    let shown = &parsed(&shown)[0];
    assert_eq!(shown["reading"]["count"]["value"], 151);
    assert_eq!(shown["reading"]["attribution"]["claimedBy"]["name"], "RU MoD");
    assert_eq!(shown["event"]["payload"]["count"]["value"], 150);
    assert_eq!(shown["history"][0]["event"]["payload"]["by"], "CORRECTED_BY_RECORDER");

    let whole = transfer("UA", 152).to_string();
    let arguments = ["claims", "correct", "1", "--payload", "-", "--source", "desk"];
    run_with(&server.address, &arguments, &whole).good();
    assert_eq!(received(&server)["low"], 152);
}

#[test]
fn what_became_of_a_claim_is_shown_in_words() {
    let (_dir, server) = disputed();
    deed(&server, &["confirm", "1", "--reason", "seen there"]);
    let dispute = deed(&server, &["dispute", "1"]);
    deed(&server, &["retract", &dispute.to_string()]);
    let table = |extra: &[&str]| {
        let arguments = [&["claims", "show", "1", "--output", "table"], extra].concat();
        run(&server.address, &arguments).good()
    };
    let text = table(&[]);
    assert!(text.starts_with("claim 1: confirmed 1 time\nTransferCompleted\n"), "{text}");
    assert!(text.contains("ClaimConfirmed: claim 1: TR MFA: seen there\n"), "{text}");
    assert!(text.contains("ClaimDisputed: claim 1: TR MFA (retracted by 5)\n"), "{text}");
    assert!(table(&["--as-of", "2"]).starts_with("claim 1: stands as recorded\n"));
    deed(&server, &["retract", "1", "--reason", "withdrawn"]);
    assert!(table(&[]).starts_with("claim 1: retracted by 6; confirmed 1 time\n"));
    assert_eq!(received(&server)["preferred"], 189);
}

#[test]
fn what_cannot_be_done_to_a_claim_is_refused_with_its_exit_code() {
    let (_dir, server) = disputed();
    let source = ["--source", "desk"];
    for (arguments, code, expected) in [
        (&["claims", "show", "99"][..], 3, "99"),
        (&["claims", "correct", "99", "--value", "3", "--source", "a"], 3, "99"),
        (&[&["claims", "retract", "99"][..], &source].concat(), 8, "claim 99"),
        (&[&["claims", "prefer", "1", "--country", "UA"][..], &source].concat(), 2, "--received"),
        (&[&["claims", "retract", "1", "--by", "x"][..], &["--source", ""]].concat(), 2, "source"),
    ] {
        let error = run(&server.address, arguments).refused(code);
        assert!(error.starts_with("error: ") && error.contains(expected), "{arguments:?}: {error}");
    }
    // A request that is repeated with its id is recorded once.
    let id = ["--request-id", "6f2a0f0e-5a43-4d0f-9a5e-0f6d3c0a7b11"];
    let arguments = [&["claims", "dispute", "1"][..], &source, &id].concat();
    let first = run(&server.address, &arguments).good();
    let again = run(&server.address, &arguments).good();
    assert!(again.contains("\"duplicate\": true"), "{again}");
    assert!(first.contains("\"position\": \"3\""), "{first}");
    assert_eq!(super::head(&server.address), 3);
}
