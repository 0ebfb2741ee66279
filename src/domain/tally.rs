//! A sum of shares that a share can also be taken out of again.
//!
//! What each share has or lacks is counted, so that nothing has to be added up anew when one of
//! many thousands changes. Numbers wrap around: what was added and taken out leaves nothing, in
//! whatever order, and no sum of numbers of 32 bits reaches the end of `u64`.

use crate::domain::{
    amount::{Amount, Part},
    flags::{Flag, Flags},
    of_which::OfWhich,
    share::{Remainder, Share},
    way::Way,
};

/// The sum of what outermost exchanges say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many shares are in it.
    pub shares: u64,
    /// The numbers of those that have one.
    amount: AmountTally,
    /// Exchanges, at any level.
    pub exchanges: u64,
    /// Outermost exchanges where the claims differ.
    pub disputed: u64,
    /// Legs without a known number.
    pub unnumbered: u64,
    /// Legs attributed to several jointly.
    pub shared: RemainderTally,
    /// Legs that do not say this side.
    pub open: RemainderTally,
    /// The parts that were named.
    pub of_which: OfWhich<PartTally>,
}

/// The sum of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AmountTally {
    /// How many numbers are in it.
    amounts: u64,
    /// Those of them without a number to use.
    undecided: u64,
    low: u64,
    high: u64,
    preferred: u64,
    legs: u64,
    /// How many have each flag.
    flags: [u64; Flag::ALL.len()],
}

/// The sum of what is not attributed to one country alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemainderTally {
    /// Outermost exchanges that leave something.
    pub exchanges: u64,
    /// Their legs.
    pub legs: u64,
    at_most: u64,
    /// Those without a bound.
    unbounded: u64,
}

/// The sum of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartTally {
    /// Outermost exchanges that name it.
    pub exchanges: u64,
    /// The sum of the smallest numbers.
    pub low: u64,
    /// The sum of the largest numbers.
    pub high: u64,
    /// Legs that contributed a number.
    pub legs: u64,
}

impl Tally {
    /// The tally of one share.
    pub fn of(share: &Share) -> Self {
        let mut tally = Self::default();
        tally.add(share);
        tally
    }

    /// Adds what another outermost exchange says.
    pub fn add(&mut self, share: &Share) {
        self.change(share, Way::In);
    }

    /// Takes out what was added.
    pub fn remove(&mut self, share: &Share) {
        debug_assert!(self.shares > 0, "sums wrap around if more is taken out than was added");
        self.change(share, Way::Out);
    }

    /// The sum of the numbers; absent: no share has one.
    pub fn amount(&self) -> Option<Amount> {
        self.amount.amount()
    }

    /// The flags of any share.
    pub fn flags(&self) -> impl Iterator<Item = Flag> + '_ {
        self.amount.flags()
    }

    fn change(&mut self, share: &Share, way: Way) {
        way.step(&mut self.shares, 1);
        if let Some(amount) = &share.amount {
            self.amount.change(&amount.into(), way);
        }
        way.step(&mut self.exchanges, share.exchanges.into());
        way.step(&mut self.disputed, share.disputed.into());
        way.step(&mut self.unnumbered, share.unnumbered.into());
        self.shared.change(share.shared, way);
        self.open.change(share.open, way);
        self.of_which = self.of_which.zip(share.of_which).map(|(mut tally, part)| {
            tally.change(part, way);
            tally
        });
    }
}

impl AmountTally {
    /// Whether nothing is in it, which is not zero.
    pub fn is_empty(&self) -> bool {
        self.amounts == 0
    }

    /// The sum; absent: of none.
    pub fn amount(&self) -> Option<Amount> {
        (self.amounts > 0).then(|| Amount {
            low: self.low,
            high: self.high,
            preferred: (self.undecided == 0).then_some(self.preferred),
            legs: u32::try_from(self.legs).unwrap_or(u32::MAX),
            flags: self.flags().collect::<Flags>(),
        })
    }

    fn flags(&self) -> impl Iterator<Item = Flag> + '_ {
        let counted = Flag::ALL.into_iter().zip(self.flags);
        counted.filter(|(_, count)| *count > 0).map(|(flag, _)| flag)
    }

    /// Adds another sum, or takes out what was added.
    pub fn change(&mut self, other: &Self, way: Way) {
        way.step(&mut self.amounts, other.amounts);
        way.step(&mut self.undecided, other.undecided);
        way.step(&mut self.low, other.low);
        way.step(&mut self.high, other.high);
        way.step(&mut self.preferred, other.preferred);
        way.step(&mut self.legs, other.legs);
        for (count, more) in self.flags.iter_mut().zip(other.flags) {
            way.step(count, more);
        }
    }
}

impl From<&Amount> for AmountTally {
    fn from(amount: &Amount) -> Self {
        Self {
            amounts: 1,
            undecided: amount.preferred.is_none().into(),
            low: amount.low,
            high: amount.high,
            preferred: amount.preferred.unwrap_or(0),
            legs: amount.legs.into(),
            flags: Flag::ALL.map(|flag| amount.flags.contains(flag).into()),
        }
    }
}

impl RemainderTally {
    /// At most so many; absent: some of them have no bound.
    pub fn at_most(&self) -> Option<u64> {
        (self.unbounded == 0).then_some(self.at_most)
    }

    /// Adds what one exchange leaves, or takes out what was added.
    pub fn change(&mut self, rest: Option<Remainder>, way: Way) {
        let Some(rest) = rest else { return };
        way.step(&mut self.exchanges, 1);
        way.step(&mut self.legs, rest.legs.into());
        way.step(&mut self.at_most, rest.at_most.unwrap_or(0));
        way.step(&mut self.unbounded, rest.at_most.is_none().into());
    }
}

impl PartTally {
    fn change(&mut self, part: Option<Part>, way: Way) {
        let Some(part) = part else { return };
        way.step(&mut self.exchanges, 1);
        way.step(&mut self.low, part.low);
        way.step(&mut self.high, part.high);
        way.step(&mut self.legs, part.legs.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(low: u64, preferred: Option<u64>, at_most: Option<u64>) -> Share {
        let flags = if preferred.is_none() { [Flag::OpenAbove].into() } else { Flags::default() };
        Share {
            amount: Some(Amount { low, high: low + 3, preferred, legs: 2, flags }),
            of_which: OfWhich {
                minors: Some(Part { low: 1, high: 2, legs: 1 }),
                ..OfWhich::default()
            },
            exchanges: 2,
            disputed: 1,
            unnumbered: 1,
            shared: Some(Remainder { legs: 1, at_most }),
            open: None,
        }
    }

    #[test]
    fn what_was_taken_out_might_never_have_been_added() {
        let shares = [
            share(5, Some(6), Some(9)),
            share(7, None, None),
            Share::default(),
            Share { amount: None, ..share(1, None, Some(4)) },
        ];
        for gone in &shares {
            let mut tally = Tally::default();
            let mut without = Tally::default();
            for share in &shares {
                tally.add(share);
                if share != gone {
                    without.add(share);
                }
            }
            tally.remove(gone);
            assert_eq!(tally, without);
        }
    }

    #[test]
    fn one_share_without_a_number_to_use_or_a_bound_leaves_the_sum_without() {
        let mut tally = Tally::of(&share(5, Some(6), Some(9)));
        assert_eq!(tally.amount().and_then(|sum| sum.preferred), Some(6));
        assert_eq!(tally.shared.at_most(), Some(9));
        tally.add(&share(7, None, None));
        let sum = tally.amount().expect("both have numbers");
        assert_eq!((sum.low, sum.high, sum.preferred, sum.legs), (12, 18, None, 4));
        assert_eq!(sum.flags, [Flag::OpenAbove].into());
        assert_eq!(tally.shared.at_most(), None);
        assert_eq!(Tally::default().amount(), None, "no number is not zero");
    }
}
