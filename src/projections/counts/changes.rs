//! What changed between two positions, with the events that caused it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CountQuery, CountRow, country_counts,
    history::{moves, moves_of},
};
use crate::domain::{
    event::Position,
    leg::{Direction, UnitCode},
};
use crate::projections::{Projection as _, register::Register};

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

/// The rows that differ between the answer just after `since` and the answer now.
///
/// A row that changed and changed back is not among them. `query.as_of` is not looked at.
pub fn changes(register: &Register, since: Position, query: &CountQuery) -> Vec<Change> {
    let answer = |as_of| country_counts(register, &CountQuery { as_of, ..query.clone() }).rows;
    let (before, after) = (answer(Some(since)), answer(None));
    let mut rows: BTreeMap<RowKey<'_>, (Option<&CountRow>, Option<&CountRow>)> = BTreeMap::new();
    for row in &before {
        rows.entry(key(row)).or_default().0 = Some(row);
    }
    for row in &after {
        rows.entry(key(row)).or_default().1 = Some(row);
    }
    rows.retain(|_, (before, after)| before != after);
    rows.into_iter()
        .map(|(key, (before, after))| Change {
            before: before.cloned(),
            after: after.cloned(),
            caused_by: causes(register, key, since, query),
        })
        .collect()
}

fn key(row: &CountRow) -> RowKey<'_> {
    (&row.country, row.unit)
}

/// The events after `since` across which the row differs, in order.
fn causes(
    register: &Register,
    (country, unit): RowKey<'_>,
    since: Position,
    query: &CountQuery,
) -> Vec<Position> {
    let Some(country) = register.claims().vocabulary().find(country) else {
        return Vec::new();
    };
    let mut events = BTreeSet::new();
    for direction in [Direction::Received, Direction::Sent] {
        let (figure, span) = ((country, unit, direction), (since, register.position()));
        let moves = match &query.occurred {
            Some(occurred) => moves_of(register, figure, occurred, span),
            None => moves(register, figure, span.0, span.1),
        };
        events.extend(moves.iter().map(|moved| moved.event));
    }
    events.into_iter().collect()
}
