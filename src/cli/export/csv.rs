//! `handover export --format csv`: claims in the columns that `import` reads.
//!
//! The columns say less than events do. A row is read back before it is written. What it does not
//! say of its claim is counted and reported. A claim is left out as a whole if the row would change
//! it, or cannot hold its number or claimant: a row that says something else than the claim would
//! be a new claim.

mod claims;
mod occurrences;
mod record;
mod reread;
mod roles;
mod rows;
mod totals;

use std::io::{self, Write};

use futures_util::TryStreamExt as _;

use self::{record::Record, rows::TableRows};
use crate::{
    cli::{
        exit::{Exit, Failure},
        import::csv as forms,
        output,
    },
    domain::proto::ReadRequest,
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

/// Writes the table, and says on standard error what is not in it.
pub(super) async fn export(
    client: &Client,
    form: Form,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let table = Table::of(&read(client).await?, form)?;
    out.write_all(table.text.as_bytes())?;
    let mut errors = io::stderr();
    for note in &table.notes {
        writeln!(errors, "note: {note}")?;
    }
    for claim in &table.left_out {
        writeln!(errors, "left out: {claim}")?;
    }
    Ok(if table.left_out.is_empty() { Exit::Done } else { Exit::RowsRefused })
}

/// A table, and what is not in it.
#[derive(Debug)]
pub(super) struct Table {
    /// The table as CSV.
    pub(super) text: String,
    /// Why a claim is no row, each.
    pub(super) left_out: Vec<String>,
    /// What the columns have no place for.
    pub(super) notes: Vec<String>,
}

impl Table {
    fn of(record: &Record, form: Form) -> Result<Self, Failure> {
        let (header, rows): (&[&str], TableRows) = match form {
            Form::Claims => (&forms::claims::COLUMNS, claims::rows(record)),
            Form::Roles => (&forms::roles::COLUMNS, roles::rows(record)),
            Form::Totals => (&forms::totals::COLUMNS, totals::rows(record)),
        };
        let notes = rows.notes(record);
        let text = output::table(header, rows.rows)?;
        Ok(Self { text, left_out: rows.left_out, notes })
    }
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

/// What the properties of an export are checked by.
#[cfg(test)]
pub(super) mod properties {
    use super::{Client, Form, Record, Table, read};
    use crate::domain::{known::Known, proto::RecordedEvent};

    /// The tables of a store: claims, roles and totals.
    pub(in crate::cli::export) async fn tables(client: &Client) -> [Table; 3] {
        let record = read(client).await.unwrap();
        [Form::Claims, Form::Roles, Form::Totals].map(|form| Table::of(&record, form).unwrap())
    }

    /// The claims that stand, by position, in their latest correction.
    pub(in crate::cli::export) fn standing(events: &[RecordedEvent]) -> Vec<(u64, Known)> {
        let mut record = Record::default();
        for event in events {
            record.add(event);
        }
        record.claims().map(|(position, known)| (position, known.clone())).collect()
    }
}

#[cfg(test)]
mod tests;
