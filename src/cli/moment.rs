//! Moments as people write and read them: positions, RFC 3339 and EDTF times, and dates.
//!
//! A date means its last moment in UTC where it names a state of the record, and its first one
//! where something is to begin. A bare number is a position, unless it reads as a date.

use prost_types::Timestamp;
use time::{Date, Month, OffsetDateTime};

use crate::{
    cli::position,
    domain::{
        date::{InvalidDate, calendar, instant},
        proto,
    },
};

/// Ways to name a time of occurrence.
const OCCURRED: &str = "leave the flag out to have everything, or give a date (2024, 2024-08, \
     2024-08-01) or an interval (2022-03/2024-08-01, 2024/.. from then on, ../2024 up to then)";

/// The flag that asks for the record as it stood.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AsOfArg {
    /// As the record stood at this position (42, or position:2024 where the number reads as a
    /// year or, like 20240801, as a day), time (2024-08-02T12:00:00Z) or date (2024-08-02 or
    /// 2024-08, which means its end in UTC, and now while it lasts). A position has no sign and no
    /// zeros before it
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = read)]
    as_of: Option<NamedMoment>,
}

impl AsOfArg {
    /// The moment; absent: now.
    pub(super) fn moment(&self) -> Option<proto::AsOf> {
        use proto::as_of::Moment;
        let moment = match self.as_of? {
            NamedMoment::Position(position) => Moment::Position(position),
            NamedMoment::Time(time) => Moment::RecordedTime(time),
            // Left to the server, because its clock may be another.
            NamedMoment::Lasting(_) => return None,
        };
        Some(proto::AsOf { moment: Some(moment) })
    }
}

/// The flag that asks for a time of occurrence.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct OccurredArg {
    /// Only what occurred then, as in `2024`, `2024-08` or `2022-03/2024-08-01`
    #[arg(long, value_name = "EDTF", value_parser = occurred)]
    occurred: Option<String>,
}

impl OccurredArg {
    /// The date; empty: any time.
    pub(super) fn text(&self) -> String {
        self.occurred.clone().unwrap_or_default()
    }
}

/// Reads a time of occurrence. What would mean any time at all is refused: it comes of a variable
/// that is not set, or is meant as something else.
pub(super) fn occurred(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(format!("it is empty; {OCCURRED}")),
        ".." | "/" | "../.." => Err(format!("it names no date; {OCCURRED}")),
        _ => Ok(text.to_owned()),
    }
}

/// A moment of the record, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NamedMoment {
    /// Just after this position.
    Position(u64),
    /// At this time.
    Time(Timestamp),
    /// At the end of a date that has begun and has not ended; with what the clock shows.
    Lasting(Timestamp),
}

impl NamedMoment {
    /// The moment, which is never left out: of a date that lasts, now by our clock.
    pub(super) fn fixed(self) -> proto::AsOf {
        use proto::as_of::Moment;
        let moment = match self {
            Self::Position(position) => Moment::Position(position),
            Self::Time(time) | Self::Lasting(time) => Moment::RecordedTime(time),
        };
        proto::AsOf { moment: Some(moment) }
    }
}

/// Reads a position, a time or a date of the record.
pub(super) fn read(text: &str) -> Result<NamedMoment, String> {
    read_at(text, OffsetDateTime::now_utc())
}

fn read_at(text: &str, now: OffsetDateTime) -> Result<NamedMoment, String> {
    let forms = "give a position, a time or a date such as 2024-08-02 or 2024-08";
    let with_forms = |problem: String| format!("{problem}; {forms}");
    if let position::Read::Position(position) = position::read(text).map_err(with_forms)? {
        return Ok(NamedMoment::Position(position));
    }
    match dates(text).map_err(with_forms)? {
        Some((first, last)) => end_of(first, last, now).ok_or_else(|| out_of_range(text)),
        None => timestamp(text).map(NamedMoment::Time).map_err(with_forms),
    }
}

/// Reads the moment from which the output begins: a time, or the beginning of a date.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{text:?} is a number; give a time such as 2024-08-02T12:00:00Z or a date such as \
             2024-08-02"
        ));
    }
    let with_forms = |problem: String| format!("{problem}; or give a date: 2024-08-02");
    match dates(text).map_err(with_forms)? {
        Some((first, _)) => Ok(of(first.midnight().assume_utc())),
        None => timestamp(text).map_err(with_forms),
    }
}

/// Reads a time, as in `2024-08-02T12:00:00Z`.
fn timestamp(text: &str) -> Result<Timestamp, String> {
    let nanos = instant(text)
        .map_err(|error| format!("{}; a time is written as 2024-08-02T12:00:00Z", plain(&error)))?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    time.map(of).map_err(|_| out_of_range(text))
}

fn of(time: OffsetDateTime) -> Timestamp {
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Timestamp { seconds: time.unix_timestamp(), nanos }
}

/// The first and the last day of a month or a day; absent: it is something else. A year is no date
/// here: it would be a number. An error is of what begins as a date does.
fn dates(text: &str) -> Result<Option<(Date, Date)>, String> {
    let begins = |(year, rest): (&str, &str)| {
        year.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with('-')
    };
    if text.contains('T') || !text.split_at_checked("2024".len()).is_some_and(begins) {
        return Ok(None);
    }
    let days = calendar(text).map_err(|error| plain(&error))?;
    let epoch = Date::from_calendar_date(1970, Month::January, 1).ok();
    let day = |number: i32| epoch?.checked_add(time::Duration::days(number.into()));
    Ok(day(days.0).zip(day(days.1)))
}

/// What is wrong with a date, as a sentence of its own.
fn plain(error: &InvalidDate) -> String {
    let problem = error.to_string();
    problem.strip_prefix("is ").unwrap_or(&problem).to_owned()
}

/// The last moment of some days. `None`: there is none that can be said.
fn end_of(first: Date, last: Date, now: OffsetDateTime) -> Option<NamedMoment> {
    let next = last.next_day()?.midnight().assume_utc();
    if first.midnight().assume_utc() <= now && now < next {
        return Some(NamedMoment::Lasting(of(now)));
    }
    let end = next.unix_timestamp() - 1;
    Some(NamedMoment::Time(Timestamp { seconds: end, nanos: 999_999_999 }))
}

fn out_of_range(text: &str) -> String {
    format!("{text:?} is later than any time that a query can name")
}

/// A recorded time to the second, in UTC; empty if it is unset or out of range.
pub(super) fn to_the_second(time: Option<&Timestamp>) -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.and_then(|time| OffsetDateTime::from_unix_timestamp(time.seconds).ok())
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the afternoon of 15 August 2024.
    const NOW: i64 = 1_723_730_000;

    fn queried(text: &str) -> Result<NamedMoment, String> {
        read_at(text, OffsetDateTime::from_unix_timestamp(NOW).unwrap())
    }

    fn time(text: &str) -> Timestamp {
        match queried(text) {
            Ok(NamedMoment::Time(time)) => time,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        assert_eq!(queried("42"), Ok(NamedMoment::Position(42)));
        let noon = time("2024-08-02T14:00:00.5+02:00");
        assert_eq!((noon.seconds, noon.nanos), (1_722_600_000, 500_000_000));
        assert_eq!(to_the_second(Some(&noon)), "2024-08-02T12:00:00Z");
        assert_eq!(time("2024-08-02T08:00:00.500-04"), noon);
        for bad in ["", "yesterday", "2024-02-30", "2024-13", "-1", "2024-08-02T12:00:00", ".."] {
            let error = queried(bad).unwrap_err();
            assert!(error.contains("give a position, a time or a date"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn a_date_is_its_end_in_utc() {
        for (text, end) in [
            ("2024-08-02", "2024-08-02T23:59:59Z"),
            ("2024-02", "2024-02-29T23:59:59Z"),
            ("2024-08-16", "2024-08-16T23:59:59Z"),
            ("2024-09", "2024-09-30T23:59:59Z"),
        ] {
            let time = time(text);
            assert_eq!((to_the_second(Some(&time)).as_str(), time.nanos), (end, 999_999_999));
        }
        assert!(queried("9999-12-31").unwrap_err().contains("later than any time"));
    }

    #[test]
    fn a_date_that_lasts_is_up_to_now() {
        let now = Timestamp { seconds: NOW, nanos: 0 };
        for text in ["2024-08-15", "2024-08"] {
            let read_moment = queried(text).unwrap();
            assert_eq!(read_moment, NamedMoment::Lasting(now), "{text}");
            assert_eq!(AsOfArg { as_of: Some(read_moment) }.moment(), None, "the server knows now");
            let fixed = proto::as_of::Moment::RecordedTime(now);
            assert_eq!(read_moment.fixed().moment, Some(fixed));
        }
    }

    #[test]
    fn a_number_is_a_position_or_refused_with_the_ways_to_say_it() {
        assert_eq!(queried("position:20240801"), Ok(NamedMoment::Position(20_240_801)));
        for (number, expected) in [
            ("2024", "write position:2024, or a date such as 2024-12-31; give"),
            ("20240801", "write position:20240801, or a date such as 2024-08-01; give"),
            ("02024", "\"02024\" is not a position"),
            ("+5", "\"+5\" is not a position"),
            ("position:x", "\"x\" is not a position"),
        ] {
            let error = queried(number).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_date_is_said_of_the_date() {
        for (text, expected) in [
            ("2024-13", "\"2024-13\", a month that no year has; "),
            ("2024-02-30", "a day that this month does not have"),
            ("2024-8-1", "its month is \"8\"; a month has 2 digits"),
            ("2024-08-02 12:00:00", "a time of day follows a T"),
            ("2024-08-02T12:00:00+24:00", "an offset that no place has: +24:00"),
        ] {
            for error in [queried(text).unwrap_err(), since(text).unwrap_err()] {
                assert!(error.contains(expected), "{text}: {error}");
            }
        }
    }

    #[test]
    fn any_time_at_all_is_no_time_of_occurrence() {
        for any in ["", " ", "..", "/", "../.."] {
            let error = occurred(any).unwrap_err();
            assert!(error.contains("leave the flag out to have everything"), "{any:?}: {error}");
        }
        for some in ["2024", "2024/..", "../2024", "no date"] {
            assert_eq!(occurred(some), Ok(some.to_owned()), "the server looks at it");
        }
    }

    #[test]
    fn what_begins_at_a_date_begins_with_it() {
        let first = |text: &str| since(text).map(|time| to_the_second(Some(&time)));
        assert_eq!(first("2024-08-02").as_deref(), Ok("2024-08-02T00:00:00Z"));
        assert_eq!(first("2024-08").as_deref(), Ok("2024-08-01T00:00:00Z"));
        assert_eq!(first("2024-08-02T12:00:00.000Z").as_deref(), Ok("2024-08-02T12:00:00Z"));
        for (bad, expected) in [
            ("2024", "is a number"),
            ("noon", "or give a date"),
            ("2024-08-02T12:00Z", "no seconds"),
        ] {
            let error = first(bad).unwrap_err();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }
}
