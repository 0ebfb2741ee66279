//! The legs of an exchange, each with its claims; and its totals beside what they are totals of.

use std::collections::BTreeMap;

use super::builder::StoryBuilder;
use crate::domain::{figure::Figure, proto::TransferClaimKind};
use crate::projections::{
    claim_status::{ClaimStatus, LegClaims},
    claims::{Content, Row},
    extent::sort,
    interned::Place,
    ledger::ClaimedLegs,
};

impl<'a> StoryBuilder<'_, '_, 'a> {
    pub(super) fn completed(&self) -> Vec<LegClaims> {
        let view = self.extent.view;
        let claimed = ClaimedLegs::new(view, &self.extent.own);
        let legs = self.by_leg(TransferClaimKind::Completed);
        let found = legs
            .iter()
            .map(|((leg, _), (_, past))| LegClaims::completed(view, &claimed, *leg, past));
        in_order(found.flatten(), |leg| leg)
    }

    pub(super) fn agreed(&self) -> Vec<LegClaims> {
        let legs = self.by_leg(TransferClaimKind::Agreed);
        let found = legs
            .iter()
            .map(|((leg, _), (now, past))| LegClaims::other(self.extent.view, *leg, now, past));
        in_order(found.flatten(), |leg| leg)
    }

    /// With the number of the reason.
    pub(super) fn declined(&self) -> Vec<(LegClaims, i32)> {
        let legs = self.by_leg(TransferClaimKind::Declined);
        let found = legs.iter().filter_map(|((leg, reason), (now, past))| {
            Some((LegClaims::other(self.extent.view, *leg, now, past)?, *reason))
        });
        in_order(found, |(leg, _)| leg)
    }

    pub(super) fn totals(&self) -> Vec<(ClaimStatus, Option<Figure>)> {
        let totals = self.rows(|content| matches!(content, Content::Total(..)), self.include_past);
        // What many totals are claimed of is summed up once.
        let mut sums: BTreeMap<Place, Option<Figure>> = BTreeMap::new();
        let mut sum = |row: &Row| {
            let (counted, leg) = (row.content.counted()?, self.extent.view.leg(row)?);
            let sum = sums.entry(counted.leg).or_insert_with(|| {
                let sum = self.extent.sum(&self.extent.within(leg));
                Some(sum).filter(|sum| sum.amount.is_some()).map(Figure::from)
            });
            sum.clone()
        };
        totals.into_iter().map(|(row, status)| (status, sum(row))).collect()
    }

    /// The rows of one sort, those of now and those of before, by leg.
    fn by_leg(&self, kind: TransferClaimKind) -> ByLeg<'a> {
        let key = |row: &Row| {
            let (_, reason) = sort(&row.content).filter(|(sort, _)| *sort == kind)?;
            Some((row.content.counted()?.leg, reason))
        };
        let mut legs = ByLeg::new();
        for row in &self.extent.own {
            if let Some(key) = key(row) {
                legs.entry(key).or_default().0.push(row);
            }
        }
        for row in self.past.iter().filter(|_| self.include_past) {
            if let Some(key) = key(row) {
                legs.entry(key).or_default().1.push(row);
            }
        }
        legs
    }
}

/// By the place of the leg, and why it was declined, if it was: the rows of now and of before.
type ByLeg<'a> = BTreeMap<(Place, i32), (Vec<&'a Row>, Vec<&'a Row>)>;

/// The legs in the order of their first claims.
fn in_order<T>(legs: impl Iterator<Item = T>, leg: impl Fn(&T) -> &LegClaims) -> Vec<T> {
    let mut legs: Vec<T> = legs.collect();
    legs.sort_by_key(|it| leg(it).claims.first().map(|number| number.status.claim));
    legs
}
