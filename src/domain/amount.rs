//! Numbers while they are being added up.

use serde::{Deserialize, Serialize};

use crate::domain::{
    estimate::Estimate,
    flags::{Flag, Flags},
};

/// A range with what is known about it. Sums stay far below the end of `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// The smallest number the claims allow.
    pub low: u64,
    /// The largest number claimed.
    pub high: u64,
    /// The number to use; absent: undecided.
    pub preferred: Option<u64>,
    /// Legs that contributed a number.
    pub legs: u32,
    /// How it came about.
    pub flags: Flags,
}

/// A part of an amount: how many of them were minors, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// The smallest number the claims allow.
    pub low: u64,
    /// The largest number claimed.
    pub high: u64,
    /// Legs that contributed a number.
    pub legs: u32,
}

impl From<Amount> for Part {
    fn from(Amount { low, high, legs, .. }: Amount) -> Self {
        Self { low, high, legs }
    }
}

impl Amount {
    /// The amount of one leg; absent: no claim on it gave a number.
    pub fn of_leg(estimate: &Estimate) -> Option<Self> {
        let (low, high) = estimate.range?;
        debug_assert!(low <= high, "sums of both ends keep their order only if each leg does");
        Some(Self {
            low: low.into(),
            high: high.into(),
            preferred: estimate.preferred.map(u64::from),
            legs: 1,
            flags: estimate.flags,
        })
    }

    /// The amount of a range in which a user cannot prefer a number.
    pub fn of_range((low, high): (u32, u32)) -> Self {
        let flags = Flags::default();
        Self { low: low.into(), high: high.into(), preferred: None, legs: 1, flags }
    }

    /// The sum; a number to use only where both have one.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.low = self.low.saturating_add(other.low);
        self.high = self.high.saturating_add(other.high);
        let both = self.preferred.zip(other.preferred);
        self.preferred = both.map(|(one, another)| one.saturating_add(another));
        self.legs = self.legs.saturating_add(other.legs);
        self.flags = self.flags.union(other.flags);
        self
    }

    /// The sum of all; absent: of none.
    pub fn sum<'a>(amounts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        amounts.into_iter().fold(None, |sum, amount| match sum {
            Some(sum) => Some(Self::plus(sum, amount)),
            None => Some(*amount),
        })
    }

    /// The amount of a whole that has parts with numbers as well. The whole keeps its own number.
    /// Its upper end rises where the parts add up to more at the least. The parts are never added
    /// to it.
    #[must_use]
    pub fn with_parts<'a>(mut self, parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let least = parts.into_iter().fold(0_u64, |sum, part| sum.saturating_add(part.low));
        if least > self.high {
            self.high = least;
            self.preferred = None;
            self.flags.insert(Flag::PartsExceedWhole);
        }
        self
    }

    /// Takes the first of `values` that lies within the range as the number to use.
    pub fn prefer(&mut self, values: impl IntoIterator<Item = u32>) {
        let fits = |value: &u64| (self.low..=self.high).contains(value);
        let chosen = values.into_iter().map(u64::from).find(fits);
        self.preferred = chosen.or(self.preferred);
    }

    /// How many it can be at the most; absent where "at least" leaves that open.
    pub fn at_most(&self) -> Option<u64> {
        (!self.flags.contains(Flag::OpenAbove)).then_some(self.high)
    }
}
