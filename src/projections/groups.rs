//! Figures by groups: by country, route, exchange, mediator, year, kind or category.

mod key;
mod selected;

pub use key::{Dimension, GroupKey, Part};

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::domain::{
    date::Edtf,
    event::Position,
    figure::Figure,
    leg::{CategoryCode, UnitCode},
    side::Share,
    symbol::Symbol,
    tally::Tally,
};
use crate::projections::{
    counts::{When, when},
    ledger::{Cell, Outcome, Traits},
    register::Register,
};
use key::{OfExchange, RawKey};
use selected::Selected;

/// Which groups are asked for; what several filters ask for must all be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupQuery {
    /// What to group by.
    pub dimensions: Vec<Dimension>,
    /// Only legs attributed to one of these alone as giving up; none: all.
    pub senders: BTreeSet<String>,
    /// Only legs attributed to one of these alone as receiving; none: all.
    pub receivers: BTreeSet<String>,
    /// Only this exchange and those within it.
    pub exchange: Option<String>,
    /// Only exchanges with this mediator: a party code, or the name of somebody of no party.
    pub mediator: Option<String>,
    /// Mediators count also where somebody denies that they mediated.
    pub include_denied: bool,
    /// Only outermost exchanges of this kind, a number of `proto::ExchangeKind`.
    pub kind: Option<i32>,
    /// Only legs of this category.
    pub category: Option<CategoryCode>,
    /// Only this unit.
    pub unit: Option<UnitCode>,
    /// Only outermost exchanges that occurred then.
    pub occurred: Option<Edtf>,
}

/// The groups, true for one position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupAnswer {
    /// Ordered by their keys, in the order of the dimensions asked for.
    pub groups: Vec<(GroupKey, Figure)>,
    /// The figure of all groups; absent: they can overlap, are of several units, or are none.
    pub total: Option<Figure>,
    /// Outermost exchanges left out because nothing says when they occurred.
    pub undated_exchanges: u32,
}

/// The figures of the groups that are asked for, just after `at`.
pub fn groups(register: &Register, query: &GroupQuery, at: Position) -> GroupAnswer {
    let mut answer = sums(register, query, at);
    let overlap = [Dimension::Category, Dimension::Mediator];
    let units: BTreeSet<UnitCode> = answer.groups.iter().map(|(key, _)| key.unit).collect();
    if units.len() == 1 && !overlap.iter().any(|it| query.dimensions.contains(it)) {
        let all = GroupQuery { dimensions: Vec::new(), ..query.clone() };
        answer.total = sums(register, &all, at).groups.pop().map(|(_, figure)| figure);
    }
    answer
}

fn sums(register: &Register, query: &GroupQuery, at: Position) -> GroupAnswer {
    let Some(selected) = Selected::new(register, query) else {
        return GroupAnswer::default();
    };
    let mut grouping = Grouping { selected, sums: HashMap::new(), undated: 0 };
    let Some(exchange) = &query.exchange else {
        register.ledger().visit(at, |outermost, traits, cells| {
            grouping.add(outermost, traits, cells.iter().copied());
        });
        return grouping.answer(register);
    };
    let view = register.at(at);
    if let Some(exchange) = register.claims().vocabulary().find(exchange) {
        let outermost = view.nesting().outermost(exchange);
        if let Some(standing) = register.ledger().exchange(outermost, at) {
            let outcome = Outcome::within(&view, exchange);
            let cells = outcome.cells.iter().map(|(cell, share)| (cell, share));
            grouping.add(outermost, standing.traits, cells);
        }
    }
    grouping.answer(register)
}

struct Grouping<'r> {
    selected: Selected<'r>,
    /// Of each group the sums by those who received and by those who gave up.
    sums: HashMap<RawKey, [Tally; 2]>,
    undated: u32,
}

impl Grouping<'_> {
    /// Adds what one outermost exchange says.
    fn add<'c>(
        &mut self,
        outermost: Symbol,
        traits: &Traits,
        cells: impl Iterator<Item = (&'c Cell, &'c Share)>,
    ) {
        let occurred = self.selected.query.occurred.as_ref();
        let when = occurred.map_or(When::Within, |occurred| when(traits, occurred));
        if when == When::Elsewhere || !self.selected.exchange(traits) {
            return;
        }
        let keys = OfExchange::all(&self.selected, outermost, traits);
        let mut concerned = false;
        for (cell, share) in cells {
            let Some(side) = self.selected.side_of(cell) else { continue };
            concerned = true;
            if when == When::Within {
                for key in &keys {
                    let key = RawKey::new(&self.selected, *key, cell);
                    if let Some(tally) = self.sums.entry(key).or_default().get_mut(side) {
                        tally.add(share);
                    }
                }
            }
        }
        self.undated += u32::from(concerned && when == When::Unknown);
    }

    fn answer(self, register: &Register) -> GroupAnswer {
        let mut groups: BTreeMap<GroupKey, Figure> = BTreeMap::new();
        let rest = self.selected.names_one_side();
        for (key, sums) in &self.sums {
            if let Some(mut figure) = larger(sums) {
                if !rest {
                    (figure.shared, figure.open) = (None, None);
                }
                groups.insert(key.told(register.claims().vocabulary(), &self.selected), figure);
            }
        }
        let groups = groups.into_iter().collect();
        GroupAnswer { groups, total: None, undated_exchanges: self.undated }
    }
}

/// The larger of the sum by those who received and the sum by those who gave up.
fn larger(sums: &[Tally]) -> Option<Figure> {
    let range = |tally: &&Tally| {
        let range = tally.amount().map(|amount| (amount.low, amount.high));
        (range, std::cmp::Reverse(tally.unnumbered))
    };
    sums.iter().filter(|tally| tally.shares > 0).max_by_key(range).map(Figure::from)
}

#[cfg(test)]
mod tests;
