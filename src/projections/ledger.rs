//! What every outermost exchange said at every moment, cell by cell, and what that adds up to.
//!
//! When an event makes a difference to an exchange, the rules are asked once, and the cells that
//! changed are entered with the event. So a figure as of any moment is looked up and not worked
//! out again, and what changed it, and when, is what was entered. The alternative, working it out
//! from the claims at each question, made old moments as dear as the whole record.

mod cell;
mod outcome;
mod series;

pub use cell::{Cell, Days, Group, Legs, Traits};
pub use outcome::{ClaimedLegs, Outcome, traits};
pub use series::Step;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::domain::{
    event::Position,
    leg::{Direction, UnitCode},
    side::Share,
    symbol::Symbol,
    tally::Tally,
};
use crate::projections::interned::{Interned, Place};
use series::Series;

/// In the place of a cell: the traits of the exchange.
const TRAITS: Place = Place::MAX;
/// In the place of a value: nothing any more.
const NOTHING: Place = Place::MAX;

/// One cell of one outermost exchange has another value from one event on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    event: Position,
    cell: Place,
    value: Place,
}

/// Country, unit and direction of a figure.
pub type FigureKey = (Symbol, UnitCode, Direction);

/// The entries, by exchange and by figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    cells: Interned<Cell>,
    shares: Interned<Share>,
    traits: Interned<Traits>,
    /// In the order of their events.
    exchanges: HashMap<Symbol, Vec<Entry>>,
    figures: BTreeMap<FigureKey, Series>,
}

/// What one outermost exchange said at a moment.
#[derive(Debug)]
pub struct Standing<'a> {
    /// What it is grouped and selected by.
    pub traits: &'a Traits,
    /// Its numbers.
    pub cells: Vec<(&'a Cell, &'a Share)>,
}

impl Ledger {
    /// Enters what an outermost exchange says from `event` on.
    pub fn enter(&mut self, event: Position, outermost: Symbol, outcome: Outcome) {
        let entries = self.exchanges.get(&outermost).map(Vec::as_slice).unwrap_or_default();
        let mut before = values(entries, Position::MAX);
        let mut entered = Vec::new();
        if let Some(traits) = outcome.traits {
            note(&mut before, &mut entered, TRAITS, self.traits.intern(traits));
        }
        for (cell, share) in outcome.cells {
            let (cell, share) = (self.cells.intern(cell), self.shares.intern(share));
            note(&mut before, &mut entered, cell, share);
        }
        // What goes comes first: a figure can go from one cell to another.
        let gone = before.into_iter().map(|(cell, value)| (cell, Some(value), NOTHING));
        for (cell, before, value) in gone.chain(entered) {
            self.exchanges.entry(outermost).or_default().push(Entry { event, cell, value });
            self.step(event, outermost, cell, (before, value));
        }
    }

    /// Enters a change in the figure that the cell belongs to, if it belongs to a country's.
    fn step(
        &mut self,
        event: Position,
        exchange: Symbol,
        cell: Place,
        (before, value): (Option<Place>, Place),
    ) {
        let figure = self.cells.get(cell).and_then(Cell::figure);
        if let Some(key) = figure {
            let after = (value != NOTHING).then_some(value);
            let step = Step { event, exchange, before, after };
            self.figures.entry(key).or_default().push(step, &self.shares);
        }
    }

    /// Makes what is not saved.
    pub fn restore(&mut self) {
        for series in self.figures.values_mut() {
            series.restore(&self.shares);
        }
    }

    /// Every figure of a country just after `position`.
    pub fn figures(&self, position: Position) -> impl Iterator<Item = (FigureKey, Tally)> + '_ {
        let tallies =
            self.figures.iter().map(move |(key, it)| (*key, it.at(position, &self.shares)));
        tallies.filter(|(_, tally)| tally.shares > 0)
    }

    /// One figure just after `position`; of no share, if nothing was said.
    pub fn figure(&self, key: FigureKey, position: Position) -> Tally {
        self.figures.get(&key).map(|it| it.at(position, &self.shares)).unwrap_or_default()
    }

    /// The steps that a figure took after one position, up to another.
    pub fn steps(&self, key: FigureKey, after: Position, up_to: Position) -> &[Step] {
        self.figures.get(&key).map(|it| it.between(after, up_to)).unwrap_or_default()
    }

    /// The exchanges that ever had a share in a figure.
    pub fn concerned(&self, key: FigureKey) -> BTreeSet<Symbol> {
        self.steps(key, 0, Position::MAX).iter().map(|step| step.exchange).collect()
    }

    /// The steps of a figure that is made only of exchanges that pass, with the traits that they
    /// have at each moment.
    pub fn steps_where(&self, key: FigureKey, passes: impl Fn(&Traits) -> bool) -> Vec<Step> {
        let concerned = self.concerned(key).into_iter();
        let steps = concerned.flat_map(|exchange| self.steps_in(exchange, key, &passes));
        let mut steps: Vec<Step> = steps.collect();
        steps.sort_unstable_by_key(|step| step.event);
        steps
    }

    /// Those of them that one exchange makes, in the order of their events.
    pub fn steps_in(
        &self,
        exchange: Symbol,
        key: FigureKey,
        passes: impl Fn(&Traits) -> bool,
    ) -> Vec<Step> {
        let of_figure = |cell: Place| self.cells.get(cell).and_then(Cell::figure) == Some(key);
        let mut steps = Vec::new();
        let entries = self.exchanges.get(&exchange).map(Vec::as_slice).unwrap_or_default();
        let (mut in_time, mut value, mut before) = (false, None, None);
        for entries in entries.chunk_by(|one, another| one.event == another.event) {
            for entry in entries {
                let now = (entry.value != NOTHING).then_some(entry.value);
                if entry.cell == TRAITS {
                    in_time = now.and_then(|it| self.traits.get(it)).is_some_and(&passes);
                } else if of_figure(entry.cell) {
                    value = now;
                }
            }
            let after = value.filter(|_| in_time);
            if let Some(entry) = entries.first().filter(|_| after != before) {
                steps.push(Step { event: entry.event, exchange, before, after });
                before = after;
            }
        }
        steps
    }

    /// Makes a step of a figure.
    pub fn apply(&self, step: &Step, tally: &mut Tally) {
        step.apply(tally, &self.shares);
    }

    /// Every cell that any exchange ever had, with its place.
    pub fn cells(&self) -> impl Iterator<Item = (Place, &Cell)> {
        (0..).zip(self.cells.iter())
    }

    /// The outermost exchanges of which anything was ever entered, in no order.
    pub fn outermost(&self) -> Vec<Symbol> {
        self.exchanges.keys().copied().collect()
    }

    /// What an outermost exchange was grouped and selected by just after `position`; absent: no
    /// claim that enters figures stood about it, or it was a portion.
    pub fn traits(&self, outermost: Symbol, position: Position) -> Option<&Traits> {
        let entries = self.exchanges.get(&outermost)?;
        let said = entries.partition_point(|entry| entry.event <= position);
        let mut said = entries.get(..said)?.iter().rev();
        self.traits.get(said.find(|entry| entry.cell == TRAITS)?.value)
    }

    /// Shows what some outermost exchanges said just after `position`, of the cells that are asked
    /// for; they are told by their places.
    pub fn visit(
        &self,
        exchanges: &[Symbol],
        position: Position,
        asked: impl Fn(Place) -> bool,
        mut show: impl FnMut(Symbol, &Traits, &[(Place, &Share)]),
    ) {
        let (mut values, mut shares) = (Vec::new(), Vec::new());
        for outermost in exchanges {
            let Some(entries) = self.exchanges.get(outermost) else { continue };
            values.clear();
            shares.clear();
            let mut traits = NOTHING;
            for entry in entries.iter().take_while(|entry| entry.event <= position) {
                if entry.cell == TRAITS {
                    traits = entry.value;
                } else if asked(entry.cell) {
                    set(&mut values, entry.cell, entry.value);
                }
            }
            let found =
                values.iter().filter_map(|(cell, value)| Some((*cell, self.shares.get(*value)?)));
            shares.extend(found);
            if let Some(traits) = self.traits.get(traits) {
                show(*outermost, traits, &shares);
            }
        }
    }

    /// What one outermost exchange said; absent: no claim about it stood, or it was a portion.
    pub fn exchange(&self, outermost: Symbol, position: Position) -> Option<Standing<'_>> {
        let mut cells = Vec::new();
        let traits = self.cells_at(self.exchanges.get(&outermost)?, position, &mut cells)?;
        Some(Standing { traits, cells })
    }

    /// The traits and cells just after `position`; absent: it was no outermost exchange.
    fn cells_at<'l>(
        &'l self,
        entries: &[Entry],
        position: Position,
        cells: &mut Vec<(&'l Cell, &'l Share)>,
    ) -> Option<&'l Traits> {
        let mut traits = None;
        for (cell, value) in values(entries, position) {
            if cell == TRAITS {
                traits = self.traits.get(value);
            } else if let (Some(cell), Some(share)) = (self.cells.get(cell), self.shares.get(value))
            {
                cells.push((cell, share));
            }
        }
        traits
    }
}

/// The value of each cell just after `position`.
fn values(entries: &[Entry], position: Position) -> BTreeMap<Place, Place> {
    let mut values = BTreeMap::new();
    for entry in entries.iter().take_while(|entry| entry.event <= position) {
        if entry.value == NOTHING {
            values.remove(&entry.cell);
        } else {
            values.insert(entry.cell, entry.value);
        }
    }
    values
}

/// Sets the value of a cell among a few.
fn set(values: &mut Vec<(Place, Place)>, cell: Place, value: Place) {
    match values.iter_mut().find(|(known, _)| *known == cell) {
        Some((_, known)) => *known = value,
        None => values.push((cell, value)),
    }
}

/// Notes a value that differs from the one before, and that the cell is still there.
fn note(
    before: &mut BTreeMap<Place, Place>,
    entered: &mut Vec<(Place, Option<Place>, Place)>,
    cell: Place,
    value: Place,
) {
    let old = before.remove(&cell);
    if old != Some(value) {
        entered.push((cell, old, value));
    }
}
