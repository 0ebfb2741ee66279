//! `handover export --format csv`: claims in the columns that `import` reads.
//!
//! The columns say less than events do. A row is read back before it is written. What it does not
//! say of its claim is counted and reported. A claim is left out as a whole if the row would change
//! it, or cannot hold its number or claimant: a row that says something else than the claim would
//! be a new claim.

mod claims;
mod record;
mod reread;
mod roles;
mod totals;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use futures_util::TryStreamExt as _;

use self::{record::Record, reread::Row};
use crate::{
    cli::{
        exit::{Exit, Failure},
        import::csv::{self as forms, cited::Cited},
        output,
    },
    domain::{known::Known, proto::ReadRequest},
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

/// How often something is there, by what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn add(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

/// The rows of a table, and the claims that are none.
#[derive(Debug, Default)]
struct Written {
    rows: Vec<Vec<String>>,
    /// Why a claim is no row, each.
    left_out: Vec<String>,
    /// What rows do not say of their events, by the fields.
    missing: Tally,
    /// The sources that rows are of.
    sources: BTreeSet<String>,
}

impl Written {
    /// Takes in the row of these events, or why the claim at this position has none.
    fn row_of(&mut self, position: u64, row: Result<Row, String>, events: &[&Known]) {
        let Row { fields, missing, .. } = match row {
            Ok(row) => row,
            Err(problem) => return self.leave_out(position, &problem),
        };
        self.rows.push(fields);
        // Where a row repeats a report, the first row counts what the columns do not say of it.
        for (event, missing) in events.iter().zip(missing) {
            let name = event.short_name();
            for path in missing {
                self.missing.add(format!("{name}.{path}"));
            }
            self.sources.extend(event.attribution().map(|said| said.source_id.clone()));
        }
    }

    fn leave_out(&mut self, position: u64, problem: &str) {
        self.left_out.push(format!("claim {position} {problem}"));
    }

    /// What is not in the table although nothing is left out for it.
    fn notes(&self, record: &Record) -> Vec<String> {
        let mut tally = self.missing.clone();
        for id in &self.sources {
            let Some(source) = record.registered(id) else { continue };
            let source = Known::from(source.clone());
            let read = Cited::read(&record.source(id)).registered();
            let missing = read.map(|read| reread::compared(&source, &read.into()));
            match missing {
                Some(Ok(missing)) => missing
                    .iter()
                    .for_each(|path| tally.add(format!("{}.{path}", source.short_name()))),
                Some(Err(_)) | None => tally.add(source.short_name()),
            }
        }
        tally.0.extend(record.in_no_table().0);
        let place = |(what, count)| format!("the columns have no place for {what} ({count})");
        tally.0.into_iter().map(place).collect()
    }
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
        let (header, written): (&[&str], Written) = match form {
            Form::Claims => (&forms::claims::COLUMNS, claims::written(record)),
            Form::Roles => (&forms::roles::COLUMNS, roles::written(record)),
            Form::Totals => (&forms::totals::COLUMNS, totals::written(record)),
        };
        let notes = written.notes(record);
        let text = output::table(header, written.rows)?;
        Ok(Self { text, left_out: written.left_out, notes })
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

/// The word that stands for a value in a column.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    words.iter().find(|(_, other)| other == value).map(|(word, _)| *word)
}

/// What the properties of an export are checked by.
#[cfg(test)]
pub(super) mod properties {
    use super::{Client, Form, Known, Record, Table, read};
    use crate::domain::proto::RecordedEvent;

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
