//! The claimants against the legs: who says what of which.

use std::{collections::BTreeMap, hash::Hash};

use hashbrown::{HashMap, HashSet};

use super::limits::{self, NAMED, SOURCES};
use crate::domain::{
    amount::Amount,
    estimate::Number,
    event::Position,
    leg::LegKey,
    proto::{self, TransferClaimKind},
    span::Span,
    symbol::Symbol,
    whole::Finder,
    work,
};
use crate::projections::{
    claims::{Counted, Row},
    extent::{Extent, can_meet, sort},
    interned::Place,
};

/// A claim that gives a leg a number, or says that none was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed<'a> {
    pub(super) row: &'a Row,
    pub(super) key: &'a LegKey,
    pub(super) kind: TransferClaimKind,
    /// Number of `proto::DeclineReason`; 0: not said, or another sort of claim.
    pub(super) reason: i32,
    pub(super) counted: &'a Counted,
}

/// The claims on the legs of an exchange and of those within it.
#[derive(Debug)]
pub(super) struct ClaimMatrix<'x, 'a> {
    pub(super) extent: &'x Extent<'x, 'a>,
    /// In their order.
    pub(super) claims: Vec<Claimed<'a>>,
    /// Places in the vocabulary, in the order of their first claims.
    legs: Numbered,
    claimants: Numbered,
    /// The completed transfers of each leg, in their order.
    completed: HashMap<&'a LegKey, Vec<Claimed<'a>>>,
    declined: Declined<'a>,
    /// Legs of completed transfers that have a number, as has the one back.
    both_ways: Vec<BothWays<'a>>,
}

/// Legs of persons who were not handed over, each with its claims; and what finds them.
#[derive(Debug)]
struct Declined<'a> {
    legs: Vec<(&'a LegKey, Vec<Claimed<'a>>)>,
    finder: Finder,
}

/// A leg and the one back, each with its number.
pub(super) type BothWays<'a> = [(&'a LegKey, Span); 2];

/// Places in the vocabulary, each once, with the number of each among them.
#[derive(Debug)]
struct Numbered {
    all: Vec<Place>,
    numbers: HashMap<Place, u32>,
}

impl Numbered {
    fn new(places: impl Iterator<Item = Place>) -> Self {
        let all = each_once(places);
        let numbers = all.iter().copied().zip(0..).collect();
        Self { all, numbers }
    }

    fn number(&self, place: Place) -> u32 {
        work::visit(1);
        self.numbers.get(&place).copied().unwrap_or_default()
    }
}

impl<'x, 'a> ClaimMatrix<'x, 'a> {
    pub(super) fn new(extent: &'x Extent<'x, 'a>) -> Self {
        let claim = |row: &&'a Row| {
            let (kind, reason) = sort(&row.content)?;
            let counted = row.content.counted()?;
            let key = extent.view.vocabulary().leg(counted.leg)?;
            Some(Claimed { row, key, kind, reason, counted })
        };
        let mut claims: Vec<Claimed<'a>> = extent.all.iter().filter_map(claim).collect();
        claims.sort_by_key(|claim| claim.row.claim);
        let legs = Numbered::new(claims.iter().map(|claim| claim.counted.leg));
        let claimants = Numbered::new(claims.iter().map(|claim| claim.row.claimant));
        let mut completed: HashMap<&LegKey, Vec<Claimed<'a>>> = HashMap::new();
        for claim in claims.iter().filter(|it| it.kind == TransferClaimKind::Completed) {
            completed.entry(claim.key).or_default().push(*claim);
        }
        let declined = Declined::new(extent, &claims);
        let both_ways = both_ways(extent);
        Self { extent, claims, legs, claimants, completed, declined, both_ways }
    }

    /// The completed transfers of a leg, in their order.
    pub(super) fn completed(&self, leg: &LegKey) -> &[Claimed<'a>] {
        self.completed.get(leg).map(Vec::as_slice).unwrap_or_default()
    }

    /// The claims that persons whom some legs can speak of were not handed over.
    pub(super) fn declined(&self, legs: &[&LegKey]) -> impl Iterator<Item = &Claimed<'a>> {
        let Declined { legs: declined, finder } = &self.declined;
        let nesting = self.extent.view.nesting();
        let mut met = HashSet::new();
        for leg in each_once(legs.iter().copied()) {
            let near = finder.around(leg, nesting).into_iter().chain(finder.within(leg, nesting));
            met.extend(near.filter(|it| {
                declined.get(*it).is_some_and(|(key, _)| can_meet(leg, key, nesting))
            }));
        }
        let of_met = declined.iter().enumerate().filter(move |(number, _)| met.contains(number));
        of_met.flat_map(|(_, (_, claims))| claims)
    }

    /// Legs of completed transfers that have a number, as has the one back.
    pub(super) fn both_ways(&self) -> &[BothWays<'a>] {
        work::visit(self.both_ways.len());
        &self.both_ways
    }

    /// The actor without party and name stands for whoever a source does not name.
    pub(super) fn claimants(&self) -> Vec<proto::Actor> {
        let vocabulary = self.extent.view.vocabulary();
        let actor = |place: &Place| vocabulary.actor_message(*place).unwrap_or_default();
        self.claimants.all.iter().map(actor).collect()
    }

    pub(super) fn legs(&self) -> Vec<proto::Leg> {
        let vocabulary = self.extent.view.vocabulary();
        let leg = |place: &Place| vocabulary.leg(*place).map(|leg| vocabulary.leg_message(leg));
        self.legs.all.iter().map(|place| leg(place).unwrap_or_default()).collect()
    }

    /// Place of the claim's leg in the answer.
    pub(super) fn leg(&self, claim: &Claimed<'_>) -> u32 {
        self.legs.number(claim.counted.leg)
    }

    /// Place of the claim's claimant in the answer.
    pub(super) fn claimant(&self, claim: &Claimed<'_>) -> u32 {
        self.claimants.number(claim.row.claimant)
    }

    pub(super) fn text(&self, name: Symbol) -> &'a str {
        self.extent.view.vocabulary().text(name)
    }

    /// One cell for each number that a claimant gives a leg, ordered by leg and claimant.
    pub(super) fn cells(&self) -> Vec<proto::ReconciliationCell> {
        let mut cells: BTreeMap<_, Vec<&Claimed<'a>>> = BTreeMap::new();
        for claim in &self.claims {
            let Number { low, high, approximate } = claim.counted.number;
            let number = (low, high, approximate, claim.counted.scope);
            let kind = i32::from(claim.kind);
            let key = (self.leg(claim), self.claimant(claim), kind, claim.reason, number);
            cells.entry(key).or_default().push(claim);
        }
        let mut cells: Vec<_> =
            cells.into_values().filter_map(|claims| self.cell(&claims)).collect();
        cells.sort_by_key(|cell| {
            let first = cell.positions.first().copied();
            (cell.leg, cell.claimant, cell.kind, cell.decline_reason, first)
        });
        cells
    }

    fn cell(&self, claims: &[&Claimed<'a>]) -> Option<proto::ReconciliationCell> {
        let first = claims.first()?;
        let sources = self.extent.view.vocabulary().texts(claims.iter().map(|it| it.row.source));
        let sources = each_once(sources.into_iter().filter(|source| !source.is_empty()));
        let (source_ids, more_source_ids) = limits::first(sources, SOURCES);
        let positions: Vec<Position> = claims.iter().map(|claim| claim.row.claim).collect();
        let (positions, more_positions) = limits::first(positions, NAMED);
        Some(proto::ReconciliationCell {
            leg: self.leg(first),
            claimant: self.claimant(first),
            kind: first.kind.into(),
            decline_reason: first.reason,
            count: Some(self.count(first.counted)),
            positions,
            source_ids,
            more_positions,
            more_source_ids,
        })
    }

    fn count(&self, counted: &Counted) -> proto::Count {
        let Number { low, high, approximate } = counted.number;
        let value = counted.number.value();
        let end = |end: Option<u32>| end.filter(|_| value.is_none());
        let scope = self.text(counted.scope).to_owned();
        proto::Count { value, low: end(low), high: end(high), approximate, scope }
    }
}

impl<'a> Declined<'a> {
    fn new(extent: &Extent<'_, 'a>, claims: &[Claimed<'a>]) -> Self {
        let of_kind = claims.iter().filter(|it| it.kind == TransferClaimKind::Declined);
        let mut by_leg: BTreeMap<Place, (&LegKey, Vec<Claimed<'a>>)> = BTreeMap::new();
        for claim in of_kind {
            let leg = by_leg.entry(claim.counted.leg).or_insert((claim.key, Vec::new()));
            leg.1.push(*claim);
        }
        let legs: Vec<_> = by_leg.into_values().collect();
        let finder = Finder::new(legs.iter().map(|(leg, _)| *leg), extent.view.nesting());
        Self { legs, finder }
    }
}

fn both_ways<'a>(extent: &Extent<'_, 'a>) -> Vec<BothWays<'a>> {
    let span = |(leg, estimate)| Some((leg, Span::of_amount(&Amount::of_leg(estimate)?)));
    let legs = extent.estimates.values().flatten();
    let spans: HashMap<&'a LegKey, Span> =
        legs.filter_map(|(leg, estimate)| span((*leg, estimate))).collect();
    let back = |leg: &LegKey| LegKey { from: leg.to.clone(), to: leg.from.clone(), ..leg.clone() };
    let pair = |(leg, span): (&&'a LegKey, &Span)| {
        // Of each pair one is enough.
        let (back, there) = spans.get_key_value(&back(leg)).filter(|_| leg.from < leg.to)?;
        Some([(*leg, *span), (*back, *there)])
    };
    spans.iter().filter_map(pair).collect()
}

fn each_once<T: Clone + Eq + Hash>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut known = HashSet::new();
    all.filter(|one| known.insert(one.clone())).collect()
}
