//! How many each country received and sent.

mod changes;
mod history;
mod occurred;

pub use changes::{Change, changes};
pub use history::{Move, MoveWalk, StepsWalk, moves, moves_of};
pub use occurred::{When, when};

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::domain::{
    date::Edtf,
    event::Position,
    figure::Figure,
    leg::{Direction, UnitCode},
    symbol::Symbol,
    tally::Tally,
};
use crate::projections::{
    Projection as _,
    interned::Place,
    ledger::{Cell, FigureKey},
    register::Register,
    walk::{Walk, piece, walked},
};

/// Which figures are requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountQuery {
    /// Only these party codes; none: all.
    pub countries: BTreeSet<String>,
    /// Only this unit; absent: all.
    pub unit: Option<UnitCode>,
    /// As the record stood just after this position; absent: now.
    pub as_of: Option<Position>,
    /// Only outermost exchanges that occurred then; absent: all.
    pub occurred: Option<Edtf>,
}

/// The figures, true for one position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountAnswer {
    /// One for each country and unit, in this order.
    pub rows: Vec<CountRow>,
    /// Outermost exchanges with requested transfers, left out because nothing says when they
    /// occurred.
    pub undated_exchanges: u32,
    /// The position that the answer is true for.
    pub position: Position,
}

/// What one country received and sent, in one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountRow {
    /// The party code.
    pub country: String,
    /// What is counted.
    pub unit: UnitCode,
    /// What it received; absent: no transfer concerns it on this side.
    pub received: Option<Figure>,
    /// What it sent; absent: no transfer concerns it on this side.
    pub sent: Option<Figure>,
}

/// How many each country received and sent. A position beyond the last event means now.
pub fn country_counts(register: &Register, query: &CountQuery) -> CountAnswer {
    if let Some(occurred) = query.occurred.clone() {
        return walked(CountWalk::new(query.clone(), occurred), register);
    }
    let at = query.as_of.unwrap_or(Position::MAX).min(register.position());
    let wanted = Wanted::new(register, query);
    let figures = register.ledger().figures(at).filter(|(key, _)| wanted.includes(key));
    let rows = rows(register, figures.map(|(key, tally)| (key, Figure::from(&tally))));
    CountAnswer { rows, undated_exchanges: 0, position: at }
}

/// The requested figures.
struct Wanted {
    countries: Option<BTreeSet<Symbol>>,
    unit: Option<UnitCode>,
}

impl Wanted {
    fn new(register: &Register, query: &CountQuery) -> Self {
        let vocabulary = register.claims().vocabulary();
        let known = query.countries.iter().filter_map(|country| vocabulary.find(country));
        let countries = (!query.countries.is_empty()).then(|| known.collect());
        Self { countries, unit: query.unit }
    }

    fn includes(&self, (country, unit, _): &FigureKey) -> bool {
        self.countries.as_ref().is_none_or(|countries| countries.contains(country))
            && self.unit.is_none_or(|wanted| wanted == *unit)
    }
}

/// Outermost exchanges of one piece.
const PIECE: usize = 1_024;

/// The same over the outermost exchanges that occurred then.
#[derive(Debug)]
pub struct CountWalk {
    query: CountQuery,
    occurred: Edtf,
    /// Of each cell by its place, the requested figure that it is a part of; absent: not begun.
    keys: Option<Vec<Option<FigureKey>>>,
    exchanges: Vec<Symbol>,
    next: usize,
    tallies: HashMap<FigureKey, Tally>,
    answer: CountAnswer,
}

impl CountWalk {
    /// The figures over the exchanges that occurred in an interval.
    pub fn new(query: CountQuery, occurred: Edtf) -> Self {
        let (keys, exchanges, tallies) = (None, Vec::new(), HashMap::new());
        let answer = CountAnswer::default();
        Self { query, occurred, keys, exchanges, next: 0, tallies, answer }
    }

    fn begin(&mut self, register: &Register) -> Vec<Option<FigureKey>> {
        let wanted = Wanted::new(register, &self.query);
        self.answer.position = self.query.as_of.unwrap_or(Position::MAX).min(register.position());
        self.exchanges = register.ledger().outermost();
        let key = |(_, cell): (Place, &Cell)| cell.figure().filter(|key| wanted.includes(key));
        register.ledger().cells().map(key).collect()
    }
}

impl Walk for CountWalk {
    type Answer = CountAnswer;

    fn go_on(&mut self, register: &Register) -> bool {
        let keys = match self.keys.take() {
            Some(keys) => keys,
            None => self.begin(register),
        };
        let key = |cell: Place| keys.get(cell as usize).copied().flatten();
        let exchanges = piece(&mut self.next, PIECE, self.exchanges.len());
        let exchanges = self.exchanges.get(exchanges).unwrap_or_default();
        let Self { occurred, tallies, answer, .. } = self;
        register.ledger().visit(
            exchanges,
            answer.position,
            |cell| key(cell).is_some(),
            |_, traits, shares| match when(traits, occurred) {
                When::Elsewhere => {}
                When::Unknown => answer.undated_exchanges += u32::from(!shares.is_empty()),
                When::Within => {
                    for (cell, share) in shares {
                        if let Some(key) = key(*cell) {
                            tallies.entry(key).or_default().add(share);
                        }
                    }
                }
            },
        );
        self.keys = Some(keys);
        let done = self.next == self.exchanges.len();
        if done {
            let tallies = std::mem::take(&mut self.tallies).into_iter();
            let figures = tallies.map(|(key, tally)| (key, Figure::from(&tally)));
            self.answer.rows = rows(register, figures);
        }
        done
    }

    fn answer(self) -> CountAnswer {
        self.answer
    }
}

/// Figures side by side: one row for each country and unit.
pub(super) fn rows(
    register: &Register,
    figures: impl Iterator<Item = (FigureKey, Figure)>,
) -> Vec<CountRow> {
    let mut sides: BTreeMap<(&str, UnitCode), [Option<Figure>; 2]> = BTreeMap::new();
    for ((country, unit, direction), figure) in figures {
        let country = register.claims().vocabulary().text(country);
        let [received, sent] = sides.entry((country, unit)).or_default();
        match direction {
            Direction::Received => *received = Some(figure),
            Direction::Sent => *sent = Some(figure),
        }
    }
    let row = |((country, unit), [received, sent]): ((&str, UnitCode), [Option<Figure>; 2])| {
        CountRow { country: country.to_owned(), unit, received, sent }
    };
    sides.into_iter().map(row).collect()
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod ground_truth;
#[cfg(test)]
pub(in crate::projections) mod properties;
#[cfg(test)]
mod readings;
