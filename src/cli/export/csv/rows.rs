//! The rows of a table while it is made, and what is not in them.

use std::collections::BTreeSet;

use super::{
    occurrences::Occurrences,
    record::Record,
    reread::{self, Row},
};
use crate::{cli::import::csv::cited::Cited, domain::known::Known};

/// The rows of a table, and the claims that are none.
#[derive(Debug, Default)]
pub(super) struct TableRows {
    pub(super) rows: Vec<Vec<String>>,
    /// Why a claim is no row, each.
    pub(super) left_out: Vec<String>,
    /// What rows do not say of their events, by the fields.
    missing: Occurrences,
    /// The sources that rows are of.
    sources: BTreeSet<String>,
}

impl TableRows {
    /// Takes in the row of these events, or why the claim at this position has none.
    pub(super) fn row_of(&mut self, position: u64, row: Result<Row, String>, events: &[&Known]) {
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

    /// Leaves out the claim at this position.
    pub(super) fn leave_out(&mut self, position: u64, problem: &str) {
        self.left_out.push(format!("claim {position} {problem}"));
    }

    /// What is not in the table although nothing is left out for it.
    pub(super) fn notes(&self, record: &Record) -> Vec<String> {
        let mut occurrences = self.missing.clone();
        for id in &self.sources {
            let Some(source) = record.registered(id) else { continue };
            let source = Known::from(source.clone());
            let read = Cited::read(&record.source(id)).registered();
            let missing = read.map(|read| reread::compared(&source, &read.into()));
            match missing {
                Some(Ok(missing)) => missing
                    .iter()
                    .for_each(|path| occurrences.add(format!("{}.{path}", source.short_name()))),
                Some(Err(_)) | None => occurrences.add(source.short_name()),
            }
        }
        occurrences.0.extend(record.in_no_table().0);
        let place = |(what, count)| format!("the columns have no place for {what} ({count})");
        occurrences.0.into_iter().map(place).collect()
    }
}

/// The word that stands for a value in a column.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    words.iter().find(|(_, other)| other == value).map(|(word, _)| *word)
}
