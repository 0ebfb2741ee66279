//! Dates as sources give them: EDTF text with its precision, and the days it can mean.
//!
//! The profile is small on purpose: what a report of an exchange needs, and nothing that two
//! readers could resolve to different days. Where EDTF has a time of day, the spellings of other
//! programs are taken too: parts of a second, which JavaScript always writes.

mod clock;
mod days;

use std::{fmt, sync::Arc};

use time::Date;

pub use clock::instant;
pub use days::InvalidDate;

use clock::DateTime;
use days::{EPOCH, Problem, date, day_of};

/// The forms that [`Edtf::parse`] takes, as they stand in its errors.
pub const ACCEPTED_DATES: &str = "accepted are a year 2024, a month 2024-08, a day 2024-08-01, \
     a time 2024-08-01T12:30:00Z, with up to 9 digits of a second and an offset such as +02:00 or \
     -04, and an interval 2024-08-01/2024-08-02 whose ends may be .. (open) or empty (unknown)";

/// No accepted form is longer: a date-time with nine digits of a second and its offset.
const LONGEST: usize = 35;
/// Any day at all. No form of EDTF, so no claim may say it any more; a question may.
const ANY: &str = "..";

/// Date, date-time or interval that keeps its text.
///
/// Years run from 0000 to 9999. A date-time counts as the day that is written in it, whatever its
/// offset: the sources speak of the day on the spot. Intervals are of dates, not of date-times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edtf {
    text: Arc<str>,
    days: (Option<i32>, Option<i32>),
}

impl Edtf {
    /// Checks and takes the date of a claim.
    pub fn parse_claimed(text: &str) -> Result<Self, InvalidDate> {
        if text == ANY {
            let problem = format!(
                "is {ANY:?}, which is no date and no interval of EDTF; leave it out if nothing \
                 says when; {ACCEPTED_DATES}"
            );
            return Err(InvalidDate(problem));
        }
        Self::parse_queried(text)
    }

    /// Checks and takes a date of a query: `..` alone is any day.
    pub fn parse_queried(text: &str) -> Result<Self, InvalidDate> {
        let parsed = Self::parse(text)?;
        let time = text.split_once('T').map(|(day, time)| DateTime::parse(day, time));
        match time.and_then(Result::ok).map(DateTime::of_a_place) {
            Some(Err(problem)) => {
                Err(InvalidDate(format!("is {text:?}, {problem}; {ACCEPTED_DATES}")))
            }
            _ => Ok(parsed),
        }
    }

    /// Reads a date as it may be recorded. Earlier versions took `..` alone, and offsets up to
    /// 25:59, which ISO 8601 does not have: they are still read, and not taken any more.
    pub fn parse(text: &str) -> Result<Self, InvalidDate> {
        if text.len() > LONGEST {
            if let Some(Err(problem)) = text.split_once('/').map(|(from, to)| interval(from, to))
                && text.len() <= 2 * LONGEST
            {
                return Err(InvalidDate(format!("is {text:?}, {problem}; {ACCEPTED_DATES}")));
            }
            let problem = format!(
                "has {} characters and is longer than any date; {ACCEPTED_DATES}",
                text.chars().count()
            );
            return Err(InvalidDate(problem));
        }
        let days = match text.split_once('/') {
            _ if text == ANY => Ok((None, None)),
            Some((start, end)) => interval(start, end),
            None => match text.split_once('T') {
                Some((day, time)) => DateTime::parse(day, time).map(|it| day_of(it.day)),
                None => date(text),
            }
            .map(|(first, last)| (Some(first), Some(last))),
        };
        days.map(|days| Self { text: text.into(), days })
            .map_err(|problem| InvalidDate(format!("is {text:?}, {problem}; {ACCEPTED_DATES}")))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// First and last day that can be meant, in days since 1970-01-01, both inclusive.
    ///
    /// `None` where an end is open or unknown.
    pub fn days(&self) -> (Option<i32>, Option<i32>) {
        self.days
    }

    /// Whether some day can be meant by this and by another date, of which these are the days; a
    /// coarse date overlaps if any part of it does.
    pub fn overlaps_days(&self, other: (Option<i32>, Option<i32>)) -> bool {
        let reaches = |first: Option<i32>, last: Option<i32>| match (first, last) {
            (Some(first), Some(last)) => first <= last,
            _ => true,
        };
        reaches(self.days.0, other.1) && reaches(other.0, self.days.1)
    }
}

/// The first and the last day of a year, a month or a day, in days since 1970-01-01.
///
/// # Errors
///
/// It is none of these.
pub fn calendar(text: &str) -> Result<(i32, i32), InvalidDate> {
    date(text).map_err(|problem| InvalidDate(format!("is {text:?}, {problem}")))
}

/// The year of a day, given in days since 1970-01-01.
pub fn year(day: i32) -> Option<i32> {
    Date::from_julian_day(day.checked_add(EPOCH)?).ok().map(Date::year)
}

/// The month of a day, counted from the first one of the year 0.
pub fn month(day: i32) -> Option<i32> {
    let date = Date::from_julian_day(day.checked_add(EPOCH)?).ok()?;
    Some(date.year() * 12 + i32::from(u8::from(date.month())) - 1)
}

impl fmt::Display for Edtf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn interval(start: &str, end: &str) -> Result<(Option<i32>, Option<i32>), Problem> {
    let bound = |text: &str| match text {
        "" | ".." => Ok(None),
        text if text.contains('T') => {
            Err("an interval of date-times; its ends are days".to_owned())
        }
        text => date(text).map(Some),
    };
    let (start, end) = (bound(start)?, bound(end)?);
    match (start, end) {
        (None, None) => Err("an interval that names no date".to_owned()),
        // Ends of different precision are compared by what they can mean: 2024-03/2024 is fine.
        (Some((first, _)), Some((_, last))) if last < first => {
            Err("an interval that ends before it begins".to_owned())
        }
        _ => Ok((start.map(|(first, _)| first), end.map(|(_, last)| last))),
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn days(text: &str) -> (Option<i32>, Option<i32>) {
        Edtf::parse(text).expect(text).days()
    }

    #[test]
    fn a_date_means_every_day_it_can_mean() {
        for (text, first, last) in [
            ("1970-01-01", Some(0), Some(0)),
            ("1970", Some(0), Some(364)),
            ("1970-02", Some(31), Some(58)),
            ("1972-02", Some(761), Some(789)),
            ("2024-08-01", Some(19_936), Some(19_936)),
            ("1969-12-31", Some(-1), Some(-1)),
            ("1970-01-01T23:59:59Z", Some(0), Some(0)),
            ("1970-01-01T23:59:59", Some(0), Some(0)),
            ("1970-01-01T23:59:59-11:30", Some(0), Some(0)),
            ("1970-01-01T23:59:59.000Z", Some(0), Some(0)),
            ("1970-01-01T23:59:59.123456Z", Some(0), Some(0)),
            ("1970-01-01T23:59:59.123456789+05:30", Some(0), Some(0)),
            ("1970-01-01T23:59:59-04", Some(0), Some(0)),
            ("1970-01-01T23:59:59.5+14", Some(0), Some(0)),
            ("1970-01-01/1970-02", Some(0), Some(58)),
            ("1970-02/1970", Some(31), Some(364)),
            ("../1970-01-02", None, Some(1)),
            ("1970-01-02/..", Some(1), None),
            ("1970-01-02/", Some(1), None),
            ("/1970-01-02", None, Some(1)),
            ("..", None, None),
        ] {
            assert_eq!(days(text), (first, last), "{text}");
            assert_eq!(Edtf::parse(text).unwrap().as_str(), text);
        }
        assert!(days("0000").0 < days("9999").0);
    }

    #[test]
    fn what_is_no_date_is_refused_with_the_reason_and_the_accepted_forms() {
        for (text, reason) in [
            ("", "not a date"),
            ("yesterday", "not a date"),
            ("24", "not a date"),
            ("-0044", "not a date"),
            ("2024-8-1", "not a date"),
            ("2024-08-01-02", "not a date"),
            ("2024-08-0\u{661}", "not a date"),
            ("2024~", "not a date"),
            ("2024-13", "a month that no year has"),
            ("2024-00", "a month that no year has"),
            ("2024-02-30", "a day that this month does not have"),
            ("2023-02-29", "a day that this month does not have"),
            ("2024-04-00", "a day that this month does not have"),
            ("2024-08-02/2024-08-01", "ends before it begins"),
            ("2024-06/2024-03", "ends before it begins"),
            ("/", "names no date"),
            ("../..", "names no date"),
            ("2024/2025/2026", "not a date"),
            ("2024-08T12:30:00Z", "without a day"),
            ("2024-08-01T12:30Z", "time of day"),
            ("2024-08-01T24:00:00Z", "no clock shows"),
            ("2024-08-01T12:30:00Z+01", "time of day"),
            ("2024-08-01T12:30:00+-1:00", "time of day"),
            ("2024-08-01T12:30:00+26:00", "no place has"),
            ("2024-08-01T12:30:00+0100", "time of day"),
            ("2024-08-01T12:00:00Z/..", "its ends are days"),
            ("2024-08-01T12:30:00+01:00 ", "its offset is \"+01:00 \""),
            ("2024-08-01T12:30:00.1234567890Z", "10 digits after the point, over 9"),
            ("2024-08-01T12:30:00.Z", "the part of its second is \"\""),
            ("2024-08-01T12:30:00,5Z", "its second is \"00,5\""),
            ("2024-08-01T12:30.5Z", "it has no seconds"),
            ("2024-08-01T12:30:00+1", "its offset is \"+1\""),
            ("2024-08-01T12:30:00-0400", "its offset is \"-0400\""),
            ("2024-08-01T12:30:00-04:0", "its offset is \"-04:0\""),
            ("2024-08-01T12:30:00ZZ", "something stands behind Z"),
            ("2024-08-01 12:30:00", "a day has 2 digits; a time of day follows a T"),
            ("2024-08-01t12:30:00Z", "a time of day follows a T"),
            ("2024-8-1", "its month is \"8\"; a month has 2 digits"),
            ("24-08-01", "its year is \"24\"; a year has 4 digits"),
            ("2024-08-01T12:30:00.000Z/..", "its ends are days"),
            ("2024-08-01T12:30:00.123456789+01:00:00", "longer than any date"),
        ] {
            let error = Edtf::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
            assert!(error.contains(ACCEPTED_DATES), "{text:?}: {error}");
        }
    }

    #[test]
    fn any_day_at_all_may_be_requested_and_not_be_claimed() {
        let error = Edtf::parse_claimed("..").unwrap_err().to_string();
        assert!(error.contains("no interval of EDTF") && error.contains(ACCEPTED_DATES), "{error}");
        for open in ["2024-08-01/..", "../2024-08-01", "2024-08-01/", "2024"] {
            assert_eq!(Edtf::parse_claimed(open), Edtf::parse(open));
        }
        assert_eq!(days(".."), (None, None), "what is recorded is still read");
        assert!(Edtf::parse_queried("..").is_ok());
    }

    #[test]
    fn an_offset_goes_up_to_a_minute_before_a_day_and_longer_ones_are_only_read() {
        for offset in ["+23:59", "-23:59", "+23", "+14:00", "-00:00", "Z", ""] {
            let text = format!("2024-08-01T12:30:00{offset}");
            assert_eq!(Edtf::parse_claimed(&text), Edtf::parse(&text), "{text}");
            assert!(Edtf::parse_queried(&text).is_ok(), "{text}");
        }
        for offset in ["+24:00", "-24:00", "+24", "+24:30", "+25:59", "-25:59"] {
            let text = format!("2024-08-01T12:30:00{offset}");
            for parse in [Edtf::parse_claimed, Edtf::parse_queried] {
                let error = parse(&text).unwrap_err().to_string();
                assert!(error.contains("an offset that no place has"), "{error}");
                assert!(error.contains("(at most 23:59)"), "{error}");
                assert!(error.contains(ACCEPTED_DATES), "{error}");
            }
            assert!(instant(&text).is_err(), "{text}");
            assert_eq!(days(&text), (Some(19_936), Some(19_936)), "what is recorded is still read");
        }
    }

    #[test]
    fn a_coarse_date_overlaps_if_any_part_of_it_does() {
        for (a, b, overlap) in [
            ("2024-08", "2024-08-31", true),
            ("2024-08", "2024-09-01", false),
            ("2024", "2024-12-31/2025-01-01", true),
            ("..", "1953", true),
            ("2024-08-02/..", "2024-08-01", false),
            ("2024-08-02/..", "2030", true),
            ("../2024-08-01", "2024-08-01/2024-08-05", true),
            ("../2024-08-01", "2024-08-02", false),
        ] {
            let (first, second) = (Edtf::parse(a).unwrap(), Edtf::parse(b).unwrap());
            assert_eq!(first.overlaps_days(second.days()), overlap, "{a} and {b}");
            assert_eq!(second.overlaps_days(first.days()), overlap, "{b} and {a}");
        }
    }

    #[test]
    fn years_are_those_of_the_first_and_last_day() {
        let years = |text: &str| {
            let (first, last) = Edtf::parse(text).unwrap().days();
            (first.and_then(year), last.and_then(year))
        };
        assert_eq!(years("2024-12-31/2025-01-01"), (Some(2024), Some(2025)));
        assert_eq!(years("1953-04"), (Some(1953), Some(1953)));
        assert_eq!(years("../2024"), (None, Some(2024)));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "[0-9TZ:/.+-]{0,36}|\\PC{0,12}") {
            if let Ok(date) = Edtf::parse(&text) {
                prop_assert_eq!(date.as_str(), &text);
                prop_assert!(date.overlaps_days(date.days()));
            }
        }
    }
}
