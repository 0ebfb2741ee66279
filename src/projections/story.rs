//! The story of an exchange as a person reads it: everything the record says of it at one moment.

mod builder;
mod changes;
mod facts;
mod flags;
mod legs;
mod list;
mod roles;

pub use builder::ReportedState;
pub use changes::{StoryChange, change};
pub use list::{ExchangeQuery, ListWalk, Listed, Mediator, SummaryWalk};
pub use roles::AttributedRole;

use crate::domain::{event::Position, figure::Figure, proto, share::Share, symbol::Symbol};
use crate::projections::{
    claim_status::{self, ClaimStatus, LegClaims},
    claims::{Content, View},
    counts::{self, CountRow},
    extent::Extent,
    ledger::{Aggregate, Cell, Outcome, Standing},
    register::Register,
};
use builder::StoryBuilder;
use facts::Facts;
use flags::Cells;

/// Everything that the record says of an exchange; texts are given by where they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What it is.
    pub summary: proto::ExchangeSummary,
    /// Every report of it, retracted ones too.
    pub reports: Vec<ReportedState>,
    /// Completed transfers.
    pub legs: Vec<LegClaims>,
    /// What was agreed on.
    pub agreed: Vec<LegClaims>,
    /// What was declined, with the number of `proto::DeclineReason`.
    pub declined: Vec<(LegClaims, i32)>,
    /// Who had which role.
    pub roles: Vec<AttributedRole>,
    /// The totals claimed, each with what the completed transfers of its leg add up to; absent:
    /// none of them has a number.
    pub totals: Vec<(ClaimStatus, Option<Figure>)>,
    /// What was said of it.
    pub statements: Vec<ClaimStatus>,
    /// What superlatives it was given.
    pub superlatives: Vec<ClaimStatus>,
    /// What it adds to the figure of each country.
    pub counts: Vec<CountRow>,
}

impl Story {
    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        let legs = self.legs.iter().chain(&self.agreed);
        let legs = legs.chain(self.declined.iter().map(|(leg, _)| leg));
        let legs: usize = legs.map(|leg| size_of::<LegClaims>() + size_of_val(&*leg.claims)).sum();
        let names = self.summary.portions.iter().chain(&self.summary.parties);
        let names: usize = names.map(|name| size_of::<String>() + name.len()).sum();
        let roles = self.roles.iter().map(|role| role.attributed.len() + role.denied.len());
        let claims = roles.sum::<usize>() + self.statements.len() + self.superlatives.len();
        let others = size_of_val(&*self.reports) + size_of_val(&*self.totals);
        let counts = size_of_val(&*self.counts) + size_of_val(&*self.roles);
        legs + names + others + counts + claims * size_of::<ClaimStatus>()
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
    let mut past = claim_status::past(&view, view.claims().figure_rows(exchange));
    past.extend(claim_status::past(&view, view.claims().other_rows(exchange)));
    let builder = StoryBuilder { extent: &extent, past: &past, include_past: query.include_past };
    let outcome = Outcome::within(&view, exchange);
    Some(Story {
        summary: summary_of(&extent, &cells(&outcome)),
        reports: builder.reports(),
        legs: builder.completed(),
        agreed: builder.agreed(),
        declined: builder.declined(),
        roles: builder.roles(),
        totals: builder.totals(),
        statements: builder.all(|content| matches!(content, Content::Statement(_))),
        superlatives: builder.all(|content| matches!(content, Content::Superlative)),
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
    let figures = cells.filter_map(|(cell, share)| match &cell.aggregate {
        Aggregate::Side(direction, side) => {
            Some(((side.alone()?, cell.unit, *direction), Figure::from(*share)))
        }
        Aggregate::Route(..) | Aggregate::Total(_) => None,
    });
    counts::rows(register, figures)
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod changing;
#[cfg(test)]
mod tests;
