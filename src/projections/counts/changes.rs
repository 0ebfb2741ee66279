//! What changed between two positions, with the events that caused it.

use std::collections::{BTreeMap, BTreeSet};

use super::{CountAnswer, CountQuery, CountRow, country_counts};
use crate::domain::{
    event::Position,
    figure::Figure,
    leg::{Direction, UnitCode},
};
use crate::projections::{Projection as _, ledger::FigureKey, register::Register};

/// One row that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row before; absent: there was none.
    pub before: Option<CountRow>,
    /// The row now; absent: there is none any more.
    pub after: Option<CountRow>,
    /// The events, in order, each of which changed it by itself.
    pub caused_by: Vec<Position>,
}

type RowKey<'r> = (&'r str, UnitCode);

/// The rows that differ from `before`, which was true for `since`, and the answer now.
///
/// A row that changed and changed back is not told. `query` must not select by date; its `as_of`
/// is not looked at.
pub fn changes(
    register: &Register,
    before: &[CountRow],
    since: Position,
    query: &CountQuery,
) -> (Vec<Change>, CountAnswer) {
    let now = CountQuery { as_of: None, ..query.clone() };
    let answer = country_counts(register, &now);
    let mut rows: BTreeMap<RowKey<'_>, (Option<&CountRow>, Option<&CountRow>)> = BTreeMap::new();
    for row in before {
        rows.entry(key(row)).or_default().0 = Some(row);
    }
    for row in &answer.rows {
        rows.entry(key(row)).or_default().1 = Some(row);
    }
    rows.retain(|_, (before, after)| before != after);
    let changes = rows
        .into_iter()
        .map(|(key, (before, after))| Change {
            before: before.cloned(),
            after: after.cloned(),
            caused_by: causes(register, key, since),
        })
        .collect();
    (changes, answer)
}

fn key(row: &CountRow) -> RowKey<'_> {
    (&row.country, row.unit)
}

/// The events after `since` across which the row differs, in order.
fn causes(register: &Register, (country, unit): RowKey<'_>, since: Position) -> Vec<Position> {
    let Some(country) = register.claims().vocabulary().find(country) else {
        return Vec::new();
    };
    let mut events = BTreeSet::new();
    for direction in [Direction::Received, Direction::Sent] {
        let moves = moves(register, (country, unit, direction), since, register.position());
        events.extend(moves.iter().map(|moved| moved.event));
    }
    events.into_iter().collect()
}

/// A figure before and after one event; absent: no transfer concerned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The event.
    pub event: Position,
    /// The figure before it.
    pub before: Option<Figure>,
    /// The figure after it.
    pub after: Option<Figure>,
}

/// The events after one position, up to another, by which a figure became another; in order.
pub fn moves(
    register: &Register,
    figure: FigureKey,
    after: Position,
    up_to: Position,
) -> Vec<Move> {
    let ledger = register.ledger();
    let mut tally = ledger.figure(figure, after);
    let mut told = (tally.shares > 0).then(|| Figure::from(&tally));
    let mut moves = Vec::new();
    let steps = ledger.steps(figure, after, up_to);
    for steps in steps.chunk_by(|one, another| one.event == another.event) {
        steps.iter().for_each(|step| ledger.apply(step, &mut tally));
        let now = (tally.shares > 0).then(|| Figure::from(&tally));
        if let Some(step) = steps.first().filter(|_| now != told) {
            moves.push(Move { event: step.event, before: told, after: now.clone() });
            told = now;
        }
    }
    moves
}
