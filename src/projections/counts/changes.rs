//! What changed between two positions, with the events that caused it.

use std::collections::{BTreeMap, BTreeSet};

use super::{CountAnswer, CountQuery, CountRow, counts_at, group::Shares, sum};
use crate::domain::{event::Position, leg::UnitCode};
use crate::projections::{Projection as _, claims::Claims};

/// One row that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row before; absent: there was none.
    pub before: Option<CountRow>,
    /// The row now; absent: there is none any more.
    pub after: Option<CountRow>,
    /// The events, in order, each of which changed it by itself. Of a burst too large to tell them
    /// apart, all events about the exchanges in question.
    pub caused_by: Vec<Position>,
}

type RowKey = (String, UnitCode);

/// Rows of the table that are looked through, for all events of a burst together, to tell its
/// events apart.
const MOST_ROWS: usize = 200_000;

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

/// Rows, each with the events that it changed by.
type Causes = BTreeMap<RowKey, Vec<Position>>;

/// For each row, the events after `since` across which it differs.
///
/// Only the exchanges that events speak of are looked at, with those linked to them.
fn causes(claims: &Claims, since: Position, query: &CountQuery) -> Causes {
    let mut causes = Causes::new();
    for burst in bursts(claims, since) {
        let large = burst.is_large(claims);
        let look = if large { Burst::as_a_whole } else { Burst::one_by_one };
        for (row, events) in look(&burst, claims, since, query) {
            causes.entry(row).or_default().extend(events);
        }
    }
    for events in causes.values_mut() {
        events.sort_unstable();
    }
    causes
}

/// Events about exchanges that are linked, in order; nothing else makes a difference to these.
struct Burst<'a> {
    exchanges: BTreeSet<&'a str>,
    events: Vec<Position>,
}

fn bursts(claims: &Claims, since: Position) -> Vec<Burst<'_>> {
    let links = claims.links_since(since);
    let mut bursts: Vec<Burst<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (event, exchange) in claims.changes_since(since) {
        if !places.contains_key(exchange) {
            let exchanges = links.group(exchange);
            places.extend(exchanges.iter().map(|exchange| (*exchange, bursts.len())));
            bursts.push(Burst { exchanges, events: Vec::new() });
        }
        if let Some(burst) = places.get(exchange).and_then(|place| bursts.get_mut(*place)) {
            burst.events.push(event);
        }
    }
    bursts
}

impl Burst<'_> {
    /// Whether looking at each event by itself would cost more than the answer is worth.
    fn is_large(&self, claims: &Claims) -> bool {
        let rows: usize =
            self.exchanges.iter().map(|exchange| claims.rows_of(exchange).count()).sum();
        rows.saturating_mul(self.events.len()) > MOST_ROWS
    }

    /// Every event counts as a cause of whatever differs in the end.
    fn as_a_whole(&self, claims: &Claims, since: Position, query: &CountQuery) -> Causes {
        let before = self.told(claims, since, query);
        let after = self.told(claims, claims.position(), query);
        differing(&before, &after).into_iter().map(|row| (row, self.events.clone())).collect()
    }

    /// An event is a cause of what differs just before and just after it.
    fn one_by_one(&self, claims: &Claims, since: Position, query: &CountQuery) -> Causes {
        let mut causes = Causes::new();
        let mut before = self.told(claims, since, query);
        for event in &self.events {
            // Nothing changes between two events that change something.
            let after = self.told(claims, *event, query);
            for row in differing(&before, &after) {
                causes.entry(row).or_default().push(*event);
            }
            before = after;
        }
        causes
    }

    fn told<'c>(&self, claims: &'c Claims, at: Position, query: &CountQuery) -> Shares<'c>
    where
        Self: 'c,
    {
        let view = claims.part_at(at, &self.exchanges);
        sum(&view, view.outermost(), query).0
    }
}

/// The rows that are not the same in both.
fn differing(before: &Shares<'_>, after: &Shares<'_>) -> BTreeSet<RowKey> {
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(*key) != after.get(*key))
        .map(|(country, unit, _)| ((*country).to_owned(), *unit))
        .collect()
}
