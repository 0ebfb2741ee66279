//! `handover export --format csv`: claims in the columns that `import` reads.
//!
//! The columns say less than events do. What would change a figure by being left out is told, and
//! a claim whose number they cannot hold is left out as a whole, because a row that says something
//! else than the claim would be a new claim.

mod claims;
mod record;
mod roles;
mod totals;

use std::io::{self, Write};

use futures_util::TryStreamExt as _;

use self::record::Record;
use crate::{
    cli::{
        exit::{Exit, Failure},
        import::csv as forms,
        output,
    },
    domain::proto::{Actor, ReadRequest, SourceRegistered},
    grpc::client::Client,
};

/// Which of the tables is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// Numbers: what was completed, agreed on, declined, and totals of exchanges
    #[default]
    Claims,
    /// Who had which role, and who denies it
    Roles,
    /// Running totals of series
    Totals,
}

/// The rows of a table, and the claims that are none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    rows: Vec<Vec<String>>,
    /// Why a claim is no row, each.
    left_out: Vec<String>,
    /// What rows leave out although it counts.
    notes: Vec<String>,
}

/// Writes the table, and tells on standard error what is not in it.
pub(super) async fn export(
    client: &Client,
    form: Form,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let record = read(client).await?;
    let (header, written): (&[&str], Written) = match form {
        Form::Claims => (&forms::claims::COLUMNS, claims::written(&record)),
        Form::Roles => (&forms::roles::COLUMNS, roles::written(&record)),
        Form::Totals => (&forms::totals::COLUMNS, totals::written(&record)),
    };
    out.write_all(output::table(header, written.rows)?.as_bytes())?;
    let mut errors = io::stderr();
    for note in &written.notes {
        writeln!(errors, "note: {note}")?;
    }
    for claim in &written.left_out {
        writeln!(errors, "left out: {claim}")?;
    }
    Ok(if written.left_out.is_empty() { Exit::Done } else { Exit::RowsRefused })
}

/// Everything that is in the log now, as it reads now.
async fn read(client: &Client) -> Result<Record, Failure> {
    let mut record = Record::default();
    let mut batches = client.read(ReadRequest::default());
    while let Some(batch) = batches.try_next().await? {
        for event in &batch.events {
            record.add(event);
        }
    }
    Ok(record)
}

/// The word that stands for a value in a column.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    words.iter().find(|(_, other)| other == value).map(|(word, _)| *word)
}

/// Somebody as one text, from which `import` reads the party again.
fn actor(actor: Option<&Actor>) -> String {
    let Some(Actor { party, name, .. }) = actor else {
        return String::new();
    };
    match (party.as_str(), name.trim()) {
        (party, "") => party.to_owned(),
        ("", name) => name.to_owned(),
        (party, name) if name.split_whitespace().next() == Some(party) => name.to_owned(),
        (party, name) => format!("{party} {name}"),
    }
}

/// What the column says of a source: its address, else its title, else its id.
fn source(id: &str, registered: Option<&SourceRegistered>) -> String {
    let (url, title) =
        registered.map_or(("", ""), |source| (source.url.as_str(), source.title.as_str()));
    [url, title].into_iter().find(|text| !text.trim().is_empty()).unwrap_or(id).to_owned()
}

#[cfg(test)]
#[path = "csv/tests.rs"]
mod tests;
