//! What the record said at one position.

use std::{cell::OnceCell, collections::BTreeSet, sync::OnceLock};

use super::{Claims, NameSet, Report, Row, Vocabulary};
use crate::domain::{event::Position, leg::LegKey, nesting::Nesting, symbol::Symbol, work};

/// What the record said at one position: the standing readings, and how the exchanges nest.
#[derive(Clone, Debug)]
pub struct View<'a> {
    claims: &'a Claims,
    at: Position,
    nested: Option<&'a NestedThen>,
    own: OnceCell<Nesting>,
}

/// How the exchanges nested just after one position, once that is no longer how they nest. It is
/// worked out from all reports the first time, for callers that look at that position repeatedly.
#[derive(Debug, Default)]
pub struct NestedThen(OnceLock<Nesting>);

impl NestedThen {
    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        self.0.get().map_or(0, Nesting::bytes)
    }
}

impl<'a> View<'a> {
    pub(super) fn new(claims: &'a Claims, at: Position, nested: Option<&'a NestedThen>) -> Self {
        Self { claims, at, nested, own: OnceCell::new() }
    }

    /// Which exchange is directly a portion of which, in the order in which that was reported.
    ///
    /// The larger exchange of each is the one named by the latest report that names one: a later
    /// report of another state need not repeat it.
    fn links(&self) -> impl Iterator<Item = (Symbol, Symbol)> + use<'a> {
        let latest = |exchange: Symbol| {
            let reports = self.reports(exchange).filter(|(_, report)| !report.part_of.is_empty());
            let (claim, latest) = reports.last()?;
            Some((claim, exchange, latest.part_of))
        };
        let mut links: Vec<_> = self.claims.ever_nested().filter_map(latest).collect();
        links.sort_unstable();
        links.into_iter().map(|(_, part, larger)| (part, larger))
    }

    /// The table that this is a view of.
    pub fn claims(&self) -> &'a Claims {
        self.claims
    }

    /// Names, legs, actors and whatever else rows refer to.
    pub fn vocabulary(&self) -> &'a Vocabulary {
        self.claims.vocabulary()
    }

    /// The position.
    pub fn at(&self) -> Position {
        self.at
    }

    /// How the exchanges nest. If it is not how they nest now, it is worked out from all reports.
    pub fn nesting(&self) -> &Nesting {
        if let Some(now) = self.claims.nesting_now(self.at) {
            return now;
        }
        let nesting = || self.nesting_of_reports();
        match self.nested {
            Some(nested) => nested.0.get_or_init(nesting),
            None => self.own.get_or_init(nesting),
        }
    }

    /// How the exchanges nest, by all reports that stand.
    pub(in crate::projections) fn nesting_of_reports(&self) -> Nesting {
        Nesting::new(self.links())
    }

    /// Whether anything was claimed of an exchange by then, or of one that is a portion of it.
    pub fn knows(&self, exchange: Symbol) -> bool {
        let claims = self.claims;
        let named = |exchange| {
            let mut rows = claims.figure_rows(exchange).chain(claims.other_rows(exchange));
            rows.any(|row| row.from <= self.at)
        };
        self.nesting().within(exchange).into_iter().any(named)
    }

    /// The latest standing reading of each claim about one exchange that enters figures or is
    /// grouped by, in the order of the claims.
    pub fn figures(&self, exchange: Symbol) -> Vec<&'a Row> {
        self.latest(self.claims.figure_rows(exchange))
    }

    /// The latest standing reading of every claim about one exchange, in the order of the claims.
    pub fn standing(&self, exchange: Symbol) -> Vec<&'a Row> {
        let mut rows = self.figures(exchange);
        rows.extend(self.latest(self.claims.other_rows(exchange)));
        rows.sort_unstable_by_key(|row| row.claim);
        rows
    }

    /// The standing reports on one exchange, each with its position; the latest comes last. A
    /// report that was corrected stays where it was: later ones are still later.
    pub fn reports(
        &self,
        exchange: Symbol,
    ) -> impl Iterator<Item = (Position, &'a Report)> + use<'a> {
        let rows = self.figures(exchange).into_iter();
        rows.filter_map(|row| Some((row.claim, row.content.report()?)))
    }

    /// The latest standing reading of each claim among rows in the order of their recording.
    pub fn latest(&self, rows: impl Iterator<Item = &'a Row>) -> Vec<&'a Row> {
        let mut latest: Vec<&'a Row> = Vec::new();
        for row in rows.take_while(|row| row.from <= self.at) {
            work::visit(1);
            if self.at >= row.to {
                continue;
            }
            match latest.binary_search_by_key(&row.claim, |row| row.claim) {
                Ok(place) => drop(latest.get_mut(place).map(|old| *old = row)),
                Err(place) => latest.insert(place, row),
            }
        }
        latest
    }

    /// What a claim reads, given any of its readings; absent: it does not stand.
    pub fn reading(&self, claim: Position) -> Option<&'a Row> {
        let first = self.claims.row(claim).filter(|row| row.stands_at(self.at))?;
        let mut later = self.claims.corrected_by(claim, self.at).rev();
        Some(later.find(|row| row.stands_at(self.at)).unwrap_or(first))
    }

    /// The leg that a row's claim is about, if it is about one.
    pub fn leg(&self, row: &Row) -> Option<&'a LegKey> {
        self.vocabulary().leg(row.content.counted()?.leg)
    }

    /// The parties of an outermost exchange: those that reports name, and those on a side of a
    /// completed transfer. An exchange that was never reported has parties all the same.
    pub fn parties(&self, rows: &[&'a Row]) -> BTreeSet<Symbol> {
        let vocabulary = self.vocabulary();
        let mut parties = BTreeSet::new();
        for row in rows {
            let leg = row.content.transfer().and_then(|it| vocabulary.leg(it.counted.leg));
            let reported = row.content.report().and_then(|it| vocabulary.side(it.parties));
            parties.extend(leg.into_iter().flat_map(|leg| leg.from.iter().chain(leg.to.iter())));
            parties.extend(reported.into_iter().flat_map(NameSet::iter));
        }
        parties
    }
}
