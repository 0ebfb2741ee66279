//! How the story of an exchange changed, and by which events.
//!
//! An event is a cause if the story just after it is another than just before it. The table says
//! which events can be causes: those that brought or withdrew something that the story is made of.
//! Only these are looked at, by comparing the stories before and after. So no rule of the story has
//! to be repeated here.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use super::{Story, StoryQuery, story};
use crate::domain::{event::Position, symbol::Symbol, work};
use crate::projections::{
    Projection as _,
    claims::{Claims, Row},
    register::Register,
};

/// Events that are looked at together. The story is made once for each, and no event is applied
/// meanwhile, so they are not many. What comes after them comes as the next change.
const EVENTS_AT_ONCE: usize = 32;

/// A story that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryChange {
    /// The story now; absent: nothing is recorded of the exchange any more.
    pub story: Option<Story>,
    /// The events, in order, each of which changed it by itself.
    pub caused_by: Vec<Position>,
}

/// How the story differs from what it was just after `since`; absent: it is the same, though it
/// may have changed and changed back. With it the position that this is true for, where that is
/// not the last event: what follows is the next change.
pub fn change(
    register: &Register,
    query: &StoryQuery,
    since: Position,
) -> (Option<StoryChange>, Option<Position>) {
    let mut events = concerned(register, &query.exchange_id, since);
    let up_to = events.iter().nth(EVENTS_AT_ONCE).copied();
    let up_to = up_to.map(|next| {
        drop(events.split_off(&next));
        events.last().copied().unwrap_or(since)
    });
    if events.is_empty() {
        return (None, up_to);
    }
    let first = story(register, query, since);
    let (mut last, mut caused_by) = (None, Vec::new());
    for event in events {
        let now = story(register, query, event);
        if now != *last.as_ref().unwrap_or(&first) {
            caused_by.push(event);
        }
        last = Some(now);
    }
    let last = last.unwrap_or_default();
    ((last != first).then_some(StoryChange { story: last, caused_by }), up_to)
}

/// The events after `since` that can have changed the story of an exchange.
fn concerned(register: &Register, id: &str, since: Position) -> BTreeSet<Position> {
    let claims = register.claims();
    let Some(exchange) = claims.vocabulary().find(id).filter(|symbol| !symbol.is_empty()) else {
        return BTreeSet::new();
    };
    let mut events = BTreeSet::new();
    let mut note = |row: &Row| {
        work::visit(1);
        // An event that withdraws a row that stands is none yet.
        let ends = [row.from, row.to].into_iter();
        events.extend(ends.filter(|event| (since + 1..=register.position()).contains(event)));
    };
    let (mut read, mut cited) = (HashSet::new(), HashSet::new());
    for exchange in family(claims, exchange) {
        for row in claims.figure_rows(exchange).chain(claims.other_rows(exchange)) {
            note(row);
            if read.insert(row.claim) {
                claims.opinion_rows(row.claim).for_each(&mut note);
            }
            if cited.insert(row.source) {
                claims.source_rows(row.source, register.position()).for_each(&mut note);
            }
        }
    }
    // Which of two exchanges that name each other is the larger one, other reports can decide.
    let nested = claims.ever_nested().flat_map(|nested| claims.figure_rows(nested));
    nested.filter(|row| row.content.report().is_some()).for_each(&mut note);
    events
}

/// An exchange with all that any report, whatever became of it, said to be within it.
fn family(claims: &Claims, exchange: Symbol) -> BTreeSet<Symbol> {
    let mut portions: BTreeMap<Symbol, Vec<Symbol>> = BTreeMap::new();
    for nested in claims.ever_nested() {
        let reports = claims.figure_rows(nested).filter_map(|row| row.content.report());
        for report in reports {
            portions.entry(report.part_of).or_default().push(nested);
        }
    }
    let (mut family, mut next) = (BTreeSet::from([exchange]), vec![exchange]);
    while let Some(larger) = next.pop() {
        let within = portions.get(&larger).into_iter().flatten();
        next.extend(within.filter(|portion| family.insert(**portion)));
    }
    family
}
