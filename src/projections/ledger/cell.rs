//! What an outermost exchange says, cell by cell: one number for each thing that a query can name.

use serde::{Deserialize, Serialize};

use super::FigureKey;
use crate::domain::leg::UnitCode;

pub use crate::domain::incremental::{Aggregate, Legs};

/// What a number is about, within one outermost exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// The side, the route or the total that the number is of.
    pub aggregate: Aggregate,
    /// What is counted.
    pub unit: UnitCode,
    /// Of which legs.
    pub legs: Legs,
}

impl Cell {
    /// The figure of a country that it is a part of, if it is the part of one.
    pub fn figure(&self) -> Option<FigureKey> {
        match &self.aggregate {
            Aggregate::Side(direction, side) if self.legs.is_all() => {
                Some((side.alone()?, self.unit, *direction))
            }
            Aggregate::Side(..) | Aggregate::Route(..) | Aggregate::Total(_) => None,
        }
    }
}
