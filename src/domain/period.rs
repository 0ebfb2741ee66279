//! Months and quarters of dates, for figures that are grouped by them.
//!
//! A date belongs to a month only if every day that it can mean lies in that month. A coarser date,
//! such as a year, gives a period that names all months it can mean.

use std::cmp::Ordering;

use crate::domain::date;

/// Months of a year.
const MONTHS: i32 = 12;
/// Months of a quarter.
const QUARTER: i32 = 3;

/// How fine a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fineness {
    /// Calendar months.
    Month,
    /// Quarters of a calendar year.
    Quarter,
}

/// The first and the last month that dates can mean, both counted from the year 0; an end that is
/// open is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    first: Option<i32>,
    last: Option<i32>,
}

impl Period {
    /// The period of some dates, each with its first and last day; absent: there are none.
    pub fn of_days(dates: &[(Option<i32>, Option<i32>)], fineness: Fineness) -> Option<Self> {
        if dates.is_empty() {
            return None;
        }
        // An end that one date leaves open is open for all of them.
        let firsts: Option<Vec<i32>> = dates.iter().map(|(first, _)| *first).collect();
        let lasts: Option<Vec<i32>> = dates.iter().map(|(_, last)| *last).collect();
        let first = firsts.and_then(|days| days.into_iter().min()).and_then(date::month);
        let last = lasts.and_then(|days| days.into_iter().max()).and_then(date::month);
        Some(match fineness {
            Fineness::Month => Self { first, last },
            Fineness::Quarter => Self {
                first: first.map(|month| month - month % QUARTER),
                last: last.map(|month| month - month % QUARTER + QUARTER - 1),
            },
        })
    }

    /// Whether the dates can mean several months or quarters.
    pub fn is_coarse(self, fineness: Fineness) -> bool {
        let months = match fineness {
            Fineness::Month => 1,
            Fineness::Quarter => QUARTER,
        };
        self.first.zip(self.last).is_none_or(|(first, last)| last - first >= months)
    }

    /// Its name: `2024-08`, `2024-Q3`, the year `2024`, or an interval such as `2024-12/2025-01`.
    pub fn name(self, fineness: Fineness) -> String {
        let end = |month: Option<i32>| month.map_or("..".to_owned(), |it| name(it, fineness));
        match (self.first, self.last) {
            _ if !self.is_coarse(fineness) => end(self.first),
            (Some(first), Some(last)) if first % MONTHS == 0 && last == first + MONTHS - 1 => {
                format!("{:04}", first / MONTHS)
            }
            (first, last) => format!("{}/{}", end(first), end(last)),
        }
    }
}

/// By the first month, then by the last; an open beginning comes first and an open end last.
impl Ord for Period {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |it: &Self| (it.first, it.last.is_none(), it.last);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Period {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The name of the month, or of the quarter that it lies in.
fn name(month: i32, fineness: Fineness) -> String {
    let (year, month) = (month.div_euclid(MONTHS), month.rem_euclid(MONTHS));
    match fineness {
        Fineness::Month => format!("{year:04}-{:02}", month + 1),
        Fineness::Quarter => format!("{year:04}-Q{}", month / QUARTER + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::date::Edtf;

    fn named(dates: &[&str], fineness: Fineness) -> (String, bool) {
        let days: Vec<_> = dates.iter().map(|text| Edtf::parse(text).expect(text).days()).collect();
        let period = Period::of_days(&days, fineness).expect("a date");
        (period.name(fineness), period.is_coarse(fineness))
    }

    #[test]
    fn a_date_has_a_month_and_a_quarter_only_if_all_its_days_lie_there() {
        for (dates, month, quarter) in [
            (&["2024-08-01"][..], ("2024-08", false), ("2024-Q3", false)),
            (&["2024-08"], ("2024-08", false), ("2024-Q3", false)),
            (&["2024-02-29/2024-03-31"], ("2024-02/2024-03", true), ("2024-Q1", false)),
            (&["2024"], ("2024", true), ("2024", true)),
            (&["0000-12-31"], ("0000-12", false), ("0000-Q4", false)),
            (&["2024-12-31/2025-01"], ("2024-12/2025-01", true), ("2024-Q4/2025-Q1", true)),
            (&["2024/2025"], ("2024-01/2025-12", true), ("2024-Q1/2025-Q4", true)),
            (&["2024-07-31", "2024-08-01"], ("2024-07/2024-08", true), ("2024-Q3", false)),
            (&["2024-08-01/.."], ("2024-08/..", true), ("2024-Q3/..", true)),
            (&["../2024-08-01", "2024-09"], ("../2024-09", true), ("../2024-Q3", true)),
        ] {
            let expected = |(name, coarse): (&str, bool)| (name.to_owned(), coarse);
            assert_eq!(named(dates, Fineness::Month), expected(month), "{dates:?}");
            assert_eq!(named(dates, Fineness::Quarter), expected(quarter), "{dates:?}");
        }
        assert_eq!(Period::of_days(&[], Fineness::Month), None);
    }

    #[test]
    fn periods_come_in_the_order_of_their_first_months() {
        let month = |text: &str| {
            let days = Edtf::parse(text).expect(text).days();
            Period::of_days(&[days], Fineness::Month)
        };
        let order = ["../2024-01", "2023-12", "2024-01", "2024", "2024-02", "2024-02/.."];
        let mut sorted = order.map(month);
        sorted.reverse();
        sorted.sort();
        assert_eq!(sorted, order.map(month));
    }
}
