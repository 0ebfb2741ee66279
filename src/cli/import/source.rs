//! What an import reads: JSON Lines or one of the CSV forms, told apart by how the input begins.

use std::io::BufRead;

use super::{csv, rows::Rows};
use crate::cli::{
    exit::Failure,
    lines::{Line, RowError},
};

/// What some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The events of an input, one after the other.
#[derive(Debug)]
pub(super) enum Source<R> {
    /// JSON Lines.
    Lines(Rows<R>),
    /// One of the CSV forms.
    Table(Box<csv::Rows<R>>),
}

impl<R: BufRead> Source<R> {
    /// Looks at the beginning of an input. A table without the columns of a form is a failure.
    pub(super) fn open(mut input: R) -> Result<Self, Failure> {
        let beginning = input.fill_buf()?;
        let table = is_table(beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning));
        Ok(if table {
            Self::Table(Box::new(csv::Rows::open(input)?))
        } else {
            Self::Lines(Rows::new(input))
        })
    }

    /// The next event, or why it can't be taken; `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<Result<Line, RowError>>, Failure> {
        match self {
            Self::Lines(rows) => rows.next(),
            Self::Table(rows) => rows.next(),
        }
    }
}

/// Whether it begins like a header: names with commas between them. JSON never does.
fn is_table(beginning: &[u8]) -> bool {
    let first = beginning.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let begins_a_name = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'"';
    first.first().is_some_and(begins_a_name) && first.contains(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_makes_a_table_and_everything_else_is_lines() {
        for table in ["exchange,actor", "\"a\",b\n1,2", "a,b\r"] {
            assert!(is_table(table.as_bytes()), "{table}");
        }
        for lines in ["", "\n", "{\"a\":1,\"b\":2}", " {", "[1,2]", "word", "1,2", "a\nb,c"] {
            assert!(!is_table(lines.as_bytes()), "{lines}");
        }
    }
}
