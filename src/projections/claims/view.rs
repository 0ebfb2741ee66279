//! What the record said at one position.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claims, Report, Row, Said};
use crate::domain::{event::Position, nesting::Nesting};

/// What the record said at one position: the standing readings, and how the exchanges nest.
#[derive(Clone, Debug)]
pub struct View<'a> {
    claims: &'a Claims,
    at: Position,
    nesting: Nesting<'a>,
    members: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> View<'a> {
    /// The larger exchange of each is the one named by the latest report that names one: a later
    /// report of another state need not repeat it.
    pub(super) fn new(
        claims: &'a Claims,
        at: Position,
        exchanges: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let mut view = Self { claims, at, nesting: Nesting::default(), members: BTreeMap::new() };
        let mut links: Vec<(Position, &str, &str)> = exchanges
            .clone()
            .filter_map(|exchange| {
                let reports = view.reports(exchange).filter(|(_, said)| !said.part_of.is_empty());
                let (from, latest) = reports.max_by_key(|(from, _)| *from)?;
                Some((from, exchange, latest.part_of.as_str()))
            })
            .collect();
        links.sort_unstable();
        view.nesting = Nesting::new(links.into_iter().map(|(_, part, larger)| (part, larger)));
        for exchange in exchanges {
            let outermost = view.nesting.outermost(exchange);
            view.members.entry(outermost).or_default().push(exchange);
        }
        view
    }

    /// The position.
    pub fn at(&self) -> Position {
        self.at
    }

    /// How the exchanges nest.
    pub fn nesting(&self) -> &Nesting<'a> {
        &self.nesting
    }

    /// Every outermost exchange, sorted; some are known only as what others are part of.
    pub fn outermost(&self) -> impl Iterator<Item = &'a str> {
        self.members.keys().copied()
    }

    /// The exchanges within an outermost one, itself included where anything is claimed of it.
    pub fn within(&self, outermost: &str) -> &[&'a str] {
        self.members.get(outermost).map(Vec::as_slice).unwrap_or_default()
    }

    /// The latest standing reading of each claim about one exchange, in the order of the claims.
    pub fn standing(&self, exchange: &str) -> impl Iterator<Item = &'a Row> + use<'a> {
        self.latest(exchange, |_| true)
    }

    /// The standing reports on one exchange, in the order of the claims, each with the event
    /// that brought its reading.
    pub fn reports(&self, exchange: &str) -> impl Iterator<Item = (Position, &'a Report)> {
        let rows = self.latest(exchange, |row| matches!(row.said, Said::Exchange(_)));
        rows.filter_map(|row| match &row.said {
            Said::Exchange(report) => Some((row.from, report)),
            Said::Completed(_) | Said::Preference(_) => None,
        })
    }

    /// Whether a row is wanted must not depend on its reading.
    fn latest(
        &self,
        exchange: &str,
        wanted: fn(&Row) -> bool,
    ) -> impl Iterator<Item = &'a Row> + use<'a> {
        let mut latest: BTreeMap<Position, &'a Row> = BTreeMap::new();
        for row in self.claims.rows_of(exchange) {
            if row.from <= self.at && self.at < row.to && wanted(row) {
                latest.insert(row.claim, row);
            }
        }
        latest.into_values()
    }

    /// Codes of the parties of an outermost exchange: those that reports name, and those on a
    /// side of a transfer. An exchange that was never reported has parties all the same.
    pub fn parties(&self, outermost: &str) -> BTreeSet<&'a str> {
        let rows = self.within(outermost).iter().flat_map(|exchange| self.standing(exchange));
        let mut parties = BTreeSet::new();
        for row in rows {
            match &row.said {
                Said::Completed(transfer) => {
                    let sides = transfer.leg.from.iter().chain(&transfer.leg.to);
                    parties.extend(sides.map(String::as_str));
                }
                Said::Exchange(report) => parties.extend(report.parties.iter().map(String::as_str)),
                Said::Preference(_) => {}
            }
        }
        parties
    }
}
