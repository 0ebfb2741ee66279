//! Moments as people write and read them: RFC 3339.

use prost_types::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::proto;

/// Reads a time, as in `2024-08-02T12:00:00Z`.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|error| format!("{text:?} is not a time such as 2024-08-02T12:00:00Z: {error}"))?;
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Ok(Timestamp { seconds: time.unix_timestamp(), nanos })
}

/// Reads a position or a time of the record.
pub(super) fn as_of(text: &str) -> Result<proto::AsOf, String> {
    use proto::as_of::Moment;
    let moment = match text.parse() {
        Ok(position) => Moment::Position(position),
        Err(_) => Moment::RecordedTime(
            timestamp(text).map_err(|error| format!("{error}; give a position or a time"))?,
        ),
    };
    Ok(proto::AsOf { moment: Some(moment) })
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
        for bad in ["", "yesterday", "2024-08-02", "-1"] {
            assert!(as_of(bad).unwrap_err().contains("a position or a time"), "{bad:?}");
        }
    }
}
