//! Figures by groups: by country, route, exchange, mediator, period, kind or category.

mod key;
mod query;
mod selected;

pub use key::{GroupKey, Part};
pub use query::{Dimension, GroupedQuery};

use hashbrown::HashMap;

use crate::domain::{event::Position, figure::Figure, share::Share, symbol::Symbol, tally::Tally};
use crate::projections::{
    counts::{When, when},
    interned::{Interned, Place},
    ledger::{Outcome, Traits},
    register::Register,
    walk::{Walk, piece},
};
use key::{CellKey, OfExchange, RawKey};
use selected::Selected;

/// The groups, true for one position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupedCounts {
    /// Ordered by their keys, in the order of the requested dimensions.
    pub groups: Vec<(GroupKey, Figure)>,
    /// The figure of all groups; absent: they can overlap, are of several units, or are none.
    pub total: Option<Figure>,
    /// Outermost exchanges left out because nothing says when they occurred.
    pub undated_exchanges: u32,
}

/// Outermost exchanges of one piece, and groups that are put into words in one.
const PIECE: usize = 1_024;

/// The figures of the requested groups, just after a position.
#[derive(Debug)]
pub struct GroupedWalk {
    query: GroupedQuery,
    at: Position,
    /// The groups and, where these do not overlap, all of them together; absent: not begun.
    groupings: Option<Vec<Grouping>>,
    /// Of each cell by its place, whether it is requested.
    wanted: Vec<bool>,
    exchanges: Vec<Symbol>,
    next: usize,
}

impl GroupedWalk {
    /// The groups as the record said just after `at`.
    pub fn new(query: GroupedQuery, at: Position) -> Self {
        Self { query, at, groupings: None, wanted: Vec::new(), exchanges: Vec::new(), next: 0 }
    }

    /// What each cell means for the groups, and which exchanges are to be gone through.
    fn begin(&mut self, register: &Register) -> Vec<Grouping> {
        let overlap = [Dimension::Category, Dimension::Mediator];
        let overlap = overlap.iter().any(|it| self.query.dimensions.contains(it));
        let all = GroupedQuery { dimensions: Vec::new(), ..self.query.clone() };
        let queries = [Some(self.query.clone()), Some(all).filter(|_| !overlap)];
        let selected = queries.into_iter().flatten().map(|query| Selected::new(register, query));
        let Some(selected) = selected.collect::<Option<Vec<_>>>() else { return Vec::new() };
        let grouping = |selected| Grouping::new(register, selected);
        let mut groupings: Vec<Grouping> = selected.into_iter().map(grouping).collect();
        match &self.query.exchange {
            Some(exchange) => {
                for grouping in &mut groupings {
                    grouping.add_one(register, exchange, self.at);
                }
            }
            None => self.exchanges = register.ledger().outermost(),
        }
        let wanted = |(cell, _)| groupings.iter().any(|it: &Grouping| it.part(cell).is_some());
        self.wanted = register.ledger().cells().map(wanted).collect();
        groupings
    }
}

impl Walk for GroupedWalk {
    type Answer = GroupedCounts;

    fn go_on(&mut self, register: &Register) -> bool {
        if self.groupings.is_none() {
            self.groupings = Some(self.begin(register));
        }
        let groupings = self.groupings.as_deref_mut().unwrap_or_default();
        let exchanges = piece(&mut self.next, PIECE, self.exchanges.len());
        let exchanges = self.exchanges.get(exchanges).unwrap_or_default();
        if exchanges.is_empty() {
            return groupings.iter_mut().all(|grouping| grouping.spell(register, PIECE));
        }
        let wanted = |cell: Place| self.wanted.get(cell as usize).copied().unwrap_or_default();
        register.ledger().visit(exchanges, self.at, wanted, |outermost, traits, shares| {
            for grouping in &mut *groupings {
                grouping.add(outermost, traits, shares);
            }
        });
        if self.query.dimensions.contains(&Dimension::Exchange) {
            // Nothing more is added to them, and in words they are smaller.
            groupings.first_mut().map(|grouping| grouping.spell(register, usize::MAX));
        }
        false
    }

    fn answer(self) -> GroupedCounts {
        let mut groupings = self.groupings.unwrap_or_default().into_iter().map(Grouping::spelled);
        let (groups, undated_exchanges) = groupings.next().unwrap_or_default();
        let total = match groupings.next().unwrap_or_default().0.as_slice() {
            [(_, figure)] => Some(figure.clone()),
            _ => None,
        };
        GroupedCounts { groups, total, undated_exchanges }
    }
}

/// The sums of a group by those who received and by those who gave up. Both are there only where
/// the query names no side.
#[derive(Clone, Debug, Default)]
struct Sums([Option<Box<Tally>>; 2]);

impl Sums {
    fn add(&mut self, side: usize, share: &Share) {
        let sum = self.0.get_mut(side).into_iter();
        sum.for_each(|tally| tally.get_or_insert_default().add(share));
    }
}

/// The groups of one query.
///
/// There are few distinct cells and many exchanges, so what a cell means for the groups is looked
/// up once, and exchanges are summed up by number.
#[derive(Debug)]
struct Grouping {
    selected: Selected,
    parts: Interned<CellKey>,
    /// Of each cell by its place: its part of the key, and in which of the sums it is. Cells that
    /// come later are said later than the position that the query is about.
    cells: Vec<Option<(Place, usize)>>,
    by_number: HashMap<(OfExchange, Place), Sums>,
    /// Groups to which nothing more is added, in words.
    spelled: Vec<(GroupKey, Figure)>,
    undated: u32,
}

impl Grouping {
    fn new(register: &Register, selected: Selected) -> Self {
        let mut parts: Interned<CellKey> = Interned::default();
        let cells = register.ledger().cells().map(|(_, cell)| {
            let side = selected.side_of(cell)?;
            Some((parts.intern(CellKey::new(&selected, cell)), side))
        });
        let cells = cells.collect();
        let (by_number, spelled) = (HashMap::new(), Vec::new());
        Self { selected, parts, cells, by_number, spelled, undated: 0 }
    }

    /// What a cell gives to a key, and in which of the sums it is; absent: it is not requested.
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
                self.by_number.entry((*key, part)).or_default().add(side, share);
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
        let wanted: Vec<_> = cells
            .iter()
            .filter_map(|(cell, share)| Some((cell, self.selected.side_of(cell)?, share)))
            .collect();
        let Some(keys) = self.keys(outermost, &standing.traits, !wanted.is_empty()) else { return };
        for (cell, side, share) in wanted {
            let part = self.parts.intern(CellKey::new(&self.selected, cell));
            for key in &keys {
                self.by_number.entry((*key, part)).or_default().add(side, share);
            }
        }
    }

    /// What the groups of an exchange have in common; absent: it is not requested, or undated.
    /// `concerned` says whether it has a requested cell; only then it counts as undated.
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

    /// Puts some groups into words; answers whether these were the last.
    fn spell(&mut self, register: &Register, most: usize) -> bool {
        let some: Vec<_> = self.by_number.keys().take(most).copied().collect();
        let rest = self.selected.names_one_side();
        for key in &some {
            let sums = self.by_number.remove(key).and_then(larger);
            if let (Some(part), Some(mut figure)) = (self.parts.get(key.1), sums) {
                if !rest {
                    (figure.shared, figure.open) = (None, None);
                }
                let key = RawKey::new(key.0, part);
                self.spelled
                    .push((key.spelled(register.claims().vocabulary(), &self.selected), figure));
            }
        }
        self.by_number.is_empty()
    }

    /// The groups in their order, and how many exchanges were left out as undated.
    fn spelled(self) -> (Vec<(GroupKey, Figure)>, u32) {
        let mut spelled = self.spelled;
        spelled.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        (spelled, self.undated)
    }
}

/// The larger of the sum by those who received and the sum by those who gave up.
fn larger(Sums(sums): Sums) -> Option<Figure> {
    let range = |tally: &&Tally| {
        let range = tally.amount().map(|amount| (amount.low, amount.high));
        (range, std::cmp::Reverse(tally.unnumbered))
    };
    let sums = sums.iter().flatten().map(|tally| &**tally);
    sums.filter(|tally| tally.shares > 0).max_by_key(range).map(Figure::from)
}

#[cfg(test)]
mod tests;
