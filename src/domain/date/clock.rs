//! The time of day of a date-time, in the spellings that other programs write: with parts of a
//! second, and with an offset in hours or in hours and minutes.

use time::{Date, OffsetDateTime, Time, UtcOffset};

use super::days::{InvalidDate, digits, one_day};

/// Most digits of a part of a second: nanoseconds, as protobuf and JSON of it have them.
const FRACTION: usize = 9;
/// Most hours of an offset, as ISO 8601 and RFC 3339 have it.
const OFFSET_HOURS: u8 = 23;

/// A day with a time, and the offset from UTC if it says one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateTime {
    pub(super) day: Date,
    time: Time,
    offset: Option<UtcOffset>,
}

/// The moment that a date-time with an offset means, in nanoseconds since the Unix epoch.
///
/// # Errors
///
/// It is no date-time, or has no offset: it could be several moments then.
pub fn instant(text: &str) -> Result<i128, InvalidDate> {
    let parsed = match text.split_once('T') {
        Some((day, time)) => DateTime::parse(day, time),
        None => Err("not a date with a time of day".to_owned()),
    };
    let offset_missing = "a time of day without an offset; write Z for UTC".to_owned();
    let moment =
        parsed.and_then(DateTime::of_a_place).and_then(|DateTime { day, time, offset }| {
            let offset = offset.ok_or(offset_missing)?;
            Ok(OffsetDateTime::new_in_offset(day, time, offset).unix_timestamp_nanos())
        });
    moment.map_err(|problem| InvalidDate(format!("is {text:?}, {problem}")))
}

impl DateTime {
    /// The same, unless its offset is larger than any that is written today.
    pub(super) fn of_a_place(self) -> Result<Self, String> {
        let (hours, minutes, _) = self.offset.unwrap_or(UtcOffset::UTC).as_hms();
        if hours.unsigned_abs() <= OFFSET_HOURS {
            return Ok(self);
        }
        let sign = if hours < 0 { '-' } else { '+' };
        let (hours, minutes) = (hours.unsigned_abs(), minutes.unsigned_abs());
        Err(no_place(&format!("{sign}{hours:02}:{minutes:02}")))
    }

    pub(super) fn parse(day: &str, time: &str) -> Result<Self, String> {
        let day = one_day(day)?.ok_or("a time of day without a day")?;
        let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
        let (clock, offset) = time.split_at(end);
        Ok(Self { day, time: time_of_day(clock)?, offset: self::offset(offset)? })
    }
}

fn time_of_day(clock: &str) -> Result<Time, String> {
    let (whole, fraction) = match clock.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = whole.split(':');
    let mut part = |name: &str| {
        let Some(text) = parts.next() else {
            return Err(misfit(&format!("it has no {name}s; write 12:30:00")));
        };
        let number = digits(text, 2).and_then(|number| u8::try_from(number).ok());
        number.ok_or_else(|| misfit(&format!("its {name} is {text:?}, not two digits")))
    };
    let (hour, minute, second) = (part("hour")?, part("minute")?, part("second")?);
    if parts.next().is_some() {
        return Err(misfit("it has more than hours, minutes and seconds"));
    }
    let nanos = fraction.map_or(Ok(0), nanoseconds)?;
    let time = Time::from_hms_nano(hour, minute, second, nanos);
    time.map_err(|_| "a time of day that no clock shows".to_owned())
}

fn nanoseconds(fraction: &str) -> Result<u32, String> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(misfit(&format!("the part of its second is {fraction:?}, not digits")));
    }
    if fraction.len() > FRACTION {
        let count = fraction.len();
        return Err(misfit(&format!(
            "its second has {count} digits after the point, over {FRACTION}"
        )));
    }
    let padded = format!("{fraction:0<FRACTION$}");
    padded.parse().map_err(|_| misfit("the part of its second is no number"))
}

fn offset(text: &str) -> Result<Option<UtcOffset>, String> {
    let (sign, rest) = match text.split_at_checked(1) {
        None => return Ok(None),
        Some(("Z", "")) => return Ok(Some(UtcOffset::UTC)),
        Some(("-", rest)) => (-1, rest),
        Some(("+", rest)) => (1, rest),
        Some(_) => return Err(misfit("something stands behind Z")),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
    let number = |text: &str| digits(text, 2).and_then(|number| i8::try_from(number).ok());
    let (Some(hours), Some(minutes)) = (number(hours), number(minutes)) else {
        return Err(misfit(&format!("its offset is {text:?}, not Z, +01:00 or +01")));
    };
    let offset = UtcOffset::from_hms(sign * hours, sign * minutes, 0);
    offset.map(Some).map_err(|_| no_place(text))
}

fn no_place(offset: &str) -> String {
    format!("an offset that no place has: {offset} (at most {OFFSET_HOURS}:59)")
}

fn misfit(part: &str) -> String {
    format!("not a date with a time of day: {part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_has_many_spellings() {
        for text in [
            "2024-08-01T12:30:00Z",
            "2024-08-01T12:30:00.000Z",
            "2024-08-01T12:30:00.000000000Z",
            "2024-08-01T08:30:00-04",
            "2024-08-01T08:30:00-04:00",
            "2024-08-01T18:00:00.0+05:30",
            "2024-08-02T00:30:00+12",
        ] {
            assert_eq!(instant(text), Ok(1_722_515_400_000_000_000), "{text}");
        }
        assert_eq!(instant("1970-01-01T00:00:00.000001Z"), Ok(1_000));
    }

    #[test]
    fn what_could_be_several_moments_is_none() {
        for (text, reason) in [
            ("2024-08-01T12:30:00", "without an offset"),
            ("2024-08-01", "not a date with a time of day"),
            ("2024-08T12:30:00Z", "without a day"),
        ] {
            let error = instant(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
