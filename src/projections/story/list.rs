//! Which exchanges a list has, and in which order.

use std::{collections::BTreeSet, sync::Arc};

use prost::Message as _;

use super::{facts::parties, summary};
use crate::domain::{
    date::Edtf,
    event::Position,
    proto::{self, ListOrder, Role},
    symbol::Symbol,
};
use crate::projections::{
    claims::{Content, NestedThen, Row, View},
    extent,
    ledger::{Days, Traits, traits},
    lists::sort,
    register::Register,
    search,
    walk::{Walk, piece},
};

/// Which exchanges are requested. All conditions must be met.
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

/// The requested exchanges, and what was left out.
#[derive(Debug, Default)]
pub struct Listed {
    /// The exchanges in the requested order.
    pub exchanges: Vec<Symbol>,
    /// How many more there would be if something said when they took place.
    pub undated: u32,
    /// How the exchanges nested then.
    pub nested: NestedThen,
}

/// Exchanges that are looked at in one piece.
const PIECE: usize = 512;

/// Lists the exchanges of which a claim stood just after a position, or of a portion of which.
#[derive(Debug)]
pub struct ListWalk {
    query: ExchangeQuery,
    at: Position,
    wanted: Option<Wanted>,
    nested: NestedThen,
    next: usize,
    /// Each with its day and, in the order in which they were named, its place.
    found: Vec<(Option<i32>, (usize, Symbol))>,
    undated: u32,
}

impl ListWalk {
    /// The list as the record stood just after `at`.
    pub fn new(query: ExchangeQuery, at: Position) -> Self {
        let (wanted, nested, found) = (None, NestedThen::default(), Vec::new());
        Self { query, at, wanted, nested, next: 0, found, undated: 0 }
    }
}

impl Walk for ListWalk {
    type Answer = Listed;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { query, at, wanted, nested, next, found, undated } = self;
        let view = register.again_at(*at, nested);
        let wanted = wanted.get_or_insert_with(|| Wanted::new(&view, query));
        let named = register.claims().named();
        let by_then = named.partition_point(|(first, _)| first <= at);
        let exchanges = piece(next, PIECE, by_then);
        let places = exchanges.clone();
        for ((_, exchange), place) in named.get(exchanges).into_iter().flatten().zip(places) {
            let seen = Seen { register, view: &view, exchange: *exchange };
            match wanted.look(query, &seen) {
                Look::Found(day) => found.push((day, (place, *exchange))),
                Look::Undated => *undated += 1,
                Look::Other => {}
            }
        }
        *next == by_then
    }

    fn answer(mut self) -> Listed {
        sort(self.query.order, &mut self.found);
        let exchanges = self.found.into_iter().map(|(_, (_, exchange))| exchange).collect();
        Listed { exchanges, undated: self.undated, nested: self.nested }
    }
}

/// Exchanges that are summarised in one piece.
const SUMMARIES: usize = 16;

/// Summarises some exchanges of a list. Each comes with what its claims amount to, so the walk
/// takes only as many as make an answer.
#[derive(Debug)]
pub struct SummaryWalk {
    listed: Arc<Listed>,
    at: Position,
    next: usize,
    end: usize,
    /// Bytes that are left of the answer.
    left: usize,
    summaries: Vec<proto::ExchangeSummary>,
}

impl SummaryWalk {
    /// The exchanges of a list that is true for `at`, from one place on: at most so many, and about
    /// so many bytes of them.
    pub fn new(
        (listed, at): (Arc<Listed>, Position),
        (from, most): (usize, usize),
        bytes: usize,
    ) -> Self {
        let end = from.saturating_add(most).min(listed.exchanges.len());
        Self { listed, at, next: from, end, left: bytes, summaries: Vec::new() }
    }
}

impl Walk for SummaryWalk {
    type Answer = Vec<proto::ExchangeSummary>;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { listed, at, next, end, left, summaries } = self;
        let view = register.again_at(*at, &listed.nested);
        let some = listed.exchanges.get(piece(next, SUMMARIES, *end)).unwrap_or_default();
        for exchange in some {
            let summary = in_short(summary(register, &view, *exchange));
            *left = left.saturating_sub(summary.encoded_len());
            summaries.push(summary);
        }
        *next >= *end || *left == 0
    }

    fn answer(self) -> Vec<proto::ExchangeSummary> {
        self.summaries
    }
}

/// Names of a sort that a list gives of each exchange.
const NAMES: usize = 256;

/// The same with the first names alone.
fn in_short(mut summary: proto::ExchangeSummary) -> proto::ExchangeSummary {
    let cut = |names: &mut Vec<String>| {
        let more = names.len().saturating_sub(NAMES);
        names.truncate(NAMES);
        u32::try_from(more).unwrap_or(u32::MAX)
    };
    summary.more_portions = cut(&mut summary.portions);
    summary.more_parties = cut(&mut summary.parties);
    summary
}

/// One exchange as it is looked at.
struct Seen<'s> {
    register: &'s Register,
    view: &'s View<'s>,
    exchange: Symbol,
}

impl Seen<'_> {
    /// What the ledger keeps of it: of an outermost exchange the same that its claims say, and they
    /// need not be gathered. Absent: it is a portion, or nothing that enters figures stands.
    fn kept(&self) -> Option<Traits> {
        self.register.ledger().traits(self.exchange, self.view.at())
    }
}

/// Whether an exchange is a requested one.
enum Look {
    /// It is; with the day that it is ordered by.
    Found(Option<i32>),
    /// It would be, if something said when it took place.
    Undated,
    Other,
}

/// The conditions, with names looked up.
#[derive(Debug)]
struct Wanted {
    /// Absent where the query names a party that no claim names.
    party: Option<Symbol>,
    mediator: Option<Symbol>,
    words: BTreeSet<String>,
}

impl Wanted {
    fn new(view: &View<'_>, query: &ExchangeQuery) -> Self {
        let find = |name: &String| view.vocabulary().find(name);
        let party = query.party.as_ref().and_then(find);
        let mediator = query.mediator.as_ref().and_then(|it| find(&it.actor));
        Self { party, mediator, words: search::words(&query.words).collect() }
    }

    fn look(&self, query: &ExchangeQuery, seen: &Seen<'_>) -> Look {
        let view = seen.view;
        if query.outermost_only && view.nesting().larger(seen.exchange).is_some() {
            return Look::Other;
        }
        if !self.is_described(query, seen) {
            return Look::Other;
        }
        let of_claims = query.party.is_some() || query.mediator.is_some();
        if let Some(kept) = seen.kept().filter(|_| !of_claims) {
            return by_traits(query, &kept);
        }
        let (_, all) = extent::standing(view, seen.exchange);
        if all.is_empty() || !self.mediated(query, view, &all) || !self.concerned(query, view, &all)
        {
            return Look::Other;
        }
        by_traits(query, &traits(view, seen.exchange, &all))
    }

    /// Whether its latest reports say what the query requires.
    fn is_described(&self, query: &ExchangeQuery, seen: &Seen<'_>) -> bool {
        if query.status.is_none() && query.words.is_empty() {
            return true;
        }
        let reports: Vec<_> = seen.view.reports(seen.exchange).map(|(_, report)| report).collect();
        let status = reports.last().map_or(0, |report| report.status);
        let title = reports.iter().rev().map(|report| report.title).find(|it| !it.is_empty());
        let titled = || {
            let title = seen.view.vocabulary().text(title.unwrap_or_default());
            self.words.is_subset(&search::words(title).collect())
        };
        query.status.is_none_or(|wanted| wanted == status) && (query.words.is_empty() || titled())
    }

    fn concerned(&self, query: &ExchangeQuery, view: &View<'_>, all: &[&Row]) -> bool {
        let of_party = || self.party.is_some_and(|party| parties(view, all).contains(&party));
        query.party.is_none() || of_party()
    }

    /// Whether the mediator is said to have mediated, here or in an exchange within.
    fn mediated(&self, query: &ExchangeQuery, view: &View<'_>, all: &[&Row]) -> bool {
        let Some(mediator) = &query.mediator else { return true };
        let (mut attributed, mut denied) = (false, false);
        for row in all {
            if let Content::Role(role) = &row.content
                && role.role == i32::from(Role::Mediator)
                && let Some(actor) = view.vocabulary().actor_at(role.actor)
                && self.mediator.is_some_and(|name| name == actor.party || name == actor.name)
            {
                *(if role.denied { &mut denied } else { &mut attributed }) = true;
            }
        }
        attributed && (!denied || mediator.even_if_denied)
    }
}

fn by_traits(query: &ExchangeQuery, traits: &Traits) -> Look {
    if query.kind.is_some_and(|kind| kind != traits.reported.kind) {
        return Look::Other;
    }
    match &query.occurred {
        Some(_) if traits.dates().is_empty() => Look::Undated,
        Some(occurred) if !traits.dates().iter().any(|it| occurred.overlaps_days(*it)) => {
            Look::Other
        }
        _ => Look::Found(day(traits.dates())),
    }
}

/// The earliest day that can be meant; of what has no beginning, the last.
fn day(dates: &[Days]) -> Option<i32> {
    dates.iter().filter_map(|(first, last)| first.or(*last)).min()
}

#[cfg(test)]
mod tests;
