//! The fields of a row: texts, choices, numbers, actors. A wrong value is reported with its column
//! and never guessed at.

use super::{
    cited::Cited,
    columns::{self, Columns},
    number,
};
use crate::{
    cli::{actor, cell, lines::RowError},
    domain::proto::{Actor, Attribution, Count},
};

/// One row, which has a field for each column.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// The line that it begins in.
    pub(super) line: u64,
    /// Where each column stands.
    pub(super) columns: &'a Columns,
    /// The fields.
    pub(super) record: &'a ::csv::ByteRecord,
}

impl Row<'_> {
    /// A text; empty where nothing is said, or the table does not have the column.
    pub(super) fn text(&self, column: &str) -> Result<String, RowError> {
        let place = self.columns.place(column);
        let bytes = place.and_then(|at| self.record.get(at)).unwrap_or_default();
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|_| self.error(column, "is not UTF-8"))?;
        Ok(cell::unescaped(text.trim()).to_owned())
    }

    /// A text that must say something.
    pub(super) fn required(&self, column: &str) -> Result<String, RowError> {
        match self.text(column)? {
            text if text.is_empty() => Err(self.error(column, "is empty")),
            text => Ok(text),
        }
    }

    /// Texts joined by `+`; none where nothing is said.
    pub(super) fn list(&self, column: &str) -> Result<Vec<String>, RowError> {
        let text = self.text(column)?;
        let parts = text.split('+').map(|part| part.trim().to_owned());
        Ok(if text.is_empty() { Vec::new() } else { parts.collect() })
    }

    /// A single whole number; `None` where none is given.
    pub(super) fn number(&self, column: &str) -> Result<Option<u32>, RowError> {
        let text = self.text(column)?;
        let written = number::read(&text).map_err(|problem| self.error(column, problem))?;
        if written.worded {
            let problem = format!("is {text:?}, not a single number; give that, or nothing");
            return Err(self.error(column, problem));
        }
        Ok(written.value)
    }

    /// A number as it is written, and its words where they say more than it does.
    pub(super) fn count(&self, column: &str) -> Result<(Count, String), RowError> {
        let text = self.text(column)?;
        let written = number::read(&text).map_err(|problem| self.error(column, problem))?;
        let note = format!("{column} as written: {text}");
        let number::Written { value, low, high, approximate, worded } = written;
        let count = Count { value, low, high, approximate, ..Count::default() };
        Ok((count, if worded { note } else { String::new() }))
    }

    /// `yes` or nothing.
    pub(super) fn flag(&self, column: &str) -> Result<bool, RowError> {
        match self.text(column)?.to_lowercase().as_str() {
            "" => Ok(false),
            "yes" => Ok(true),
            other => Err(self.error(column, format!("is {other:?}; give \"yes\" or nothing"))),
        }
    }

    /// One of some words, in any case, with blanks or hyphens for its underscores.
    pub(super) fn choice<T: Copy>(
        &self,
        column: &str,
        choices: &[(&str, T)],
    ) -> Result<T, RowError> {
        let text = self.text(column)?;
        let found = choices.iter().find(|(word, _)| *word == columns::name(text.as_bytes()));
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.error(column, format!("is {text:?}; give one of {}", words.join(", ")))
        })
    }

    /// An actor.
    pub(super) fn actor(&self, column: &str) -> Result<Option<Actor>, RowError> {
        actor::read(&self.text(column)?).map_err(|problem| self.error(column, problem))
    }

    /// The source.
    pub(super) fn source(&self) -> Result<Cited, RowError> {
        Ok(Cited::read(&self.required("source")?))
    }

    /// Who says so, in the row's source.
    pub(super) fn attribution(&self, column: &str) -> Result<Option<Attribution>, RowError> {
        let (source_id, claimed_by) = (self.source()?.id, self.actor(column)?);
        Ok(Some(Attribution { source_id, claimed_by, ..Attribution::default() }))
    }

    /// An error of a field, by its place in the row, from 0.
    pub(super) fn error_at(&self, at: usize, problem: &str) -> RowError {
        match self.columns.at(at) {
            Some(column) => self.error(column, problem),
            None => RowError { line: self.line, column: at + 1, problem: problem.to_owned() },
        }
    }

    /// An error in a column; the column's number stands for the place in the line.
    pub(super) fn error(&self, column: &str, problem: impl Into<String>) -> RowError {
        let at = self.columns.place(column).unwrap_or_default();
        let problem = format!("{column}: {}", problem.into());
        RowError { line: self.line, column: at + 1, problem }
    }
}
