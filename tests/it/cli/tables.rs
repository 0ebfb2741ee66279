//! Tables in and out: what `export --format csv` writes, `import` reads to the same figures.

use std::fs;

use super::{file, retraction, run, run_with, transfer};
use crate::support::{Server, data_dir};

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
    let ask = |arguments: &&[&str]| {
        let text = run(&server.address, &[*arguments, &["--output", "csv"]].concat()).good();
        let bare = text.lines().map(|line| line.rsplit_once(',').expect("a position").0.to_owned());
        bare.collect::<Vec<_>>().join("\n")
    };
    questions.iter().map(ask).collect()
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
        let rows = |text: &str| text.lines().count();
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
fn what_a_table_cannot_say_is_told_and_the_exit_code_says_so() {
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
    assert_eq!(done.err, "left out: claim 2 gives a range, which the columns cannot say\n");
    let rows: Vec<&str> = done.out.lines().skip(1).collect();
    assert_eq!(rows, ["demo-1,,,,,,,completed,,FR,person,,,2,,,,,demo-source"]);
}
