//! The legs of an exchange, each with its claims; and its totals beside what they are totals of.

use std::collections::BTreeMap;

use super::Telling;
use crate::domain::{figure::Figure, proto::TransferClaimKind};
use crate::projections::{
    claims::{Row, Said},
    extent::sort,
    interned::Place,
    ledger::ClaimedLegs,
    told::{Told, ToldLeg},
};

impl<'a> Telling<'_, '_, 'a> {
    pub(super) fn completed(&self) -> Vec<ToldLeg> {
        let view = self.extent.view;
        let claimed = ClaimedLegs::new(view, &self.extent.own);
        let legs = self.by_leg(TransferClaimKind::Completed);
        let told =
            legs.iter().map(|((leg, _), (_, past))| ToldLeg::completed(view, &claimed, *leg, past));
        in_order(told.flatten(), |leg| leg)
    }

    pub(super) fn agreed(&self) -> Vec<ToldLeg> {
        let legs = self.by_leg(TransferClaimKind::Agreed);
        let told = legs
            .iter()
            .map(|((leg, _), (now, past))| ToldLeg::other(self.extent.view, *leg, now, past));
        in_order(told.flatten(), |leg| leg)
    }

    /// With the number of the reason.
    pub(super) fn declined(&self) -> Vec<(ToldLeg, i32)> {
        let legs = self.by_leg(TransferClaimKind::Declined);
        let told = legs.iter().filter_map(|((leg, reason), (now, past))| {
            Some((ToldLeg::other(self.extent.view, *leg, now, past)?, *reason))
        });
        in_order(told, |(leg, _)| leg)
    }

    pub(super) fn totals(&self) -> Vec<(Told, Option<Figure>)> {
        let totals = self.rows(|said| matches!(said, Said::Total(..)), self.include_past);
        // What many totals are claimed of is summed up once.
        let mut sums: BTreeMap<Place, Option<Figure>> = BTreeMap::new();
        let mut sum = |row: &Row| {
            let (counted, leg) = (row.said.counted()?, self.extent.view.leg(row)?);
            let sum = sums.entry(counted.leg).or_insert_with(|| {
                let sum = self.extent.sum(&self.extent.within(leg));
                Some(sum).filter(|sum| sum.amount.is_some()).map(Figure::from)
            });
            sum.clone()
        };
        totals.into_iter().map(|(row, told)| (told, sum(row))).collect()
    }

    /// The rows of one sort, those of now and those of before, by leg.
    fn by_leg(&self, kind: TransferClaimKind) -> ByLeg<'a> {
        let key = |row: &Row| {
            let (_, reason) = sort(&row.said).filter(|(sort, _)| *sort == kind)?;
            Some((row.said.counted()?.leg, reason))
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
fn in_order<T>(told: impl Iterator<Item = T>, leg: impl Fn(&T) -> &ToldLeg) -> Vec<T> {
    let mut told: Vec<T> = told.collect();
    told.sort_by_key(|told| leg(told).claims.first().map(|number| number.told.claim));
    told
}
