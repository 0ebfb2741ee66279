//! The numbers of an exchange, kept while what the claims on its legs amount to changes.

use std::collections::BTreeMap;

use crate::domain::{
    estimate::Estimate,
    incremental::{self, Aggregate, Legs},
    leg::{LegKey, UnitCode},
    nesting::Nesting,
    share::Share,
    symbol::Symbol,
};
use crate::projections::ledger::{Cell, FigureKey};

/// The numbers of all units, and the cells noted as changed since they were last taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    units: BTreeMap<UnitCode, incremental::Unit>,
    changed: BTreeMap<(UnitCode, Legs, Aggregate), Option<Share>>,
}

impl Numbers {
    /// Sets what the claims on a leg amount to; absent: there are none.
    pub(super) fn set(&mut self, nesting: &Nesting, leg: &LegKey, estimate: Option<Estimate>) {
        let unit = self.units.entry(leg.unit).or_default();
        let changes = unit.set(nesting, leg, estimate);
        self.note(leg.unit, changes);
    }

    /// Sets whether a party is one of the exchange.
    pub(super) fn set_party(&mut self, nesting: &Nesting, party: Symbol, is_one: bool) {
        let change = |(code, unit): (&UnitCode, &mut incremental::Unit)| {
            (*code, unit.set_party(nesting, party, is_one))
        };
        let changes: Vec<_> = self.units.iter_mut().map(change).collect();
        for (unit, changes) in changes {
            self.note(unit, changes);
        }
    }

    /// Sets the values preferred for a figure, the latest first.
    pub(super) fn prefer(
        &mut self,
        nesting: &Nesting,
        (country, code, direction): FigureKey,
        values: Vec<u32>,
    ) {
        let Some(unit) = self.units.get_mut(&code) else { return };
        let changes = unit.prefer(nesting, (country, direction), values);
        self.note(code, changes);
    }

    /// Makes room for a unit; answers whether it is a new one.
    pub(super) fn begin(&mut self, unit: UnitCode) -> bool {
        let is_new = !self.units.contains_key(&unit);
        if is_new {
            self.units.insert(unit, incremental::Unit::default());
        }
        is_new
    }

    fn note(&mut self, unit: UnitCode, changes: incremental::Changes) {
        let of_unit = |((legs, aggregate), share)| ((unit, legs, aggregate), share);
        self.changed.extend(changes.into_iter().map(of_unit));
    }

    /// The cells noted as changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<(Cell, Option<Share>)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        changed
            .map(|((unit, legs, aggregate), share)| (Cell { aggregate, unit, legs }, share))
            .collect()
    }
}
