//! The numbers of one outermost exchange and unit: of all legs, and of those of each category.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Context, Flows,
    cells::{Aggregate, Cells, Changed, Preferred, Terms},
};
use crate::domain::{
    estimate::Estimate,
    leg::{CategoryCode, Direction, LegKey},
    multiset::Multiset,
    nesting::Nesting,
    share::Share,
    symbol::Symbol,
};

/// Of which legs a number is; 0 stands for those that do not say a category.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
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

/// Numbers that may have changed; absent: there is none any longer.
pub type Changes = Vec<((Legs, Aggregate), Option<Share>)>;

/// The numbers of one outermost exchange and unit, which change with each leg.
///
/// Exchanges within it are portions of it. When one of them becomes a portion of another, its legs
/// are taken out before and put in again after: nothing else depends on that.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    flows: Flows,
    parties: BTreeSet<Symbol>,
    preferred: Preferred,
    all: Cells,
    /// How many legs are of each category.
    legs: Multiset<CategoryCode>,
    /// The numbers by category; of one category they are those of all.
    categories: BTreeMap<CategoryCode, Cells>,
}

impl Unit {
    /// Sets what the claims on a leg amount to; absent: there are none.
    pub fn set(&mut self, nesting: &Nesting, leg: &LegKey, estimate: Option<Estimate>) -> Changes {
        let leg_id = self.flows.id(leg);
        let (was, there) = (self.all.legs().contains_key(&leg_id), estimate.is_some());
        let own = self.legs.times(&leg.category);
        // The label can be another only where a category comes or goes.
        let turns = self.legs.len() < 3 && ((own == 0 && there) || (own == 1 && was && !there));
        let cells = if turns { self.cells(nesting) } else { Vec::new() };
        let before = self.label();
        match (was, there) {
            (false, true) => self.legs.add(leg.category),
            (true, false) => self.legs.remove(&leg.category),
            (false, false) | (true, true) => false,
        };
        let after = self.label();
        let Self { flows, parties, preferred, all, categories, .. } = self;
        let terms = Terms { context: Context { flows, nesting }, parties, preferred };
        let of_all = all.set(terms, leg_id, estimate.clone());
        if before != after && before.is_some() && after.is_some() {
            self.sort(nesting);
            return relabelled(cells, self.cells(nesting));
        }
        let Some(label) = after.or(before) else { return Vec::new() };
        let mut changes: Changes = labelled(label, of_all).collect();
        if label == Legs::All {
            let cells = categories.entry(leg.category).or_default();
            let of_category = cells.set(terms, leg_id, estimate);
            changes.extend(labelled(Legs::Of(leg.category), of_category));
            categories.retain(|_, cells| !cells.legs().is_empty());
        }
        changes
    }

    /// Sorts all legs by category, or leaves them together if they are of one.
    fn sort(&mut self, nesting: &Nesting) {
        let several = self.label() == Some(Legs::All);
        let Self { flows, parties, preferred, all, categories, .. } = self;
        let terms = Terms { context: Context { flows, nesting }, parties, preferred };
        categories.clear();
        for (leg_id, estimate) in all.legs().iter().filter(|_| several) {
            let cells = categories.entry(flows.category(leg_id.flow)).or_default();
            cells.set(terms, *leg_id, Some(estimate.clone()));
        }
    }

    /// Sets whether a party is one of the exchange. A side not said is open to the parties of the
    /// exchange.
    pub fn set_party(&mut self, nesting: &Nesting, party: Symbol, is_one: bool) -> Changes {
        let changed = if is_one { self.parties.insert(party) } else { self.parties.remove(&party) };
        if !changed {
            return Vec::new();
        }
        self.each(nesting, |cells, terms| cells.of_party(terms, party))
    }

    /// Sets the values preferred for a country in one direction, the latest first.
    pub fn prefer(
        &mut self,
        nesting: &Nesting,
        country: (Symbol, Direction),
        values: Vec<u32>,
    ) -> Changes {
        let before = self.preferred.get(&country).cloned().unwrap_or_default();
        if values.is_empty() {
            self.preferred.remove(&country);
        } else {
            self.preferred.insert(country, values);
        }
        self.each(nesting, |cells, terms| cells.prefer(terms, country, &before))
    }

    /// All numbers.
    pub fn cells(&self, nesting: &Nesting) -> Vec<((Legs, Aggregate), Share)> {
        let Self { flows, parties, preferred, all, categories, .. } = self;
        let terms = Terms { context: Context { flows, nesting }, parties, preferred };
        let of_categories = categories.iter().map(|(it, cells)| (Legs::Of(*it), cells));
        let scopes = self.label().map(|label| (label, all)).into_iter().chain(of_categories);
        let cells = |(label, cells): (Legs, &Cells)| {
            cells.all(terms).into_iter().map(move |(aggregate, share)| ((label, aggregate), share))
        };
        scopes.flat_map(cells).collect()
    }

    /// What changes in the numbers of all legs, and in those of each category.
    fn each(
        &mut self,
        nesting: &Nesting,
        mut change: impl FnMut(&mut Cells, Terms<'_>) -> Changed,
    ) -> Changes {
        let Some(label) = self.label() else { return Vec::new() };
        let Self { flows, parties, preferred, all, categories, .. } = self;
        let terms = Terms { context: Context { flows, nesting }, parties, preferred };
        let mut changes: Changes = labelled(label, change(all, terms)).collect();
        for (category, cells) in categories {
            changes.extend(labelled(Legs::Of(*category), change(cells, terms)));
        }
        changes
    }

    /// Of which legs the numbers of all are; absent: there are no legs.
    fn label(&self) -> Option<Legs> {
        let first = self.legs.iter().next()?;
        Some(if self.legs.len() == 1 { Legs::AllOf(*first) } else { Legs::All })
    }
}

fn labelled(
    label: Legs,
    changed: Changed,
) -> impl Iterator<Item = ((Legs, Aggregate), Option<Share>)> {
    changed.into_iter().map(move |(aggregate, share)| ((label, aggregate), share))
}

/// All numbers under other labels than before.
fn relabelled(
    before: Vec<((Legs, Aggregate), Share)>,
    after: Vec<((Legs, Aggregate), Share)>,
) -> Changes {
    let gone = before.into_iter().map(|(cell, _)| (cell, None));
    gone.chain(after.into_iter().map(|(cell, share)| (cell, Some(share)))).collect()
}
