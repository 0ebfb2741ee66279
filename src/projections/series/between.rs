//! The exchanges between two totals.

use crate::domain::symbol::Symbol;
use crate::projections::ledger::Days;

/// A range of whole numbers, which may be negative.
pub type Range = (i64, i64);

/// An exchange that fits what a series counts.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    exchange: Symbol,
    /// The first and the last day that it can have begun and ended on.
    days: Days,
    pub(super) range: Option<(u32, u32)>,
    /// A transfer of it has no number.
    pub(super) unnumbered: bool,
}

/// An exchange that adds nothing, or not all, to a sum. It is never taken as 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The outermost exchange.
    pub exchange: String,
    /// Why.
    pub reason: MissingReason,
}

/// Why an exchange adds no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingReason {
    /// A transfer of it has no number.
    Unnumbered,
    /// Nothing says exactly enough when it took place.
    Undated,
}

/// The days of the two totals, and the exchanges that they follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) base: Days,
    pub(super) base_follows: Symbol,
    pub(super) total: Days,
    pub(super) follows: Symbol,
}

/// What lies between two totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Between {
    pub(super) exchanges: Vec<(String, Option<(u32, u32)>)>,
    pub(super) missing: Vec<Missing>,
}

/// Whether an exchange lies between two totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    Between,
    Outside,
    Unsure,
}

impl Candidate {
    pub(super) fn new(exchange: Symbol, dates: &[Days]) -> Self {
        let first = dates.iter().map(|(first, _)| *first).min().flatten();
        let last = dates.iter().map(|(_, last)| last.unwrap_or(i32::MAX)).max();
        let days = (first, last.filter(|last| *last != i32::MAX));
        Self { exchange, days, range: None, unnumbered: false }
    }
}

impl Span {
    /// The candidates in between, by date, then id, as which they come.
    pub(super) fn of(&self, candidates: &[Candidate], id: impl Fn(Symbol) -> String) -> Between {
        let mut between = Between::default();
        let mut within = Vec::new();
        for candidate in candidates {
            let missing = |reason| Missing { exchange: id(candidate.exchange), reason };
            match self.lies(candidate) {
                Lies::Outside => {}
                Lies::Unsure => between.missing.push(missing(MissingReason::Undated)),
                Lies::Between => {
                    within.push(candidate);
                    if candidate.unnumbered {
                        between.missing.push(missing(MissingReason::Unnumbered));
                    }
                }
            }
        }
        within.sort_by_key(|candidate| candidate.days.0);
        let listed = |candidate: &Candidate| (id(candidate.exchange), candidate.range);
        between.exchanges = within.into_iter().map(listed).collect();
        between
    }

    fn lies(&self, candidate: &Candidate) -> Lies {
        if candidate.exchange == self.follows && !self.follows.is_empty() {
            return Lies::Between;
        }
        if candidate.exchange == self.base_follows && !self.base_follows.is_empty() {
            return Lies::Outside;
        }
        let (Some(first), Some(last)) = candidate.days else {
            return self.perhaps(candidate.days);
        };
        let after_base = self.base.1.is_some_and(|base| first > base);
        let up_to_total = self.total.0.is_some_and(|total| last <= total);
        if after_base && up_to_total {
            Lies::Between
        } else {
            self.perhaps((Some(first), Some(last)))
        }
    }

    /// Outside, if no day that is left open could change that.
    fn perhaps(&self, (first, last): Days) -> Lies {
        let before = last.zip(self.base.0).is_some_and(|(last, base)| last <= base);
        let after = first.zip(self.total.1).is_some_and(|(first, total)| first > total);
        if before || after { Lies::Outside } else { Lies::Unsure }
    }
}

impl Between {
    /// What the exchanges add up to; absent: there are some, and none has a number.
    pub(super) fn sum(&self) -> Option<Range> {
        let ranges: Vec<(u32, u32)> = self.exchanges.iter().filter_map(|(_, it)| *it).collect();
        if ranges.is_empty() && !self.exchanges.is_empty() {
            return None;
        }
        let sum = ranges.iter().fold((0_i64, 0_i64), |sum, (low, high)| {
            (sum.0 + i64::from(*low), sum.1 + i64::from(*high))
        });
        Some(sum)
    }
}
