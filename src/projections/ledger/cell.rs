//! What an outermost exchange says, cell by cell: one number for each thing that a query can name.

use serde::{Deserialize, Serialize};

use super::traits::TraitChanges;
use crate::domain::{
    leg::{Direction, UnitCode},
    share::Share,
    symbol::Symbol,
};

pub use crate::domain::incremental::{Aggregate, Legs};

/// Country, unit and direction of a figure.
pub type FigureKey = (Symbol, UnitCode, Direction);

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

/// What an event changed of one outermost exchange.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What it is grouped and selected by; absent: that is as before.
    pub traits: Option<TraitChanges>,
    /// Cells that may be others than before; absent: there is none any longer.
    pub cells: Vec<(Cell, Option<Share>)>,
}
