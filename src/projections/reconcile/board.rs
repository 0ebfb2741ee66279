//! The claimants against the legs: who says what of which.

use std::collections::BTreeMap;

use super::{NAMED, SOURCES};
use crate::domain::{
    estimate::Number,
    event::Position,
    leg::LegKey,
    proto::{self, TransferClaimKind},
    symbol::Symbol,
};
use crate::projections::{
    claims::{Counted, Row},
    extent::{Extent, sort},
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
pub(super) struct Board<'x, 'a> {
    pub(super) extent: &'x Extent<'x, 'a>,
    /// In their order.
    pub(super) claims: Vec<Claimed<'a>>,
    /// Places in the vocabulary, in the order of their first claims.
    legs: Vec<Place>,
    claimants: Vec<Place>,
}

impl<'x, 'a> Board<'x, 'a> {
    pub(super) fn new(extent: &'x Extent<'x, 'a>) -> Self {
        let claim = |row: &&'a Row| {
            let (kind, reason) = sort(&row.said)?;
            let counted = row.said.counted()?;
            let key = extent.view.vocabulary().leg(counted.leg)?;
            Some(Claimed { row, key, kind, reason, counted })
        };
        let mut claims: Vec<Claimed<'a>> = extent.all.iter().filter_map(claim).collect();
        claims.sort_by_key(|claim| claim.row.claim);
        let legs = each_once(claims.iter().map(|claim| claim.counted.leg));
        let claimants = each_once(claims.iter().map(|claim| claim.row.claimant));
        Self { extent, claims, legs, claimants }
    }

    /// The actor without party and name stands for whoever a source does not name.
    pub(super) fn claimants(&self) -> Vec<proto::Actor> {
        let vocabulary = self.extent.view.vocabulary();
        let actor = |place: &Place| vocabulary.actor_message(*place).unwrap_or_default();
        self.claimants.iter().map(actor).collect()
    }

    pub(super) fn legs(&self) -> Vec<proto::Leg> {
        let vocabulary = self.extent.view.vocabulary();
        let leg = |place: &Place| vocabulary.leg(*place).map(|leg| vocabulary.leg_message(leg));
        self.legs.iter().map(|place| leg(place).unwrap_or_default()).collect()
    }

    /// Place of the claim's leg in the answer.
    pub(super) fn leg(&self, claim: &Claimed<'_>) -> u32 {
        place(&self.legs, claim.counted.leg)
    }

    /// Place of the claim's claimant in the answer.
    pub(super) fn claimant(&self, claim: &Claimed<'_>) -> u32 {
        place(&self.claimants, claim.row.claimant)
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
        let mut told: Vec<_> =
            cells.into_values().filter_map(|claims| self.cell(&claims)).collect();
        told.sort_by_key(|cell| {
            let first = cell.positions.first().copied();
            (cell.leg, cell.claimant, cell.kind, cell.decline_reason, first)
        });
        told
    }

    fn cell(&self, claims: &[&Claimed<'a>]) -> Option<proto::ReconciliationCell> {
        let first = claims.first()?;
        let sources = self.extent.view.vocabulary().texts(claims.iter().map(|it| it.row.source));
        let sources = each_once(sources.into_iter().filter(|source| !source.is_empty()));
        let (source_ids, more_source_ids) = super::first(sources, SOURCES);
        let positions: Vec<Position> = claims.iter().map(|claim| claim.row.claim).collect();
        let (positions, more_positions) = super::first(positions, NAMED);
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

fn each_once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

fn place(places: &[Place], wanted: Place) -> u32 {
    let found = places.iter().position(|place| *place == wanted).unwrap_or_default();
    u32::try_from(found).unwrap_or(u32::MAX)
}
