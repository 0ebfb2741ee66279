//! What a number allows: a range with ends that may be open.

use crate::domain::{amount::Amount, estimate::Number, flags::Flag, share::Share};

/// The smallest and the largest number that something allows; an absent end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The smallest number; absent: as few as none.
    pub low: Option<u64>,
    /// The largest number; absent: there is no bound.
    pub high: Option<u64>,
}

impl Span {
    /// What a claim's number allows; absent: it gives none.
    pub fn of_number(number: &Number) -> Option<Self> {
        let Number { low, high, approximate: _ } = *number;
        (low.is_some() || high.is_some())
            .then(|| Self { low: low.map(u64::from), high: high.map(u64::from) })
    }

    /// What a sum allows, as far as it has numbers; absent: it has none.
    pub fn of_amount(amount: &Amount) -> Self {
        let unless = |flag, end| (!amount.flags.contains(flag)).then_some(end);
        Self {
            low: unless(Flag::OpenBelow, amount.low),
            high: unless(Flag::OpenAbove, amount.high),
        }
    }

    /// What the transfers behind a sum allow: where one of them has no number, there is no bound
    /// above. Absent: none of them has a number.
    pub fn of_share(share: &Share) -> Option<Self> {
        let span = Self::of_amount(share.amount.as_ref()?);
        Some(Self { high: span.high.filter(|_| share.unnumbered == 0), ..span })
    }

    /// Whether some number is allowed by both.
    pub fn meets(self, other: Self) -> bool {
        !self.is_below(other) && !other.is_below(self)
    }

    /// Whether every number that it allows is smaller than every number that the other allows.
    pub fn is_below(self, other: Self) -> bool {
        self.high.zip(other.low).is_some_and(|(high, low)| high < low)
    }
}

/// The two of several numbers that are farthest apart, by their places: the first allows only
/// smaller ones than the second. Absent: some number is allowed by any two of them.
pub fn farthest(spans: &[Span]) -> Option<(usize, usize)> {
    let least = |(_, span): &(usize, &Span)| span.high.unwrap_or(u64::MAX);
    let most = |(place, span): &(usize, &Span)| (span.low.unwrap_or(0), std::cmp::Reverse(*place));
    let (one, small) = spans.iter().enumerate().min_by_key(least)?;
    let (other, large) = spans.iter().enumerate().max_by_key(most)?;
    small.is_below(*large).then_some((one, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(low: Option<u64>, high: Option<u64>) -> Span {
        Span { low, high }
    }

    fn exactly(value: u64) -> Span {
        span(Some(value), Some(value))
    }

    #[test]
    fn numbers_differ_only_where_no_number_is_allowed_by_both() {
        assert!(!exactly(150).meets(exactly(189)) && exactly(150).meets(exactly(150)));
        assert!(span(Some(10), Some(12)).meets(span(Some(12), Some(14))));
        let at_least = span(Some(5), None);
        assert!(at_least.meets(exactly(8)) && !at_least.meets(exactly(4)));
        let at_most = span(None, Some(9));
        assert!(at_most.meets(at_least) && !at_most.meets(exactly(10)));
    }

    #[test]
    fn the_farthest_two_are_those_between_which_most_lies() {
        let spans = [span(Some(10), Some(12)), span(Some(11), Some(14)), exactly(13)];
        assert_eq!(farthest(&spans), Some((0, 2)));
        assert_eq!(farthest(&[exactly(3), exactly(1), exactly(2)]), Some((1, 0)));
        assert_eq!(farthest(&[span(Some(5), None), exactly(8)]), None);
        assert_eq!(farthest(&[]), None);
    }

    #[test]
    fn a_sum_in_which_a_number_is_missing_has_no_bound_above() {
        let whole = Amount::of_range((3, 5));
        let mut share = Share { amount: Some(whole), ..Share::default() };
        assert_eq!(Span::of_share(&share), Some(span(Some(3), Some(5))));
        share.unnumbered = 1;
        assert_eq!(Span::of_share(&share), Some(span(Some(3), None)));
        share.amount = None;
        assert_eq!(Span::of_share(&share), None);
    }
}
