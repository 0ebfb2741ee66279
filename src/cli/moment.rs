//! Moments as people write and read them: positions, RFC 3339 and EDTF times, and dates.
//!
//! A date means its last moment in UTC where a state of the record is asked for, and its first one
//! where something is to begin. A bare number is a position, unless it reads as a year.

use std::ops::RangeInclusive;

use prost_types::Timestamp;
use time::{Date, Month, OffsetDateTime};

use crate::domain::{
    date::{Edtf, instant},
    proto,
};

/// Numbers that people write as years. Each could be a position as well, so it is asked back.
const YEARS: RangeInclusive<u64> = 1900..=2100;
/// Says that the number behind it is a position.
const POSITION: &str = "position:";

/// The flag that asks for the record as it stood.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AsOfArg {
    /// As the record stood at this position (42, or position:2024 where the number reads as a
    /// year), time (2024-08-02T12:00:00Z) or date (2024-08-02 or 2024-08, which means its end in
    /// UTC, and now while it lasts)
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = asked)]
    as_of: Option<Asked>,
}

impl AsOfArg {
    /// The moment; absent: now.
    pub(super) fn moment(&self) -> Option<proto::AsOf> {
        use proto::as_of::Moment;
        let moment = match self.as_of? {
            Asked::Position(position) => Moment::Position(position),
            Asked::Time(time) => Moment::RecordedTime(time),
            // Left to the server, whose clock may be another.
            Asked::Lasting(_) => return None,
        };
        Some(proto::AsOf { moment: Some(moment) })
    }
}

/// The flag that asks for a time of occurrence.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct OccurredArg {
    /// Only what occurred then, as in `2024`, `2024-08` or `2022-03/2024-08-01`
    #[arg(long, value_name = "EDTF", default_value = "", hide_default_value = true)]
    pub(super) occurred: String,
}

/// A moment of the record, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    /// Just after this position.
    Position(u64),
    /// At this time.
    Time(Timestamp),
    /// At the end of a date that has begun and has not ended; with what the clock shows.
    Lasting(Timestamp),
}

impl Asked {
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
pub(super) fn asked(text: &str) -> Result<Asked, String> {
    asked_at(text, OffsetDateTime::now_utc())
}

fn asked_at(text: &str, now: OffsetDateTime) -> Result<Asked, String> {
    let forms = "give a position, a time or a date";
    if let Some(number) = text.strip_prefix(POSITION) {
        let position = number.parse().map(Asked::Position);
        return position.map_err(|_| format!("{number:?} is not a position; {forms}"));
    }
    match text.parse() {
        Ok(year) if text.len() == 4 && YEARS.contains(&year) => Err(format!(
            "{year} can be a position and a year; write {POSITION}{year}, or a date such as \
             {year}-12-31"
        )),
        Ok(position) => Ok(Asked::Position(position)),
        Err(_) => match dates(text) {
            Some((first, last)) => end_of(first, last, now).ok_or_else(|| out_of_range(text)),
            None => timestamp(text)
                .map(Asked::Time)
                .map_err(|error| format!("{error}; {forms} such as 2024-08-02 or 2024-08")),
        },
    }
}

/// Reads the moment from which something is to be told: a time, or the beginning of a date.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    match dates(text) {
        Some((first, _)) => Ok(of(first.midnight().assume_utc())),
        None if text.parse::<u64>().is_ok() => Err(format!(
            "{text:?} is a number; give a time such as 2024-08-02T12:00:00Z or a date such as \
             2024-08-02"
        )),
        None => timestamp(text).map_err(|error| format!("{error}; or give a date: 2024-08-02")),
    }
}

/// A position as `--as-of` takes it.
pub(super) fn position(position: u64) -> String {
    let prefix = if YEARS.contains(&position) { POSITION } else { "" };
    format!("{prefix}{position}")
}

/// Reads a time, as in `2024-08-02T12:00:00Z`.
fn timestamp(text: &str) -> Result<Timestamp, String> {
    let nanos = instant(text).map_err(|error| {
        let problem = error.to_string();
        let problem = problem.strip_prefix("is ").unwrap_or(&problem);
        format!("{problem}; a time is written as 2024-08-02T12:00:00Z")
    })?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    time.map(of).map_err(|_| out_of_range(text))
}

fn of(time: OffsetDateTime) -> Timestamp {
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Timestamp { seconds: time.unix_timestamp(), nanos }
}

/// The first and the last day of a month or a day; absent: it is something else. A year is no date
/// here: it would be a number.
fn dates(text: &str) -> Option<(Date, Date)> {
    let whole = text.len() > "2024".len() && !text.contains(['T', '/']);
    let (first, last) = Edtf::parse(text).ok().filter(|_| whole)?.days();
    let epoch = Date::from_calendar_date(1970, Month::January, 1).ok()?;
    let day = |number: i32| epoch.checked_add(time::Duration::days(number.into()));
    Some((day(first?)?, day(last?)?))
}

/// The last moment of some days. `None`: there is none that can be said.
fn end_of(first: Date, last: Date, now: OffsetDateTime) -> Option<Asked> {
    let next = last.next_day()?.midnight().assume_utc();
    if first.midnight().assume_utc() <= now && now < next {
        return Some(Asked::Lasting(of(now)));
    }
    let end = next.unix_timestamp() - 1;
    Some(Asked::Time(Timestamp { seconds: end, nanos: 999_999_999 }))
}

fn out_of_range(text: &str) -> String {
    format!("{text:?} is later than any time that can be asked for")
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

    fn ask(text: &str) -> Result<Asked, String> {
        asked_at(text, OffsetDateTime::from_unix_timestamp(NOW).unwrap())
    }

    fn time(text: &str) -> Timestamp {
        match ask(text) {
            Ok(Asked::Time(time)) => time,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        assert_eq!(ask("42"), Ok(Asked::Position(42)));
        assert_eq!(ask("613"), Ok(Asked::Position(613)));
        let noon = time("2024-08-02T14:00:00.5+02:00");
        assert_eq!((noon.seconds, noon.nanos), (1_722_600_000, 500_000_000));
        assert_eq!(to_the_second(Some(&noon)), "2024-08-02T12:00:00Z");
        assert_eq!(time("2024-08-02T08:00:00.500-04"), noon);
        for bad in ["", "yesterday", "2024-02-30", "2024-13", "-1", "2024-08-02T12:00:00", ".."] {
            let error = ask(bad).unwrap_err();
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
        assert!(ask("9999-12-31").unwrap_err().contains("later than any time"));
    }

    #[test]
    fn a_date_that_lasts_is_up_to_now() {
        let now = Timestamp { seconds: NOW, nanos: 0 };
        for text in ["2024-08-15", "2024-08"] {
            let asked = ask(text).unwrap();
            assert_eq!(asked, Asked::Lasting(now), "{text}");
            assert_eq!(AsOfArg { as_of: Some(asked) }.moment(), None, "the server knows now");
            let fixed = proto::as_of::Moment::RecordedTime(now);
            assert_eq!(asked.fixed().moment, Some(fixed));
        }
    }

    #[test]
    fn a_number_that_reads_as_a_year_is_asked_back_and_can_be_said() {
        for year in [1900, 2024, 2100] {
            let error = ask(&year.to_string()).unwrap_err();
            assert!(error.contains(&format!("write position:{year}")), "{error}");
            assert!(error.contains(&format!("{year}-12-31")), "{error}");
        }
        for number in [1, 999, 1899, 2101, 2024, 20_240] {
            assert_eq!(ask(&position(number)), Ok(Asked::Position(number)), "{number}");
        }
        assert_eq!(position(2024), "position:2024");
        assert_eq!(position(1899), "1899");
        assert!(ask("position:x").unwrap_err().contains("\"x\" is not a position"));
    }

    #[test]
    fn what_begins_at_a_date_begins_with_it() {
        let first = |text: &str| since(text).map(|time| to_the_second(Some(&time)));
        assert_eq!(first("2024-08-02").as_deref(), Ok("2024-08-02T00:00:00Z"));
        assert_eq!(first("2024-08").as_deref(), Ok("2024-08-01T00:00:00Z"));
        assert_eq!(first("2024-08-02T12:00:00.000Z").as_deref(), Ok("2024-08-02T12:00:00Z"));
        for (bad, told) in [
            ("2024", "is a number"),
            ("noon", "or give a date"),
            ("2024-08-02T12:00Z", "no seconds"),
        ] {
            let error = first(bad).unwrap_err();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
