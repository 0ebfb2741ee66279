//! Years, months and days in digits, and the days that they can mean.

use time::{Date, Month};

/// Julian day number of 1970-01-01.
pub(super) const EPOCH: i32 = 2_440_588;

/// Why a text is not a date of the profile, as a phrase that follows the field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidDate(pub(super) String);

/// First and last day, in days since 1970-01-01.
pub(super) type Days = (i32, i32);
/// What is wrong with a text.
pub(super) type Problem = String;

pub(super) fn date(text: &str) -> Result<Days, Problem> {
    let (year, rest) = text.split_once('-').map_or((text, None), |(year, it)| (year, Some(it)));
    let year = part("year", year, 4)?;
    let Some(rest) = rest else {
        return Ok((day_number(year, 1, 1)?, day_number(year, 12, 31)?));
    };
    let (month, day) = rest.split_once('-').map_or((rest, None), |(month, it)| (month, Some(it)));
    let month = part("month", month, 2)?;
    let Some(day) = day else {
        let last = month_of(month)?.length(year);
        return Ok((day_number(year, month, 1)?, day_number(year, month, last.into())?));
    };
    let day = day_number(year, month, part("day", day, 2)?)?;
    Ok((day, day))
}

/// A part of a date, which has exactly so many digits.
fn part(name: &str, text: &str, count: usize) -> Result<i32, Problem> {
    digits(text, count).ok_or_else(|| {
        let time = if name == "day" { "; a time of day follows a T" } else { "" };
        let problem = format!("its {name} is {text:?}; a {name} has {count} digits{time}");
        format!("not a date in digits and hyphens: {problem}")
    })
}

/// The day that a date names; absent: it names a year or a month.
pub(super) fn one_day(text: &str) -> Result<Option<Date>, Problem> {
    let (first, last) = date(text)?;
    let day = || Date::from_julian_day(first.checked_add(EPOCH)?).ok();
    Ok((first == last).then(day).flatten())
}

pub(super) fn day_of(day: Date) -> Days {
    let number = day.to_julian_day() - EPOCH;
    (number, number)
}

fn month_of(month: i32) -> Result<Month, Problem> {
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    month.ok_or_else(|| "a month that no year has".to_owned())
}

fn day_number(year: i32, month: i32, day: i32) -> Result<i32, Problem> {
    let month = month_of(month)?;
    let day = u8::try_from(day).ok().and_then(|d| Date::from_calendar_date(year, month, d).ok());
    let number = day.map(|day| day_of(day).0);
    number.ok_or_else(|| "a day that this month does not have".to_owned())
}

pub(super) fn digits(text: &str, count: usize) -> Option<i32> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}
