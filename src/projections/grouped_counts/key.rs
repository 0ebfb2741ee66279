//! What a group is of.

use super::{query::Dimension, selected::Selected};
use crate::domain::{
    date,
    leg::{CategoryCode, Side, UnitCode},
    period::{Fineness, Period},
    symbol::Symbol,
};
use crate::projections::{
    claims::Vocabulary,
    ledger::{Aggregate, Cell, Traits},
};

/// One dimension of a group, in words. Parts of one key come in the requested order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Who gave them up: party codes, sorted.
    From(Vec<String>),
    /// Who received them: party codes, sorted.
    To(Vec<String>),
    /// Both sides.
    Route(Vec<String>, Vec<String>),
    /// The outermost exchange.
    Exchange(String),
    /// Who is said to have mediated; empty: nobody is.
    Mediator(String),
    /// The year; absent: nothing says.
    Year(Option<i32>),
    /// The month, or the period of a coarser date; absent: nothing says.
    Month(Option<Period>),
    /// The quarter, or the period of a coarser date; absent: nothing says.
    Quarter(Option<Period>),
    /// Number of `proto::ExchangeKind`.
    Kind(i32),
    /// Number of `proto::Category`; 0: the legs that do not say.
    Category(CategoryCode),
}

/// What a group is of; ordered by its parts, then by unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// One for each requested dimension.
    pub parts: Vec<Part>,
    /// What is counted.
    pub unit: UnitCode,
}

/// What all cells of one exchange have in common in their keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct OfExchange {
    exchange: Symbol,
    mediator: Symbol,
    year: Option<i32>,
    month: Option<Period>,
    quarter: Option<Period>,
    kind: i32,
}

impl OfExchange {
    /// One key; with several mediators, one for each.
    pub(super) fn all(selected: &Selected, outermost: Symbol, traits: &Traits) -> Vec<Self> {
        let is_grouped_by = |it: Dimension| selected.query.dimensions.contains(&it);
        let mut key = Self::default();
        if is_grouped_by(Dimension::Exchange) {
            key.exchange = outermost;
        }
        if is_grouped_by(Dimension::Year) {
            key.year = traits.first_day().and_then(date::year);
        }
        if is_grouped_by(Dimension::Month) {
            key.month = Period::of_days(traits.dates(), Fineness::Month);
        }
        if is_grouped_by(Dimension::Quarter) {
            key.quarter = Period::of_days(traits.dates(), Fineness::Quarter);
        }
        if is_grouped_by(Dimension::Kind) {
            key.kind = traits.reported.kind;
        }
        if !is_grouped_by(Dimension::Mediator) {
            return vec![key];
        }
        let keys: Vec<Self> =
            selected.mediators(traits).map(|mediator| Self { mediator, ..key }).collect();
        if keys.is_empty() { vec![key] } else { keys }
    }
}

/// What a cell gives to a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CellKey {
    from: Side,
    to: Side,
    category: CategoryCode,
    unit: UnitCode,
}

impl CellKey {
    pub(super) fn new(selected: &Selected, cell: &Cell) -> Self {
        let is_grouped_by = |it: Dimension| selected.query.dimensions.contains(&it);
        let route = is_grouped_by(Dimension::Route);
        let side =
            |is_grouped: bool, side: &Side| if is_grouped { side.clone() } else { Side::default() };
        let (from, to) = match &cell.aggregate {
            Aggregate::Total(_) => (Side::default(), Side::default()),
            // The shape of the query picks the direction, so the side is that of its dimension.
            Aggregate::Side(_, own) => {
                (side(is_grouped_by(Dimension::From), own), side(is_grouped_by(Dimension::To), own))
            }
            Aggregate::Route(from, to) => (
                side(route || is_grouped_by(Dimension::From), from),
                side(route || is_grouped_by(Dimension::To), to),
            ),
        };
        let category =
            cell.legs.category().filter(|_| is_grouped_by(Dimension::Category)).unwrap_or(0);
        Self { from, to, category, unit: cell.unit }
    }
}

/// A key in symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawKey<'k> {
    of_exchange: OfExchange,
    of_cell: &'k CellKey,
}

impl<'k> RawKey<'k> {
    pub(super) fn new(of_exchange: OfExchange, of_cell: &'k CellKey) -> Self {
        Self { of_exchange, of_cell }
    }

    /// The key in words.
    pub(super) fn spelled(&self, vocabulary: &Vocabulary, selected: &Selected) -> GroupKey {
        let side = |side: &Side| vocabulary.texts(side.iter());
        let part = |dimension: &Dimension| match dimension {
            Dimension::From => Part::From(side(&self.of_cell.from)),
            Dimension::To => Part::To(side(&self.of_cell.to)),
            Dimension::Route => Part::Route(side(&self.of_cell.from), side(&self.of_cell.to)),
            Dimension::Exchange => {
                Part::Exchange(vocabulary.text(self.of_exchange.exchange).to_owned())
            }
            Dimension::Mediator => {
                Part::Mediator(vocabulary.text(self.of_exchange.mediator).to_owned())
            }
            Dimension::Year => Part::Year(self.of_exchange.year),
            Dimension::Month => Part::Month(self.of_exchange.month),
            Dimension::Quarter => Part::Quarter(self.of_exchange.quarter),
            Dimension::Kind => Part::Kind(self.of_exchange.kind),
            Dimension::Category => Part::Category(self.of_cell.category),
        };
        let parts = selected.query.dimensions.iter().map(part).collect();
        GroupKey { parts, unit: self.of_cell.unit }
    }
}
