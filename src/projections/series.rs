//! Running totals against the record: each step from one total to the next, and the exchanges in
//! between that should explain it.
//!
//! An exchange lies in a step if it surely took place after the day of the base and up to the day
//! of the total. A total that names the exchange that it follows counts up to that one, whatever
//! the days leave open. An exchange of which neither is sure is listed as missing, never counted,
//! and never taken as 0.

mod between;

use std::collections::BTreeMap;

pub use between::{Missing, MissingReason};

use crate::domain::{
    date::Edtf,
    estimate::Number,
    event::Position,
    figure::Figure,
    leg::{Direction, UnitCode},
    symbol::Symbol,
};
use crate::projections::{
    claims::{Row, RunningTotal, Said},
    groups::{Dimension, GroupQuery, Part, groups},
    ledger::Days,
    register::Register,
    told::Told,
};
use between::{Candidate, Span};

/// Which exchanges are compared with a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesQuery {
    /// What this party received or sent; absent: all of each exchange.
    pub country: Option<String>,
    /// Only this side of the country; absent: both, added.
    pub direction: Option<Direction>,
    /// Only exchanges with this mediator.
    pub mediator: Option<String>,
    /// The mediator counts also where somebody denies it.
    pub include_denied: bool,
    /// What is counted.
    pub unit: UnitCode,
    /// Only totals whose day lies in this interval.
    pub occurred: Option<Edtf>,
}

/// Where the base of a step comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The total's own source repeats the one before; with the claim that gave it, if one did.
    Previous(Option<Position>),
    /// The totals of the latest day before, of which this is the one recorded last.
    Earlier(Position),
    /// It is the first of its series.
    None,
}

/// A range of whole numbers, which may be negative.
pub type Range = (i64, i64);

/// One running total with the step to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The total.
    pub told: Told,
    /// Where its base comes from.
    pub base_from: Base,
    /// The day of the base, as EDTF text; empty: not known.
    pub base_as_of: String,
    /// The base: low and high.
    pub base: Option<(u32, u32)>,
    /// From the base to the total; absent: one of them gives no number.
    pub step: Option<Range>,
    /// Exchanges in between: id and range.
    pub exchanges: Vec<(String, Option<(u32, u32)>)>,
    /// What they add up to; absent: no number is known.
    pub sum: Option<Range>,
    /// The step less the sum.
    pub residual: Option<Range>,
    /// Exchanges that add nothing, or not all.
    pub missing: Vec<Missing>,
    /// The total or its base was given as "about", or as one bound only.
    pub approximate: bool,
}

/// A total with what it says.
#[derive(Clone, Copy)]
struct Total<'a> {
    row: &'a Row,
    said: &'a RunningTotal,
    days: Days,
}

/// The steps of a series just after `at`, by day, then position; absent: there is no total of it.
///
/// `series` are the names under which it is recorded.
pub fn steps(
    register: &Register,
    series: &[Symbol],
    query: &SeriesQuery,
    at: Position,
) -> Option<Vec<Step>> {
    let view = register.at(at);
    let rows = series.iter().flat_map(|name| view.latest(register.claims().series_rows(*name)));
    let total = |row: &'_ Row| {
        let Said::RunningTotal(said) = &row.said else { return None };
        let days = Edtf::parse(view.vocabulary().text(said.as_of)).ok()?.days();
        Some((days, row.claim))
    };
    let mut dated: Vec<((Days, Position), &Row)> =
        rows.filter_map(|row| Some((total(row)?, row))).collect();
    if dated.is_empty() {
        return None;
    }
    dated.sort_unstable_by_key(|(((first, last), claim), _)| (*last, *first, *claim));
    let totals: Vec<Total<'_>> = dated
        .into_iter()
        .filter_map(|((days, _), row)| {
            let Said::RunningTotal(said) = &row.said else { return None };
            Some(Total { row, said, days })
        })
        .collect();
    let candidates = candidates(register, query, at);
    let wanted = |total: &&Total<'_>| {
        query.occurred.as_ref().is_none_or(|occurred| occurred.overlaps_days(total.days))
    };
    let step = |total: &Total<'_>| step(register, &totals, total, &candidates, at);
    Some(totals.iter().filter(wanted).map(step).collect())
}

/// The exchanges that fit the query, with what each adds and when it took place.
fn candidates(register: &Register, query: &SeriesQuery, at: Position) -> Vec<Candidate> {
    let mut found: BTreeMap<String, Candidate> = BTreeMap::new();
    for query in sides(query) {
        for (key, figure) in groups(register, &query, at).groups {
            let [Part::Exchange(id)] = key.parts.as_slice() else { continue };
            let candidate = found.entry(id.clone()).or_insert_with(|| {
                let exchange = register.claims().vocabulary().find(id).unwrap_or_default();
                let standing = register.ledger().exchange(exchange, at);
                let dates = standing.map(|it| it.traits.dates.clone()).unwrap_or_default();
                Candidate::new(id.clone(), exchange, dates)
            });
            candidate.add(&figure);
        }
    }
    found.into_values().collect()
}

/// One query for each side that is added.
fn sides(query: &SeriesQuery) -> Vec<GroupQuery> {
    let all = GroupQuery {
        dimensions: vec![Dimension::Exchange],
        mediator: query.mediator.clone(),
        include_denied: query.include_denied,
        unit: Some(query.unit),
        ..GroupQuery::default()
    };
    let Some(country) = &query.country else { return vec![all] };
    let country = || [country.clone()].into();
    let received = GroupQuery { receivers: country(), ..all.clone() };
    let sent = GroupQuery { senders: country(), ..all };
    match query.direction {
        Some(Direction::Received) => vec![received],
        Some(Direction::Sent) => vec![sent],
        None => vec![received, sent],
    }
}

fn step(
    register: &Register,
    totals: &[Total<'_>],
    total: &Total<'_>,
    candidates: &[Candidate],
    at: Position,
) -> Step {
    let (base_from, bases) = base(totals, total);
    let own = number(&total.said.number);
    let claimed = bases.iter().filter_map(|base| number(&base.said.number));
    let base = match base_from {
        Base::Previous(_) => total.said.previous.map(|previous| (previous, previous)),
        Base::Earlier(_) | Base::None => claimed.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
    };
    let step = own.zip(base).map(|(own, base)| {
        (i64::from(own.0) - i64::from(base.1), i64::from(own.1) - i64::from(base.0))
    });
    let span = bases.last().map(|base| Span {
        base: base.days,
        base_follows: base.said.follows,
        total: total.days,
        follows: total.said.follows,
    });
    let between = span.map(|span| span.of(candidates)).unwrap_or_default();
    let sum = bases.last().and_then(|_| between.sum());
    let residual = step.zip(sum).map(|(step, sum)| (step.0 - sum.1, step.1 - sum.0));
    let inexact =
        |total: &Total<'_>| total.said.number.approximate || total.said.number.value().is_none();
    let as_of = bases.last().map(|base| register.claims().vocabulary().text(base.said.as_of));
    Step {
        told: Told::of(&register.at(at), total.row),
        base_from,
        base_as_of: as_of.unwrap_or_default().to_owned(),
        base,
        step,
        exchanges: between.exchanges,
        sum,
        residual,
        missing: between.missing,
        approximate: inexact(total) || bases.iter().any(inexact),
    }
}

/// The totals that a total is compared with. Several were claimed for one day: all of them.
fn base<'a>(totals: &[Total<'a>], total: &Total<'_>) -> (Base, Vec<Total<'a>>) {
    let mut before = totals.iter().filter(|earlier| earlier.days.1 < total.days.0);
    if let Some(previous) = total.said.previous {
        let named: Option<Total<'a>> =
            before.rfind(|earlier| earlier.said.number.value() == Some(previous)).copied();
        let claim = named.map(|named| named.row.claim);
        return (Base::Previous(claim), named.into_iter().collect());
    }
    let Some(latest) = before.clone().map(|earlier| earlier.days.1).max() else {
        return (Base::None, Vec::new());
    };
    let bases: Vec<Total<'a>> = before.filter(|it| it.days.1 == latest).copied().collect();
    let last = bases.iter().map(|base| base.row.claim).max();
    (last.map_or(Base::None, Base::Earlier), bases)
}

/// Both ends of what was claimed, a missing one replaced by the other.
fn number(number: &Number) -> Option<(u32, u32)> {
    Some((number.low.or(number.high)?, number.high.or(number.low)?))
}

impl Candidate {
    /// Adds what one side of the exchange says.
    fn add(&mut self, figure: &Figure) {
        let range = figure.low.map(|low| (low, figure.high.unwrap_or(low)));
        let plus = |(low, high): (u32, u32)| {
            let (a, b) = self.range.unwrap_or_default();
            (a.saturating_add(low), b.saturating_add(high))
        };
        self.range = range.map(plus).or(self.range);
        self.unnumbered |= figure.unnumbered > 0 || figure.low.is_none();
    }
}

#[cfg(test)]
mod tests;
