//! The story of an exchange as a person reads it: everything the record says of it at one moment.

mod changes;
mod facts;
mod flags;
mod legs;
mod list;
mod roles;

pub use changes::{StoryChange, change};
pub use list::{ExchangeQuery, ListWalk, Listed, Mediator, SummaryWalk};
pub use roles::ToldRole;

use crate::domain::{event::Position, figure::Figure, proto, side::Share, symbol::Symbol};
use crate::projections::{
    claims::{Row, Said, View},
    counts::{self, CountRow},
    extent::Extent,
    ledger::{Cell, Group, Outcome, Standing},
    register::Register,
    told::{self, Ended, Told, ToldLeg},
};
use facts::Facts;
use flags::Cells;

/// Everything that the record says of an exchange; texts are given by where they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What it is.
    pub summary: proto::ExchangeSummary,
    /// Every report of it, retracted ones too.
    pub reports: Vec<ToldReport>,
    /// Completed transfers.
    pub legs: Vec<ToldLeg>,
    /// What was agreed on.
    pub agreed: Vec<ToldLeg>,
    /// What was declined, with the number of `proto::DeclineReason`.
    pub declined: Vec<(ToldLeg, i32)>,
    /// Who had which role.
    pub roles: Vec<ToldRole>,
    /// The totals claimed, each with what the completed transfers of its leg add up to; absent:
    /// none of them has a number.
    pub totals: Vec<(Told, Option<Figure>)>,
    /// What was said of it.
    pub statements: Vec<Told>,
    /// What superlatives it was given.
    pub superlatives: Vec<Told>,
    /// What it adds to the figure of each country.
    pub counts: Vec<CountRow>,
}

/// One report of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldReport {
    /// Where it is recorded, and what became of it.
    pub told: Told,
    /// Number of `proto::ExchangeStatus`.
    pub status: i32,
    /// When, as EDTF text; empty: it does not say.
    pub occurred: String,
}

impl Story {
    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        let legs = self.legs.iter().chain(&self.agreed);
        let legs = legs.chain(self.declined.iter().map(|(leg, _)| leg));
        let legs: usize = legs.map(|leg| size_of::<ToldLeg>() + size_of_val(&*leg.claims)).sum();
        let names = self.summary.portions.iter().chain(&self.summary.parties);
        let names: usize = names.map(|name| size_of::<String>() + name.len()).sum();
        let roles = self.roles.iter().map(|role| role.attributed.len() + role.denied.len());
        let told = roles.sum::<usize>() + self.statements.len() + self.superlatives.len();
        let others = size_of_val(&*self.reports) + size_of_val(&*self.totals);
        let counts = size_of_val(&*self.counts) + size_of_val(&*self.roles);
        legs + names + others + counts + told * size_of::<Told>()
    }
}

/// Which story is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryQuery {
    /// The exchange.
    pub exchange_id: String,
    /// Also claims that were withdrawn, and readings of legs from before a correction.
    pub include_past: bool,
}

/// The story of an exchange, just after `at`. Absent: nothing was recorded of it or of a portion
/// of it.
pub fn story(register: &Register, query: &StoryQuery, at: Position) -> Option<Story> {
    let view = register.at(at);
    let exchange = find(&view, &query.exchange_id)?;
    let extent = Extent::of(&view, exchange);
    let mut past = told::past(&view, view.claims().figure_rows(exchange));
    past.extend(told::past(&view, view.claims().other_rows(exchange)));
    let telling = Telling { extent: &extent, past: &past, include_past: query.include_past };
    let outcome = Outcome::within(&view, exchange);
    Some(Story {
        summary: summary_of(&extent, &cells(&outcome)),
        reports: telling.reports(),
        legs: telling.completed(),
        agreed: telling.agreed(),
        declined: telling.declined(),
        roles: telling.roles(),
        totals: telling.totals(),
        statements: telling.all(|said| matches!(said, Said::Statement(_))),
        superlatives: telling.all(|said| matches!(said, Said::Superlative)),
        counts: figures_of(register, &outcome),
    })
}

/// What an exchange is, and what stands out in it.
pub fn summary(register: &Register, view: &View<'_>, exchange: Symbol) -> proto::ExchangeSummary {
    let extent = Extent::of(view, exchange);
    // Of an outermost exchange the ledger keeps what the rules make of it.
    match register.ledger().exchange(exchange, view.at()) {
        Some(Standing { cells, .. }) => summary_of(&extent, &cells),
        None => summary_of(&extent, &cells(&Outcome::within(view, exchange))),
    }
}

fn cells(outcome: &Outcome) -> Vec<(&Cell, &Share)> {
    outcome.cells.iter().map(|(cell, share)| (cell, share)).collect()
}

fn summary_of(extent: &Extent<'_, '_>, cells: &Cells<'_>) -> proto::ExchangeSummary {
    let facts = Facts::of(extent.view, extent.exchange, (&extent.own, &extent.all));
    let mut summary = facts.message(extent.view, extent.exchange);
    let flags = flags::flags(extent, &facts, cells);
    summary.flags = flags.into_iter().map(Into::into).collect();
    summary
}

/// The exchange with an id, if anything was claimed of it, or of a portion of it.
pub fn find(view: &View<'_>, id: &str) -> Option<Symbol> {
    let exchange = view.vocabulary().find(id).filter(|symbol| !symbol.is_empty())?;
    view.knows(exchange).then_some(exchange)
}

/// What the exchange adds to the figure of each country.
fn figures_of(register: &Register, outcome: &Outcome) -> Vec<CountRow> {
    let cells = outcome.cells.iter().filter(|(cell, _)| cell.legs.is_all());
    let figures = cells.filter_map(|(cell, share)| match &cell.group {
        Group::Side(direction, side) => {
            Some(((side.alone()?, cell.unit, *direction), Figure::from(*share)))
        }
        Group::Route(..) | Group::Total(_) => None,
    });
    counts::rows(register, figures)
}

/// One exchange, and the rows that its story is made from.
struct Telling<'t, 'v, 'a> {
    extent: &'t Extent<'v, 'a>,
    /// Readings of claims about the exchange itself that no longer stand.
    past: &'t [&'a Row],
    include_past: bool,
}

impl<'a> Telling<'_, '_, 'a> {
    fn view(&self) -> &View<'a> {
        self.extent.view
    }

    /// The claims of one sort; if `withdrawn`, also those that were withdrawn.
    fn rows(&self, wanted: impl Fn(&Said) -> bool, withdrawn: bool) -> Vec<(&'a Row, Told)> {
        let told = |row: &&'a Row| (*row, Told::of(self.view(), row));
        let mut rows: Vec<_> = self.extent.own.iter().map(told).collect();
        if withdrawn {
            rows.extend(self.past.iter().map(told).filter(|(_, told)| is_last_reading(told)));
        }
        rows.retain(|(row, _)| wanted(&row.said));
        rows.sort_by_key(|(row, _)| row.claim);
        rows
    }

    fn all(&self, wanted: impl Fn(&Said) -> bool) -> Vec<Told> {
        self.rows(wanted, self.include_past).into_iter().map(|(_, told)| told).collect()
    }

    fn reports(&self) -> Vec<ToldReport> {
        let rows = self.rows(|said| matches!(said, Said::Exchange(_)), true);
        let report = |(row, told): (&'a Row, Told)| {
            let Said::Exchange(report) = row.said else { return None };
            let occurred = self.view().vocabulary().text(report.occurred).to_owned();
            Some(ToldReport { told, status: report.status, occurred })
        };
        rows.into_iter().filter_map(report).collect()
    }
}

/// Whether a claim read so when it was withdrawn as a whole.
fn is_last_reading(told: &Told) -> bool {
    told.retracted_by.is_some_and(|event| told.ended == Some(Ended::Retracted(event)))
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod changing;
#[cfg(test)]
mod tests;
