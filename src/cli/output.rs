//! How answers are printed: a table for people, data for programs.

use std::io::{self, IsTerminal as _, Write};

use prost::{Message, Name};
use serde_json::Value;

use crate::{
    cli::{
        cell,
        exit::{Exit, Failure},
        json,
        pages::{self, Limit, Paged},
        server_args::ServerArgs,
    },
    grpc::client::Client,
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

/// How an answer is printed, and where it comes from.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AnswerArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// The same for a list.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    answer: AnswerArgs,
}

impl AnswerArgs {
    /// Requests the whole answer and prints it.
    pub(super) async fn print(self, query: &impl Query) -> Result<Exit, Failure> {
        self.limited(Limit::default()).print(query).await
    }

    /// The same for a list of at most so many entries.
    pub(super) fn limited(self, limit: Limit) -> ListArgs {
        ListArgs { limit, answer: self }
    }

    /// The form of the answer, and a connection.
    pub(super) async fn connect(self) -> Result<(Output, Client), Failure> {
        Ok((self.output.chosen(), self.server.connect().await?))
    }

    /// The form of the answer.
    pub(super) fn output(&self) -> Output {
        self.output.chosen()
    }
}

impl ListArgs {
    /// The same for an answer that is no list, and is wanted whole.
    pub(super) fn unlimited(self) -> ListArgs {
        self.answer.limited(Limit::default())
    }

    /// Requests page after page of the answer and prints it as one.
    pub(super) async fn print(self, query: &impl Query) -> Result<Exit, Failure> {
        let limit = self.limit;
        let (output, client) = self.connect().await?;
        print(query, &pages::whole(&client, query, limit).await?, output)
    }

    /// The form of the answer, and a connection.
    pub(super) async fn connect(self) -> Result<(Output, Client), Failure> {
        self.answer.connect().await
    }
}

/// A request whose answer is printed in every form that there is.
pub(super) trait Query: Paged {
    /// For people; every line ends.
    fn table(&self, response: &Self::Response) -> String;

    /// What an answer without an entry for it says of what was requested, each as a line. A table
    /// ends with them; elsewhere they go to standard error.
    fn absent(&self, _response: &Self::Response) -> Vec<String> {
        Vec::new()
    }

    /// The whole answer as proto3 JSON.
    fn whole(&self, response: &Self::Response) -> Result<Value, serde_json::Error> {
        json::of_message(response)
    }

    /// The entries, one a line; an answer about one thing is one entry.
    fn entries(&self, response: &Self::Response) -> Result<Vec<Value>, serde_json::Error> {
        Ok(vec![self.whole(response)?])
    }

    /// The columns for spreadsheets.
    fn columns(&self) -> Vec<&'static str>;

    /// Rows of as many fields.
    fn rows(&self, response: &Self::Response) -> Vec<Vec<String>>;
}

/// Messages as the entries of an answer.
pub(super) fn each<M: Message + Name>(messages: &[M]) -> Result<Vec<Value>, serde_json::Error> {
    messages.iter().map(json::of_message).collect()
}

/// Prints an answer on standard output.
pub(super) fn print<Q: Query>(
    query: &Q,
    response: &Q::Response,
    output: Output,
) -> Result<Exit, Failure> {
    let text = text(query, response, output)?;
    if output != Output::Table {
        let mut errors = io::stderr();
        for line in query.absent(response) {
            writeln!(errors, "note: {line}")?;
        }
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

fn text<Q: Query>(query: &Q, response: &Q::Response, output: Output) -> Result<String, Failure> {
    let position = Q::position(response);
    Ok(match output {
        Output::Table => query.table(response),
        Output::Json => format!("{:#}\n", query.whole(response)?),
        Output::Jsonl => {
            let mut text = String::new();
            for mut entry in query.entries(response)? {
                mark(&mut entry, position);
                text += &entry.to_string();
                text.push('\n');
            }
            text
        }
        Output::Csv => csv(query.columns(), query.rows(response), position)?,
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

fn csv(mut header: Vec<&str>, rows: Vec<Vec<String>>, position: u64) -> Result<String, Failure> {
    header.push(if header.contains(&POSITION) { AS_OF_COLUMN } else { POSITION });
    let rows = rows.into_iter().map(|mut row| {
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
        let query = proto::GetCountHistoryRequest::default();
        let answer = proto::GetCountHistoryResponse { entries, position: 9, ..Default::default() };
        let text = |output| text(&query, &answer, output).unwrap();
        assert_eq!(
            text(Output::Jsonl),
            "{\"asOfPosition\":\"9\",\"position\":\"7\"}\n{\"position\":\"9\"}\n\
             {\"position\":\"9\"}\n"
        );
        let table = text(Output::Csv);
        let mut lines = table.lines();
        assert!(lines.next().is_some_and(|header| header.ends_with(",as_of_position")), "{table}");
        assert!(lines.next().is_some_and(|row| row.ends_with(",9")), "{table}");
        assert!(text(Output::Json).starts_with("{\n  \"entries\": ["));
        let rows = vec![vec!["a, \"b\"".to_owned()]];
        let csv = csv(vec!["exchange"], rows, 9).unwrap();
        assert_eq!(csv, "exchange,position\n\"a, \"\"b\"\"\",9\n");
    }
}
