//! What an outermost exchange says, cell by cell: one number for each thing that can be asked.

use serde::{Deserialize, Serialize};

use super::FigureKey;
use crate::domain::leg::{CategoryCode, Direction, Side, UnitCode};

/// What a number is about, within one outermost exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Whose.
    pub group: Group,
    /// What is counted.
    pub unit: UnitCode,
    /// Of which legs.
    pub legs: Legs,
}

/// Of which legs a number is; 0 stands for those that do not say a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Legs {
    /// Of all, which are of several categories.
    All,
    /// Of those of one category among several.
    Of(CategoryCode),
    /// Of all, which are of this category. Most exchanges have one, so that it is kept once.
    AllOf(CategoryCode),
}

impl Legs {
    /// Whether all legs are in it.
    pub fn is_all(self) -> bool {
        matches!(self, Self::All | Self::AllOf(_))
    }

    /// The one category of the legs; absent: they are of several.
    pub fn category(self) -> Option<CategoryCode> {
        match self {
            Self::All => None,
            Self::Of(category) | Self::AllOf(category) => Some(category),
        }
    }
}

/// Whose number it is. A side is one party, several jointly, or not said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Group {
    /// What one side received or sent.
    Side(Direction, Side),
    /// What went from one side to another.
    Route(Side, Side),
    /// All that was handed over, summed up by one side.
    Total(Direction),
}

impl Cell {
    /// The figure of a country that it is a part of, if it is the part of one.
    pub fn figure(&self) -> Option<FigureKey> {
        match &self.group {
            Group::Side(direction, side) if self.legs.is_all() => {
                Some((side.alone()?, self.unit, *direction))
            }
            Group::Side(..) | Group::Route(..) | Group::Total(_) => None,
        }
    }
}
