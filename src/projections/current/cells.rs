//! From what the claims on each leg amount to, to the cells of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    leg::UnitCode,
    nesting::Nesting,
    side::{EstimatedLeg, Share},
    symbol::Symbol,
    work,
};
use crate::projections::ledger::{Cell, FigureKey, Rules, TraitChanges};

/// What an event changed of one outermost exchange.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What it is grouped and selected by; absent: that is as before.
    pub traits: Option<TraitChanges>,
    /// Of each unit of which something may be another, all cells.
    pub units: BTreeMap<UnitCode, Vec<(Cell, Share)>>,
}

/// The cells of the legs of one unit; of no legs, none.
pub(super) fn cells(
    unit: UnitCode,
    legs: &[EstimatedLeg<'_>],
    parties: &BTreeSet<Symbol>,
    nesting: &Nesting,
    preferred: &dyn Fn(FigureKey) -> Vec<u32>,
) -> Vec<(Cell, Share)> {
    if legs.is_empty() {
        return Vec::new();
    }
    work::visit(legs.len());
    Rules { preferred, parties, nesting }.of_unit(unit, legs)
}
