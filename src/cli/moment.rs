//! Moments as people write and read them: RFC 3339.

use prost_types::Timestamp;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::proto;

/// The flag that asks for the record as it stood.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AsOfArg {
    /// As the record stood at this position, time (2024-08-02T12:00:00Z) or date (2024-08-02,
    /// which means the end of that day, UTC)
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = as_of)]
    pub(super) as_of: Option<proto::AsOf>,
}

/// The flag that asks for a time of occurrence.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct OccurredArg {
    /// Only what occurred then, as in `2024`, `2024-08` or `2022-03/2024-08-01`
    #[arg(long, value_name = "EDTF", default_value = "", hide_default_value = true)]
    pub(super) occurred: String,
}

/// Reads a time, as in `2024-08-02T12:00:00Z`.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|error| format!("{text:?} is not a time such as 2024-08-02T12:00:00Z: {error}"))?;
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Ok(Timestamp { seconds: time.unix_timestamp(), nanos })
}

/// Reads a position or a time of the record; a plain date is its end, in UTC.
pub(super) fn as_of(text: &str) -> Result<proto::AsOf, String> {
    use proto::as_of::Moment;
    let time = |text| end_of_day(text).map_or_else(|| timestamp(text), Ok);
    let moment = match text.parse() {
        Ok(position) => Moment::Position(position),
        Err(_) => Moment::RecordedTime(
            time(text).map_err(|error| format!("{error}; give a position, a time or a date"))?,
        ),
    };
    Ok(proto::AsOf { moment: Some(moment) })
}

/// The last moment of a date such as `2024-08-02`, in UTC.
fn end_of_day(text: &str) -> Option<Timestamp> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let next = Date::parse(text, &format).ok()?.next_day()?.midnight().assume_utc();
    Some(Timestamp { seconds: next.unix_timestamp() - 1, nanos: 999_999_999 })
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

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        use proto::as_of::Moment;
        assert_eq!(as_of("42").unwrap().moment, Some(Moment::Position(42)));
        let Some(Moment::RecordedTime(time)) = as_of("2024-08-02T14:00:00.5+02:00").unwrap().moment
        else {
            panic!("not a time")
        };
        assert_eq!((time.seconds, time.nanos), (1_722_600_000, 500_000_000));
        assert_eq!(to_the_second(Some(&time)), "2024-08-02T12:00:00Z");
        let Some(Moment::RecordedTime(time)) = as_of("2024-08-02").unwrap().moment else {
            panic!("not a time")
        };
        assert_eq!(to_the_second(Some(&time)), "2024-08-02T23:59:59Z");
        assert_eq!(time.nanos, 999_999_999);
        for bad in ["", "yesterday", "2024-02-30", "2024-08", "-1"] {
            assert!(as_of(bad).unwrap_err().contains("a position, a time or a date"), "{bad:?}");
        }
    }
}
