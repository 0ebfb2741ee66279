//! The records of a text: its fields, the line in which they begin, and what is wrong with a quote.

use std::io::BufRead;

use super::{counted::Counted, quotes::Stray};
use crate::cli::lines::RowError;

/// Reads records; a line without anything is none.
#[derive(Debug)]
pub(super) struct Records<R> {
    reader: ::csv::Reader<Counted<R>>,
}

/// Where a record begins, and the field that makes it no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// The line.
    pub(super) line: u64,
    /// The field, from 0, and what is wrong with it.
    pub(super) wrong: Option<(usize, String)>,
}

impl<R: BufRead> Records<R> {
    pub(super) fn of(input: R, delimiter: u8) -> Self {
        let reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(Counted::new(input, delimiter));
        Self { reader }
    }

    /// Reads the next record; `None` at the end. An error is the end too: where the record ends
    /// cannot be known.
    pub(super) fn next(
        &mut self,
        record: &mut ::csv::ByteRecord,
    ) -> Result<Option<Begun>, RowError> {
        self.reader.get_mut().allow_a_row();
        let start = self.reader.position().byte();
        let read = self.reader.read_byte_record(record);
        let line = self.reader.get_mut().line_of(start);
        if !read.map_err(|error| RowError::whole(line, error.to_string()))? {
            return Ok(None);
        }
        let end = self.reader.position().byte();
        let stray = self.reader.get_mut().stray_quote(end);
        Ok(Some(Begun { line, wrong: stray.map(|stray| (stray.field, said(stray))) }))
    }
}

/// What is wrong with a quote, and how one is written.
fn said(stray: Stray) -> String {
    let problem = stray.problem;
    format!("{problem}; a text with quotes in it is written as \"a \"\"b\"\" c\"")
}
