//! Notes on how a figure came about, and sets of them.

use serde::{Deserialize, Serialize};

/// A note on how a figure came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// A number behind it was given as "about", and no exact one stands beside it.
    Approximate,
    /// A transfer has no number, so the true figure is larger by an unknown amount.
    Incomplete,
    /// Parts add up to more than the whole that was claimed for them.
    PartsExceedWhole,
    /// A number behind it was given as "at most": the true figure may be smaller.
    OpenBelow,
    /// A number behind it was given as "at least": the true figure may be larger.
    OpenAbove,
    /// A sum does not fit 32 bits: the true figure is at least the largest number that does.
    Overflow,
}

impl Flag {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [
        Self::Approximate,
        Self::Incomplete,
        Self::PartsExceedWhole,
        Self::OpenBelow,
        Self::OpenAbove,
        Self::Overflow,
    ];
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags(u8);

impl Flags {
    /// Adds one.
    pub fn insert(&mut self, flag: Flag) {
        self.0 |= 1 << flag as u8;
    }

    /// Whether it is among them.
    pub fn contains(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags, in their order.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.contains(*flag))
    }
}

impl<const N: usize> From<[Flag; N]> for Flags {
    fn from(flags: [Flag; N]) -> Self {
        flags.into_iter().collect()
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<T: IntoIterator<Item = Flag>>(flags: T) -> Self {
        let mut set = Self::default();
        flags.into_iter().for_each(|flag| set.insert(flag));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        for one in Flag::ALL {
            for other in Flag::ALL {
                let set: Flags = [other].into();
                assert_eq!(set.contains(one), one == other);
                assert!(set.union([one].into()).contains(one));
            }
        }
        let set: Flags = [Flag::Overflow, Flag::Incomplete].into();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Flag::Incomplete, Flag::Overflow]);
    }
}
