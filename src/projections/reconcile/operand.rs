//! One of two things that differ: a number, and the claims that it is made of.

use std::collections::BTreeSet;

use super::{
    limits::{NAMED, first},
    matrix::{ClaimMatrix, Claimed},
};
use crate::domain::{
    amount::Amount,
    estimate::Estimate,
    flags::Flag,
    leg::{Direction, LegKey, includes, overlaps},
    of_which::OfWhich,
    proto::{self, TransferClaimKind},
    share::{EstimatedLeg, Share},
    span::Span,
};
use crate::projections::extent::{finder, lies_within};

/// One of two things that differ.
#[derive(Clone, Debug)]
pub(super) struct Operand<'a> {
    pub(super) kind: TransferClaimKind,
    /// What it says, as far as it has numbers; absent: it has none.
    pub(super) span: Option<Span>,
    /// The claims that give its numbers.
    pub(super) claims: Vec<Claimed<'a>>,
    /// Claims of transfers that are part of it and have an unknown number.
    pub(super) unnumbered: Vec<Claimed<'a>>,
}

impl<'a> Operand<'a> {
    /// What claims of one sort on one leg amount to.
    pub(super) fn of_claims(claims: &[Claimed<'a>]) -> Self {
        let parts = OfWhich::default();
        let numbers = claims.iter().map(|claim| (&claim.counted.number, &parts));
        let amount = Amount::of_leg(&Estimate::of(numbers, []));
        Self {
            kind: claims.first().map_or(TransferClaimKind::Unspecified, |claim| claim.kind),
            span: amount.as_ref().map(Span::of_amount),
            claims: entered(claims),
            unnumbered: Vec::new(),
        }
    }

    /// What some legs of completed transfers add up to.
    pub(super) fn of_legs(matrix: &ClaimMatrix<'_, 'a>, legs: &[EstimatedLeg<'a>]) -> Self {
        Self::of_sum(matrix, legs, matrix.extent.sum_by_side(legs))
    }

    /// The same where the sum is known, with the side that it was summed up by.
    pub(super) fn of_sum(
        matrix: &ClaimMatrix<'_, 'a>,
        legs: &[EstimatedLeg<'a>],
        (share, direction): (Share, Direction),
    ) -> Self {
        let nesting = matrix.extent.view.nesting();
        let exceeded = share.amount.is_some_and(|it| it.flags.contains(Flag::PartsExceedWhole));
        let numbered = |leg: &EstimatedLeg<'a>| leg.1.range.is_some();
        let finder = finder(legs, nesting);
        // What lies within a leg that has a number is not added to it; the larger of several own
        // sides speaks for the smaller ones, unless these add up to more.
        let held = |part: &LegKey| {
            let around = finder.around(part, nesting);
            let mut around = around.into_iter().filter_map(|place| legs.get(place));
            around.any(|whole| {
                numbered(whole)
                    && whole.0 != part
                    && (lies_within(whole.0, part, nesting)
                        || (!exceeded && speaks_for(whole.0, part, direction)))
            })
        };
        let (mut claims, mut unnumbered) = (Vec::new(), Vec::new());
        for leg in legs.iter().filter(|(key, _)| !held(key)) {
            let on_leg = matrix.completed(leg.0);
            if numbered(leg) {
                claims.extend(entered(on_leg));
            } else if share.unnumbered > 0 {
                unnumbered.extend_from_slice(on_leg);
            }
        }
        claims.sort_by_key(|claim| claim.row.claim);
        let span = share.amount.as_ref().map(Span::of_amount);
        Self { kind: TransferClaimKind::Completed, span, claims, unnumbered }
    }

    pub(super) fn message(&self, matrix: &ClaimMatrix<'_, 'a>) -> proto::DifferenceSide {
        let claims = || self.claims.iter().chain(&self.unnumbered);
        let sorted = |numbers: BTreeSet<u32>| first(numbers.into_iter().collect(), NAMED);
        let fits = |end: Option<u64>| end.and_then(|end| u32::try_from(end).ok());
        let positions: BTreeSet<_> = claims().map(|claim| claim.row.claim).collect();
        let (positions, more_positions) = first(positions.into_iter().collect(), NAMED);
        let (legs, more_legs) = sorted(claims().map(|claim| matrix.leg(claim)).collect());
        let claimants = claims().map(|claim| matrix.claimant(claim));
        let (claimants, more_claimants) = sorted(claimants.collect());
        proto::DifferenceSide {
            legs,
            kind: self.kind.into(),
            claimants,
            low: self.span.and_then(|span| fits(span.low)),
            high: self.span.and_then(|span| fits(span.high)),
            positions,
            more_legs,
            more_claimants,
            more_positions,
        }
    }
}

/// Whether a leg is the whole of another of the same category and portion, as sums by one side
/// take it: its own side is larger, and both can speak of the same persons.
fn speaks_for(whole: &LegKey, part: &LegKey, direction: Direction) -> bool {
    let (own, inner) = (whole.own(direction), part.own(direction));
    let alike = (whole.exchange, whole.category, whole.portion)
        == (part.exchange, part.category, part.portion);
    alike
        && own != inner
        && includes(own, inner)
        && overlaps(whole.other(direction), part.other(direction))
}

/// The claims with numbers that enter the estimate of their leg: those given as "about" only
/// where none is exact.
pub(super) fn entered<'a>(claims: &[Claimed<'a>]) -> Vec<Claimed<'a>> {
    let (about, exact) = by_exactness(claims);
    if exact.is_empty() { about } else { exact }
}

/// The claims with a number: those given as "about", and the others.
pub(super) fn by_exactness<'a>(claims: &[Claimed<'a>]) -> (Vec<Claimed<'a>>, Vec<Claimed<'a>>) {
    let numbered = claims.iter().filter(|it| Span::of_number(&it.counted.number).is_some());
    numbered.copied().partition(|claim| claim.counted.number.approximate)
}
