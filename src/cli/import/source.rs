//! What an import reads: JSON Lines or a table. The beginning of the input decides which.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

use super::{
    csv::{self, dialect},
    decoded::{Decoded, MARK_BYTES},
    reading::Reading,
    rows::Rows,
};
use crate::cli::{
    exit::Failure,
    input::BYTE_ORDER_MARK,
    lines::{Line, RowError},
};

/// Bytes without an end of a line or a delimiter that are the header of no table.
const HEADER_BYTES: usize = 4096;
/// Bytes of a header of which the delimiter is looked for.
const WHOLE_HEADER_BYTES: usize = 1 << 16;
/// Blank bytes before a table. JSON Lines may begin with more of them.
const BLANK_BYTES: usize = 1 << 16;
/// What a table may begin with beside letters: a quote, an empty name, a sign for "number".
const FIRST: [char; 6] = ['"', ',', ';', '#', '\u{2116}', '_'];

/// An input of which the beginning has been looked at.
type Begun<R> = Chain<Cursor<Vec<u8>>, R>;
/// The same as text in UTF-8, and again with its beginning.
type Text<R> = Begun<Decoded<Begun<R>>>;

/// The events of an input, one after the other.
#[derive(Debug)]
pub(super) enum InputEvents<R> {
    /// JSON Lines.
    Lines(Box<Rows<Text<R>>>),
    /// A table.
    Table(Box<csv::Rows<Text<R>>>),
}

impl<R: BufRead> InputEvents<R> {
    /// Looks at the beginning of an input. A table without the columns of a form is a failure.
    pub(super) fn open(mut input: R, reading: &Reading) -> Result<Self, Failure> {
        let begins = first_bytes(&mut input)?;
        let whole = Cursor::new(begins.clone()).chain(input);
        let (delimiter, input) = begin(Decoded::new(whole, &begins, reading.encoding))?;
        if let Some(delimiter) = delimiter {
            return Ok(Self::Table(Box::new(csv::Rows::open(input, delimiter, reading)?)));
        }
        reading.of_lines()?;
        Ok(Self::Lines(Box::new(Rows::new(input))))
    }

    /// The next event, or why it can't be taken; `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<Result<Line, RowError>>, Failure> {
        match self {
            Self::Lines(rows) => rows.next(),
            Self::Table(rows) => rows.next(),
        }
    }

    /// Takes the next note of what a user should know of the input.
    pub(super) fn note(&mut self) -> Option<String> {
        match self {
            Self::Lines(_) => None,
            Self::Table(rows) => rows.note(),
        }
    }
}

/// Takes as many bytes as a byte order mark has, or all.
fn first_bytes(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(MARK_BYTES);
    input.take(MARK_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads as far as it takes to know whether the input is a table, and with which delimiter: a pipe
/// may give a few bytes at a time. What was read comes first again, without a byte order mark.
fn begin<R: BufRead>(mut input: R) -> io::Result<(Option<u8>, Begun<R>)> {
    let mut beginning = Vec::new();
    let mut ended = false;
    let delimiter = loop {
        let table = is_table(&beginning).or(ended.then_some(false));
        if table == Some(false) {
            break None;
        }
        let text = without_mark(&beginning).trim_ascii_start();
        let whole = ended || text.len() >= WHOLE_HEADER_BYTES;
        let found = || dialect::delimiter(text).or_else(|| whole.then(|| dialect::likeliest(text)));
        if let Some(delimiter) = table.and_then(|_| found()) {
            break Some(delimiter);
        }
        let more = input.fill_buf()?;
        ended = more.is_empty();
        beginning.extend_from_slice(more);
        let read = more.len();
        input.consume(read);
    };
    let start = beginning.len() - without_mark(&beginning).len();
    let mut beginning = Cursor::new(beginning);
    beginning.set_position(start as u64);
    Ok((delimiter, beginning.chain(input)))
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(bytes)
}

/// Whether it begins like a header: names with delimiters between them. JSON never does. Blank
/// lines may stand before it. `None`: that takes more of it.
fn is_table(beginning: &[u8]) -> Option<bool> {
    let mark = BYTE_ORDER_MARK.as_bytes();
    if beginning.len() < mark.len() && mark.starts_with(beginning) {
        return None;
    }
    let whole = without_mark(beginning);
    let text = whole.trim_ascii_start();
    if whole.len() - text.len() > BLANK_BYTES {
        return Some(false);
    }
    let first = first_char(text)?;
    if !first.is_alphabetic() && !FIRST.contains(&first) {
        return Some(false);
    }
    let decides = |byte: &&u8| matches!(byte, b',' | b';' | b'\t' | b'\n' | b'\r' | 0);
    let table = text.iter().find(decides).map(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    let table = table.map(|table| table || is_named(text));
    table.or_else(|| (text.len() >= HEADER_BYTES).then_some(false))
}

/// Whether the first line names the delimiter: it may be one that decides nothing.
fn is_named(text: &[u8]) -> bool {
    text.get(..4).is_some_and(|it| it.eq_ignore_ascii_case(b"sep="))
}

/// The first character; U+FFFD where it is none. `None`: that takes more bytes.
fn first_char(text: &[u8]) -> Option<char> {
    let begins = text.get(..4).unwrap_or(text);
    let chunk = begins.utf8_chunks().next()?;
    match chunk.valid().chars().next() {
        Some(first) => Some(first),
        None if begins.len() < 4
            && std::str::from_utf8(begins).is_err_and(|it| it.error_len().is_none()) =>
        {
            None
        }
        None => Some(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    #[test]
    fn a_header_makes_a_table_and_everything_else_is_lines() {
        for table in [
            "exchange,actor",
            "\"a\",b\n1,2",
            "a,b\r",
            "\u{feff}a,b",
            "a,\0",
            "\na,b",
            "\u{feff}\r\n \t\r\n a,b",
            "a;b",
            "a\tb",
            ",a",
            "\u{2116},a",
            "\u{43a},b",
            "sep=|\n",
        ] {
            assert_eq!(is_table(table.as_bytes()), Some(true), "{table}");
        }
        let long = "x".repeat(HEADER_BYTES);
        let blank = "\n".repeat(BLANK_BYTES + 1);
        for lines in [
            "\n{",
            "\n\na\nb,c",
            &blank,
            "{\"a\":1,\"b\":2}",
            " {",
            "[1,2]",
            "word\n",
            "1,2",
            "a\nb,c",
            "a\rb,c",
            "\u{feff}{",
            "PK\0,",
            &long,
        ] {
            assert_eq!(is_table(lines.as_bytes()), Some(false), "{lines}");
        }
        for open in [
            &b""[..],
            b"\n \r\n",
            b"\na",
            b"a",
            b"\"exchange",
            b"\xef",
            b"\xef\xbb",
            b"\xef\xbb\xbf",
            b"\xe2\x84",
        ] {
            assert_eq!(is_table(open), None, "{open:?}");
        }
    }

    /// An input that gives one byte a read.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    /// All rows: the numbers of their lines, and what is wrong with them.
    fn rows(input: impl BufRead) -> Result<Vec<(u64, String)>, String> {
        let mut source =
            InputEvents::open(input, &Reading::default()).map_err(|failure| failure.to_string())?;
        let mut rows = Vec::new();
        while let Some(row) = source.next().map_err(|failure| failure.to_string())? {
            rows.push(match row {
                Ok(line) => (line.number, String::new()),
                Err(error) => (error.line, error.to_string()),
            });
        }
        Ok(rows)
    }

    #[test]
    fn an_input_that_comes_in_drops_is_the_same_input() {
        const ROLES: &str = "exchange,actor,role,attributed_by,disputed_by,source\n";
        const LINE: &str = r#"{"payload":{"@type":"handover.v1.SourceRegistered","sourceId":"s"}}"#;
        let long = "x".repeat(3 * HEADER_BYTES);
        let table = format!("{ROLES}demo-1,TR,host,,,https://a\n\ndemo-1,TR,hst,,,https://a\n");
        let quoted = format!("\"exchange\",{}", table.trim_start_matches("exchange,"));
        let lines = format!("{LINE}\n\n{{\n{LINE}");
        let late = format!("\n \r\n\n{table}");
        let texts =
            [&table, &late, &quoted, &lines, &table.replace('\n', "\r\n"), &long, "a,b\n", "a", ""];
        let texts = texts.into_iter().flat_map(|text| [text.to_owned(), format!("\u{feff}{text}")]);
        let good = |text: &str| rows(text.as_bytes()).is_ok_and(|rows| rows[0].1.is_empty());
        assert!(good(&table) && good(&late) && good(&quoted) && good(&lines));
        let mut not_text = vec![b"\x1f\x8b\x08\0,\n".to_vec(), b"PK\x03\x04\0,\n".to_vec()];
        not_text.push("exchange;actor\n".encode_utf16().flat_map(u16::to_le_bytes).collect());
        for bytes in texts.map(String::into_bytes).chain(not_text) {
            let whole = rows(bytes.as_slice());
            let text = String::from_utf8_lossy(&bytes);
            for capacity in [1, 2, 3, 7, 8192] {
                let drops = BufReader::with_capacity(capacity, Drops(&bytes));
                assert_eq!(rows(drops), whole, "{text:?}");
            }
        }
    }
}
