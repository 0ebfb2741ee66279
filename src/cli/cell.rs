//! The cells of CSV, so that no spreadsheet takes a text for a formula.
//!
//! A text that begins with a character that begins a formula gets a `'` before it, as OWASP advises
//! against CSV injection. Reading takes one `'` away where a formula follows. So a text that begins
//! with `'` and a formula gets one more, and every other text stays as it is, with any `'` that it
//! has.

/// What spreadsheets begin formulas with, and what they pass over before one. The wide forms are
/// the same to some of them.
const FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
const QUOTE: char = '\'';

/// A text as it stands in a cell. A number is no formula, whatever its sign.
pub(super) fn escaped(text: String) -> String {
    if is_formula(&text) && !is_number(&text) { format!("{QUOTE}{text}") } else { text }
}

/// The text that stands in a cell.
pub(super) fn unescaped(cell: &str) -> &str {
    cell.strip_prefix(QUOTE).filter(|text| is_formula(text)).unwrap_or(cell)
}

/// Whether this is a formula, with any number of quotes before it.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(QUOTE).starts_with(FORMULA)
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.split_once('.').map_or(digits(unsigned), |(whole, part)| digits(whole) && digits(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_a_text() {
        for (text, cell) in [
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-", "'-"),
            ("- first", "'- first"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("-5", "-5"),
            ("+49", "+49"),
            ("-0.5", "-0.5"),
            ("-5+1", "'-5+1"),
            ("-5.", "'-5."),
            ("a=1", "a=1"),
            ("1-5", "1-5"),
            ("'", "'"),
            ("'quoted'", "'quoted'"),
            ("''", "''"),
            ("''quoted''", "''quoted''"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'-5", "''-5"),
        ] {
            assert_eq!(escaped(text.to_owned()), cell);
            assert_eq!(unescaped(cell), text);
        }
        assert_eq!(unescaped("'-5"), "-5", "as other programs write it");
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "['=+@\\-\t\r 0-9a]{0,5}") {
            let cell = escaped(text.clone());
            prop_assert!(!cell.starts_with(FORMULA) || is_number(&cell), "{}", cell);
            prop_assert_eq!(unescaped(&cell), text);
        }
    }
}
