//! What an outermost exchange is grouped and selected by.
//!
//! Each date and each mediator is entered by itself, as a cell is: an exchange with a thousand
//! mediators would otherwise enter all of them again with the next one.

use serde::{Deserialize, Serialize};

use super::entries::NOTHING;
use crate::domain::symbol::Symbol;
use crate::projections::interned::{Interned, Place};

/// First and last day of a date; absent where an end is open or unknown.
pub type Days = (Option<i32>, Option<i32>);

/// What an outermost exchange is grouped and selected by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// What its own reports say.
    pub reported: Reported,
    /// All dates of claims about it or about an exchange within it, sorted, each once.
    pub claimed: Vec<Days>,
    /// Who is said to have mediated, sorted by symbol, with whether anybody denies it.
    pub mediators: Vec<(Symbol, bool)>,
}

/// What the reports of the outermost exchange itself say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reported {
    /// The latest date; absent: none gives one.
    pub date: Option<Days>,
    /// Number of `proto::ExchangeKind`, of the latest report that says one; 0: none does.
    pub kind: i32,
}

/// One of many that an exchange is grouped or selected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TraitMark {
    /// A claim gives this date.
    Date(Days),
    /// Somebody is said to have mediated.
    Mediator(Symbol),
}

/// What an event has changed of the traits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraitChanges {
    /// What the reports say now; absent: no claim stands.
    pub reported: Option<Reported>,
    /// Marks that may be others than before, each with whether it is denied; absent: it is gone.
    pub marks: Vec<(TraitMark, Option<bool>)>,
}

impl Traits {
    /// The dates that it is selected by: the latest that is reported of the exchange itself or,
    /// without one, all that claims give.
    pub fn dates(&self) -> &[Days] {
        if self.reported.date.is_some() { self.reported.date.as_slice() } else { &self.claimed }
    }

    /// The first day that any of the dates can mean; absent: none has a beginning.
    pub fn first_day(&self) -> Option<i32> {
        self.dates().iter().filter_map(|(first, _)| *first).min()
    }

    fn marks(&self) -> impl Iterator<Item = (TraitMark, bool)> {
        let dates = self.claimed.iter().map(|days| (TraitMark::Date(*days), false));
        let mediator = |(name, denied): &(Symbol, bool)| (TraitMark::Mediator(*name), *denied);
        dates.chain(self.mediators.iter().map(mediator))
    }
}

/// In the place of a cell: what the reports say.
pub(super) const REPORTED: Place = Place::MAX;
/// From here on the places of cells are those of marks; no memory of today holds as many cells.
pub(super) const MARKS: Place = 1 << 31;

/// What entries of traits refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TraitTable {
    reported: Interned<Reported>,
    marks: Interned<TraitMark>,
}

impl TraitTable {
    /// The values of the cells of all traits.
    pub(super) fn values(&mut self, traits: &Traits) -> Vec<(Place, Place)> {
        let reported = (REPORTED, self.reported.intern(traits.reported));
        let marks = traits.marks().map(|(mark, denied)| (self.mark(mark), denied.into()));
        [reported].into_iter().chain(marks).collect()
    }

    /// The values of the cells of traits that may have changed.
    pub(super) fn changed(&mut self, changes: &TraitChanges) -> Vec<(Place, Place)> {
        let reported = changes.reported.map_or(NOTHING, |it| self.reported.intern(it));
        let marks = changes
            .marks
            .iter()
            .map(|(mark, denied)| (self.mark(*mark), denied.map_or(NOTHING, Place::from)));
        [(REPORTED, reported)].into_iter().chain(marks).collect()
    }

    fn mark(&mut self, mark: TraitMark) -> Place {
        MARKS | self.marks.intern(mark)
    }

    /// Reads traits from the values of cells into `traits`; answers whether there are any.
    pub(super) fn read(&self, values: &[(Place, Place)], traits: &mut Traits) -> bool {
        let Traits { reported, claimed, mediators } = traits;
        claimed.clear();
        mediators.clear();
        let mut found = false;
        for (cell, value) in values.iter().filter(|(cell, _)| *cell >= MARKS) {
            if *cell == REPORTED {
                found = true;
                *reported = self.reported(*value).unwrap_or_default();
                continue;
            }
            match self.marked(*cell) {
                Some(TraitMark::Date(days)) => claimed.push(days),
                Some(TraitMark::Mediator(name)) => mediators.push((name, *value > 0)),
                None => {}
            }
        }
        claimed.sort_unstable();
        mediators.sort_unstable();
        found
    }

    pub(super) fn reported(&self, value: Place) -> Option<Reported> {
        self.reported.get(value).copied()
    }

    /// The mark that a cell stands for; absent: it stands for none.
    pub(super) fn marked(&self, cell: Place) -> Option<TraitMark> {
        let place = cell.checked_sub(MARKS).filter(|_| cell != REPORTED)?;
        self.marks.get(place).copied()
    }
}

/// Whether a cell is one of traits.
pub(super) fn is_trait(cell: Place) -> bool {
    cell >= MARKS
}
