//! What changed between two positions, with the events that caused it.

use std::collections::{BTreeMap, BTreeSet};

use super::{CountAnswer, CountQuery, CountRow, counts_at, group::Shares, sum};
use crate::domain::{event::Position, leg::UnitCode};
use crate::projections::{
    Projection as _,
    claims::{Claims, View},
};

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

type RowKey = (String, UnitCode);

/// The rows that differ from `before`, which was true for `since`, and the answer now.
///
/// A row that changed and changed back is not told. `query.as_of` is not looked at.
pub fn changes(
    claims: &Claims,
    before: &[CountRow],
    since: Position,
    query: &CountQuery,
) -> (Vec<Change>, CountAnswer) {
    let answer = counts_at(&claims.at(claims.position()), query);
    let mut rows: BTreeMap<RowKey, (Option<&CountRow>, Option<&CountRow>)> = BTreeMap::new();
    for row in before {
        rows.entry(key(row)).or_default().0 = Some(row);
    }
    for row in &answer.rows {
        rows.entry(key(row)).or_default().1 = Some(row);
    }
    rows.retain(|_, (before, after)| before != after);
    if rows.is_empty() {
        return (Vec::new(), answer);
    }
    let mut causes = causes(claims, since, query);
    let change = |(key, (before, after)): (RowKey, (Option<&CountRow>, Option<&CountRow>))| {
        let caused_by = causes.remove(&key).unwrap_or_default();
        Change { before: before.cloned(), after: after.cloned(), caused_by }
    };
    (rows.into_iter().map(change).collect(), answer)
}

fn key(row: &CountRow) -> RowKey {
    (row.country.clone(), row.unit)
}

/// For each row, the events after `since` across which it differs.
fn causes(claims: &Claims, since: Position, query: &CountQuery) -> BTreeMap<RowKey, Vec<Position>> {
    let mut causes: BTreeMap<RowKey, Vec<Position>> = BTreeMap::new();
    let mut before = claims.at(since);
    for (event, exchange) in claims.changes_since(since) {
        // Nothing changes between two events that change something.
        let after = claims.at(event);
        for row in differing(&before, &after, exchange, query) {
            causes.entry(row).or_default().push(event);
        }
        before = after;
    }
    causes
}

/// The rows to which one event, about `exchange`, makes a difference.
fn differing(
    before: &View<'_>,
    after: &View<'_>,
    exchange: &str,
    query: &CountQuery,
) -> BTreeSet<RowKey> {
    // Where the nesting stays, an event reaches no further than its outermost exchange.
    let only = (before.nesting() == after.nesting()).then(|| after.nesting().outermost(exchange));
    let (old, new) = (told(before, only, query), told(after, only, query));
    let keys = old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key));
    keys.map(|(country, unit, _)| ((*country).to_owned(), *unit)).collect()
}

/// The sum over one outermost exchange, or over all.
fn told<'a>(view: &View<'a>, only: Option<&str>, query: &CountQuery) -> Shares<'a> {
    match only {
        Some(outermost) => sum(view, std::iter::once(outermost), query).0,
        None => sum(view, view.outermost(), query).0,
    }
}
