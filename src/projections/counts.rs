//! How many each country received and sent.

mod changes;
mod history;
mod occurred;

pub use changes::{Change, changes};
pub use history::{Move, moves, moves_of};
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
use crate::projections::{Projection as _, interned::Place, ledger::FigureKey, register::Register};

/// Which figures are asked for.
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
    /// Outermost exchanges with transfers that were asked for, left out because nothing says
    /// when they occurred.
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
    let at = query.as_of.unwrap_or(Position::MAX).min(register.position());
    let wanted = Wanted::new(register, query);
    let (rows, undated_exchanges) = if let Some(occurred) = &query.occurred {
        selected(register, &wanted, occurred, at)
    } else {
        let figures = register.ledger().figures(at);
        let wanted = figures.filter(|(key, _)| wanted.includes(key));
        (rows(register, wanted.map(|(key, tally)| (key, Figure::from(&tally)))), 0)
    };
    CountAnswer { rows, undated_exchanges, position: at }
}

/// The figures that are asked for.
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

/// The rows over the outermost exchanges that occurred then, and how many are left out as undated.
fn selected(
    register: &Register,
    wanted: &Wanted,
    occurred: &Edtf,
    at: Position,
) -> (Vec<CountRow>, u32) {
    let ledger = register.ledger();
    let keys: Vec<Option<FigureKey>> =
        ledger.cells().map(|(_, cell)| cell.figure().filter(|key| wanted.includes(key))).collect();
    let key = |cell: Place| keys.get(cell as usize).copied().flatten();
    let mut tallies: HashMap<FigureKey, Tally> = HashMap::new();
    let mut undated = 0;
    ledger.visit(
        at,
        |cell| key(cell).is_some(),
        |_, traits, shares| match when(traits, occurred) {
            When::Elsewhere => {}
            When::Unknown => undated += u32::from(!shares.is_empty()),
            When::Within => {
                for (cell, share) in shares {
                    if let Some(key) = key(*cell) {
                        tallies.entry(key).or_default().add(share);
                    }
                }
            }
        },
    );
    let figures = tallies.into_iter().map(|(key, tally)| (key, Figure::from(&tally)));
    (rows(register, figures), undated)
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
pub(in crate::projections) mod properties;
#[cfg(test)]
mod readings;
#[cfg(test)]
mod truth;
