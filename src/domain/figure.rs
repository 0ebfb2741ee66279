//! A number with what is known about it, as answers report it.
//!
//! A figure is the sum of what the outermost exchanges say about a country. It has a number to use
//! only where every exchange has one and no transfer lacks a number.

use std::collections::BTreeSet;

use crate::domain::{
    flags::Flag,
    of_which::OfWhich,
    share::Share,
    tally::{PartTally, RemainderTally, Tally},
};

/// What one country received or sent. Without `low` no number is known, which is not zero.
///
/// Of sums too large for 32 bits `low` is the largest number that fits, which is still a lower
/// bound; for `high` and `preferred` there is none that would be true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// The smallest number the claims allow.
    pub low: Option<u32>,
    /// The largest number claimed; absent as well where it does not fit.
    pub high: Option<u32>,
    /// The number to use; absent: undecided.
    pub preferred: Option<u32>,
    /// Exchanges, at any level, with a transfer attributed to the country.
    pub exchanges: u32,
    /// Outermost exchanges in which the claims differ.
    pub disputed: u32,
    /// Transfers attributed to the country for which no number is known.
    pub unnumbered: u32,
    /// Transfers attributed to several parties jointly, the country among them.
    pub shared: Option<Unattributed>,
    /// Transfers of its exchanges that do not say this side.
    pub open: Option<Unattributed>,
    /// Parts of it, where given.
    pub of_which: OfWhich<Option<SubsetCount>>,
    /// How the figure came about.
    pub flags: BTreeSet<Flag>,
}

/// Transfers that are not attributed to the country alone, and never added to its figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unattributed {
    /// How many transfers.
    pub legs: u32,
    /// At most so many of those persons can be the country's; absent: no bound is known.
    pub at_most: Option<u32>,
}

/// A part of a figure. A sum too large for 32 bits becomes the largest number that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubsetCount {
    /// The sum of the smallest numbers claimed.
    pub low: u32,
    /// The sum of the largest numbers claimed.
    pub high: u32,
    /// How many transfers named a number that entered; the others said nothing about this part.
    pub legs: u32,
}

impl From<&Tally> for Figure {
    fn from(tally: &Tally) -> Self {
        let amount = tally.amount();
        let mut flags: BTreeSet<Flag> = tally.flags().collect();
        let unnumbered = counted(tally.unnumbered);
        if unnumbered > 0 {
            flags.insert(Flag::Incomplete);
        }
        let fits = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
        let high = amount.map(|amount| amount.high);
        let overflows = high.is_some() && fits(high).is_none();
        if overflows {
            flags.insert(Flag::Overflow);
        }
        let preferred = fits(amount.and_then(|amount| amount.preferred));
        Self {
            low: amount.map(|amount| saturated(amount.low)),
            high: fits(high),
            preferred: preferred.filter(|_| unnumbered == 0 && !overflows),
            exchanges: counted(tally.exchanges),
            disputed: counted(tally.disputed),
            unnumbered,
            shared: Unattributed::of(tally.shared),
            open: Unattributed::of(tally.open),
            of_which: tally.of_which.map(SubsetCount::of),
            flags,
        }
    }
}

impl From<Share> for Figure {
    fn from(share: Share) -> Self {
        Self::from(&Tally::of(&share))
    }
}

impl Unattributed {
    fn of(rest: RemainderTally) -> Option<Self> {
        let at_most = rest.at_most().and_then(|bound| u32::try_from(bound).ok());
        (rest.exchanges > 0).then(|| Self { legs: counted(rest.legs), at_most })
    }
}

impl SubsetCount {
    fn of(part: PartTally) -> Option<Self> {
        let PartTally { exchanges, low, high, legs } = part;
        (exchanges > 0).then(|| Self {
            low: saturated(low),
            high: saturated(high),
            legs: counted(legs),
        })
    }
}

/// A count in 32 bits; a larger count becomes the largest that fits.
fn counted(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The number, or the largest that fits: a lower bound of it.
fn saturated(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        amount::{Amount, Part},
        flags::Flags,
        share::Remainder,
    };

    fn amount(low: u64, high: u64) -> Amount {
        let preferred = (low == high).then_some(low);
        Amount { low, high, preferred, legs: 1, flags: Flags::default() }
    }

    fn figure(low: u64, high: u64) -> Figure {
        Share { amount: Some(amount(low, high)), ..Share::default() }.into()
    }

    #[test]
    fn a_sum_that_does_not_fit_is_reported_by_its_lower_bound_alone() {
        let most = u64::from(u32::MAX);
        let whole = figure(most, most);
        assert_eq!((whole.low, whole.high), (Some(u32::MAX), Some(u32::MAX)));
        assert_eq!((whole.preferred, whole.flags), (Some(u32::MAX), [].into()));
        for low in [7, most, most + 7] {
            let beyond = figure(low, most + 7);
            assert_eq!((beyond.low, beyond.high), (Some(saturated(low)), None));
            assert_eq!((beyond.preferred, beyond.flags), (None, [Flag::Overflow].into()));
        }
        let shared = Some(Remainder { legs: 1, at_most: Some(most + 1) });
        let figure = Figure::from(Share { shared, ..Share::default() });
        let none = Some(Unattributed { legs: 1, at_most: None });
        assert_eq!(figure.shared, none, "no bound that fits is one");
    }

    #[test]
    fn a_transfer_without_a_number_leaves_the_figure_incomplete_and_undecided() {
        let share =
            |unnumbered| Share { amount: Some(amount(5, 5)), unnumbered, ..Share::default() };
        let whole = Figure::from(share(0));
        assert_eq!((whole.preferred, whole.flags), (Some(5), [].into()));
        let lacking = Figure::from(share(1));
        assert_eq!((lacking.low, lacking.preferred, lacking.unnumbered), (Some(5), None, 1));
        assert_eq!(lacking.flags, [Flag::Incomplete].into());
    }

    #[test]
    fn what_no_transfer_says_is_absent_and_not_zero() {
        let nothing = figure(5, 5);
        assert_eq!((nothing.shared, nothing.open), (None, None));
        assert_eq!(nothing.of_which, OfWhich::default());
        let women = Some(Part { low: 0, high: 2, legs: 1 });
        let of_which = OfWhich { women, ..OfWhich::default() };
        let open = Some(Remainder { legs: 2, at_most: Some(0) });
        let said = Figure::from(Share { of_which, open, ..Share::default() });
        assert_eq!(said.of_which.women, Some(SubsetCount { low: 0, high: 2, legs: 1 }));
        assert_eq!(said.of_which.minors, None);
        assert_eq!(said.open, Some(Unattributed { legs: 2, at_most: Some(0) }));
        assert_eq!((said.low, said.high, said.preferred), (None, None, None));
    }
}
