//! The rows of the CSV forms (RFC 4180 with a header), as events.
//!
//! A row gives the source once a file, the state of its exchange once for each content, and what it
//! claims. It is checked as a whole before anything of it is passed on.

pub(in crate::cli) mod cited;
pub(in crate::cli) mod claims;
mod counted;
mod event;
mod fields;
mod form;
mod quotes;
pub(in crate::cli) mod roles;
pub(in crate::cli) mod totals;

use std::{
    collections::{HashMap, VecDeque},
    io::BufRead,
};

use sha2::{Digest as _, Sha256};

use self::{counted::Counted, event::Event, fields::Row, form::Form, quotes::Stray};
use super::kept::{Kept, shortened};
use crate::{
    cli::{
        exit::{Exit, Failure},
        lines::{Line, RowError},
        payload::{ClaimName, Payload},
    },
    domain::known::Known,
};

/// Reads rows and keeps those of their events that the caller has not taken yet.
#[derive(Debug)]
pub(super) struct Rows<R> {
    reader: ::csv::Reader<Counted<R>>,
    record: ::csv::ByteRecord,
    form: Form,
    /// Where each column stands.
    columns: HashMap<String, usize>,
    ready: VecDeque<Line>,
    /// Sources and states of exchanges that were passed on.
    passed_on: Kept,
    ended: bool,
}

/// The events of a row with these fields under these columns, all of them in order.
pub(in crate::cli) fn events_of(
    columns: &[&str],
    fields: &[String],
) -> Result<Vec<Known>, RowError> {
    let names: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
    let form = Form::of(&names).map_err(|problem| RowError::whole(1, problem))?;
    let (columns, record) = (names.into_iter().zip(0..).collect(), fields.to_vec().into());
    let events = checked(form, &Row { line: 1, columns: &columns, record: &record })?;
    Ok(events.into_iter().map(|event| event.known).collect())
}

/// The events of a row, if all of it is in order.
fn checked(form: Form, row: &Row<'_>) -> Result<Vec<Event>, RowError> {
    let events = form.events(row)?;
    for event in &events {
        // The claim that it is about has no position yet; everything else is looked at.
        let checked = if event.about_the_last { Ok(()) } else { event.known.validate() };
        checked.map_err(|violations| {
            let first = violations.0.first().map_or("", |violation| violation.field.as_str());
            row.error(form.column_of(&event.known, first), violations.to_string())
        })?;
    }
    Ok(events)
}

impl<R: BufRead> Rows<R> {
    /// Reads the header, which must have the columns of one form, in any order.
    pub(super) fn open(input: R) -> Result<Self, Failure> {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Counted::new(input));
        let mut record = ::csv::ByteRecord::new();
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| Failure::usage(error.to_string()))?
            && is_blank(&record)
        {}
        let end = reader.position().byte();
        if let Some(stray) = reader.get_mut().stray_quote(end) {
            let (column, problem) = (stray.field + 1, said(stray));
            return Err(Failure::usage(format!("the header, column {column}: {problem}")));
        }
        let names: Vec<String> = record.iter().map(name).collect();
        let form = Form::of(&names).map_err(Failure::usage)?;
        let columns = names.into_iter().zip(0..).collect();
        let (ready, passed_on) = (VecDeque::new(), Kept::default());
        Ok(Self { reader, record, form, columns, ready, passed_on, ended: false })
    }

    /// The next event, or why a row can't be taken; `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<Result<Line, RowError>>, Failure> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(Ok(line)));
            }
            if self.ended {
                return Ok(None);
            }
            self.reader.get_mut().allow_a_row();
            let start = self.reader.position().byte();
            let read = self.reader.read_byte_record(&mut self.record);
            let line = self.reader.get_mut().line_of(start);
            match read {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                // Where the row ends cannot be known, so nothing behind it can be read either.
                Err(error) => {
                    self.ended = true;
                    return Ok(Some(Err(RowError::whole(line, error.to_string()))));
                }
            }
            let end = self.reader.position().byte();
            let stray = self.reader.get_mut().stray_quote(end);
            if stray.is_none() && is_blank(&self.record) {
                continue;
            }
            match self.events(line, stray) {
                Ok(events) => self.take(line, events)?,
                Err(error) => return Ok(Some(Err(error))),
            }
        }
    }

    /// The events of the row that begins in this line, if all of it is in order.
    fn events(&self, line: u64, stray: Option<Stray>) -> Result<Vec<Event>, RowError> {
        let row = Row { line, columns: &self.columns, record: &self.record };
        if let Some(stray) = stray {
            return Err(row.error_at(stray.field, &said(stray)));
        }
        if self.record.len() != self.columns.len() {
            let (found, wanted) = (self.record.len(), self.columns.len());
            let problem = format!(
                "has {found} fields, and the header has {wanted}; is a quote missing or too many?"
            );
            return Err(RowError::whole(line, problem));
        }
        checked(self.form, &row)
    }

    /// Makes the events of a row ready, without those that stand for earlier rows as well.
    fn take(&mut self, line: u64, events: Vec<Event>) -> Result<(), Failure> {
        for event in events {
            if matches!(event.known, Known::SourceRegistered(_) | Known::ExchangeReported(_)) {
                let key = shortened(&digest(&event.known.clone().folded()));
                if event.once && self.passed_on.get(&key)?.is_some() {
                    continue;
                }
                self.passed_on.set(key, Vec::new())?;
            }
            let id = format!("row {line}");
            let claim = event.about_the_last.then(|| ClaimName { id: id.clone(), column: 1 });
            let payload = Payload::of(&event.known, claim)
                .map_err(|error| Failure::new(Exit::Failed, error.problem))?;
            if event.about_the_last
                && let Some(last) = self.ready.back_mut()
            {
                last.id = Some(id);
            }
            let continues = !self.ready.is_empty();
            self.ready.push_back(Line { continues, ..Line::made(line, payload) });
        }
        Ok(())
    }
}

fn digest(known: &Known) -> [u8; 32] {
    let any = known.pack();
    let mut hash = Sha256::new();
    hash.update(any.type_url.as_bytes());
    hash.update([0]);
    hash.update(&any.value);
    hash.finalize().into()
}

/// Whether this is a line of nothing but blanks.
fn is_blank(record: &::csv::ByteRecord) -> bool {
    record.len() == 1 && record.iter().all(|field| field.trim_ascii().is_empty())
}

/// What is wrong with a quote, and how one is written.
fn said(stray: Stray) -> String {
    let problem = stray.problem;
    format!("{problem}; a text with quotes in it is written as \"a \"\"b\"\" c\"")
}

/// How many columns a form has of these at most.
pub(super) fn shared_columns(names: &[&str]) -> usize {
    Form::shared_at_most(names)
}

/// A column's name as it is compared: what is not text is no column.
fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
