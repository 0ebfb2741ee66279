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
    let overlap = [Dimension::Category, Dimension::Mediator];
    let overlap = overlap.iter().any(|it| query.dimensions.contains(it));
    let all = GroupQuery { dimensions: Vec::new(), ..query.clone() };
    let queries = if overlap { vec![query] } else { vec![query, &all] };
    let mut answers = sums(register, &queries, at).into_iter();
    let mut answer = answers.next().unwrap_or_default();
    let total = answers.next().unwrap_or_default().groups;
    if let [(_, figure)] = total.as_slice() {
        answer.total = Some(figure.clone());
    }
    answer
}

/// The sums that several queries about the same exchanges ask for: the exchanges are gone through
/// once.
fn sums(register: &Register, queries: &[&GroupQuery], at: Position) -> Vec<GroupAnswer> {
    let selected = queries.iter().map(|query| Selected::new(register, query));
    let Some(selected) = selected.collect::<Option<Vec<_>>>() else { return Vec::new() };
    let grouping = |selected| Grouping::new(register, selected);
    let mut groupings: Vec<Grouping<'_>> = selected.into_iter().map(grouping).collect();
    if let Some(exchange) = queries.first().and_then(|query| query.exchange.as_ref()) {
        for grouping in &mut groupings {
            grouping.add_one(register, exchange, at);
        }
    } else {
        let asked: Vec<bool> = register
            .ledger()
            .cells()
            .map(|(cell, _)| groupings.iter().any(|grouping| grouping.part(cell).is_some()))
            .collect();
        let asked = |cell: Place| asked.get(cell as usize).copied().unwrap_or_default();
        register.ledger().visit(at, asked, |outermost, traits, shares| {
            for grouping in &mut groupings {
                grouping.add(outermost, traits, shares);
            }
        });
    }
    groupings.into_iter().map(|grouping| grouping.answer(register)).collect()
}

/// The sums of a group by those who received and by those who gave up.
type Sums = [Tally; 2];

/// The groups of one query.
///
/// There are few distinct cells and many exchanges, so what a cell means for the groups is looked
/// up once, and exchanges are summed up by number.
struct Grouping<'r> {
    selected: Selected<'r>,
    parts: Interned<CellKey>,
    /// Of each cell by its place: its part of the key, and in which of the sums it is.
    cells: Vec<Option<(Place, usize)>>,
    by_number: HashMap<(OfExchange, Place), Sums>,
    sums: HashMap<RawKey, Sums>,
    undated: u32,
}

impl<'r> Grouping<'r> {
    fn new(register: &Register, selected: Selected<'r>) -> Self {
        let mut parts: Interned<CellKey> = Interned::default();
        let cells = register.ledger().cells().map(|(_, cell)| {
            let side = selected.side_of(cell)?;
            Some((parts.intern(CellKey::new(&selected, cell)), side))
        });
        let cells = cells.collect();
        let (by_number, sums) = (HashMap::new(), HashMap::new());
        Self { selected, parts, cells, by_number, sums, undated: 0 }
    }

    /// What a cell gives to a key, and in which of the sums it is; absent: it is not asked for.
    fn part(&self, cell: Place) -> Option<(Place, usize)> {
        self.cells.get(cell as usize).copied().flatten()
    }

    /// Adds what one outermost exchange says.
    fn add(&mut self, outermost: Symbol, traits: &Traits, shares: &[(Place, &Share)]) {
        let concerned = shares.iter().any(|(cell, _)| self.part(*cell).is_some());
        let Some(keys) = self.keys(outermost, traits, concerned) else { return };
        for (cell, share) in shares {
            let Some((part, side)) = self.part(*cell) else { continue };
            for key in &keys {
                let sums = self.by_number.entry((*key, part)).or_default();
                sums.get_mut(side).into_iter().for_each(|tally| tally.add(share));
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

    fn answer(mut self, register: &Register) -> GroupAnswer {
        for ((of_exchange, part), group) in std::mem::take(&mut self.by_number) {
            if let Some(part) = self.parts.get(part) {
                self.sums.insert(RawKey::new(of_exchange, part.clone()), group);
            }
        }
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
