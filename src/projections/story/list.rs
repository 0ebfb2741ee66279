//! Which exchanges are asked for, and in which order.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::facts::Facts;
use crate::domain::{
    date::Edtf,
    event::Position,
    proto::{ListOrder, Role},
    symbol::Symbol,
};
use crate::projections::{
    claims::{Row, Said, View},
    extent,
    ledger::Days,
    search,
};

/// Which exchanges are asked for. All conditions must be met.
#[derive(Clone, Debug, Default)]
pub struct ExchangeQuery {
    /// A party of the exchange; absent: all.
    pub party: Option<String>,
    /// Number of `proto::ExchangeKind`; absent: all.
    pub kind: Option<i32>,
    /// Number of `proto::ExchangeStatus`; absent: all.
    pub status: Option<i32>,
    /// Somebody who mediated; absent: all.
    pub mediator: Option<Mediator>,
    /// When it took place; absent: whenever.
    pub occurred: Option<Edtf>,
    /// Words that all occur in the title.
    pub words: String,
    /// Only those that are not a portion of another.
    pub outermost_only: bool,
    /// In which order they come.
    pub order: ListOrder,
}

/// Somebody who mediated.
#[derive(Clone, Debug, Default)]
pub struct Mediator {
    /// Party code or name.
    pub actor: String,
    /// Also where somebody denies it.
    pub even_if_denied: bool,
}

/// The exchanges that were asked for, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The exchanges in the order that was asked for.
    pub exchanges: Vec<Symbol>,
    /// How many more there would be if something said when they took place.
    pub undated: u32,
}

/// The exchanges that the view shows, of which a claim stands or a portion is known.
pub fn list(view: &View<'_>, query: &ExchangeQuery) -> Listed {
    let wanted = Wanted::new(view, query);
    let mut found = Vec::new();
    let mut undated = 0;
    for (exchange, first) in named(view) {
        if query.outermost_only && view.nesting().larger(exchange).is_some() {
            continue;
        }
        let (own, all) = extent::standing(view, exchange);
        if all.is_empty() || !wanted.mediated(view, &all) {
            continue;
        }
        let facts = Facts::of(view, exchange, (&own, &all));
        if !wanted.includes(view, &facts) {
            continue;
        }
        match &query.occurred {
            Some(_) if facts.dates.is_empty() => undated += 1,
            Some(occurred) if !facts.dates.iter().any(|it| occurred.overlaps_days(*it)) => {}
            _ => {
                let id = view.vocabulary().text(exchange);
                found.push(Dated { exchange, day: day(&facts.dates), first: (first, id) });
            }
        }
    }
    sort(&mut found, query.order);
    Listed { exchanges: found.into_iter().map(|it| it.exchange).collect(), undated }
}

/// Every exchange that something is recorded of by then, or that a portion of is, with the
/// position of the first event that names it.
fn named(view: &View<'_>) -> BTreeMap<Symbol, Position> {
    let claims = view.claims();
    let mut named: BTreeMap<Symbol, Position> = BTreeMap::new();
    let mut name = |exchange: Symbol, at: Position| {
        if at <= view.at() && !exchange.is_empty() {
            let first = named.entry(exchange).or_insert(at);
            *first = at.min(*first);
        }
    };
    for exchange in claims.exchanges() {
        let first = [claims.figure_rows(exchange).next(), claims.other_rows(exchange).next()];
        for row in first.into_iter().flatten() {
            name(exchange, row.from);
        }
        if view.nesting().larger(exchange).is_some() {
            for row in claims.figure_rows(exchange) {
                if let Said::Exchange(report) = &row.said {
                    name(report.part_of, row.from);
                }
            }
        }
    }
    named
}

/// The conditions, with names looked up.
struct Wanted<'q> {
    query: &'q ExchangeQuery,
    /// Absent where a party is asked for that no claim names.
    party: Option<Symbol>,
    mediator: Option<Symbol>,
    words: BTreeSet<String>,
}

impl<'q> Wanted<'q> {
    fn new(view: &View<'_>, query: &'q ExchangeQuery) -> Self {
        let find = |name: &String| view.vocabulary().find(name);
        let party = query.party.as_ref().and_then(find);
        let mediator = query.mediator.as_ref().and_then(|it| find(&it.actor));
        Self { query, party, mediator, words: search::words(&query.words).collect() }
    }

    fn includes(&self, view: &View<'_>, facts: &Facts) -> bool {
        let of_party = || self.party.is_some_and(|party| facts.parties.contains(&party));
        let titled = || {
            let title: BTreeSet<String> = search::words(view.vocabulary().text(facts.title)).collect();
            self.words.is_subset(&title)
        };
        self.query.kind.is_none_or(|kind| kind == facts.kind)
            && self.query.status.is_none_or(|status| status == facts.status)
            && (self.query.party.is_none() || of_party())
            && (self.query.words.is_empty() || titled())
    }

    /// Whether the mediator is said to have mediated, here or in an exchange within.
    fn mediated(&self, view: &View<'_>, all: &[&Row]) -> bool {
        let Some(mediator) = &self.query.mediator else { return true };
        let (mut attributed, mut denied) = (false, false);
        for row in all {
            if let Said::Role(said) = &row.said
                && said.role == i32::from(Role::Mediator)
                && let Some(actor) = view.vocabulary().actor_at(said.actor)
                && self.mediator.is_some_and(|name| name == actor.party || name == actor.name)
            {
                *(if said.denied { &mut denied } else { &mut attributed }) = true;
            }
        }
        attributed && (!denied || mediator.even_if_denied)
    }
}

/// The earliest day that can be meant; of what has no beginning, the last.
fn day(dates: &[Days]) -> Option<i32> {
    dates.iter().filter_map(|(first, last)| first.or(*last)).min()
}

/// An exchange with what it is ordered by.
struct Dated<'v> {
    exchange: Symbol,
    day: Option<i32>,
    /// The position of the first event that names it, and its id: one event can name two.
    first: (Position, &'v str),
}

fn sort(found: &mut [Dated<'_>], order: ListOrder) {
    match order {
        ListOrder::Position => found.sort_by_key(|it| it.first),
        ListOrder::OldestFirst => found.sort_by_key(|it| (it.day.is_none(), it.day, it.first)),
        ListOrder::NewestFirst | ListOrder::Unspecified => {
            found.sort_by_key(|it| (Reverse(it.day), it.first));
        }
    }
}

#[cfg(test)]
mod tests;
