//! What a figure is made of: the outermost exchanges behind it, and what becomes of each leg.

mod parts;

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

use crate::domain::{
    date::Edtf,
    estimate::Estimate,
    event::Position,
    figure::Figure,
    leg::{Direction, LegKey},
    proto::LegUse,
    share::Share,
    symbol::Symbol,
    tally::Tally,
    whole::Seen,
};
use crate::projections::{
    claim_status::{LegClaims, PreferenceInForce, past},
    claims::{NestedThen, Row, View},
    counts::{When, when},
    interned::Place,
    ledger::{ClaimedLegs, FigureKey, Step},
    register::Register,
    walk::{Walk, piece},
};
use parts::Parts;

/// A figure, and the outermost exchanges that it is made of.
#[derive(Debug, Default)]
pub struct Provenance {
    /// The figure; absent: no transfer concerns the country on this side.
    pub figure: Option<Figure>,
    /// The exchanges, by date, then id; those without a date last.
    pub exchanges: Vec<Symbol>,
    /// Exchanges left out because nothing says when they occurred.
    pub undated_exchanges: u32,
    /// How the exchanges nested then, for callers that go on to explain them.
    pub nested: NestedThen,
}

/// What one outermost exchange adds to a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedExchange {
    /// The outermost exchange.
    pub exchange: String,
    /// What it is called; empty: no report says.
    pub title: String,
    /// When it took place, as EDTF text; empty: nothing says.
    pub occurred: String,
    /// What it adds.
    pub share: Share,
    /// The legs that concern the country on the figure's side, or do not say that side.
    pub legs: Vec<ExplainedLeg>,
    /// The preference in force for the figure in this exchange.
    pub preference: Option<PreferenceInForce>,
}

/// A leg behind a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedLeg {
    /// The leg, its estimate and its claims.
    pub leg: LegClaims,
    /// What becomes of it in the sum.
    pub used: LegUse,
    /// The larger legs that it is directly a part of: their places among the legs.
    pub part_of: Vec<u32>,
}

/// Which figure is explained, and of which exchanges.
#[derive(Clone, Debug)]
pub struct ProvenanceQuery {
    /// The figure.
    pub key: FigureKey,
    /// Only the outermost exchange around this one.
    pub only: Option<Symbol>,
    /// Only exchanges that occurred then.
    pub occurred: Option<Edtf>,
}

/// Steps, and exchanges, that are looked at in one piece.
const PIECE: usize = 1_024;

/// Finds the outermost exchanges behind a figure just after a position.
#[derive(Debug)]
pub struct ProvenanceWalk {
    query: ProvenanceQuery,
    at: Position,
    /// The one outermost exchange that the query requests, if any; absent: not looked up yet.
    #[expect(clippy::option_option, reason = "not known yet differs from none asked for")]
    only: Option<Option<Symbol>>,
    /// The steps of the figure that were looked at, and the exchanges with a share by them.
    steps: usize,
    standing: BTreeMap<Symbol, Step>,
    tally: Tally,
    found: Vec<(bool, Option<i32>, Box<str>, Symbol)>,
    undated: u32,
}

impl ProvenanceWalk {
    /// The exchanges as the record stood just after `at`.
    pub fn new(query: ProvenanceQuery, at: Position) -> Self {
        let (standing, tally) = (BTreeMap::new(), Tally::default());
        Self { query, at, only: None, steps: 0, standing, tally, found: Vec::new(), undated: 0 }
    }

    /// Takes an exchange that has a share in the figure.
    fn take(&mut self, register: &Register, step: &Step) {
        let (ledger, exchange) = (register.ledger(), step.exchange);
        let Some(traits) = ledger.traits(exchange, self.at) else { return };
        let occurred = self.query.occurred.as_ref();
        match occurred.map_or(When::Within, |occurred| when(&traits, occurred)) {
            When::Within => {
                ledger.apply(&Step { before: None, ..*step }, &mut self.tally);
                let first = traits.first_day();
                let id = register.claims().vocabulary().text(exchange).into();
                self.found.push((first.is_none(), first, id, exchange));
            }
            When::Unknown => self.undated += 1,
            When::Elsewhere => {}
        }
    }
}

impl Walk for ProvenanceWalk {
    type Answer = Provenance;

    fn go_on(&mut self, register: &Register) -> bool {
        let steps = register.ledger().steps(self.query.key, 0, self.at);
        let some = steps.get(piece(&mut self.steps, PIECE, steps.len())).unwrap_or_default();
        if !some.is_empty() {
            let nesting = |only| register.at(self.at).nesting().outermost(only);
            let only = *self.only.get_or_insert_with(|| self.query.only.map(nesting));
            let wanted = some.iter().filter(|it| only.is_none_or(|only| only == it.exchange));
            // What an exchange says is what it said last.
            self.standing.extend(wanted.map(|step| (step.exchange, *step)));
            return false;
        }
        for _ in 0..PIECE {
            let Some((_, step)) = self.standing.pop_first() else { return true };
            if step.after.is_some() {
                self.take(register, &step);
            }
        }
        false
    }

    fn answer(mut self) -> Provenance {
        self.found.sort_unstable();
        Provenance {
            figure: (self.tally.shares > 0).then(|| Figure::from(&self.tally)),
            exchanges: self.found.into_iter().map(|(.., exchange)| exchange).collect(),
            undated_exchanges: self.undated,
            nested: NestedThen::default(),
        }
    }
}

/// Claims that are gathered for one page; no further exchange is explained then.
const ENOUGH: usize = 1 << 15;

/// Explains some of the exchanges behind a figure, one in each piece.
#[derive(Debug)]
pub struct ExplainWalk {
    behind: Arc<Provenance>,
    key: FigureKey,
    include_past: bool,
    at: Position,
    next: usize,
    end: usize,
    claims: usize,
    explained: Vec<ExplainedExchange>,
}

impl ExplainWalk {
    /// The exchanges from one place on, at most so many; fewer where there are many claims.
    pub fn new(
        (behind, at): (Arc<Provenance>, Position),
        key: FigureKey,
        include_past: bool,
        (from, most): (usize, usize),
    ) -> Self {
        let end = from.saturating_add(most).min(behind.exchanges.len());
        Self { behind, key, include_past, at, next: from, end, claims: 0, explained: Vec::new() }
    }
}

impl Walk for ExplainWalk {
    type Answer = Vec<ExplainedExchange>;

    fn go_on(&mut self, register: &Register) -> bool {
        let place = piece(&mut self.next, 1, self.end);
        let exchange = self.behind.exchanges.get(place).and_then(<[_]>::first);
        let Some(exchange) = exchange.filter(|_| self.claims < ENOUGH) else { return true };
        let view = register.again_at(self.at, &self.behind.nested);
        let explained = explain(register, &view, self.key, *exchange, self.include_past);
        self.claims += explained.legs.iter().map(|leg| leg.leg.claims.len()).sum::<usize>();
        self.explained.push(explained);
        false
    }

    fn answer(self) -> Vec<ExplainedExchange> {
        self.explained
    }
}

/// What one outermost exchange adds to a figure; with the past, the claims on its legs that no
/// longer stand as well.
pub fn explain(
    register: &Register,
    view: &View<'_>,
    key: FigureKey,
    outermost: Symbol,
    include_past: bool,
) -> ExplainedExchange {
    let within = view.nesting().within(outermost);
    let rows: Vec<&Row> = within.iter().flat_map(|exchange| view.figures(*exchange)).collect();
    let claimed = ClaimedLegs::new(view, &rows);
    let gone: Vec<&Row> = within
        .iter()
        .filter(|_| include_past)
        .flat_map(|exchange| past(view, register.claims().figure_rows(*exchange)))
        .collect();
    let share = register.ledger().share(key, outermost, view.at()).unwrap_or_default();
    let (title, occurred) = described(view, outermost, &rows);
    let text = |name| view.vocabulary().text(name).to_owned();
    let concerned = concerned(view, &claimed, key, &share);
    ExplainedExchange {
        exchange: text(outermost),
        title: text(title),
        occurred: text(occurred),
        preference: preference(view, &claimed, key, &share),
        share,
        legs: legs(view, &claimed, (concerned, key.2), &gone),
    }
}

/// Title and date of the latest report that says them; without a date, that of the first claim.
fn described(view: &View<'_>, outermost: Symbol, rows: &[&Row]) -> (Symbol, Symbol) {
    let latest = |field: fn(&crate::projections::claims::Report) -> Symbol| {
        let reports = view.reports(outermost).filter(|(_, report)| !field(report).is_empty());
        reports.last().map(|(_, report)| field(report))
    };
    let occurred = latest(|report| report.occurred)
        .or_else(|| rows.iter().find_map(|row| row.content.occurred()));
    (latest(|report| report.title).unwrap_or_default(), occurred.unwrap_or_default())
}

/// The latest preference for the figure, of those with a number within the share's range.
fn preference(
    view: &View<'_>,
    claimed: &ClaimedLegs<'_>,
    (country, unit, direction): FigureKey,
    share: &Share,
) -> Option<PreferenceInForce> {
    let amount = share.amount?;
    claimed.preferences.iter().find_map(|(row, preference)| {
        let preferred = view.reading(preference.claim)?;
        let fits = preference.side == Some((country, direction))
            && view.leg(preferred).is_some_and(|leg| leg.unit == unit);
        let in_force = PreferenceInForce::of(view, row, preference).filter(|_| fits)?;
        (amount.low..=amount.high).contains(&in_force.value.into()).then_some(in_force)
    })
}

/// Legs with what they amount to, by their places in the table.
type Concerned<'a> = BTreeMap<Place, (&'a LegKey, Estimate)>;

/// The legs that name the country on the figure's side, and those that do not say that side.
///
/// A leg with the country alone on the other side leaves nothing open for it. Such legs are
/// included only where the bound of what is open is that of all legs that do not say the side.
fn concerned<'a>(
    view: &View<'a>,
    claimed: &ClaimedLegs<'a>,
    (country, unit, direction): FigureKey,
    share: &Share,
) -> Concerned<'a> {
    let legs =
        claimed.legs.keys().filter_map(|place| Some((*place, view.vocabulary().leg(*place)?)));
    let of_unit: Vec<(Place, &LegKey)> = legs.filter(|(_, leg)| leg.unit == unit).collect();
    let is_unsaid = |leg: &LegKey| leg.own(direction).is_empty();
    let unsaid = of_unit.iter().filter(|(_, leg)| is_unsaid(leg)).count();
    let open = share.open.map_or(0, |rest| rest.legs);
    let all_bound = u32::try_from(unsaid).is_ok_and(|unsaid| unsaid == open);
    let concerns = |leg: &LegKey| {
        let open = || all_bound || leg.other(direction).alone() != Some(country);
        if is_unsaid(leg) { open() } else { leg.own(direction).contains(country) }
    };
    let concerned = of_unit.into_iter().filter(|(_, leg)| concerns(leg));
    concerned.map(|(place, leg)| (place, (leg, claimed.estimate(view, place)))).collect()
}

fn legs(
    view: &View<'_>,
    claimed: &ClaimedLegs<'_>,
    (concerned, direction): (Concerned<'_>, Direction),
    gone: &[&Row],
) -> Vec<ExplainedLeg> {
    let seen: Vec<(Seen<'_>, bool)> = concerned
        .values()
        .map(|(leg, estimate)| (Seen::new(leg, direction), estimate.range.is_some()))
        .collect();
    let parts = Parts::new(&seen, view.nesting());
    let mut gone_from: HashMap<Place, Vec<&Row>> = HashMap::new();
    for row in gone {
        if let Some(counted) = row.content.counted() {
            gone_from.entry(counted.leg).or_default().push(row);
        }
    }
    let explained = (0..).zip(concerned.keys()).filter_map(|(number, place)| {
        let gone = gone_from.get(place).map(Vec::as_slice).unwrap_or_default();
        Some(ExplainedLeg {
            leg: LegClaims::completed(view, claimed, *place, gone)?,
            used: parts.used(number),
            part_of: parts.directly_part_of(number),
        })
    });
    explained.collect()
}

#[cfg(test)]
mod tests;
