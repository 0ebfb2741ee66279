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
    symbol::Symbol,
    tally::Tally,
};
use crate::projections::{
    counts::{When, when},
    interned::{Interned, Place},
    ledger::{Outcome, Traits},
    register::Register,
};
use key::{CellKey, OfExchange, RawKey};
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
    match &query.exchange {
        None => grouping.add_all(register, at),
        Some(exchange) => grouping.add_one(register, exchange, at),
    }
    grouping.answer(register)
}

/// The sums of a group by those who received and by those who gave up.
type Sums = [Tally; 2];

struct Grouping<'r> {
    selected: Selected<'r>,
    sums: HashMap<RawKey, Sums>,
    undated: u32,
}

impl Grouping<'_> {
    /// Adds what every outermost exchange says.
    ///
    /// There are few distinct cells and many exchanges, so what a cell means for the groups is
    /// looked up once, and exchanges are summed up by number.
    fn add_all(&mut self, register: &Register, at: Position) {
        let ledger = register.ledger();
        let mut parts: Interned<CellKey> = Interned::default();
        let cells: Vec<Option<(Place, usize)>> = ledger
            .cells()
            .map(|(_, cell)| {
                let side = self.selected.side_of(cell)?;
                Some((parts.intern(CellKey::new(&self.selected, cell)), side))
            })
            .collect();
        let part = |cell: Place| cells.get(cell as usize).copied().flatten();
        let mut sums: HashMap<(OfExchange, Place), Sums> = HashMap::new();
        let asked = |cell: Place| part(cell).is_some();
        ledger.visit(at, asked, |outermost, traits, shares| {
            let Some(keys) = self.keys(outermost, traits, !shares.is_empty()) else { return };
            for (cell, share) in shares {
                let Some((part, side)) = part(*cell) else { continue };
                for key in &keys {
                    let sums = sums.entry((*key, part)).or_default();
                    sums.get_mut(side).into_iter().for_each(|tally| tally.add(share));
                }
            }
        });
        for ((of_exchange, part), group) in sums {
            if let Some(part) = parts.get(part) {
                self.sums.insert(RawKey::new(of_exchange, part.clone()), group);
            }
        }
    }

    /// Adds what one exchange and those within it say.
    fn add_one(&mut self, register: &Register, exchange: &str, at: Position) {
        let view = register.at(at);
        let Some(exchange) = register.claims().vocabulary().find(exchange) else { return };
        let outermost = view.nesting().outermost(exchange);
        let Some(standing) = register.ledger().exchange(outermost, at) else { return };
        let cells = Outcome::within(&view, exchange).cells;
        let asked: Vec<_> = cells
            .iter()
            .filter_map(|(cell, share)| Some((cell, self.selected.side_of(cell)?, share)))
            .collect();
        let Some(keys) = self.keys(outermost, standing.traits, !asked.is_empty()) else { return };
        for (cell, side, share) in asked {
            for key in &keys {
                let key = RawKey::new(*key, CellKey::new(&self.selected, cell));
                let sums = self.sums.entry(key).or_default();
                sums.get_mut(side).into_iter().for_each(|tally| tally.add(share));
            }
        }
    }

    /// What the groups of an exchange have in common, if it is asked for; whether it has anything
    /// that is asked for tells whether it counts as undated.
    fn keys(
        &mut self,
        outermost: Symbol,
        traits: &Traits,
        concerned: bool,
    ) -> Option<Vec<OfExchange>> {
        let occurred = self.selected.query.occurred.as_ref();
        let when = occurred.map_or(When::Within, |occurred| when(traits, occurred));
        if when == When::Elsewhere || !self.selected.exchange(traits) {
            return None;
        }
        self.undated += u32::from(concerned && when == When::Unknown);
        (when == When::Within).then(|| OfExchange::all(&self.selected, outermost, traits))
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
