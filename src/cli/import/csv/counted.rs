//! An input that knows where its lines begin, and of which a row gets only so much.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use super::quotes::{Quotes, Stray};

/// Bytes of one row, its quoted line breaks included: far more than all fields at their limits.
pub(super) const ROW_BYTES: usize = 1 << 20;

/// Passes bytes on to the reader of rows, which counts lines by their LF alone and takes the lines
/// that it passes over for a part of the next row.
#[derive(Debug)]
pub(super) struct Counted<R> {
    input: R,
    /// Bytes that the row may still have.
    left: usize,
    /// Bytes that were passed on.
    passed: u64,
    /// The line in which the next byte stands, from 1.
    line: u64,
    /// Nothing stands in that line so far.
    blank: bool,
    /// The last byte was a CR, so a LF that follows is of the same end of a line.
    after_cr: bool,
    /// Where lines that are not blank begin, and their numbers; those of rows that were taken are
    /// gone.
    begun: VecDeque<(u64, u64)>,
    quotes: Quotes,
}

impl<R> Counted<R> {
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        let (left, begun, quotes) = (ROW_BYTES, VecDeque::new(), Quotes::of(delimiter));
        Self { input, left, passed: 0, line: 1, blank: true, after_cr: false, begun, quotes }
    }

    /// Allows the bytes of one more row.
    pub(super) fn allow_a_row(&mut self) {
        self.left = ROW_BYTES;
    }

    /// The line in which the row begins that was read from this offset on.
    pub(super) fn line_of(&mut self, offset: u64) -> u64 {
        while self.begun.front().is_some_and(|(start, _)| *start < offset) {
            self.begun.pop_front();
        }
        self.begun.front().map_or(self.line, |(_, line)| *line)
    }

    /// The quote that stands where none may, in the row that ends before this offset.
    pub(super) fn stray_quote(&mut self, end: u64) -> Option<Stray> {
        self.quotes.of_row(end)
    }

    fn note(&mut self, byte: u8) {
        self.quotes.note(byte, self.passed);
        match byte {
            b'\n' if self.after_cr => {}
            b'\n' | b'\r' => {
                self.line += 1;
                self.blank = true;
            }
            _ if self.blank => {
                self.begun.push_back((self.passed, self.line));
                self.blank = false;
            }
            _ => {}
        }
        self.after_cr = byte == b'\r';
        self.passed += 1;
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let problem = format!(
                "has more than {ROW_BYTES} bytes; is a quote left open? the rest is not read"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let most = buffer.len().min(self.left);
        let read = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= read;
        if read == 0 && most > 0 {
            self.quotes.end();
        }
        for byte in buffer.iter().take(read) {
            self.note(*byte);
        }
        Ok(read)
    }
}
