//! How answers are printed: a table for people, data for programs.

use std::io::{self, IsTerminal as _, Write};

use prost::{Message, Name};
use serde_json::Value;

use crate::cli::{
    cell,
    exit::{Exit, Failure},
    json,
};

/// The member, and the column, that says what an answer is true for.
const POSITION: &str = "position";
/// The same where entries have a position of their own.
const AS_OF_POSITION: &str = "asOfPosition";
const AS_OF_COLUMN: &str = "as_of_position";

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people, at most 100 columns wide
    Table,
    /// The whole answer as proto3 JSON
    Json,
    /// One entry a line as proto3 JSON, each with the position that it is true for
    Jsonl,
    /// Comma-separated values, the position in the last column; what is unknown is empty
    Csv,
}

/// The flag that chooses.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct OutputArgs {
    /// How to print; by default a table on a terminal and jsonl elsewhere
    #[arg(long)]
    output: Option<Output>,
}

impl OutputArgs {
    pub(super) fn chosen(self) -> Output {
        let usual = if io::stdout().is_terminal() { Output::Table } else { Output::Jsonl };
        self.output.unwrap_or(usual)
    }
}

/// Rows under names, before they are quoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grid {
    /// The names of the columns.
    pub(super) header: Vec<&'static str>,
    /// As many fields each.
    pub(super) rows: Vec<Vec<String>>,
}

impl Grid {
    /// No rows yet.
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }
}

/// An answer of the server in every form that it can be printed in.
pub(super) trait Answer {
    /// The message that came.
    type Response: Message + Name;

    /// The message that came.
    fn response(&self) -> &Self::Response;

    /// The position that it is true for.
    fn position(&self) -> u64;

    /// For people; every line ends.
    fn table(&self) -> String;

    /// The whole answer as proto3 JSON.
    fn whole(&self) -> Result<Value, serde_json::Error> {
        json::of_message(self.response())
    }

    /// The entries, one a line; an answer about one thing is one entry.
    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        Ok(vec![self.whole()?])
    }

    /// For spreadsheets.
    fn grid(&self) -> Grid;
}

/// Messages as the entries of an answer.
pub(super) fn each<M: Message + Name>(messages: &[M]) -> Result<Vec<Value>, serde_json::Error> {
    messages.iter().map(json::of_message).collect()
}

/// Prints an answer on standard output.
pub(super) fn print(answer: &impl Answer, output: Output) -> Result<Exit, Failure> {
    let text = text(answer, output)?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

fn text(answer: &impl Answer, output: Output) -> Result<String, Failure> {
    Ok(match output {
        Output::Table => answer.table(),
        Output::Json => format!("{:#}\n", answer.whole()?),
        Output::Jsonl => {
            let mut text = String::new();
            for mut entry in answer.entries()? {
                mark(&mut entry, answer.position());
                text += &entry.to_string();
                text.push('\n');
            }
            text
        }
        Output::Csv => csv(answer.grid(), answer.position())?,
    })
}

/// Says in an entry what it is true for, as proto3 JSON writes a position.
fn mark(entry: &mut Value, position: u64) {
    if let Some(members) = entry.as_object_mut() {
        let position = Value::from(position.to_string());
        let own = members.get(POSITION).is_some_and(|own| *own != position);
        let name = if own { AS_OF_POSITION } else { POSITION };
        members.insert(name.to_owned(), position);
    }
}

fn csv(grid: Grid, position: u64) -> Result<String, Failure> {
    let mut header = grid.header;
    header.push(if header.contains(&POSITION) { AS_OF_COLUMN } else { POSITION });
    let rows = grid.rows.into_iter().map(|mut row| {
        row.push(position.to_string());
        row
    });
    table(&header, rows)
}

/// Rows as CSV (RFC 4180), in which no spreadsheet finds a formula.
pub(super) fn table(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<String, Failure> {
    let failed = |problem: String| {
        Failure::new(Exit::Failed, format!("the answer cannot be written as CSV: {problem}"))
    };
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(error.to_string()))?;
    for row in rows {
        let cells = row.into_iter().map(cell::escaped);
        writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;

    struct Changes(proto::GetCountHistoryResponse);

    impl Answer for Changes {
        type Response = proto::GetCountHistoryResponse;

        fn response(&self) -> &Self::Response {
            &self.0
        }

        fn position(&self) -> u64 {
            self.0.position
        }

        fn table(&self) -> String {
            "a table\n".to_owned()
        }

        fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
            each(&self.0.entries)
        }

        fn grid(&self) -> Grid {
            Grid { header: vec!["exchange"], rows: vec![vec!["a, \"b\"".to_owned()]] }
        }
    }

    #[test]
    fn a_cell_is_no_formula_and_a_number_keeps_its_sign() {
        let row = ["=HYPERLINK(\"http://a\")", "-7", "@a, b"].map(str::to_owned).to_vec();
        let expected = "a,b,c\n\"'=HYPERLINK(\"\"http://a\"\")\",-7,\"'@a, b\"\n";
        assert_eq!(table(&["a", "b", "c"], [row]).unwrap(), expected);
    }

    #[test]
    fn every_entry_says_what_it_is_true_for_and_keeps_its_own_position() {
        let entry = |position| proto::CountHistoryEntry { position, ..Default::default() };
        let entries = vec![entry(7), entry(9), entry(0)];
        let answer =
            Changes(proto::GetCountHistoryResponse { entries, position: 9, ..Default::default() });
        assert_eq!(
            text(&answer, Output::Jsonl).unwrap(),
            "{\"asOfPosition\":\"9\",\"position\":\"7\"}\n{\"position\":\"9\"}\n\
             {\"position\":\"9\"}\n"
        );
        assert_eq!(text(&answer, Output::Csv).unwrap(), "exchange,position\n\"a, \"\"b\"\"\",9\n");
        assert!(text(&answer, Output::Json).unwrap().starts_with("{\n  \"entries\": ["));
    }
}
