//! What separates the fields of a table: its header row, or a `sep=` line before that, shows it.

use super::{columns, form::Form};

/// What may separate fields; of two that fit as well, the first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// What a line begins with that names the delimiter.
const NAMED: &[u8] = b"sep=";

/// The delimiter of a table that begins so, behind its blank lines. `None`: the header does not end
/// here, so that takes more of it.
pub(in crate::cli::import) fn delimiter(beginning: &[u8]) -> Option<u8> {
    let end = end_of_row(beginning)?;
    let row = beginning.get(..end).unwrap_or(beginning);
    Some(named(row).unwrap_or_else(|| likeliest(row)))
}

/// The delimiter that most of the header's columns stand between.
pub(in crate::cli::import) fn likeliest(header: &[u8]) -> u8 {
    let fits = |delimiter: &u8| {
        let names = fields(header, *delimiter);
        (Form::shared_at_most(&names), names.len())
    };
    // Of equals, `max_by_key` takes the last.
    DELIMITERS.into_iter().rev().max_by_key(fits).unwrap_or(b',')
}

/// How many columns of a form stand between these delimiters.
pub(in crate::cli::import) fn shared_columns(header: &[u8], delimiter: u8) -> usize {
    Form::shared_at_most(&fields(header, delimiter))
}

/// Whether a row is a line that names the delimiter, as a reader with that delimiter has it.
pub(super) fn is_named(first_field: &[u8]) -> bool {
    first_field.get(..NAMED.len()).is_some_and(|it| it.eq_ignore_ascii_case(NAMED))
}

fn named(row: &[u8]) -> Option<u8> {
    if !is_named(row) {
        return None;
    }
    row.get(NAMED.len()).copied().filter(|it| it.is_ascii() && !it.is_ascii_alphanumeric())
}

/// Where the first row ends.
fn end_of_row(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && matches!(byte, b'\n' | b'\r')
    })
}

/// The names of a header's columns.
fn fields(row: &[u8], delimiter: u8) -> Vec<String> {
    let mut quoted = false;
    let fields = row.split(|byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == delimiter
    });
    fields.map(columns::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_or_the_line_before_it_shows_the_delimiter() {
        for (text, expected) in [
            ("exchange,actor,role\n", b','),
            ("exchange;actor;role\r", b';'),
            ("exchange\tactor\trole\n", b'\t'),
            ("\"exchange\";\"a,b,c,d\";Role\n", b';'),
            ("Claimed by;As of;total, in all, so far\n", b';'),
            ("a,b;c\n", b','),
            ("a;b\n", b';'),
            ("a\n", b','),
            ("sep=;\nexchange,actor\n", b';'),
            ("SEP=|\r\n", b'|'),
            ("sep=\t\n", b'\t'),
            ("sep=\n", b','),
        ] {
            assert_eq!(delimiter(text.as_bytes()), Some(expected), "{text:?}");
        }
        for open in ["", "exchange;act", "\"exchange\nx;"] {
            assert_eq!(delimiter(open.as_bytes()), None, "{open:?}");
        }
    }
}
