//! Positions as the command line takes and writes them.
//!
//! A position is digits, without a sign and without zeros before it: then no date and no number of
//! another program becomes one by surprise. Where a date may stand as well, a number that reads as
//! a year or as a day is refused, with both ways to write it.

use std::ops::RangeInclusive;

use crate::domain::date::calendar;

/// Numbers that people write as years. Each could be a position as well.
const YEARS: RangeInclusive<u64> = 1900..=2100;
/// Digits of a day without hyphens.
const DAY_DIGITS: usize = 8;
/// Says that the number behind it is a position.
const MARK: &str = "position:";
/// How a position is written.
const FORM: &str = "a position is digits, without a sign and without zeros before it";

/// What a text is that may be a position or a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A position.
    Position(u64),
    /// No number at all.
    Other,
}

/// Reads what may be a position or a date. An error is of a number that is no position, or that
/// reads as a date.
pub(super) fn read(text: &str) -> Result<Read, String> {
    if text.starts_with(MARK) {
        return only(text).map(Read::Position);
    }
    if text.is_empty() || !unsigned(text).bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Read::Other);
    }
    let position = only(text)?;
    match as_date(position) {
        Some((what, date)) => Err(format!(
            "{position} can be a position and a {what}; write {MARK}{position}, or a date such as \
             {date}"
        )),
        None => Ok(Read::Position(position)),
    }
}

/// Reads a position, where nothing else can stand.
pub(super) fn only(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix(MARK).unwrap_or(text);
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (number == "0" || !number.starts_with('0'));
    let wrong = || format!("{number:?} is not a position; {FORM}");
    if !plain {
        return Err(wrong());
    }
    number.parse().map_err(|_| format!("{number} is larger than any position"))
}

/// A position as it is read where a date may stand.
pub(super) fn written(position: u64) -> String {
    let mark = if as_date(position).is_some() { MARK } else { "" };
    format!("{mark}{position}")
}

/// The date that a number reads as: what it is, and how it is written.
fn as_date(number: u64) -> Option<(&'static str, String)> {
    if YEARS.contains(&number) {
        return Some(("year", format!("{number}-12-31")));
    }
    let digits = number.to_string();
    let (year, day) = digits.split_at_checked(4).filter(|_| digits.len() == DAY_DIGITS)?;
    let (month, day) = day.split_at_checked(2)?;
    let date = format!("{year}-{month}-{day}");
    let day = YEARS.contains(&year.parse().ok()?) && calendar(&date).is_ok();
    day.then_some(("day", date))
}

fn unsigned(text: &str) -> &str {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest.is_empty() { text } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_digits_and_nothing_before_them() {
        for (text, position) in
            [("0", 0), ("42", 42), ("18446744073709551615", u64::MAX), ("position:7", 7)]
        {
            assert_eq!(only(text), Ok(position));
        }
        for bad in [
            "",
            "+5",
            "-5",
            "02024",
            "00",
            "1e3",
            "1_0",
            " 1",
            "\u{661}",
            "position:",
            "position:+5",
            "position:07",
        ] {
            let error = only(bad).expect_err(bad);
            assert!(error.contains(FORM), "{bad:?}: {error}");
        }
        let beyond = "18446744073709551616";
        assert_eq!(only(beyond), Err(format!("{beyond} is larger than any position")));
    }

    #[test]
    fn a_number_that_reads_as_a_date_is_refused_as_ambiguous_and_can_be_said() {
        for (number, date) in [
            (1900, "1900-12-31"),
            (2024, "2024-12-31"),
            (2100, "2100-12-31"),
            (20_240_801, "2024-08-01"),
            (20_240_229, "2024-02-29"),
            (19_000_101, "1900-01-01"),
        ] {
            let error = read(&number.to_string()).unwrap_err();
            let both = format!("write position:{number}, or a date such as {date}");
            assert!(error.contains(&both), "{error}");
            assert_eq!(written(number), format!("position:{number}"));
        }
        for number in [
            0,
            1,
            999,
            1899,
            2101,
            20_240,
            202_408,
            20_230_229,
            20_241_301,
            18_991_231,
            21_010_101,
            120_240_801,
        ] {
            assert_eq!(written(number), number.to_string());
        }
        for number in [1, 2024, 20_240_801, u64::MAX] {
            assert_eq!(read(&written(number)), Ok(Read::Position(number)));
        }
        for wrong in ["02024", "+5", "-1", "+20240801", "position:x"] {
            assert!(read(wrong).unwrap_err().contains(FORM), "{wrong}");
        }
        for other in ["", "-", "2024-08", "yesterday", "+x", "1 "] {
            assert_eq!(read(other), Ok(Read::Other), "{other}");
        }
    }
}
