//! Running totals against the record: each step from one total to the next, and the exchanges in
//! between that should explain it.
//!
//! An exchange lies in a step if it surely took place after the day of the base and up to the day
//! of the total. A total that names the exchange that it follows counts up to that one, whatever
//! the days leave open. An exchange of which neither is sure is listed as missing, never counted,
//! and never taken as 0.

mod between;

use std::{collections::BTreeMap, sync::Arc};

pub use between::{Missing, MissingReason, Range};

use crate::domain::{
    date::Edtf,
    estimate::Number,
    event::Position,
    figure::Figure,
    leg::{Direction, UnitCode},
    symbol::Symbol,
};
use crate::projections::{
    claim_status::ClaimStatus,
    claims::{Content, NestedThen, Row, RunningTotal},
    grouped_counts::{Dimension, GroupKey, GroupedQuery, GroupedWalk, Part},
    ledger::{Days, Traits},
    register::Register,
    walk::{Walk, piece},
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
    /// Only totals with a day in this interval.
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

/// One running total with the step to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesStep {
    /// The total.
    pub status: ClaimStatus,
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
#[derive(Clone, Copy, Debug)]
struct Total {
    row: Row,
    claimed: RunningTotal,
    days: Days,
}

/// A series beside the exchanges that can lie between its totals, just after one position.
#[derive(Debug)]
pub struct Compared {
    at: Position,
    nested: NestedThen,
    /// By day, then position.
    totals: Vec<Total>,
    /// The places of the requested totals.
    requested: Vec<usize>,
    /// By id.
    candidates: Vec<Candidate>,
}

impl Compared {
    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.requested.len()
    }

    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.totals) + size_of_val(&*self.candidates) + self.nested.bytes()
    }
}

/// Compares a series with the exchanges of the record; absent: there is no total of it.
#[derive(Debug)]
pub struct CompareWalk {
    /// The names under which the series is recorded.
    series: Vec<Symbol>,
    query: SeriesQuery,
    at: Position,
    totals: Option<Vec<Total>>,
    /// The exchanges on the sides that are still to be gone through.
    sides: Vec<GroupedWalk>,
    /// The groups of the side that was gone through last.
    groups: std::vec::IntoIter<(GroupKey, Figure)>,
    found: BTreeMap<String, Candidate>,
}

/// Exchanges that become candidates in one piece.
const PIECE: usize = 1_024;

impl CompareWalk {
    /// The comparison as the record stood just after `at`.
    pub fn new(series: Vec<Symbol>, query: SeriesQuery, at: Position) -> Self {
        let sides = sides(&query).into_iter().map(|query| GroupedWalk::new(query, at)).collect();
        let (groups, found) = (Vec::new().into_iter(), BTreeMap::new());
        Self { series, query, at, totals: None, sides, groups, found }
    }

    /// The totals of the series, by day, then position.
    fn totals(&self, register: &Register) -> Vec<Total> {
        let view = register.at(self.at);
        let rows = |name: &Symbol| view.latest(register.claims().series_rows(*name));
        let total = |row: &Row| {
            let Content::RunningTotal(claimed) = row.content else { return None };
            let days = Edtf::parse(view.vocabulary().text(claimed.as_of)).ok()?.days();
            Some(Total { row: *row, claimed, days })
        };
        let mut totals: Vec<Total> = self.series.iter().flat_map(rows).filter_map(total).collect();
        totals.sort_unstable_by_key(|total| (total.days.1, total.days.0, total.row.claim));
        totals
    }

    /// Takes what the next exchanges add on the side that was gone through.
    fn take(&mut self, register: &Register) {
        for (key, figure) in self.groups.by_ref().take(PIECE) {
            let [Part::Exchange(id)] = key.parts.as_slice() else { continue };
            let candidate = self.found.entry(id.clone()).or_insert_with(|| {
                let exchange = register.claims().vocabulary().find(id).unwrap_or_default();
                let traits = register.ledger().traits(exchange, self.at);
                Candidate::new(exchange, traits.as_ref().map(Traits::dates).unwrap_or_default())
            });
            candidate.add(&figure);
        }
    }
}

impl Walk for CompareWalk {
    type Answer = Option<Arc<Compared>>;

    fn go_on(&mut self, register: &Register) -> bool {
        if self.totals.is_none() {
            self.totals = Some(self.totals(register));
        }
        if self.totals.as_ref().is_none_or(Vec::is_empty) {
            return true;
        }
        if self.groups.len() > 0 {
            self.take(register);
        } else if let Some(side) = self.sides.last_mut()
            && side.go_on(register)
        {
            let groups = self.sides.pop().map(|side| side.answer().groups);
            self.groups = groups.unwrap_or_default().into_iter();
        }
        self.sides.is_empty() && self.groups.len() == 0
    }

    fn answer(self) -> Option<Arc<Compared>> {
        let Self { query, at, totals, found, .. } = self;
        let totals = totals.filter(|totals| !totals.is_empty())?;
        let occurred = query.occurred.as_ref();
        let wanted = |total: &Total| occurred.is_none_or(|it| it.overlaps_days(total.days));
        let requested = totals.iter().enumerate().filter(|(_, total)| wanted(total));
        let requested = requested.map(|(place, _)| place).collect();
        let candidates = found.into_values().collect();
        let nested = NestedThen::default();
        Some(Arc::new(Compared { at, nested, totals, requested, candidates }))
    }
}

/// Bytes of the ids in the steps so far, from which on no further step is added.
const ENOUGH: usize = 2 << 20;

/// Works out some steps of a series, one in each piece; fewer where they name many exchanges.
#[derive(Debug)]
pub struct StepWalk {
    compared: Arc<Compared>,
    next: usize,
    most: usize,
    steps: Vec<SeriesStep>,
    bytes: usize,
}

impl StepWalk {
    /// At most so many steps from one on.
    pub fn new(compared: Arc<Compared>, from: usize, most: usize) -> Self {
        Self { compared, next: from, most, steps: Vec::new(), bytes: 0 }
    }
}

impl Walk for StepWalk {
    type Answer = Vec<SeriesStep>;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { compared, next, most, steps, bytes } = self;
        let requested =
            compared.requested.get(*next).filter(|_| steps.len() < *most && *bytes < ENOUGH);
        let total = requested.and_then(|place| compared.totals.get(*place));
        let Some(total) = total else { return true };
        let step = step(register, compared, total);
        let exchanges = step.exchanges.iter().map(|(id, _)| id);
        let ids = exchanges.chain(step.missing.iter().map(|missing| &missing.exchange));
        *bytes += ids.map(String::len).sum::<usize>();
        steps.push(step);
        *next += 1;
        false
    }

    fn answer(self) -> Vec<SeriesStep> {
        self.steps
    }
}

/// The names of the series of which a total stood just after a position.
#[derive(Debug)]
pub struct NameWalk {
    /// Only those that give this stream; absent: all.
    slug: Option<String>,
    at: Position,
    series: Option<Vec<Symbol>>,
    next: usize,
    found: Vec<(Box<str>, Symbol)>,
}

impl NameWalk {
    /// Of all series, or those that are recorded in the stream of one name.
    pub fn new(name: Option<&str>, at: Position) -> Self {
        let (series, found) = (None, Vec::new());
        Self { slug: name.map(slug::slugify), at, series, next: 0, found }
    }
}

impl Walk for NameWalk {
    type Answer = Vec<Symbol>;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { slug, at, series, next, found } = self;
        let claims = register.claims();
        let series = series.get_or_insert_with(|| claims.series().collect());
        for name in series.get(piece(next, PIECE, series.len())).unwrap_or_default() {
            let text = claims.vocabulary().text(*name);
            let is_requested = || slug.as_ref().is_none_or(|wanted| *wanted == slug::slugify(text));
            if is_requested() && claims.series_rows(*name).any(|row| row.stands_at(*at)) {
                found.push((text.into(), *name));
            }
        }
        *next >= series.len()
    }

    fn answer(mut self) -> Vec<Symbol> {
        self.found.sort_unstable();
        self.found.into_iter().map(|(_, name)| name).collect()
    }
}

/// One query for each side that is added.
fn sides(query: &SeriesQuery) -> Vec<GroupedQuery> {
    let all = GroupedQuery {
        dimensions: vec![Dimension::Exchange],
        mediator: query.mediator.clone(),
        include_denied: query.include_denied,
        unit: Some(query.unit),
        ..GroupedQuery::default()
    };
    let Some(country) = &query.country else { return vec![all] };
    let country = || [country.clone()].into();
    let received = GroupedQuery { receivers: country(), ..all.clone() };
    let sent = GroupedQuery { senders: country(), ..all };
    match query.direction {
        Some(Direction::Received) => vec![received],
        Some(Direction::Sent) => vec![sent],
        None => vec![received, sent],
    }
}

fn step(register: &Register, compared: &Compared, total: &Total) -> SeriesStep {
    let vocabulary = register.claims().vocabulary();
    let (base_from, bases) = base(&compared.totals, total);
    let own = number(&total.claimed.number);
    let claimed = bases.iter().filter_map(|base| number(&base.claimed.number));
    let base = match base_from {
        Base::Previous(_) => total.claimed.previous.map(|previous| (previous, previous)),
        Base::Earlier(_) | Base::None => claimed.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
    };
    let step = own.zip(base).map(|(own, base)| {
        (i64::from(own.0) - i64::from(base.1), i64::from(own.1) - i64::from(base.0))
    });
    let span = bases.last().map(|base| Span {
        base: base.days,
        base_follows: base.claimed.follows,
        total: total.days,
        follows: total.claimed.follows,
    });
    let text = |exchange| vocabulary.text(exchange).to_owned();
    let between = span.map(|span| span.of(&compared.candidates, text)).unwrap_or_default();
    let sum = bases.last().and_then(|_| between.sum());
    let residual = step.zip(sum).map(|(step, sum)| (step.0 - sum.1, step.1 - sum.0));
    let inexact =
        |total: &Total| total.claimed.number.approximate || total.claimed.number.value().is_none();
    let as_of = bases.last().map(|base| vocabulary.text(base.claimed.as_of));
    let view = register.again_at(compared.at, &compared.nested);
    SeriesStep {
        status: ClaimStatus::of(&view, &total.row),
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
fn base(totals: &[Total], total: &Total) -> (Base, Vec<Total>) {
    let mut before = totals.iter().filter(|earlier| earlier.days.1 < total.days.0);
    if let Some(previous) = total.claimed.previous {
        let named: Option<Total> =
            before.rfind(|earlier| earlier.claimed.number.value() == Some(previous)).copied();
        let claim = named.map(|named| named.row.claim);
        return (Base::Previous(claim), named.into_iter().collect());
    }
    let Some(latest) = before.clone().map(|earlier| earlier.days.1).max() else {
        return (Base::None, Vec::new());
    };
    let bases: Vec<Total> = before.filter(|it| it.days.1 == latest).copied().collect();
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
