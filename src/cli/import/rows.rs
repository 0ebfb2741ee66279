//! The lines of a file, one after the other, within bounded memory.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
};

use super::looks::Looks;
use crate::{
    cli::{
        exit::Failure,
        lines::{self, Line, RowError},
    },
    domain::limits,
};

/// Bytes of one line. An event at its limit fits even if every byte of it has to be escaped.
const LINE_BYTES: usize = 8 * limits::EVENT_BYTES;

/// Lines that must be no events at the beginning of an input for it to be something else.
const BEGINNING: usize = 20;

/// How the message begins about an input that is something else.
const NEITHER: &str = "this is neither JSON Lines nor a table";
/// What is said of an input that is no text, where nothing more is known.
const NOT_TEXT: &str = "it is not text in UTF-8";

type Row = Result<Line, RowError>;

/// Reads lines; blank ones are passed over. A line ends with LF, CR or both together: JSON has
/// neither within a text.
#[derive(Debug)]
pub(super) struct Rows<R> {
    input: R,
    number: u64,
    /// The last line ended with CR, so a LF that follows is of the same end.
    after_cr: bool,
    buffer: Vec<u8>,
    /// Lines of the beginning that were looked at already; `None`: none were.
    beginning: Option<VecDeque<Row>>,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, after_cr: false, buffer: Vec::new(), beginning: None }
    }

    /// The next line, or why it can't be taken; `None` at the end of the input. What is plainly
    /// not JSON Lines is a failure as a whole.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        if self.beginning.is_none() {
            let beginning = self.look()?;
            self.beginning = Some(beginning);
        }
        match self.beginning.as_mut().and_then(VecDeque::pop_front) {
            Some(row) => Ok(Some(row)),
            None => Ok(self.read()?),
        }
    }

    /// The lines up to the first that is an event. Where none of them is, one message says what
    /// the input looks like, instead of one for each line.
    fn look(&mut self) -> Result<VecDeque<Row>, Failure> {
        let (mut looked, mut looks) = (VecDeque::new(), Looks::default());
        while looked.len() < BEGINNING
            && let Some(row) = self.read()?
        {
            let good = row.is_ok();
            looks.add(&self.buffer);
            looked.push_back(row);
            if good {
                return Ok(looked);
            }
            if self.buffer.contains(&0) {
                let problem = looks.problem().unwrap_or_default();
                let binary = if problem.contains("looks") { &problem } else { NOT_TEXT };
                return Err(Failure::usage(format!("{NEITHER}: {binary}")));
            }
        }
        if let Some(problem) = looks.problem() {
            return Err(Failure::usage(format!("{NEITHER}: {problem}")));
        }
        if looked.len() == BEGINNING {
            let first = looked.into_iter().find_map(Result::err);
            let first = first.map(|error| format!("; {error}")).unwrap_or_default();
            let problem = format!("none of its first {BEGINNING} lines is an event{first}");
            return Err(Failure::usage(format!("this is not JSON Lines: {problem}")));
        }
        Ok(looked)
    }

    /// Reads a line that is not blank.
    fn read(&mut self) -> io::Result<Option<Row>> {
        while self.read_line()? {
            self.number += 1;
            if self.buffer.len() > LINE_BYTES {
                let problem = format!("has more than {LINE_BYTES} bytes, so it is no event");
                return Ok(Some(Err(RowError::whole(self.number, problem))));
            }
            let text = self.buffer.trim_ascii_end();
            if !text.is_empty() {
                return Ok(Some(lines::read(text, self.number)));
            }
        }
        Ok(None)
    }

    /// Reads a line into the buffer, without its end; whether there was one. Of a line that is too
    /// long no more is kept than shows it.
    fn read_line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let mut begun = false;
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(begun);
            }
            if std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
                self.input.consume(1);
                continue;
            }
            begun = true;
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.after_cr = rest.first() == Some(&b'\r');
            let room = (LINE_BYTES + 1).saturating_sub(self.buffer.len());
            self.buffer.extend(line.iter().take(room));
            let read = line.len() + usize::from(end.is_some());
            self.input.consume(read);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::cli::{
        exit::Exit,
        import::{reading::Reading, source::InputEvents},
    };

    #[test]
    fn blank_lines_count_but_are_no_rows() {
        let mut rows = Rows::new(b"\n  \r\n{a\n\nx".as_slice());
        assert_eq!(rows.next().unwrap().unwrap().unwrap_err().line, 3);
        assert_eq!(rows.next().unwrap().unwrap().unwrap_err().line, 5);
        assert!(rows.next().unwrap().is_none());
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_without_being_kept() {
        let long = io::repeat(b'x').take(3 * LINE_BYTES as u64);
        // The first just fits, the second is one byte too long, and the last has no end.
        let fits = [vec![b'x'; LINE_BYTES], vec![b'\n']].concat();
        let over = [vec![b'x'; LINE_BYTES + 1], vec![b'\n']].concat();
        let text = [fits, over].concat();
        let input = text.as_slice().chain(io::repeat(b'x').take(3 * LINE_BYTES as u64));
        let input = input.chain(b"\n{\n".as_slice()).chain(long);
        let mut rows = Rows::new(io::BufReader::new(input));
        for (line, too_long) in [(1, false), (2, true), (3, true), (4, false), (5, true)] {
            let error = rows.next().unwrap().unwrap().unwrap_err();
            assert_eq!((error.line, error.problem.contains("has more than")), (line, too_long));
            assert!(rows.buffer.capacity() <= 2 * LINE_BYTES, "it is not kept");
        }
        assert!(rows.next().unwrap().is_none());
    }

    const EVENT: &str = r#"{"stream":"demo/1","payload":{"@type":"demo.v1.X","@bytes":""}}"#;

    #[test]
    fn a_byte_order_mark_is_passed_over_at_the_beginning_only() {
        let marked = ["\u{feff}", EVENT, "\n\u{feff}", EVENT].concat();
        let mut rows = InputEvents::open(marked.as_bytes(), &Reading::default()).unwrap();
        assert!(rows.next().unwrap().unwrap().is_ok());
        assert_eq!(rows.next().unwrap().unwrap().unwrap_err().line, 2);
    }

    #[test]
    fn a_line_ends_in_each_of_three_ways() {
        for end in ["\n", "\r", "\r\n"] {
            let text = [EVENT, "{", "", EVENT, " ", "{"].join(end);
            for text in [text.clone(), text + end] {
                for capacity in [1, 2, 5, 8192] {
                    let input = io::BufReader::with_capacity(capacity, text.as_bytes());
                    let mut rows = Rows::new(input);
                    let numbers: Vec<(u64, bool)> = std::iter::from_fn(|| rows.next().unwrap())
                        .map(|row| row.map_or_else(|e| (e.line, false), |it| (it.number, true)))
                        .collect();
                    let expected = [(1, true), (2, false), (4, true), (6, false)];
                    assert_eq!(numbers, expected, "{end:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_plainly_something_else_is_reported_once() {
        for (text, expected) in [
            ("\u{1}\0\0".to_owned(), "not text"),
            ("PK\u{3}\u{4}\0\0".to_owned(), "nor a table: it looks like a zip file"),
            ("{a\n".repeat(BEGINNING), "none of its first 20 lines is an event; 1:2: not JSON"),
            ("exchange|actor\n\nx|y".to_owned(), "it looks like a table with bars"),
            ("a b\n".to_owned(), "it begins with \"a b\""),
        ] {
            let failure = Rows::new(text.as_bytes()).next().unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(expected), "{failure}");
        }
        // One event, or fewer lines, and each line is reported by itself.
        let few = "{a\n".repeat(BEGINNING - 1);
        let mut rows = Rows::new(few.as_bytes());
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            count += 1;
            assert_eq!(row.unwrap_err().line, count);
        }
        let text = ["a,b\n".repeat(BEGINNING - 1), format!("{EVENT}\n"), "x\n".repeat(30)].concat();
        let mut rows = Rows::new(text.as_bytes());
        let numbers: Vec<u64> = std::iter::from_fn(|| rows.next().unwrap())
            .map(|row| row.map_or_else(|error| error.line, |line| line.number))
            .collect();
        assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    }
}
