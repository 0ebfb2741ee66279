//! What explains a difference, as far as the record says.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use super::{
    limits::{NAMED, SCOPES, first},
    matrix::{ClaimMatrix, Claimed},
    operand::Operand,
};
use crate::domain::{
    estimate::Estimate,
    event::Position,
    leg::LegKey,
    of_which::OfWhich,
    proto::{DeclineReason, DifferenceExplanation, DifferenceReason},
    share::EstimatedLeg,
    span::Span,
};
use crate::projections::{extent::can_meet, interned::Place};

/// By how much the second of two numbers is larger; negative where it is smaller. An end that is
/// not known is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) low: Option<i64>,
    pub(super) high: Option<i64>,
}

impl Amount {
    pub(super) fn between(one: Span, other: Span) -> Self {
        let less = |large: Option<u64>, small: Option<u64>| {
            let (large, small) = large.zip(small)?;
            Some(i64::try_from(large).ok()? - i64::try_from(small).ok()?)
        };
        Self { low: less(other.low, one.high), high: less(other.high, one.low) }
    }

    /// How many persons that are, whichever number is larger: at least and at most.
    fn persons(self) -> Option<(u64, u64)> {
        let (low, high) = self.low.zip(self.high)?;
        let most = low.unsigned_abs().max(high.unsigned_abs());
        let opposed = low < 0 && high > 0;
        let least = if opposed { 0 } else { low.unsigned_abs().min(high.unsigned_abs()) };
        Some((least, most))
    }
}

/// All explanations, at least one.
pub(super) fn all<'a>(
    matrix: &ClaimMatrix<'_, 'a>,
    sides: (&Operand<'a>, &Operand<'a>),
    amount: Amount,
    declined: Vec<DifferenceExplanation>,
) -> Vec<DifferenceExplanation> {
    let mut found: Vec<DifferenceExplanation> = Vec::new();
    found.extend(scope(matrix, sides));
    found.extend(declined);
    found.extend(approximate(sides));
    found.extend(total_against_each(matrix, sides, amount));
    found.extend(unnumbered(sides));
    let rest = rest(amount, &found);
    found.extend(rest);
    found
}

fn explanation(
    reason: DifferenceReason,
    persons: Option<(u64, u64)>,
    positions: impl IntoIterator<Item = Position>,
) -> DifferenceExplanation {
    let clamped = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut positions: Vec<Position> = positions.into_iter().collect();
    positions.sort_unstable();
    positions.dedup();
    let (positions, more_positions) = first(positions, NAMED);
    DifferenceExplanation {
        reason: reason.into(),
        low: persons.map(|(low, _)| clamped(low)),
        high: persons.map(|(_, high)| clamped(high)),
        positions,
        more_positions,
        ..DifferenceExplanation::default()
    }
}

/// They say in words what they cover, and not the same words.
fn scope(
    matrix: &ClaimMatrix<'_, '_>,
    (one, other): (&Operand<'_>, &Operand<'_>),
) -> Option<DifferenceExplanation> {
    let words = |side: &Operand<'_>| {
        let worded = side.claims.iter().filter(|claim| !claim.counted.scope.is_empty());
        worded.map(|it| (it.row.claim, matrix.text(it.counted.scope))).collect::<BTreeMap<_, _>>()
    };
    let (one, other) = (words(one), words(other));
    let texts = |words: &BTreeMap<Position, &str>| {
        let mut texts: Vec<String> = words.values().map(|text| (*text).to_owned()).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    };
    if texts(&one) == texts(&other) {
        return None;
    }
    let all: BTreeMap<Position, &str> = one.into_iter().chain(other).collect();
    let mut known = BTreeSet::new();
    let lines = all.values().copied().filter(|text| known.insert(*text)).collect();
    let found = explanation(DifferenceReason::Scope, None, all.keys().copied());
    let (lines, more_scopes) = first(lines, SCOPES);
    Some(DifferenceExplanation { scope: lines.join("\n"), more_scopes, ..found })
}

/// Persons of the legs who were not handed over, by the reason that is given.
pub(super) fn declined(
    matrix: &ClaimMatrix<'_, '_>,
    legs: &[&LegKey],
) -> Vec<DifferenceExplanation> {
    let mut reasons: BTreeMap<i32, BTreeMap<Place, Vec<Claimed<'_>>>> = BTreeMap::new();
    for claim in matrix.declined(legs) {
        let reason = i32::from(reason(claim.reason));
        reasons.entry(reason).or_default().entry(claim.counted.leg).or_default().push(*claim);
    }
    let explained = |(reason, legs): (i32, BTreeMap<Place, Vec<Claimed<'_>>>)| {
        let reason = DifferenceReason::try_from(reason).unwrap_or_default();
        let positions: Vec<_> = legs.values().flatten().map(|claim| claim.row.claim).collect();
        explanation(reason, persons(matrix, &legs), positions)
    };
    reasons.into_iter().map(explained).collect()
}

/// How many persons the claims amount to; absent: a number is missing.
fn persons(
    matrix: &ClaimMatrix<'_, '_>,
    legs: &BTreeMap<Place, Vec<Claimed<'_>>>,
) -> Option<(u64, u64)> {
    let parts = OfWhich::default();
    let estimate = |claims: &Vec<Claimed<'_>>| {
        let numbers = claims.iter().map(|claim| (&claim.counted.number, &parts));
        Estimate::of(numbers, [])
    };
    let estimated: Vec<EstimatedLeg<'_>> = legs
        .iter()
        .filter_map(|(leg, claims)| {
            Some((matrix.extent.view.vocabulary().leg(*leg)?, estimate(claims)))
        })
        .collect();
    let sum = matrix.extent.sum(&estimated);
    sum.amount.filter(|_| sum.unnumbered == 0).map(|amount| (amount.low, amount.high))
}

/// A claim that does not say why is one that they were not handed over, no more.
fn reason(declined: i32) -> DifferenceReason {
    match DeclineReason::try_from(declined) {
        Ok(DeclineReason::NoShow) => DifferenceReason::NoShow,
        Ok(DeclineReason::Withheld) => DifferenceReason::Withheld,
        Ok(DeclineReason::Died) => DifferenceReason::Died,
        Ok(DeclineReason::Refused | DeclineReason::Unspecified) | Err(_) => {
            DifferenceReason::Declined
        }
    }
}

fn approximate((one, other): (&Operand<'_>, &Operand<'_>)) -> Option<DifferenceExplanation> {
    let claims = one.claims.iter().chain(&other.claims);
    let about = claims.filter(|claim| claim.counted.number.approximate);
    let positions: Vec<_> = about.map(|claim| claim.row.claim).collect();
    (!positions.is_empty()).then(|| explanation(DifferenceReason::Approximate, None, positions))
}

/// One number is twice the other, and the transfers in both directions fit the smaller: it is the
/// number of each side, the other that of both together.
fn total_against_each(
    matrix: &ClaimMatrix<'_, '_>,
    (one, other): (&Operand<'_>, &Operand<'_>),
    amount: Amount,
) -> Option<DifferenceExplanation> {
    let (first, second) = one.span.zip(other.span)?;
    let (small, large) = if first.is_below(second) { (first, second) } else { (second, first) };
    let twice = |end: Option<u64>| end.map(|end| end.saturating_mul(2));
    if !large.meets(Span { low: twice(small.low), high: twice(small.high) }) || large.meets(small) {
        return None;
    }
    let nesting = matrix.extent.view.nesting();
    let legs: HashSet<&LegKey> = one.claims.iter().chain(&other.claims).map(|it| it.key).collect();
    let both = matrix.both_ways().iter().any(|both| {
        both.iter().all(|(_, span)| span.meets(small))
            && both.iter().any(|(leg, _)| legs.iter().any(|it| can_meet(it, leg, nesting)))
    });
    both.then(|| explanation(DifferenceReason::TotalAgainstEach, amount.persons(), []))
}

/// A sum in which numbers are missing is smaller than what it stands for.
fn unnumbered((one, other): (&Operand<'_>, &Operand<'_>)) -> Option<DifferenceExplanation> {
    let smaller = |side: &Operand<'_>, than: &Operand<'_>| {
        side.span.zip(than.span).is_none_or(|(side, than)| !than.is_below(side))
    };
    let mut positions = Vec::new();
    for (side, than) in [(one, other), (other, one)] {
        if smaller(side, than) {
            positions.extend(side.unnumbered.iter().map(|claim| claim.row.claim));
        }
    }
    (!positions.is_empty()).then(|| explanation(DifferenceReason::Unnumbered, None, positions))
}

/// What is left unexplained. An explanation without a number may explain all of it.
fn rest(amount: Amount, found: &[DifferenceExplanation]) -> Option<DifferenceExplanation> {
    let mut explained = (0_u64, 0_u64);
    for it in found {
        let (low, high) = it.low.zip(it.high)?;
        explained = (explained.0 + u64::from(low), explained.1 + u64::from(high));
    }
    let left = amount
        .persons()
        .map(|(least, most)| (least.saturating_sub(explained.1), most.saturating_sub(explained.0)));
    let is_left = left.is_none_or(|(_, most)| most > 0) || found.is_empty();
    is_left.then(|| explanation(DifferenceReason::Unexplained, left, []))
}
