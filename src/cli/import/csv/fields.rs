//! The fields of a row: texts, choices, numbers, actors. A wrong value is reported with its column
//! and never guessed at.

use std::collections::HashMap;

use super::cited::Cited;
use crate::{
    cli::{actor, cell, lines::RowError},
    domain::proto::{Actor, Attribution},
};

/// One row, which has a field for each column.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// The line that it begins in.
    pub(super) line: u64,
    /// Where each column stands.
    pub(super) columns: &'a HashMap<String, usize>,
    /// The fields.
    pub(super) record: &'a ::csv::ByteRecord,
}

impl Row<'_> {
    /// A text; empty where nothing is said.
    pub(super) fn text(&self, column: &str) -> Result<String, RowError> {
        let at = self.columns.get(column).copied().unwrap_or_default();
        let bytes = self.record.get(at).unwrap_or_default();
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

    /// A whole number; `None` where none is given.
    pub(super) fn number(&self, column: &str) -> Result<Option<u32>, RowError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(Some(number)),
            _ => {
                let problem = format!("is {text:?}, not a whole number from 0 to {}", u32::MAX);
                Err(self.error(column, problem))
            }
        }
    }

    /// `yes` or nothing.
    pub(super) fn flag(&self, column: &str) -> Result<bool, RowError> {
        match self.text(column)?.as_str() {
            "" => Ok(false),
            "yes" => Ok(true),
            other => Err(self.error(column, format!("is {other:?}; give \"yes\" or nothing"))),
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &self,
        column: &str,
        choices: &[(&str, T)],
    ) -> Result<T, RowError> {
        let text = self.text(column)?;
        let found = choices.iter().find(|(word, _)| *word == text);
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
        match self.columns.iter().find(|(_, place)| **place == at) {
            Some((column, _)) => self.error(column, problem),
            None => RowError { line: self.line, column: at + 1, problem: problem.to_owned() },
        }
    }

    /// An error in a column; the column's number stands for the place in the line.
    pub(super) fn error(&self, column: &str, problem: impl Into<String>) -> RowError {
        let at = self.columns.get(column).copied().unwrap_or_default();
        let problem = format!("{column}: {}", problem.into());
        RowError { line: self.line, column: at + 1, problem }
    }
}
