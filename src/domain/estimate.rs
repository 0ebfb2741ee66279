//! What the claims on one leg amount to: a range, never an average.
//!
//! The smallest and the largest number claimed are its ends. A number given as "about" counts
//! only where no exact one stands beside it. A claim with one bound ("at least 5") contributes
//! that number at both ends and leaves the range open on its other side; a bound is not the number,
//! so the claims do not agree on one while the range is open. A claim without a number contributes
//! nothing: unknown is not zero. The parts that a claim names enter with its number, or not at all.

mod standing;

pub use standing::StandingClaims;

use serde::{Deserialize, Serialize};

use crate::domain::{
    flags::{Flag, Flags},
    of_which::OfWhich,
    proto,
};

/// The number of one claim, as it was given. Without bounds: no number was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Number {
    /// The lower end, or "at least".
    pub low: Option<u32>,
    /// The upper end, or "at most".
    pub high: Option<u32>,
    /// The claimant said "about".
    pub approximate: bool,
}

/// The claims on one leg, reduced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The smallest and the largest number claimed; absent: none was.
    pub range: Option<(u32, u32)>,
    /// The number to use; lies within the range. Absent: undecided.
    pub preferred: Option<u32>,
    /// How the range came about.
    pub flags: Flags,
    /// The parts that claims named: the smallest and the largest number of each.
    pub of_which: OfWhich<Option<(u32, u32)>>,
}

impl Number {
    /// The one value, if the claim gave exactly one.
    pub fn value(&self) -> Option<u32> {
        self.low.filter(|_| self.low == self.high)
    }

    /// Both ends, a missing one replaced by the other.
    fn ends(&self) -> Option<(u32, u32)> {
        let (low, high) = (self.low.or(self.high)?, self.high.or(self.low)?);
        Some((low.min(high), low.max(high)))
    }
}

impl From<proto::Count> for Number {
    fn from(count: proto::Count) -> Self {
        let proto::Count { value, low, high, approximate, scope: _ } = count;
        Self { low: value.or(low), high: value.or(high), approximate }
    }
}

impl Estimate {
    /// Reduces the claims on one leg, given in any order.
    ///
    /// `preferred` are the values preferred for this leg, the latest first. The first that lies
    /// within the range is taken; others no longer fit what the record says.
    pub fn of<'a>(
        claims: impl Iterator<Item = (&'a Number, &'a OfWhich<Option<u32>>)>,
        preferred: impl IntoIterator<Item = u32>,
    ) -> Self {
        let mut exact = Self::default();
        let mut about = Self::default();
        for (number, parts) in claims {
            let estimate = if number.approximate { &mut about } else { &mut exact };
            estimate.widen(number);
            estimate.widen_parts(parts.map(|part| part.map(|value| (value, value))));
        }
        Self::decided(exact, about, preferred)
    }

    /// What the claims that do not say "about", and those that do, amount to together.
    fn decided(exact: Self, mut about: Self, preferred: impl IntoIterator<Item = u32>) -> Self {
        let mut estimate = if exact.range.is_some() {
            exact
        } else {
            // A claim without a number stands beside those that say "about".
            about.widen_parts(exact.of_which);
            about
        };
        if let Some((low, high)) = estimate.range {
            let fits = |value: &u32| (low..=high).contains(value);
            let agreed = (low == high && !estimate.is_open()).then_some(low);
            estimate.preferred = preferred.into_iter().find(fits).or(agreed);
        }
        estimate
    }

    fn widen_parts(&mut self, parts: OfWhich<Option<(u32, u32)>>) {
        let own = std::mem::take(&mut self.of_which);
        self.of_which = own.zip(parts).map(|(one, another)| span(one, another));
    }

    /// Whether a bound stands for a number that no claim gave.
    fn is_open(&self) -> bool {
        self.flags.contains(Flag::OpenBelow) || self.flags.contains(Flag::OpenAbove)
    }

    fn widen(&mut self, number: &Number) {
        let Some(ends) = number.ends() else { return };
        self.range = span(self.range, Some(ends));
        if number.approximate {
            self.flags.insert(Flag::Approximate);
        }
        if number.low.is_none() {
            self.flags.insert(Flag::OpenBelow);
        }
        if number.high.is_none() {
            self.flags.insert(Flag::OpenAbove);
        }
    }
}

/// The smallest range that holds both.
fn span(one: Option<(u32, u32)>, another: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (one, another) {
        (Some(one), Some(another)) => Some((one.0.min(another.0), one.1.max(another.1))),
        (one, another) => one.or(another),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(low: Option<u32>, high: Option<u32>, approximate: bool) -> Number {
        Number { low, high, approximate }
    }

    fn exactly(value: u32) -> Number {
        number(Some(value), Some(value), false)
    }

    fn about(value: u32) -> Number {
        number(Some(value), Some(value), true)
    }

    fn estimate(claims: &[Number], preferred: &[u32]) -> Estimate {
        let none = OfWhich::default();
        Estimate::of(claims.iter().map(|claim| (claim, &none)), preferred.iter().copied())
    }

    #[test]
    fn two_claims_that_disagree_give_a_range_and_no_average() {
        let both = estimate(&[exactly(189), exactly(150)], &[]);
        assert_eq!((both.range, both.preferred), (Some((150, 189)), None));
        let agreed = estimate(&[exactly(150), exactly(150)], &[]);
        assert_eq!((agreed.range, agreed.preferred), (Some((150, 150)), Some(150)));
    }

    #[test]
    fn no_number_is_not_zero() {
        let nothing = estimate(&[Number::default()], &[0]);
        assert_eq!((nothing.range, nothing.preferred), (None, None));
        let zero = estimate(&[exactly(0)], &[]);
        assert_eq!((zero.range, zero.preferred), (Some((0, 0)), Some(0)));
    }

    #[test]
    fn only_a_claim_of_one_number_has_a_value() {
        assert_eq!((exactly(7).value(), about(0).value()), (Some(7), Some(0)));
        for ends in [(Some(3), Some(7)), (Some(3), None), (None, Some(7)), (None, None)] {
            assert_eq!(number(ends.0, ends.1, false).value(), None, "{ends:?}");
        }
    }

    #[test]
    fn a_count_is_both_ends_of_its_number_or_the_bounds_that_it_gives() {
        let bounds = proto::Count { low: Some(3), high: Some(7), ..proto::Count::default() };
        assert_eq!(Number::from(bounds), number(Some(3), Some(7), false));
        let at_most = proto::Count { high: Some(7), approximate: true, ..proto::Count::default() };
        assert_eq!(Number::from(at_most), number(None, Some(7), true));
        let one = proto::Count { value: Some(5), ..proto::Count::default() };
        assert_eq!(Number::from(one), exactly(5));
        assert_eq!(Number::from(proto::Count::default()), Number::default());
    }

    #[test]
    fn a_number_given_as_about_counts_only_where_no_exact_one_stands() {
        let exact = estimate(&[about(600), exactly(620)], &[]);
        assert_eq!((exact.range, exact.preferred), (Some((620, 620)), Some(620)));
        assert_eq!(exact.flags, Flags::default());
        let approximate = estimate(&[about(1900), Number::default(), about(2000)], &[]);
        assert_eq!(approximate.range, Some((1900, 2000)));
        assert_eq!(approximate.flags, [Flag::Approximate].into());
    }

    #[test]
    fn one_bound_stands_for_both_ends_and_is_flagged() {
        let at_least = estimate(&[number(Some(5), None, false)], &[]);
        assert_eq!((at_least.range, at_least.flags), (Some((5, 5)), [Flag::OpenAbove].into()));
        let at_most = estimate(&[number(None, Some(9), false), exactly(4)], &[]);
        assert_eq!((at_most.range, at_most.flags), (Some((4, 9)), [Flag::OpenBelow].into()));
    }

    #[test]
    fn a_bound_alone_is_no_number_to_use_unless_a_claim_is_preferred() {
        for bound in [number(Some(5), None, false), number(None, Some(5), false)] {
            assert_eq!(estimate(&[bound], &[]).preferred, None);
            assert_eq!(estimate(&[bound, exactly(5)], &[]).preferred, None);
            let decided = estimate(&[bound, exactly(5)], &[5]);
            assert_eq!((decided.range, decided.preferred), (Some((5, 5)), Some(5)));
        }
    }

    #[test]
    fn the_latest_preference_that_lies_within_the_range_is_taken() {
        let claims = [exactly(8), exactly(10)];
        assert_eq!(estimate(&claims, &[10, 8]).preferred, Some(10));
        assert_eq!(estimate(&claims, &[11, 8]).preferred, Some(8));
        assert_eq!(estimate(&claims, &[7]).preferred, None);
    }

    #[test]
    fn parts_that_claims_name_are_a_range_of_their_own() {
        let two = OfWhich { minors: Some(2), ..OfWhich::default() };
        let three = OfWhich { minors: Some(3), ..OfWhich::default() };
        let claims = [(exactly(10), two), (exactly(10), three), (about(9), OfWhich::default())];
        let estimate = Estimate::of(claims.iter().map(|(n, o)| (n, o)), []);
        assert_eq!(estimate.of_which.minors, Some((2, 3)));
        assert_eq!(estimate.of_which.women, None);
    }

    #[test]
    fn the_parts_of_a_claim_that_does_not_count_do_not_count_either() {
        let minors = |minors| OfWhich { minors: Some(minors), ..OfWhich::default() };
        let parts = |claims: &[(Number, OfWhich<Option<u32>>)]| {
            Estimate::of(claims.iter().map(|(n, o)| (n, o)), []).of_which.minors
        };
        assert_eq!(parts(&[(exactly(10), OfWhich::default()), (about(30), minors(25))]), None);
        let both = [(about(30), minors(25)), (exactly(10), minors(2))];
        assert_eq!(parts(&both), Some((2, 2)));
        let without_number = [(about(30), minors(25)), (Number::default(), minors(2))];
        assert_eq!(parts(&without_number), Some((2, 25)));
        assert_eq!(parts(&[(Number::default(), minors(2))]), Some((2, 2)));
    }
}
