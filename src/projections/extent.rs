//! One exchange with all that is within it, at one moment: its claims, its legs, and sums of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    amount::Amount,
    attribution,
    leg::{Direction, LegKey, UnitCode, includes, overlaps},
    nesting::Nesting,
    proto::TransferClaimKind,
    share::{EstimatedLeg, Share},
    span::Span,
    symbol::Symbol,
    whole::{Finder, holds_portion},
};
use crate::projections::{
    claims::{Content, Row, View},
    ledger::ClaimedLegs,
};

/// One exchange with all that is within it.
#[derive(Debug)]
pub struct Extent<'v, 'a> {
    /// The moment.
    pub view: &'v View<'a>,
    /// The exchange.
    pub exchange: Symbol,
    /// The standing claims about the exchange itself, in their order.
    pub own: Vec<&'a Row>,
    /// The same with those about exchanges within it.
    pub all: Vec<&'a Row>,
    /// The completed transfers among all, by leg.
    pub claimed: ClaimedLegs<'a>,
    /// What they amount to, by unit.
    pub estimates: BTreeMap<UnitCode, Vec<EstimatedLeg<'a>>>,
    /// Finds the legs of each unit by their places among its estimates.
    finders: BTreeMap<UnitCode, Finder>,
}

impl<'v, 'a> Extent<'v, 'a> {
    /// What the record said of an exchange.
    pub fn of(view: &'v View<'a>, exchange: Symbol) -> Self {
        let (own, all) = standing(view, exchange);
        let claimed = ClaimedLegs::new(view, &all);
        let estimates = claimed.estimates(view);
        let of_unit = |(unit, legs): (&UnitCode, &Vec<_>)| (*unit, finder(legs, view.nesting()));
        let finders = estimates.iter().map(of_unit).collect();
        Self { view, exchange, own, all, claimed, estimates, finders }
    }

    /// The legs of completed transfers that lie within a leg, with what they amount to.
    pub fn within(&self, leg: &LegKey) -> Vec<EstimatedLeg<'a>> {
        let nesting = self.view.nesting();
        let of_unit = self.finders.get(&leg.unit).zip(self.estimates.get(&leg.unit));
        let Some((finder, legs)) = of_unit else { return Vec::new() };
        let near = finder.within(leg, nesting).into_iter().filter_map(|place| legs.get(place));
        near.filter(|(key, _)| lies_within(leg, key, nesting)).cloned().collect()
    }

    /// What some legs of one unit add up to: the larger of the sum by those who received and the
    /// sum by those who gave up. A whole is never added to its parts.
    pub fn sum(&self, legs: &[EstimatedLeg<'a>]) -> Share {
        self.sum_by_side(legs).0
    }

    /// The same with the side that it was summed up by.
    pub fn sum_by_side(&self, legs: &[EstimatedLeg<'a>]) -> (Share, Direction) {
        let nesting = self.view.nesting();
        // Who the parties are makes a difference only to what is left open to them.
        let no_parties = BTreeSet::new();
        let [received, sent] = [Direction::Received, Direction::Sent].map(|side| {
            let countries = attribution::shares(legs, &no_parties, nesting, side);
            attribution::total(legs, nesting, side, &countries)
        });
        let larger = attribution::larger([received, sent]).unwrap_or_default();
        (larger, if larger == sent { Direction::Sent } else { Direction::Received })
    }

    /// The legs with parts that add up to more than the largest number claimed for the leg, each
    /// with its parts.
    pub fn exceeded(&self) -> Vec<(&EstimatedLeg<'a>, Vec<EstimatedLeg<'a>>)> {
        let nesting = self.view.nesting();
        let exceeded = |whole: &EstimatedLeg<'a>| {
            let high = Amount::of_leg(&whole.1)?.at_most()?;
            let mut parts = self.within(whole.0);
            parts.retain(|(part, _)| !lies_within(part, whole.0, nesting));
            let low = Span::of_amount(&self.sum(&parts).amount?).low?;
            (low > high).then_some(parts)
        };
        let legs = self.estimates.values().flatten();
        legs.filter_map(|whole| Some((whole, exceeded(whole)?))).collect()
    }
}

#[cfg(test)]
thread_local! {
    /// How often the claims about an exchange were gathered in this thread.
    pub(in crate::projections) static GATHERED: std::cell::Cell<usize> =
        const { std::cell::Cell::new(0) };
}

/// The standing claims about an exchange, and those with what is within it.
pub fn standing<'a>(view: &View<'a>, exchange: Symbol) -> (Vec<&'a Row>, Vec<&'a Row>) {
    #[cfg(test)]
    GATHERED.set(GATHERED.get() + 1);
    let own = view.standing(exchange);
    let mut all = own.clone();
    let within = view.nesting().within(exchange);
    all.extend(within.iter().skip(1).flat_map(|inner| view.standing(*inner)));
    (own, all)
}

/// Finds legs of one unit by their places.
pub fn finder(legs: &[EstimatedLeg<'_>], nesting: &Nesting) -> Finder {
    Finder::new(legs.iter().map(|(key, _)| *key), nesting)
}

/// Whether everybody of whom `part` speaks is among those of whom `whole` speaks.
pub fn lies_within(whole: &LegKey, part: &LegKey, nesting: &Nesting) -> bool {
    whole.unit == part.unit
        && (whole.category == 0 || whole.category == part.category)
        && includes(&whole.from, &part.from)
        && includes(&whole.to, &part.to)
        && holds_portion(whole, part, nesting)
}

/// Whether two legs can speak of the same persons.
pub fn can_meet(one: &LegKey, other: &LegKey, nesting: &Nesting) -> bool {
    let category = one.category == 0 || other.category == 0 || one.category == other.category;
    one.unit == other.unit
        && category
        && overlaps(&one.from, &other.from)
        && overlaps(&one.to, &other.to)
        && (holds_portion(one, other, nesting) || holds_portion(other, one, nesting))
}

/// What sort of claim about a leg it is, and the number of `proto::DeclineReason` of one that was
/// declined. Absent: it is about no leg.
pub fn sort(content: &Content) -> Option<(TransferClaimKind, i32)> {
    match content {
        Content::Completed(_) => Some((TransferClaimKind::Completed, 0)),
        Content::Agreed(_) => Some((TransferClaimKind::Agreed, 0)),
        Content::Declined(_, reason) => Some((TransferClaimKind::Declined, *reason)),
        Content::Total(..) => Some((TransferClaimKind::Total, 0)),
        Content::RunningTotal(_)
        | Content::Exchange(_)
        | Content::Role(_)
        | Content::Superlative
        | Content::Statement(_)
        | Content::Detention
        | Content::Source(_)
        | Content::Preference(_)
        | Content::Confirmed(_)
        | Content::Disputed(_) => None,
    }
}
