//! What a figure is made of: the outermost exchanges behind it, and what becomes of each leg.

use std::collections::BTreeMap;

use crate::domain::{
    date::Edtf,
    estimate::Estimate,
    event::Position,
    figure::Figure,
    leg::{Direction, LegKey},
    nesting::Nesting,
    proto::LegUse,
    side::Share,
    symbol::Symbol,
    tally::Tally,
    whole::{Seen, is_part},
};
use crate::projections::{
    claims::{Row, View},
    counts::{When, when},
    interned::Place,
    ledger::{ClaimedLegs, FigureKey, Group, Standing},
    register::Register,
    told::{ToldLeg, ToldPreference, past},
};

/// A figure, and the outermost exchanges that it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// The figure; absent: no transfer concerns the country on this side.
    pub figure: Option<Figure>,
    /// The exchanges, by date, then id; those without a date last.
    pub exchanges: Vec<Symbol>,
    /// Exchanges left out because nothing says when they occurred.
    pub undated_exchanges: u32,
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
    /// The legs that concern the country on the side asked about, or do not say that side.
    pub legs: Vec<ExplainedLeg>,
    /// The preference in force for the figure in this exchange.
    pub preference: Option<ToldPreference>,
}

/// A leg behind a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedLeg {
    /// The leg, its estimate and its claims.
    pub leg: ToldLeg,
    /// What becomes of it in the sum.
    pub used: LegUse,
    /// The larger legs that it is directly a part of: their places among the legs.
    pub part_of: Vec<u32>,
}

/// The exchanges behind a figure just after `at`: of those that occurred then, and of the outermost
/// one around `only`.
pub fn behind(
    register: &Register,
    key: FigureKey,
    only: Option<Symbol>,
    occurred: Option<&Edtf>,
    at: Position,
) -> Behind {
    let only = only.map(|only| register.at(at).nesting().outermost(only));
    let mut tally = Tally::default();
    let mut undated_exchanges = 0;
    let mut found = Vec::new();
    let ledger = register.ledger();
    for (exchange, share) in ledger.shares_of(key, at) {
        if only.is_some_and(|only| only != exchange) {
            continue;
        }
        let Some(Standing { traits, .. }) = ledger.exchange(exchange, at) else { continue };
        match occurred.map_or(When::Within, |occurred| when(traits, occurred)) {
            When::Within => {
                tally.add(share);
                let first = traits.first_day();
                found.push((first.is_none(), first, exchange));
            }
            When::Unknown => undated_exchanges += 1,
            When::Elsewhere => {}
        }
    }
    let vocabulary = register.claims().vocabulary();
    found.sort_unstable_by_key(|(undated, day, exchange)| {
        (*undated, *day, vocabulary.text(*exchange))
    });
    Behind {
        figure: (tally.shares > 0).then(|| Figure::from(&tally)),
        exchanges: found.into_iter().map(|(_, _, exchange)| exchange).collect(),
        undated_exchanges,
    }
}

/// What one outermost exchange adds to a figure just after `at`; with the past, the claims on its
/// legs that no longer stand as well.
pub fn explain(
    register: &Register,
    key: FigureKey,
    outermost: Symbol,
    include_past: bool,
    at: Position,
) -> ExplainedExchange {
    let view = register.at(at);
    let within = view.nesting().within(outermost);
    let rows: Vec<&Row> = within.iter().flat_map(|exchange| view.figures(*exchange)).collect();
    let claimed = ClaimedLegs::new(&view, &rows);
    let gone: Vec<&Row> = within
        .iter()
        .filter(|_| include_past)
        .flat_map(|exchange| past(&view, register.claims().figure_rows(*exchange)))
        .collect();
    let share = share(register, key, outermost, at);
    let (title, occurred) = described(&view, outermost, &rows);
    let text = |name| view.vocabulary().text(name).to_owned();
    let concerned = concerned(&view, &claimed, key, &share);
    ExplainedExchange {
        exchange: text(outermost),
        title: text(title),
        occurred: text(occurred),
        preference: preference(&view, &claimed, key, &share),
        share,
        legs: legs(&view, &claimed, (concerned, key.2), &gone),
    }
}

fn share(register: &Register, key: FigureKey, outermost: Symbol, at: Position) -> Share {
    let standing = register.ledger().exchange(outermost, at);
    let cells = standing.into_iter().flat_map(|standing| standing.cells);
    let is_figure = |group: &Group| match group {
        Group::Side(direction, side) => *direction == key.2 && side.alone() == Some(key.0),
        Group::Route(..) | Group::Total(_) => false,
    };
    let mut shares = cells
        .filter(|(cell, _)| cell.unit == key.1 && cell.legs.is_all() && is_figure(&cell.group));
    shares.next().map(|(_, share)| *share).unwrap_or_default()
}

/// Title and date of the latest report that says them; without a date, that of the first claim.
fn described(view: &View<'_>, outermost: Symbol, rows: &[&Row]) -> (Symbol, Symbol) {
    let latest = |said: fn(&crate::projections::claims::Report) -> Symbol| {
        let reports = view.reports(outermost).filter(|(_, report)| !said(report).is_empty());
        reports.last().map(|(_, report)| said(report))
    };
    let occurred = latest(|report| report.occurred)
        .or_else(|| rows.iter().find_map(|row| row.said.occurred()));
    (latest(|report| report.title).unwrap_or_default(), occurred.unwrap_or_default())
}

/// The latest preference for the figure whose number lies within the share's range.
fn preference(
    view: &View<'_>,
    claimed: &ClaimedLegs<'_>,
    (country, unit, direction): FigureKey,
    share: &Share,
) -> Option<ToldPreference> {
    let amount = share.amount?;
    claimed.preferences.iter().find_map(|(row, preference)| {
        let preferred = view.reading(preference.claim)?;
        let fits = preference.side == Some((country, direction))
            && view.leg(preferred).is_some_and(|leg| leg.unit == unit);
        let told = ToldPreference::of(view, row, preference).filter(|_| fits)?;
        (amount.low..=amount.high).contains(&told.value.into()).then_some(told)
    })
}

/// Legs with what they amount to, by their places in the table.
type Concerned<'a> = BTreeMap<Place, (&'a LegKey, Estimate)>;

/// The legs that name the country on the side asked about, and those that do not say that side.
///
/// Of what it stands across from alone, nothing is open for it. Such legs are among them only
/// where the bound of what is open is that of all.
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
    let explained = concerned.keys().zip(&seen).filter_map(|(place, (leg, numbered))| {
        let on_leg = |row: &&&Row| row.said.counted().is_some_and(|it| it.leg == *place);
        let gone: Vec<&Row> = gone.iter().filter(on_leg).copied().collect();
        Some(ExplainedLeg {
            leg: ToldLeg::completed(view, claimed, *place, &gone)?,
            used: used(*leg, *numbered, &seen, view.nesting()),
            part_of: directly_part_of(*leg, &seen, view.nesting()),
        })
    });
    explained.collect()
}

fn used(leg: Seen<'_>, numbered: bool, all: &[(Seen<'_>, bool)], nesting: &Nesting) -> LegUse {
    if leg.own.is_empty() {
        return LegUse::SideUnsaid;
    }
    if leg.own.len() > 1 {
        return LegUse::Joint;
    }
    if !numbered {
        return LegUse::Unnumbered;
    }
    let others = || all.iter().filter(|(other, it)| *it && other.own == leg.own);
    if others().any(|(whole, _)| is_part(*whole, leg, nesting)) {
        LegUse::PartOfAnother
    } else if others().any(|(part, _)| is_part(leg, *part, nesting)) {
        LegUse::WholeOfParts
    } else {
        LegUse::Counted
    }
}

/// The legs of the same own side that it is a part of, without those around another of them.
fn directly_part_of(leg: Seen<'_>, all: &[(Seen<'_>, bool)], nesting: &Nesting) -> Vec<u32> {
    let around: Vec<(u32, Seen<'_>)> = (0..)
        .zip(all)
        .filter(|(_, (whole, _))| whole.own == leg.own && is_part(*whole, leg, nesting))
        .map(|(place, (whole, _))| (place, *whole))
        .collect();
    let direct = |whole: Seen<'_>| {
        !around.iter().any(|(_, nearer)| *nearer != whole && is_part(whole, *nearer, nesting))
    };
    around.iter().filter(|(_, whole)| direct(*whole)).map(|(place, _)| *place).collect()
}

#[cfg(test)]
mod tests;
