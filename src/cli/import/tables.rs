//! The tables of `tests/tables`, each by the real import, with a file of what comes of it.

use std::{fs, path::Path};

use clap::Parser as _;

use super::*;
use crate::{cli::export::export, domain::proto::ReadRequest, grpc::client::fake::Fake};

/// The folder, and how many tables it has at least.
const FOLDER: &str = "tests/tables";
const TABLES: usize = 30;

/// Notes and refusals, in their order.
#[derive(Default)]
struct Reported(Vec<String>);

impl Report for Reported {
    fn refused(&mut self, row: &RowError) {
        self.0.push(format!("refused: {row}"));
    }

    fn undone(&mut self, row: &RowError) {
        self.0.push(format!("undone: {row}"));
    }

    fn noted(&mut self, note: &str) {
        self.0.push(format!("note: {note}"));
    }

    fn advanced(&mut self, _: &Summary) {}
}

/// The flags that stand beside a table.
#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    reading: Reading,
}

fn options(table: &Path) -> Options {
    let beside = format!("{}.args", table.display());
    let flags = fs::read_to_string(beside).unwrap_or_default();
    let flags = Flags::parse_from(["import"].into_iter().chain(flags.split_whitespace()));
    Options { reading: flags.reading, ..Options::default() }
}

/// What comes of a table: what is reported, how it ends, and then all events.
async fn outcome(table: &Path) -> String {
    let (store, bytes) = (Fake::default(), fs::read(table).expect("a table"));
    let (client, mut report) = (store.client().await, Reported::default());
    let done = import(&client, bytes.as_slice(), options(table), &mut report).await;
    let ended = match &done {
        Ok(summary) => summary.to_string(),
        Err(failure) => format!("failed: {failure}"),
    };
    if done.is_ok() {
        let mut second = Reported::default();
        let again = import(&client, bytes.as_slice(), options(table), &mut second).await.unwrap();
        assert_eq!(again.added, 0, "{}: twice", table.display());
    }
    let mut events = Vec::new();
    export(&client, ReadRequest::default(), false, &mut events).await.unwrap();
    report.0.push(ended);
    let events = String::from_utf8(events).unwrap();
    format!("{}\n\n{events}", report.0.join("\n"))
}

/// `UPDATE_GOLDEN=1` adds the file of a new table, and changes none.
#[tokio::test]
async fn each_table_gives_what_stands_beside_it() {
    let files = fs::read_dir(FOLDER).expect("the tables").map(|it| it.unwrap().path());
    let mut tables: Vec<_> = files
        .filter(|it| {
            it.extension().is_some_and(|it| ["csv", "tsv", "txt"].iter().any(|x| it == *x))
        })
        .collect();
    tables.sort();
    assert!(tables.len() >= TABLES, "{} tables", tables.len());
    let mut wrong = Vec::new();
    for table in tables {
        let (found, beside) = (outcome(&table).await, format!("{}.gives", table.display()));
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !Path::new(&beside).exists() {
            fs::write(&beside, &found).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}:\n{found}", table.display()));
        }
    }
    assert!(wrong.is_empty(), "other than what stands beside them:\n{}", wrong.join("\n"));
}
