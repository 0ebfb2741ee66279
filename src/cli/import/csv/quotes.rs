//! Quotes that RFC 4180 does not allow. The reader of rows takes each for a text of its own making:
//! of `"ab"c` it would make `abc`.

use std::collections::VecDeque;

/// A quote that stands where none may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// Where it is, in bytes.
    offset: u64,
    /// The field of the row, from 0.
    pub(super) field: usize,
    /// What is wrong.
    pub(super) problem: &'static str,
}

/// Where in a field the next byte stands. The reader of rows has the same states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote that closes the field, unless a second one follows.
    Closed,
    /// Behind the blanks that follow it.
    Behind,
}

/// Follows the bytes of a table and keeps the first stray quote of each row.
#[derive(Debug)]
pub(super) struct Quotes {
    delimiter: u8,
    state: State,
    field: usize,
    /// Where the last quote was that opened a field.
    opened: u64,
    /// The row has one already.
    noted: bool,
    strays: VecDeque<Stray>,
}

impl Quotes {
    /// Of a table with this between its fields.
    pub(super) fn of(delimiter: u8) -> Self {
        let (state, strays) = (State::Start, VecDeque::new());
        Self { delimiter, state, field: 0, opened: 0, noted: false, strays }
    }

    /// Looks at the byte at this offset.
    pub(super) fn note(&mut self, byte: u8, offset: u64) {
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Closed,
            (State::Quoted, _) | (State::Closed, b'"') => State::Quoted,
            (_, byte) if byte == self.delimiter => {
                self.field += 1;
                State::Start
            }
            (_, b'\r' | b'\n') => {
                (self.field, self.noted) = (0, false);
                State::Start
            }
            (State::Start, b'"') => {
                self.opened = offset;
                State::Quoted
            }
            (State::Closed | State::Behind, b' ' | b'\t') => State::Behind,
            (State::Closed | State::Behind, _) => {
                self.stray(offset, "has more behind the quote that closes it");
                State::Plain
            }
            (State::Plain, b'"') => {
                self.stray(offset, "has a quote in a text that does not begin with one");
                State::Plain
            }
            (State::Start | State::Plain, _) => State::Plain,
        };
    }

    /// The input has ended.
    pub(super) fn end(&mut self) {
        if self.state == State::Quoted {
            self.stray(self.opened, "has a quote that nothing closes");
            self.state = State::Start;
        }
    }

    /// The stray quote of the row that ends before this offset. Callers take the rows in order.
    pub(super) fn of_row(&mut self, end: u64) -> Option<Stray> {
        let found = self.strays.front().copied().filter(|stray| stray.offset < end);
        while self.strays.front().is_some_and(|stray| stray.offset < end) {
            self.strays.pop_front();
        }
        found
    }

    fn stray(&mut self, offset: u64, problem: &'static str) {
        if !self.noted {
            self.strays.push_back(Stray { offset, field: self.field, problem });
        }
        self.noted = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The stray quote of one row.
    fn of(text: &str) -> Option<Stray> {
        let mut quotes = Quotes::of(b',');
        (0..).zip(text.bytes()).for_each(|(offset, byte)| quotes.note(byte, offset));
        quotes.end();
        quotes.of_row(u64::MAX)
    }

    #[test]
    fn a_quote_stands_around_a_field_or_twice_in_it() {
        for good in ["", "a,b", "\"\"", "\"a,b\",c", "\"a\"\"b\"", "a,\"b\" \t,c", "\"a\r\n\"\"\""]
        {
            assert_eq!(of(good), None, "{good}");
        }
        for (bad, field, offset) in [
            ("a\"b\"c", 0, 1),
            ("a,\"b\"c", 1, 5),
            (" \"a\"", 0, 1),
            ("a,\"b\" c", 1, 6),
            ("\"a\" \"b\"", 0, 4),
            ("a,\"b,\"\"", 1, 2),
            ("a,b\",\"c", 1, 3),
        ] {
            let Stray { offset: at, field: of, .. } = of(bad).expect(bad);
            assert_eq!((of, at), (field, offset), "{bad}");
        }
    }

    proptest! {
        /// What is read of a table without stray quotes is what was written, and nothing else.
        #[test]
        fn a_row_without_strays_is_written_back_as_it_was(text in "[ab\", ]{0,9}") {
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true)
                .from_reader(text.as_bytes());
            let mut row = ::csv::StringRecord::new();
            prop_assume!(reader.read_record(&mut row).unwrap());
            let whole = text.split(',').count() == row.len();
            if of(&text).is_none() && whole {
                for (read, written) in row.iter().zip(text.split(',')) {
                    let written = written.trim_end();
                    let inner = written.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                    let expected = inner.map_or(written.to_owned(), |it| it.replace("\"\"", "\""));
                    prop_assert_eq!(read.trim_end(), expected.trim_end());
                }
            }
        }
    }
}
