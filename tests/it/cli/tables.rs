//! Tables in and out: what `export --format csv` writes, `import` reads to the same figures.

use std::fs;

use handover::domain::proto::{Any, RecordedEvent};
use serde_json::{Value, json};

use super::{file, retraction, run, run_with, transfer};
use crate::support::{Server, data_dir, read_all};

/// The real exchanges that come with the program.
const TABLES: [(&str, &str); 3] = [
    ("claims", "examples/exchanges/claims.csv"),
    ("roles", "examples/exchanges/roles.csv"),
    ("totals", "examples/exchanges/running_totals.csv"),
];

fn empty() -> (tempfile::TempDir, Server) {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    (dir, server)
}

/// Figures in several groupings, without the position, which differs from store to store.
fn figures(server: &Server) -> Vec<String> {
    let questions: [&[&str]; 5] = [
        &["counts"],
        &["counts", "--occurred", "2024"],
        &["counts", "--group-by", "route,year"],
        &["counts", "--group-by", "exchange,category"],
        &["counts", "--group-by", "mediator,kind", "--denied-mediators"],
    ];
    let queried = |arguments: &&[&str]| {
        let text = run(&server.address, &[*arguments, &["--output", "csv"]].concat()).good();
        let bare = text.lines().map(|line| line.rsplit_once(',').expect("a position").0.to_owned());
        bare.collect::<Vec<_>>().join("\n")
    };
    questions.iter().map(queried).collect()
}

fn export(server: &Server, form: &str) -> String {
    run(&server.address, &["export", "--format", "csv", "--form", form]).good()
}

#[test]
fn an_exported_table_gives_an_empty_store_the_same_figures() {
    let (_dir, first) = empty();
    for (_, path) in TABLES {
        run(&first.address, &["import", path]).good();
    }
    let (_other, second) = empty();
    for (form, path) in TABLES {
        let text = export(&first, form);
        let done = run_with(&second.address, &["import", "-"], &text).good();
        assert!(done.contains(" 0 refused"), "{form}: {done}");
        assert_eq!(export(&second, form), text, "{form}: again the same table");
        // A report has a row of its own where its only claim was retracted.
        let rows = |text: &str| text.lines().filter(|row| !row.contains(",reported,")).count();
        let original = fs::read_to_string(path).expect("it comes with the program");
        let retracted = original.lines().filter(|row| row.contains(",retracted,")).count();
        assert_eq!(rows(&text), rows(&original) - retracted, "{form}: a row for each claim");
    }
    let before = figures(&first);
    for (before, after) in before.iter().zip(figures(&second)) {
        assert!(before.lines().count() > 10, "too little to tell: {before}");
        assert_eq!(after, *before);
    }
}

#[test]
fn what_a_table_cannot_say_is_reported_and_the_exit_code_says_so() {
    let (dir, server) = empty();
    let mut range = transfer("DE", 0);
    range["count"] = serde_json::json!({"low": 3, "high": 5});
    let mut retracted = retraction("gone");
    retracted["reason"] = "never happened".into();
    let lines = [
        serde_json::json!({"payload": transfer("FR", 2)}),
        serde_json::json!({"payload": range}),
        serde_json::json!({"id": "gone", "payload": transfer("US", 7)}),
        serde_json::json!({"payload": retracted}),
    ];
    let path = file(dir.path(), "rows.jsonl", &lines);
    run(&server.address, &["import", super::arg(&path)]).good();
    let done = run(&server.address, &["export", "--format", "csv"]);
    assert_eq!(done.code, Some(5), "{}", done.err);
    assert_eq!(done.err, "left out: claim 2 gives a range, which the columns cannot hold\n");
    let rows: Vec<&str> = done.out.lines().skip(1).collect();
    assert_eq!(rows, ["demo-1,,,,,,,completed,,FR,person,,,2,,,,,[id demo-source]"]);
}

/// Names that mean something in a cell, or begin with a party's code and mean no party.
const NAMES: [(&str, &str); 14] = [
    ("", "IS spokesman"),
    ("TR", "TR spokesman"),
    ("TR", "Hakan Demo"),
    ("UA", ""),
    ("", "[TR] Hakan Demo"),
    ("", "=HYPERLINK(\"http://demo.example\")"),
    ("", "+49 30 desk"),
    ("", "- first, second"),
    ("", "@desk"),
    ("", "\tdesk"),
    ("", "\rdesk\n+1"),
    ("", "'quoted' \"twice\""),
    ("", "'=typed"),
    ("x-unc", "-desk"),
];

/// Lines that say all that tables have columns for: reports, numbers, roles and running totals.
fn awkward() -> Vec<Value> {
    let desk = || json!({"sourceId": "desk"});
    let by = |party: &str, name: &str| json!({"party": party, "name": name});
    let mut events =
        vec![json!({"@type": "handover.v1.SourceRegistered", "sourceId": "desk", "title": "=1"})];
    for ((party, name), value) in NAMES.into_iter().zip(1..) {
        let (odd, mut said) = (value % 2 == 1, desk());
        said["claimedBy"] = by(party, name);
        if value % 3 == 1 {
            events.push(json!({
                "@type": "handover.v1.ExchangeReported",
                "attribution": if odd { desk() } else { said.clone() },
                "exchangeId": "=demo", "title": name.trim().replace(['\r', '\n'], " "),
                "status": "EXCHANGE_STATUS_UNDER_WAY", "parties": ["RU", "UA"],
                "occurred": "2024-08-01T12:30:00.000Z",
            }));
        }
        let mut claim = json!({
            "@type": "handover.v1.TransferAgreed", "attribution": said,
            "leg": {
                "exchangeId": "=demo", "from": ["UA"], "to": ["RU"], "unit": "UNIT_PERSON",
                "portion": format!("-{value}b"),
            },
            "count": {"value": value, "scope": name},
        });
        if odd {
            claim["@type"] = "handover.v1.TransferCompleted".into();
            claim["occurred"] = "2024-08-01T12:30:00.000Z".into();
        }
        events.push(claim);
    }
    for (party, name) in NAMES {
        let role = json!({
            "@type": "handover.v1.RoleAttributed", "attribution": {"sourceId": "paper"},
            "exchangeId": "=demo", "actor": by(party, name), "role": "ROLE_HOST",
        });
        let mut denial = role.clone();
        denial["denied"] = true.into();
        denial["attribution"]["claimedBy"] = by("", "IS desk");
        events.extend([role, denial]);
    }
    for (party, name) in NAMES.into_iter().filter(|(_, name)| !name.is_empty()) {
        events.push(json!({
            "@type": "handover.v1.TotalClaimed", "series": name, "asOf": "2024-08",
            "attribution": {"sourceId": "paper", "claimedBy": by(party, name)},
            "count": {"value": 7, "scope": "+1"}, "previousTotal": 0,
        }));
    }
    events.into_iter().map(|payload| json!({"payload": payload})).collect()
}

/// What the events say, without what a store adds and without the registrations of sources.
fn said(events: &[RecordedEvent]) -> Vec<Any> {
    let payloads = events.iter().filter_map(|event| event.payload.clone());
    payloads.filter(|any| any.type_name() != "handover.v1.SourceRegistered").collect()
}

#[tokio::test]
async fn what_tables_hold_is_recorded_again_as_the_same_claims() {
    let (dir, first) = empty();
    let path = file(dir.path(), "awkward.jsonl", &awkward());
    run(&first.address, &["import", super::arg(&path)]).good();
    let (_other, second) = empty();
    for (form, _) in TABLES {
        let text = export(&first, form);
        for cell in csv::Reader::from_reader(text.as_bytes())
            .records()
            .flat_map(|row| row.expect("a row").iter().map(ToOwned::to_owned).collect::<Vec<_>>())
        {
            let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            assert!(!formula || cell.parse::<f64>().is_ok(), "{form}: {cell:?}");
        }
        let done = run_with(&second.address, &["import", "-"], &text).good();
        assert!(done.contains(" 0 refused"), "{form}: {done}");
        assert_eq!(export(&second, form), text, "{form}: again the same table");
    }
    let before = read_all(&first.client().await).await;
    let after = read_all(&second.client().await).await;
    for (before, after) in said(&before).iter().zip(&said(&after)) {
        assert_eq!(before, after);
    }
    assert_eq!(said(&before).len(), said(&after).len());
    let source = |events: &[RecordedEvent]| events.first().and_then(|event| event.payload.clone());
    assert_eq!(source(&before), source(&after), "the one that is registered");
    assert_eq!(figures(&first), figures(&second));

    let (_third, third) = empty();
    let lines = run(&first.address, &["export"]).good();
    run_with(&third.address, &["import", "-"], &lines).good();
    assert_eq!(run(&third.address, &["export"]).good(), lines);
}
