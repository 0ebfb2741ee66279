//! The rows of a table (CSV with a header), as events.
//!
//! A row gives the source once a file, the state of its exchange once for each content, and what it
//! claims. It is checked as a whole before anything of it is passed on.

pub(in crate::cli) mod cited;
pub(in crate::cli) mod claims;
mod columns;
mod counted;
pub(super) mod dialect;
mod event;
mod fields;
mod foreign;
mod form;
mod header;
mod notes;
mod number;
mod quotes;
mod records;
pub(in crate::cli) mod roles;
pub(in crate::cli) mod totals;

use std::{collections::VecDeque, io::BufRead};

use sha2::{Digest as _, Sha256};

use self::{
    event::Event,
    fields::Row,
    foreign::Utf8,
    form::Form,
    header::Header,
    notes::Notes,
    records::{Begun, Records},
};
use super::{
    kept::{Kept, shortened},
    reading::Reading,
};
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
    records: Records<R>,
    record: ::csv::ByteRecord,
    header: Header,
    /// What the row after the last begins with.
    until: Option<String>,
    utf_8: Utf8,
    notes: Notes,
    ready: VecDeque<Line>,
    /// Sources and states of exchanges that were passed on.
    passed_on: Kept,
    /// A row was reported that says nothing of what a row of the form says.
    reported: bool,
    ended: bool,
}

/// The events of a row with these fields under these columns, all of them in order.
pub(in crate::cli) fn events_of(
    columns: &[&str],
    fields: &[String],
) -> Result<Vec<Known>, RowError> {
    let names: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
    let header = Header::of(&names).map_err(|problem| RowError::whole(1, problem))?;
    let record = fields.to_vec().into();
    let events = checked(header.form, &Row { line: 1, columns: &header.columns, record: &record })?;
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
    pub(super) fn open(input: R, delimiter: u8, reading: &Reading) -> Result<Self, Failure> {
        let mut records = Records::of(input, delimiter);
        let mut record = ::csv::ByteRecord::new();
        let of_header = |problem: String| Failure::usage(format!("the header{problem}"));
        loop {
            let begun = records.next(&mut record).map_err(|error| Failure::usage(error.problem))?;
            let Some(begun) = begun else { break };
            if let Some((field, problem)) = begun.wrong {
                return Err(of_header(format!(", column {}: {problem}", field + 1)));
            }
            let first = record.get(0).unwrap_or_default();
            if !is_blank(&record) && !dialect::is_named(first) {
                break;
            }
        }
        let mut utf_8 = Utf8::default();
        if utf_8.is_foreign(&record) {
            return Err(of_header(format!(" {}", foreign::advice(&sample(&mut records, &record)))));
        }
        let names: Vec<String> = record.iter().map(columns::name).collect();
        let mut header = Header::of(&names).map_err(Failure::usage)?;
        let mut notes = Notes::default();
        header.notes.drain(..).for_each(|note| notes.add(note));
        let (ready, passed_on, until) = (VecDeque::new(), Kept::default(), reading.until.clone());
        let (reported, ended) = (false, false);
        let rows = Self {
            records,
            record,
            header,
            until,
            utf_8,
            notes,
            ready,
            passed_on,
            reported,
            ended,
        };
        Ok(rows)
    }

    /// The next event, or why a row can't be taken; `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<Result<Line, RowError>>, Failure> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(Ok(line)));
            }
            let Some(begun) = self.begin()? else { return Ok(None) };
            match begun.and_then(|begun| Ok((begun.line, self.events(begun)?))) {
                Ok((line, events)) => self.take(line, events)?,
                Err(error) => return Ok(Some(Err(error))),
            }
        }
    }

    /// Takes the next note of what a user should know of the table.
    pub(super) fn note(&mut self) -> Option<String> {
        self.notes.take()
    }

    /// Reads up to a record that may be a row.
    fn begin(&mut self) -> Result<Option<Result<Begun, RowError>>, Failure> {
        while !self.ended {
            let begun = match self.records.next(&mut self.record) {
                Ok(Some(begun)) => begun,
                Ok(None) => break,
                Err(error) => {
                    self.ended = true;
                    return Ok(Some(Err(error)));
                }
            };
            if self.is_the_end() {
                break;
            }
            if self.utf_8.is_foreign(&self.record) {
                let advice = foreign::advice(&sample(&mut self.records, &self.record));
                return Err(Failure::usage(format!("row {} {advice}", begun.line)));
            }
            if begun.wrong.is_none() && (is_blank(&self.record) || self.is_passed_over()) {
                continue;
            }
            return Ok(Some(Ok(begun)));
        }
        self.ended = true;
        Ok(None)
    }

    /// Whether the table ends before this record.
    fn is_the_end(&self) -> bool {
        let mut fields = self.record.iter().map(<[u8]>::trim_ascii);
        let first = fields.find(|field| !field.is_empty());
        let until = self.until.as_ref().map(String::as_bytes);
        first.zip(until).is_some_and(|(first, until)| first.starts_with(until))
    }

    /// Whether a record is one more that says nothing of what a row of the form says.
    fn is_passed_over(&self) -> bool {
        self.reported && self.is_no_row()
    }

    /// Whether this is a line of totals or a footnote, as far as its columns show.
    fn is_no_row(&self) -> bool {
        let blank = |field: &[u8]| field.trim_ascii().is_empty();
        let is_filled = |column: &&str| {
            let place = self.header.columns.place(column);
            place.and_then(|at| self.record.get(at)).is_some_and(|field| !blank(field))
        };
        let few = self.record.iter().filter(|field| !blank(field)).count() <= 1;
        let whole = self.record.len() >= self.header.columns.width;
        (few || whole) && !self.header.form.filled().iter().any(is_filled)
    }

    /// The events of the row that begins here, if all of it is in order.
    fn events(&mut self, Begun { line, wrong }: Begun) -> Result<Vec<Event>, RowError> {
        let row = Row { line, columns: &self.header.columns, record: &self.record };
        if let Some((field, problem)) = wrong {
            return Err(row.error_at(field, &problem));
        }
        if self.is_no_row() {
            self.reported = true;
            return Err(RowError::whole(line, self.advice()));
        }
        let (found, wanted) = (self.record.len(), self.header.columns.width);
        let mut behind = self.record.iter().enumerate().skip(wanted);
        if found < wanted {
            let problem = format!(
                "has {found} fields, and the header has {wanted}; is a quote missing or too many?"
            );
            return Err(RowError::whole(line, problem));
        }
        if let Some((field, _)) = behind.find(|(_, field)| !field.trim_ascii().is_empty()) {
            let problem = "the header has no name for this column; is a quote missing or too many?";
            return Err(row.error_at(field, problem));
        }
        let events = checked(self.header.form, &row)?;
        self.notes.look_at(&row);
        Ok(events)
    }

    /// What is said of the first row that is no row of the form.
    fn advice(&self) -> String {
        let columns = self.header.form.filled().join(", ");
        let first = self.record.iter().find(|field| !field.trim_ascii().is_empty());
        let first = String::from_utf8_lossy(first.unwrap_or_default());
        format!(
            "has none of {columns}; a total or a footnote? rows like it are passed over from here \
             on; --until {:?} ends the table before this one",
            first.trim()
        )
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

/// Whether this is a line of nothing but blanks and delimiters.
fn is_blank(record: &::csv::ByteRecord) -> bool {
    record.iter().all(|field| field.trim_ascii().is_empty())
}

/// This record and the next ones, as far as it takes to tell their encoding.
fn sample<R: BufRead>(records: &mut Records<R>, record: &::csv::ByteRecord) -> Vec<u8> {
    let (mut sample, mut record) = (Vec::new(), record.clone());
    loop {
        for field in &record {
            sample.extend_from_slice(field);
            sample.push(b'\n');
        }
        let more = sample.len() < foreign::SAMPLE_BYTES;
        if !more || !matches!(records.next(&mut record), Ok(Some(_))) {
            return sample;
        }
    }
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
