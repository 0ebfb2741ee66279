//! What one outermost exchange contributes, from the standing readings of its claims.

use std::collections::BTreeMap;

use crate::domain::{
    attribution,
    estimate::Estimate,
    event::Position,
    leg::{Direction, LegKey, UnitCode},
    side::{EstimatedLeg, Share},
};
use crate::projections::claims::{Preference, Said, Transfer, View};

/// Country, unit and direction, with what is said about them.
pub(super) type Shares<'a> = BTreeMap<(&'a str, UnitCode, Direction), Share>;

/// What `outermost` and the exchanges within it say about each country.
pub(super) fn shares<'a>(view: &View<'a>, outermost: &str) -> Shares<'a> {
    let group = Group::new(view, outermost);
    let parties = view.parties(outermost);
    let mut found = Shares::new();
    for (unit, legs) in group.estimates() {
        for direction in [Direction::Received, Direction::Sent] {
            for (country, mut share) in
                attribution::shares(&legs, &parties, view.nesting(), direction)
            {
                let key = (country, unit, direction);
                share.prefer(group.for_sides.get(&key).into_iter().flatten().copied());
                found.insert(key, share);
            }
        }
    }
    found
}

/// The claims on each leg, and the values that are preferred, the latest first.
struct Group<'a> {
    legs: BTreeMap<&'a LegKey, Vec<&'a Transfer>>,
    for_legs: BTreeMap<&'a LegKey, Vec<u32>>,
    for_sides: BTreeMap<(&'a str, UnitCode, Direction), Vec<u32>>,
}

impl<'a> Group<'a> {
    fn new(view: &View<'a>, outermost: &str) -> Self {
        let mut transfers: BTreeMap<Position, &'a Transfer> = BTreeMap::new();
        let mut preferences: BTreeMap<Position, &'a Preference> = BTreeMap::new();
        for row in view.within(outermost).iter().flat_map(|exchange| view.standing(exchange)) {
            match &row.said {
                Said::Completed(transfer) => drop(transfers.insert(row.claim, transfer)),
                Said::Preference(preference) => drop(preferences.insert(row.claim, preference)),
                Said::Exchange(_) => {}
            }
        }
        let mut legs: BTreeMap<&'a LegKey, Vec<&'a Transfer>> = BTreeMap::new();
        for transfer in transfers.values() {
            legs.entry(&transfer.leg).or_default().push(transfer);
        }
        let mut group = Self { legs, for_legs: BTreeMap::new(), for_sides: BTreeMap::new() };
        for preference in preferences.into_values().rev() {
            // A preference ends with its claim: it then finds none.
            if let Some(transfer) = transfers.get(&preference.claim) {
                group.prefer(preference, transfer);
            }
        }
        group
    }

    fn prefer(&mut self, preference: &'a Preference, transfer: &'a Transfer) {
        let Some(value) = transfer.number.value() else {
            return;
        };
        let leg = &transfer.leg;
        let values = match &preference.side {
            Some((country, direction)) => {
                self.for_sides.entry((country, leg.unit, *direction)).or_default()
            }
            None => self.for_legs.entry(leg).or_default(),
        };
        values.push(value);
    }

    fn estimates(&self) -> BTreeMap<UnitCode, Vec<EstimatedLeg<'a>>> {
        let mut units: BTreeMap<UnitCode, Vec<EstimatedLeg<'a>>> = BTreeMap::new();
        for (leg, transfers) in &self.legs {
            let claims = transfers.iter().map(|transfer| (&transfer.number, &transfer.of_which));
            let preferred = self.for_legs.get(leg).into_iter().flatten().copied();
            let estimate = Estimate::of(claims, preferred);
            units.entry(leg.unit).or_default().push((leg, estimate));
        }
        units
    }
}
