//! One flow of an exchange: who gave up whom, to whom, in which unit; and how flows contain
//! each other.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::domain::{proto, symbol::Symbol};

/// Parties of one side of a leg. One: attributed to it; several: jointly; none: not said.
///
/// Names rather than `Party`: these were checked when they were recorded, and a later list
/// of codes must not make old events unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Side(SmallVec<[Symbol; 4]>);

/// Number of `proto::Unit`, kept as stored, so that a unit added later stays apart.
pub type UnitCode = i32;

/// Number of `proto::Category`, kept as stored; 0: not said.
pub type CategoryCode = i32;

/// What identifies a leg: all six.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegKey {
    /// The exchange.
    pub exchange: Symbol,
    /// What is counted.
    pub unit: UnitCode,
    /// Who gave them up.
    pub from: Side,
    /// Who received them.
    pub to: Side,
    /// Which persons.
    pub category: CategoryCode,
    /// The claimant's word for a disjoint part; empty: the whole.
    pub portion: Symbol,
}

impl Side {
    /// No party is named: the side is not said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many parties are named.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The parties, each once.
    pub fn iter(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.0.iter().copied()
    }

    /// Whether the party is named.
    pub fn contains(&self, party: Symbol) -> bool {
        self.0.contains(&party)
    }

    /// The sides that name some of these parties and not all; absent: of so many parties there are
    /// more of them than is worth trying.
    pub fn parts(&self) -> Option<Vec<Self>> {
        if self.0.len() > 4 {
            return None;
        }
        let all = (1_u32 << self.0.len()) - 1;
        let part = |chosen: u32| {
            let parties = (0..).zip(&self.0).filter(|(place, _)| chosen >> place & 1 == 1);
            Self(parties.map(|(_, party)| *party).collect())
        };
        Some((1..all).map(part).collect())
    }

    /// The party, where exactly one is named.
    pub fn alone(&self) -> Option<Symbol> {
        self.0.first().copied().filter(|_| self.0.len() == 1)
    }
}

impl FromIterator<Symbol> for Side {
    fn from_iter<T: IntoIterator<Item = Symbol>>(parties: T) -> Self {
        let mut parties: SmallVec<[Symbol; 4]> = parties.into_iter().collect();
        parties.sort_unstable();
        parties.dedup();
        Self(parties)
    }
}

/// The own side of a leg: the side that a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// The side that received.
    Received,
    /// The side that gave up.
    Sent,
}

impl LegKey {
    /// The side that a figure in `direction` is about.
    pub fn own(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Received => &self.to,
            Direction::Sent => &self.from,
        }
    }

    /// The side across.
    pub fn other(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Received => &self.from,
            Direction::Sent => &self.to,
        }
    }
}

impl LegKey {
    /// The leg as it was recorded, its names looked up by `name`.
    pub fn new(leg: proto::Leg, mut name: impl FnMut(&str) -> Symbol) -> Self {
        let proto::Leg { exchange_id, from, to, unit, category, portion } = leg;
        Self {
            exchange: name(&exchange_id),
            unit,
            from: from.iter().map(|party| name(party)).collect(),
            to: to.iter().map(|party| name(party)).collect(),
            category,
            portion: name(&portion),
        }
    }
}

/// Whether everyone on `inner` is on `outer` as well; a side not said includes every other.
pub fn includes(outer: &Side, inner: &Side) -> bool {
    outer.is_empty() || (!inner.is_empty() && inner.iter().all(|party| outer.contains(party)))
}

/// Whether the two sides can mean the same party.
pub fn overlaps(one: &Side, another: &Side) -> bool {
    one.is_empty() || another.is_empty() || one.iter().any(|party| another.contains(party))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of two letters, as a table of names might number them.
    fn name(code: &str) -> Symbol {
        Symbol::at(code.bytes().fold(0, |number, byte| number << 8 | u32::from(byte)))
    }

    fn side(codes: &str) -> Side {
        codes.split('+').filter(|code| !code.is_empty()).map(name).collect()
    }

    #[test]
    fn a_side_not_said_includes_every_side_and_only_itself_includes_it() {
        for inner in ["", "KP", "KP+CN"] {
            assert!(includes(&side(""), &side(inner)));
            assert!(overlaps(&side(""), &side(inner)) && overlaps(&side(inner), &side("")));
        }
        assert!(!includes(&side("KP"), &side("")));
        assert!(includes(&side("KP+CN"), &side("KP")));
        assert!(!includes(&side("KP+CN"), &side("KP+RU")));
        assert!(overlaps(&side("KP+CN"), &side("KP+RU")) && !overlaps(&side("KP"), &side("RU")));
    }

    #[test]
    fn the_order_of_parties_does_not_make_another_leg() {
        let leg = |from: &[&str]| {
            let from = from.iter().map(|code| (*code).to_owned()).collect();
            LegKey::new(proto::Leg { exchange_id: "x".into(), from, ..Default::default() }, name)
        };
        assert_eq!(leg(&["KP", "CN"]), leg(&["CN", "KP", "CN"]));
        assert_ne!(leg(&["KP", "CN"]), leg(&["CN"]));
    }
}
