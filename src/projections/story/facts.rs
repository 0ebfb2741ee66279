//! What an exchange is, as the latest reports say.

use std::collections::BTreeSet;

use crate::domain::{date::Edtf, event::Position, proto, symbol::Symbol};
use crate::projections::{
    claims::{Content, Report, Row, View},
    ledger::{Days, traits},
};

/// What an exchange is. Of a field that the latest report leaves empty, the report before it that
/// does not is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) title: Symbol,
    pub(super) place: Symbol,
    /// Number of `proto::ExchangeKind`.
    pub(super) kind: i32,
    /// Number of `proto::ExchangeStatus`; 0: it was never reported.
    pub(super) status: i32,
    /// When, as EDTF text; empty: nothing says.
    occurred: Symbol,
    /// The dates that it is selected by.
    pub(super) dates: Vec<Days>,
    pub(super) parties: BTreeSet<Symbol>,
}

impl Facts {
    /// From the standing claims about the exchange itself, and all with what is within it.
    pub(super) fn of(view: &View<'_>, exchange: Symbol, (own, all): (&[&Row], &[&Row])) -> Self {
        let mut reports: Vec<(&Row, &Report)> = own
            .iter()
            .filter_map(|row| {
                let Content::Exchange(report) = &row.content else { return None };
                Some((*row, report))
            })
            .collect();
        // A correction sets an old report right; it does not make it later.
        reports.sort_by_key(|(row, _)| std::cmp::Reverse(row.claim));
        let status = reports.first().map_or(0, |(_, report)| report.status);
        let latest = |field: fn(&Report) -> Symbol| {
            let fields = reports.iter().map(|(_, report)| field(report));
            fields.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
        };
        let traits = traits(view, exchange, all);
        Self {
            title: latest(|report| report.title),
            place: latest(|report| report.place),
            kind: traits.reported.kind,
            status,
            occurred: occurred(view, exchange, all),
            dates: traits.dates().to_vec(),
            parties: parties(view, all),
        }
    }

    /// The same in words, without flags.
    pub(super) fn message(&self, view: &View<'_>, exchange: Symbol) -> proto::ExchangeSummary {
        let text = |symbol| view.vocabulary().text(symbol).to_owned();
        let larger = view.nesting().larger(exchange).unwrap_or_default();
        proto::ExchangeSummary {
            exchange_id: text(exchange),
            title: text(self.title),
            kind: self.kind,
            place: text(self.place),
            occurred: text(self.occurred),
            status: self.status,
            part_of: text(larger),
            portions: view.vocabulary().texts(view.nesting().direct_portions(exchange)),
            parties: view.vocabulary().texts(self.parties.iter().copied()),
            ..proto::ExchangeSummary::default()
        }
    }
}

/// The date that the latest report of the exchange itself gives; without one, the latest that a
/// claim about it or about an exchange within it gives.
fn occurred(view: &View<'_>, exchange: Symbol, all: &[&Row]) -> Symbol {
    let is_date = |date: &Symbol| Edtf::parse(view.vocabulary().text(*date)).is_ok();
    let dated = all.iter().filter_map(|row| {
        let (reported, date) = if let Content::Exchange(report) = &row.content {
            (row.subject == exchange, report.occurred)
        } else if let Content::Completed(transfer) = &row.content {
            (false, transfer.occurred)
        } else {
            return None;
        };
        is_date(&date).then_some(((reported, row.claim), date))
    });
    let latest: Option<((bool, Position), Symbol)> = dated.max_by_key(|(order, _)| *order);
    latest.map(|(_, date)| date).unwrap_or_default()
}

/// Everybody whom a report names, or who stands on a side of a leg.
pub(super) fn parties(view: &View<'_>, all: &[&Row]) -> BTreeSet<Symbol> {
    let mut parties = view.parties(all);
    for leg in all.iter().filter_map(|row| view.leg(row)) {
        parties.extend(leg.from.iter().chain(leg.to.iter()));
    }
    parties
}
