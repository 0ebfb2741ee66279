//! Which exchanges and which of their cells a query is about.

use std::collections::BTreeSet;

use super::query::{Dimension, GroupedQuery};
use crate::domain::{leg::Direction, symbol::Symbol};
use crate::projections::{
    ledger::{Aggregate, Cell, Traits},
    register::Register,
};

/// Which cells the figures are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// What is said of the whole.
    Total,
    /// What one side received or sent.
    Side(Direction),
    /// What went from one side to another.
    Route,
}

/// A query, with the names in it looked up.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) query: GroupedQuery,
    senders: BTreeSet<Symbol>,
    receivers: BTreeSet<Symbol>,
    mediator: Option<Symbol>,
    shape: Shape,
}

impl Selected {
    /// Absent: the query has a name that no claim ever used, so nothing is found.
    pub(super) fn new(register: &Register, query: GroupedQuery) -> Option<Self> {
        let vocabulary = register.claims().vocabulary();
        let find = |names: &BTreeSet<String>| {
            let found: BTreeSet<Symbol> =
                names.iter().filter_map(|name| vocabulary.find(name)).collect();
            (names.is_empty() || !found.is_empty()).then_some(found)
        };
        let mediator = match &query.mediator {
            Some(name) => Some(vocabulary.find(name)?),
            None => None,
        };
        let is_grouped_by =
            |it: &[Dimension]| query.dimensions.iter().any(|dimension| it.contains(dimension));
        let from = is_grouped_by(&[Dimension::From, Dimension::Route]) || !query.senders.is_empty();
        let to = is_grouped_by(&[Dimension::To, Dimension::Route]) || !query.receivers.is_empty();
        let shape = match (from, to) {
            (true, true) => Shape::Route,
            (true, false) => Shape::Side(Direction::Sent),
            (false, true) => Shape::Side(Direction::Received),
            (false, false) => Shape::Total,
        };
        let (senders, receivers) = (find(&query.senders)?, find(&query.receivers)?);
        Some(Self { query, senders, receivers, mediator, shape })
    }

    /// Whether the groups name one side and nothing of the other, so that what is not attributed
    /// can be given beside them.
    pub(super) fn names_one_side(&self) -> bool {
        let is_grouped_by = |it: Dimension| self.query.dimensions.contains(&it);
        matches!(self.shape, Shape::Side(_))
            && (is_grouped_by(Dimension::From) || is_grouped_by(Dimension::To))
    }

    /// Whether an exchange is of the requested kind, and has the requested mediator.
    pub(super) fn exchange(&self, traits: &Traits) -> bool {
        let mut mediators = self.mediators(traits);
        self.query.kind.is_none_or(|kind| kind == traits.reported.kind)
            && self.mediator.is_none_or(|wanted| mediators.any(|it| it == wanted))
    }

    /// Who is taken to have mediated.
    pub(super) fn mediators(&self, traits: &Traits) -> impl Iterator<Item = Symbol> {
        let denied_too = self.query.include_denied;
        let believed = traits.mediators.iter().filter(move |(_, denied)| denied_too || !denied);
        believed.map(|(mediator, _)| *mediator)
    }

    /// In which of a group's sums the cell is, 0 by those who received, 1 by those who gave up;
    /// absent: in none.
    pub(super) fn side_of(&self, cell: &Cell) -> Option<usize> {
        let by_category = self.query.dimensions.contains(&Dimension::Category);
        let category = match self.query.category {
            Some(category) => cell.legs.category() == Some(category),
            None if by_category => cell.legs.category().is_some(),
            None => cell.legs.is_all(),
        };
        if !category || self.query.unit.is_some_and(|unit| unit != cell.unit) {
            return None;
        }
        let is_wanted = |wanted: &BTreeSet<Symbol>, side: &crate::domain::leg::Side| {
            wanted.is_empty() || side.alone().is_some_and(|party| wanted.contains(&party))
        };
        let direction = match (&cell.aggregate, self.shape) {
            (Aggregate::Total(direction), Shape::Total) => *direction,
            (Aggregate::Side(direction, side), Shape::Side(wanted)) if *direction == wanted => {
                let parties = match direction {
                    Direction::Received => &self.receivers,
                    Direction::Sent => &self.senders,
                };
                is_wanted(parties, side).then_some(*direction)?
            }
            (Aggregate::Route(from, to), Shape::Route) => {
                let both = is_wanted(&self.senders, from) && is_wanted(&self.receivers, to);
                both.then_some(Direction::Received)?
            }
            _ => return None,
        };
        Some(usize::from(direction == Direction::Sent))
    }
}
