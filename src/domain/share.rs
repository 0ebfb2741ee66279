//! The legs of one side of an exchange: a country, several jointly, or not said; and their number.

use std::collections::BTreeSet;

use crate::domain::{
    amount::{Amount, Part},
    estimate::Estimate,
    leg::{Direction, LegKey},
    nesting::Nesting,
    of_which::OfWhich,
    symbol::Symbol,
    whole::{self, Entry, Seen},
};

/// One leg and what the claims on it amount to.
pub type EstimatedLeg<'a> = (&'a LegKey, Estimate);

/// What one or several outermost exchanges say about one country, in one direction and unit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Share {
    /// The number of what is attributed to it; absent: no number is known.
    pub amount: Option<Amount>,
    /// The parts of it that were named.
    pub of_which: OfWhich<Option<Part>>,
    /// Exchanges, at any level, with a leg attributed to it.
    pub exchanges: u32,
    /// Outermost exchanges where the claims differ.
    pub disputed: u32,
    /// Legs attributed to it that have no known number.
    pub unnumbered: u32,
    /// Legs attributed to it and others jointly.
    pub shared: Option<Remainder>,
    /// Legs of its exchanges that do not say this side.
    pub open: Option<Remainder>,
}

/// Legs that are not attributed to one country alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Remainder {
    /// How many legs.
    pub legs: u32,
    /// At most so many of those persons can be the country's; absent: no bound is known.
    pub at_most: Option<u64>,
}

impl Remainder {
    /// The same with a bound that is not above `limit`; where no bound is known there is none.
    pub(super) fn below(self, limit: Option<u64>) -> Self {
        let at_most = self.at_most.map(|bound| limit.map_or(bound, |limit| limit.min(bound)));
        Self { at_most, ..self }
    }

    /// Of two that hold for the same party, the one with the smaller bound, or else `all`.
    ///
    /// `own` are the legs that are open for it, and `all` are those that are not as well.
    pub(super) fn tighter(own: Self, all: Self) -> Self {
        match (own.at_most, all.at_most) {
            (Some(bound), Some(of_all)) if of_all <= bound => all,
            (None, Some(_)) => all,
            (Some(_) | None, _) => own,
        }
    }

    /// What remains of a number of legs once `named` persons are taken away; absent: nobody.
    pub(super) fn of(legs: usize, share: &Share, named: u64) -> Option<Self> {
        let legs = u32::try_from(legs).unwrap_or(u32::MAX);
        let known = share.amount.as_ref().filter(|_| share.unnumbered == 0);
        match known.and_then(Amount::at_most) {
            Some(high) if high <= named => None,
            bound => Some(Self { legs, at_most: bound.map(|high| high - named) }),
        }
    }
}

impl Share {
    /// Sets the number to use; `values` are the preferred ones, the latest first.
    pub fn prefer(&mut self, values: impl IntoIterator<Item = u32>) {
        if let Some(amount) = &mut self.amount {
            amount.prefer(values);
        }
    }

    /// Takes the sum of other amounts for its own.
    pub(super) fn set_amount<'a>(&mut self, amounts: impl Iterator<Item = &'a Amount>) {
        self.amount = Amount::sum(amounts);
        self.disputed = disputed(self.amount.as_ref());
    }
}

pub(super) fn disputed(amount: Option<&Amount>) -> u32 {
    u32::from(amount.is_some_and(|amount| amount.low < amount.high))
}

/// The number of some legs of one outermost exchange by themselves, seen from one side.
pub(super) fn own(legs: &[&EstimatedLeg<'_>], nesting: &Nesting, direction: Direction) -> Share {
    let sum = |number: &dyn Fn(&Estimate) -> Option<Amount>| {
        let entries: Vec<Entry<'_>> = legs
            .iter()
            .filter_map(|(key, estimate)| {
                let amount = number(estimate)?;
                Some(Entry { leg: Seen::new(key, direction), amount })
            })
            .collect();
        whole::sum(&entries, nesting)
    };
    let part = |range: &dyn Fn(&Estimate) -> Option<(u32, u32)>| {
        sum(&|leg| range(leg).map(Amount::of_range)).map(Part::from)
    };
    let amount = sum(&Amount::of_leg);
    let exchanges: BTreeSet<Symbol> = legs.iter().map(|(key, _)| key.exchange).collect();
    Share {
        disputed: disputed(amount.as_ref()),
        amount,
        of_which: OfWhich {
            minors: part(&|leg| leg.of_which.minors),
            women: part(&|leg| leg.of_which.women),
            civilians: part(&|leg| leg.of_which.civilians),
            wounded: part(&|leg| leg.of_which.wounded),
        },
        exchanges: u32::try_from(exchanges.len()).unwrap_or(u32::MAX),
        unnumbered: unnumbered(legs, nesting, direction),
        shared: None,
        open: None,
    }
}

fn unnumbered(legs: &[&EstimatedLeg<'_>], nesting: &Nesting, direction: Direction) -> u32 {
    let legs: Vec<(Seen<'_>, bool)> = legs
        .iter()
        .map(|(key, estimate)| (Seen::new(key, direction), estimate.range.is_some()))
        .collect();
    u32::try_from(whole::unnumbered(&legs, nesting)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::flags::Flags;

    fn amount(low: u64, high: u64) -> Amount {
        Amount { low, high, preferred: None, legs: 1, flags: Flags::default() }
    }

    fn bound(legs: u32, at_most: Option<u64>) -> Remainder {
        Remainder { legs, at_most }
    }

    #[test]
    fn what_remains_of_some_legs_is_their_bound_without_the_named() {
        let share = Share { amount: Some(amount(3, 10)), ..Share::default() };
        assert_eq!(Remainder::of(2, &share, 4), Some(bound(2, Some(6))));
        for named in [10, 11] {
            assert_eq!(Remainder::of(2, &share, named), None, "{named} are named");
        }
        let unknown = Share { unnumbered: 1, ..share };
        assert_eq!(Remainder::of(2, &unknown, 11), Some(bound(2, None)));
        assert_eq!(Remainder::of(2, &Share::default(), 0), Some(bound(2, None)));
    }

    #[test]
    fn a_limit_lowers_a_bound_and_makes_none() {
        for (at_most, limit, wanted) in
            [(Some(5), Some(3), Some(3)), (Some(5), Some(7), Some(5)), (Some(5), None, Some(5))]
        {
            assert_eq!(bound(1, at_most).below(limit), bound(1, wanted));
        }
        assert_eq!(bound(1, None).below(Some(3)), bound(1, None));
    }

    #[test]
    fn of_two_remainders_the_smaller_bound_holds() {
        let all_hold = |own, all| Remainder::tighter(bound(1, own), bound(2, all)) == bound(2, all);
        for (own, all) in [(Some(5), Some(5)), (Some(5), Some(4)), (None, Some(5))] {
            assert!(all_hold(own, all), "{own:?} or {all:?}");
        }
        for (own, all) in [(Some(4), Some(5)), (Some(5), None), (None, None)] {
            assert!(!all_hold(own, all), "{own:?} or {all:?}");
        }
    }

    #[test]
    fn the_latest_preferred_number_within_the_range_is_the_one_to_use() {
        let mut share = Share { amount: Some(amount(3, 10)), ..Share::default() };
        share.prefer([11, 7, 4]);
        assert_eq!(share.amount.and_then(|amount| amount.preferred), Some(7));
        let mut unknown = Share::default();
        unknown.prefer([7]);
        assert_eq!(unknown, Share::default(), "a preference is no claim");
    }

    #[test]
    fn a_sum_is_disputed_where_its_ends_differ() {
        assert_eq!(disputed(Some(&amount(3, 4))), 1);
        assert_eq!(disputed(Some(&amount(3, 3))), 0);
        assert_eq!(disputed(None), 0);
        let mut share = Share { disputed: 7, ..Share::default() };
        share.set_amount([amount(3, 3), amount(1, 2)].iter());
        assert_eq!(
            (share.amount.map(|sum| (sum.low, sum.high)), share.disputed),
            (Some((4, 5)), 1)
        );
    }
}
