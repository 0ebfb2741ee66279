//! What joint sides leave together for each of their members.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{leg::Side, share::Remainder, symbol::Symbol, tally::RemainderTally, way::Way};

/// What one joint side leaves, and whether any of its persons need not be among those of legs that
/// do not say this side; absent: nothing.
pub(super) type Left = Option<(Remainder, bool)>;

/// The sums by member.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    sums: BTreeMap<Symbol, Shared>,
    /// Those of several sides, none of which is apart: together they have no more than the limit.
    limited: BTreeSet<Symbol>,
    limit: Option<u64>,
}

/// What the sides of one member leave.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    /// A side counts as an exchange.
    left: RemainderTally,
    apart: u64,
}

impl Shared {
    fn change(&mut self, left: Left, way: Way) {
        let Some((rest, apart)) = left else { return };
        self.left.change(Some(rest), way);
        way.step(&mut self.apart, apart.into());
    }

    fn is_limited(&self) -> bool {
        self.left.exchanges > 1 && self.apart == 0
    }

    fn rest(&self) -> Remainder {
        let legs = u32::try_from(self.left.legs).unwrap_or(u32::MAX);
        Remainder { legs, at_most: self.left.at_most() }
    }
}

impl Members {
    /// Puts what a side leaves in the place of what it left before.
    pub(super) fn replace(&mut self, side: &Side, before: Left, after: Left) {
        for member in side.iter() {
            let sum = self.sums.entry(member).or_default();
            sum.change(before, Way::Out);
            sum.change(after, Way::In);
            if sum.is_limited() {
                self.limited.insert(member);
            } else {
                self.limited.remove(&member);
            }
            if sum.left.exchanges == 0 {
                self.sums.remove(&member);
            }
        }
    }

    /// Sets the most that several sides can have together; answers with the members for which this
    /// changes the limit.
    pub(super) fn limit(&mut self, limit: Option<u64>) -> impl Iterator<Item = Symbol> + '_ {
        let is_other = self.limit != limit;
        self.limit = limit;
        self.limited.iter().copied().filter(move |_| is_other)
    }

    /// What is left for a member; absent: nothing.
    pub(super) fn of(&self, member: Symbol) -> Option<Remainder> {
        let sum = self.sums.get(&member)?;
        Some(sum.rest().below(self.limit.filter(|_| sum.is_limited())))
    }

    /// The members for which something is left.
    pub(super) fn iter(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.sums.keys().copied()
    }
}
