//! The lines of a file, one after the other, within bounded memory.

use std::io::{self, BufRead, Read as _};

use crate::{
    cli::lines::{self, Line, RowError},
    domain::limits,
};

/// Bytes of one line. An event at its limit fits even if every byte of it has to be escaped.
const LINE_BYTES: u64 = 8 * limits::EVENT_BYTES as u64;

/// Reads lines; blank ones are passed over.
#[derive(Debug)]
pub(super) struct Rows<R> {
    input: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, buffer: Vec::new() }
    }

    /// The next line, or why it can't be taken; `None` at the end of the input.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<Line, RowError>>> {
        loop {
            self.buffer.clear();
            let mut bounded = self.input.by_ref().take(LINE_BYTES + 1);
            if bounded.read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.buffer.len() as u64 > LINE_BYTES {
                let number = self.number;
                return Err(io::Error::other(format!(
                    "line {number} has more than {LINE_BYTES} bytes, so it is no event"
                )));
            }
            let text = self.buffer.trim_ascii_end();
            if !text.is_empty() {
                return Ok(Some(lines::read(text, self.number)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_count_but_are_no_rows() {
        let mut rows = Rows::new(b"\n  \r\n{\n\nx".as_slice());
        assert_eq!(rows.next().unwrap().unwrap().unwrap_err().line, 3);
        assert_eq!(rows.next().unwrap().unwrap().unwrap_err().line, 5);
        assert!(rows.next().unwrap().is_none());
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut rows = Rows::new(io::BufReader::new(io::repeat(b'x')));
        assert!(rows.next().unwrap_err().to_string().starts_with("line 1 has more than"));
    }
}
