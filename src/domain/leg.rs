//! One flow of an exchange: who gave up whom, to whom, in which unit; and how flows contain
//! each other.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::proto;

/// Party codes of one side of a leg. One: attributed to it; several: jointly; none: not said.
///
/// Plain text rather than `Party`: these were checked when they were recorded, and a later list
/// of codes must not make old events unreadable.
pub type Side = BTreeSet<String>;

/// Number of `proto::Unit`, kept as stored, so that a unit added later stays apart.
pub type UnitCode = i32;

/// Number of `proto::Category`, kept as stored; 0: not said.
pub type CategoryCode = i32;

/// What identifies a leg: all six.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LegKey {
    /// Id of the exchange.
    pub exchange: String,
    /// What is counted.
    pub unit: UnitCode,
    /// Who gave them up.
    pub from: Side,
    /// Who received them.
    pub to: Side,
    /// Which persons.
    pub category: CategoryCode,
    /// The claimant's word for a disjoint part; empty: the whole.
    pub portion: String,
}

/// Which side of a leg is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// The side that received.
    Received,
    /// The side that gave up.
    Sent,
}

impl LegKey {
    /// The side that `direction` asks about.
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

impl From<proto::Leg> for LegKey {
    fn from(leg: proto::Leg) -> Self {
        let proto::Leg { exchange_id, from, to, unit, category, portion } = leg;
        Self {
            exchange: exchange_id,
            unit,
            from: from.into_iter().collect(),
            to: to.into_iter().collect(),
            category,
            portion,
        }
    }
}

/// Whether everyone on `inner` is on `outer` as well; a side not said includes every other.
pub fn includes(outer: &Side, inner: &Side) -> bool {
    outer.is_empty() || (!inner.is_empty() && outer.is_superset(inner))
}

/// Whether the two sides can mean the same party.
pub fn overlaps(one: &Side, another: &Side) -> bool {
    one.is_empty() || another.is_empty() || !one.is_disjoint(another)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(codes: &str) -> Side {
        codes.split('+').filter(|code| !code.is_empty()).map(str::to_owned).collect()
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
            LegKey::from(proto::Leg { exchange_id: "x".into(), from, ..Default::default() })
        };
        assert_eq!(leg(&["KP", "CN"]), leg(&["CN", "KP", "CN"]));
        assert_ne!(leg(&["KP", "CN"]), leg(&["CN"]));
    }
}
