//! What every outermost exchange said at every moment, cell by cell, and what that adds up to.
//!
//! When an event makes a difference to an exchange, the rules run once. The cells that changed are
//! entered with the event. So a figure as of any moment is looked up and not worked out again. The
//! entries also say what changed the figure, and when. The alternative is to work figures out from
//! the claims at each question; it made old moments as dear as the whole record.

mod cell;
mod entries;
mod figure_history;
mod outcome;
mod traits;

pub use cell::{Aggregate, Cell, Changes, FigureKey, Legs};
pub use figure_history::Step;
pub use outcome::{ClaimedLegs, Outcome, Rules, traits};
pub use traits::{Days, Reported, TraitChanges, TraitMark, Traits};

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::domain::{event::Position, share::Share, symbol::Symbol, tally::Tally};
use crate::projections::interned::{Interned, Place};
use entries::{Entries, Entry, NOTHING, Values};
use figure_history::FigureHistory;
use traits::{MARKS, TraitTable, is_trait};

/// The entries, by exchange and by figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    cells: Interned<Cell>,
    shares: Interned<Share>,
    traits: TraitTable,
    exchanges: HashMap<Symbol, Entries>,
    figures: BTreeMap<FigureKey, FigureHistory>,
}

/// What one outermost exchange said at a moment.
#[derive(Debug)]
pub struct Standing<'a> {
    /// What it is grouped and selected by.
    pub traits: Traits,
    /// Its numbers.
    pub cells: Vec<(&'a Cell, &'a Share)>,
}

impl Ledger {
    /// Enters what an outermost exchange says from `event` on.
    pub fn enter(&mut self, event: Position, outermost: Symbol, outcome: Outcome) {
        let before = self.exchanges.get(&outermost).map(Entries::now).unwrap_or_default();
        let mut values: Vec<_> =
            outcome.traits.iter().flat_map(|traits| self.traits.values(traits)).collect();
        // In the order in which changes come, so that it makes no difference which way they came.
        let mut cells = outcome.cells;
        let key = |cell: &Cell| (cell.unit, cell.legs, cell.aggregate.clone());
        cells.sort_by_cached_key(|(cell, _)| key(cell));
        values.extend(cells.into_iter().map(|(cell, share)| self.value(cell, share)));
        self.replace((event, outermost), before, values);
    }

    /// Enters what an event has changed in what an outermost exchange says.
    pub fn change(&mut self, event: Position, outermost: Symbol, changes: Changes) {
        let Changes { traits, cells } = changes;
        let mut values = traits.map(|it| self.traits.changed(&it)).unwrap_or_default();
        for (cell, share) in cells {
            match share {
                Some(share) => values.push(self.value(cell, share)),
                None => values.extend(self.cells.find(&cell).map(|cell| (cell, NOTHING))),
            }
        }
        let entries = self.exchanges.get(&outermost);
        let now = |(cell, _): &(Place, Place)| Some((*cell, entries?.at(*cell, Position::MAX)?));
        let before: Values = values.iter().filter_map(now).collect();
        values.retain(|(_, value)| *value != NOTHING);
        self.replace((event, outermost), before, values);
    }

    fn value(&mut self, cell: Cell, share: Share) -> (Place, Place) {
        (self.cells.intern(cell), self.shares.intern(share))
    }

    /// Puts the values that cells have from an event on in the place of those that they had.
    fn replace(
        &mut self,
        (event, outermost): (Position, Symbol),
        mut before: Values,
        values: Vec<(Place, Place)>,
    ) {
        let mut entered = Vec::new();
        for (cell, value) in values {
            let old = before.remove(&cell);
            if old != Some(value) {
                entered.push((cell, old, value));
            }
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
        self.exchanges.values_mut().for_each(Entries::restore);
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

    /// The steps of a figure that is made only of exchanges of which some date passes, of the dates
    /// that they have at each moment.
    pub fn steps_where(&self, key: FigureKey, passes: impl Fn(Days) -> bool) -> Vec<Step> {
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
        passes: impl Fn(Days) -> bool,
    ) -> Vec<Step> {
        let of_figure = |cell: Place| self.cells.get(cell).and_then(Cell::figure) == Some(key);
        let Some(entries) = self.exchanges.get(&exchange) else { return Vec::new() };
        let entries = entries.of(|cell| is_trait(cell) || of_figure(cell));
        let mut steps = Vec::new();
        let mut dates = Passing::default();
        let (mut value, mut before) = (None, None);
        for entries in entries.chunk_by(|one, another| one.event == another.event) {
            for entry in entries {
                if is_trait(entry.cell) {
                    dates.take(&self.traits, entry, &passes);
                } else {
                    value = (entry.value != NOTHING).then_some(entry.value);
                }
            }
            let after = value.filter(|_| dates.any());
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
    pub fn traits(&self, outermost: Symbol, position: Position) -> Option<Traits> {
        let (mut values, mut traits) = (Vec::new(), Traits::default());
        let entries = self.exchanges.get(&outermost)?;
        entries.values(position, (MARKS, |_| true), &mut values);
        self.traits.read(&values, &mut traits).then_some(traits)
    }

    /// Shows what some outermost exchanges said just after `position`, of cells that `is_wanted`
    /// accepts. Cells are named by their places.
    pub fn visit(
        &self,
        exchanges: &[Symbol],
        position: Position,
        is_wanted: impl Fn(Place) -> bool,
        mut show: impl FnMut(Symbol, &Traits, &[(Place, &Share)]),
    ) {
        let (mut values, mut shares) = (Vec::new(), Vec::new());
        let mut traits = Traits::default();
        for outermost in exchanges {
            let Some(entries) = self.exchanges.get(outermost) else { continue };
            entries.values(position, (0, |cell| is_trait(cell) || is_wanted(cell)), &mut values);
            if !self.traits.read(&values, &mut traits) {
                continue;
            }
            let cells = values.iter().filter(|(cell, _)| !is_trait(*cell));
            shares.clear();
            shares.extend(cells.filter_map(|(cell, it)| Some((*cell, self.shares.get(*it)?))));
            show(*outermost, &traits, &shares);
        }
    }

    /// What one outermost exchange said; absent: no claim about it stood, or it was a portion.
    pub fn exchange(&self, outermost: Symbol, position: Position) -> Option<Standing<'_>> {
        let (mut values, mut traits) = (Vec::new(), Traits::default());
        self.exchanges.get(&outermost)?.values(position, (0, |_| true), &mut values);
        let found = self.traits.read(&values, &mut traits);
        let cell =
            |(cell, it): &(Place, Place)| Some((self.cells.get(*cell)?, self.shares.get(*it)?));
        let mut cells: Vec<_> = values.iter().filter(|(cell, _)| !is_trait(*cell)).collect();
        cells.sort_unstable();
        found.then(|| Standing { traits, cells: cells.into_iter().filter_map(cell).collect() })
    }

    /// What one outermost exchange adds to a figure just after `position`; absent: nothing.
    pub fn share(&self, key: FigureKey, outermost: Symbol, position: Position) -> Option<Share> {
        let of_figure = |cell: Place| self.cells.get(cell).and_then(Cell::figure) == Some(key);
        let mut values = Vec::new();
        self.exchanges.get(&outermost)?.values(position, (0, of_figure), &mut values);
        values.iter().find_map(|(_, share)| self.shares.get(*share)).copied()
    }
}

/// Which of the dates of an exchange pass, while its entries are gone through.
#[derive(Debug, Default)]
struct Passing {
    reported: Option<bool>,
    claimed: usize,
    known: bool,
}

impl Passing {
    /// Takes an entry of traits.
    fn take(&mut self, table: &TraitTable, entry: &Entry, passes: &impl Fn(Days) -> bool) {
        if let Some(mark) = table.marked(entry.cell) {
            let counts = matches!(mark, TraitMark::Date(days) if passes(days));
            if entry.value == NOTHING {
                self.claimed = self.claimed.saturating_sub(counts.into());
            } else {
                self.claimed += usize::from(counts);
            }
            return;
        }
        let reported = table.reported(entry.value);
        self.known = reported.is_some();
        self.reported = reported.and_then(|it| it.date).map(passes);
    }

    /// Whether one of the dates that the exchange goes by passes.
    fn any(&self) -> bool {
        self.known && self.reported.unwrap_or(self.claimed > 0)
    }
}
