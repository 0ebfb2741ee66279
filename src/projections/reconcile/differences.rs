//! What is set against what, and where it differs.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{
    matrix::{ClaimMatrix, Claimed},
    operand::{Operand, by_exactness},
    reasons::{self, Amount},
};
use crate::domain::{
    attribution,
    estimate::Number,
    event::Position,
    leg::{Direction, LegKey},
    proto::{self, DifferenceKind, TransferClaimKind},
    share::EstimatedLeg,
    span::{Span, farthest},
    symbol::Symbol,
};

/// Everything that differs: by what is set against what, then by leg.
pub(super) fn all(matrix: &ClaimMatrix<'_, '_>) -> Vec<proto::Difference> {
    let mut lines = claimants(matrix);
    lines.extend(agreed(matrix));
    lines.extend(parts(matrix));
    lines.extend(totals(matrix));
    lines.extend(sent_and_received(matrix));
    lines
}

/// What the claims of one sort say of one leg. Where exact numbers stand beside some that were
/// given as "about", the farthest of these are set against the exact ones by themselves.
fn claimants(matrix: &ClaimMatrix<'_, '_>) -> Vec<proto::Difference> {
    let mut groups: BTreeMap<(u32, i32, i32), Vec<Claimed<'_>>> = BTreeMap::new();
    for claim in &matrix.claims {
        let key = (matrix.leg(claim), claim.kind.into(), claim.reason);
        groups.entry(key).or_default().push(*claim);
    }
    let mut lines = Vec::new();
    for claims in groups.values() {
        let (about, exact) = by_exactness(claims);
        let pairs = if exact.is_empty() {
            [apart(&about), None, None]
        } else {
            [apart(&exact), beyond(&about, &exact, least), beyond(&exact, &about, most)]
        };
        for (one, other) in pairs.into_iter().flatten() {
            let side = |claim: &Claimed<'_>| Operand::of_claims(&saying(claims, claim));
            let compared = Compared { one: side(&one), other: side(&other), legs: Vec::new() };
            lines.extend(compared.line(matrix, DifferenceKind::ClaimantsDiffer));
        }
    }
    lines
}

/// The two claims with the numbers that are farthest apart.
fn apart<'a>(claims: &[Claimed<'a>]) -> Option<(Claimed<'a>, Claimed<'a>)> {
    let spans: Vec<Span> = claims.iter().map(number).collect();
    let (one, other) = farthest(&spans)?;
    Some((*claims.get(one)?, *claims.get(other)?))
}

/// The claims of both sorts that are farthest out, if the one of the first lies below the other.
fn beyond<'a>(
    lower: &[Claimed<'a>],
    upper: &[Claimed<'a>],
    farthest_out: fn(&[Claimed<'a>]) -> Option<Claimed<'a>>,
) -> Option<(Claimed<'a>, Claimed<'a>)> {
    let (one, other) = (farthest_out(lower)?, farthest_out(upper)?);
    number(&one).is_below(number(&other)).then_some((one, other))
}

fn least<'a>(claims: &[Claimed<'a>]) -> Option<Claimed<'a>> {
    claims.iter().min_by_key(|claim| number(claim).high.unwrap_or(u64::MAX)).copied()
}

fn most<'a>(claims: &[Claimed<'a>]) -> Option<Claimed<'a>> {
    claims.iter().max_by_key(|claim| number(claim).low.unwrap_or(0)).copied()
}

fn number(claim: &Claimed<'_>) -> Span {
    Span::of_number(&claim.counted.number).unwrap_or_default()
}

/// The claims that give the same number.
fn saying<'a>(claims: &[Claimed<'a>], like: &Claimed<'_>) -> Vec<Claimed<'a>> {
    let same = claims.iter().filter(|claim| claim.counted.number == like.counted.number);
    same.copied().collect()
}

/// What was agreed on for a leg, against what was completed of it.
fn agreed(matrix: &ClaimMatrix<'_, '_>) -> Vec<proto::Difference> {
    let mut groups: BTreeMap<u32, Vec<Claimed<'_>>> = BTreeMap::new();
    for claim in matrix.claims.iter().filter(|it| it.kind == TransferClaimKind::Agreed) {
        groups.entry(matrix.leg(claim)).or_default().push(*claim);
    }
    against_sums(matrix, groups.values(), DifferenceKind::AgreedVsCompleted)
}

/// Every total that is claimed, by itself, against what was completed.
fn totals(matrix: &ClaimMatrix<'_, '_>) -> Vec<proto::Difference> {
    let mut groups: BTreeMap<(u32, Position), Vec<Claimed<'_>>> = BTreeMap::new();
    let mut first: HashMap<(u32, Number), Position> = HashMap::new();
    for claim in matrix.claims.iter().filter(|it| it.kind == TransferClaimKind::Total) {
        let leg = matrix.leg(claim);
        let first = first.entry((leg, claim.counted.number)).or_insert(claim.row.claim);
        groups.entry((leg, *first)).or_default().push(*claim);
    }
    against_sums(matrix, groups.values(), DifferenceKind::TotalVsSum)
}

/// Claims of one sort, those on one leg in a row, against what was completed of their legs.
fn against_sums<'g, 'a: 'g>(
    matrix: &ClaimMatrix<'_, 'a>,
    groups: impl Iterator<Item = &'g Vec<Claimed<'a>>>,
    kind: DifferenceKind,
) -> Vec<proto::Difference> {
    let mut lines = Vec::new();
    let mut sum: Option<(&LegKey, Operand<'a>)> = None;
    for claims in groups {
        let Some(leg) = claims.first().map(|first| first.key) else { continue };
        let known = sum.take().filter(|(of, _)| *of == leg).map(|(_, sum)| sum);
        let other = known.unwrap_or_else(|| Operand::of_legs(matrix, &matrix.extent.within(leg)));
        let compared = Compared { one: Operand::of_claims(claims), other, legs: vec![leg] };
        lines.extend(compared.line(matrix, kind));
        sum = Some((leg, compared.other));
    }
    lines
}

/// Parts that add up to more than the number of their whole. They may add up to less: nothing says
/// that all parts are known.
fn parts(matrix: &ClaimMatrix<'_, '_>) -> Vec<proto::Difference> {
    let exceeded = matrix.extent.exceeded();
    let line = |(whole, parts): &(&EstimatedLeg<'_>, Vec<EstimatedLeg<'_>>)| {
        let one = Operand::of_legs(matrix, parts);
        let other = Operand::of_legs(matrix, std::slice::from_ref(*whole));
        Compared { one, other, legs: Vec::new() }.line(matrix, DifferenceKind::PartsVsWhole)
    };
    exceeded.iter().filter_map(line).collect()
}

/// Of two parties, what one gave up is what the other received. With a third nothing can be said:
/// there is no telling to whom it went, where a leg does not say so.
fn sent_and_received(matrix: &ClaimMatrix<'_, '_>) -> Vec<proto::Difference> {
    let mut parties: BTreeSet<Symbol> = matrix.extent.view.parties(&matrix.extent.all);
    let legs = matrix.claims.iter().map(|claim| claim.key);
    parties.extend(legs.flat_map(|leg| leg.from.iter().chain(leg.to.iter())));
    let Ok([a, b]) = <[Symbol; 2]>::try_from(Vec::from_iter(parties)) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for legs in matrix.extent.estimates.values() {
        for (giver, receiver) in [(a, b), (b, a)] {
            let one = of_party(matrix, legs, giver, Direction::Sent);
            let other = of_party(matrix, legs, receiver, Direction::Received);
            let legs = one.claims.iter().map(|claim| claim.key).collect();
            let compared = Compared { one, other, legs };
            lines.extend(compared.line(matrix, DifferenceKind::SentVsReceived));
        }
    }
    lines
}

/// What is attributed to one party alone, on one side.
fn of_party<'a>(
    matrix: &ClaimMatrix<'_, 'a>,
    legs: &[EstimatedLeg<'a>],
    party: Symbol,
    direction: Direction,
) -> Operand<'a> {
    let own = legs.iter().filter(|(leg, _)| leg.own(direction).alone() == Some(party));
    let own: Vec<EstimatedLeg<'a>> = own.cloned().collect();
    let nesting = matrix.extent.view.nesting();
    let mut shares = attribution::shares(&own, &BTreeSet::new(), nesting, direction);
    Operand::of_sum(matrix, &own, (shares.remove(&party).unwrap_or_default(), direction))
}

/// Two things that should say the same.
struct Compared<'a> {
    one: Operand<'a>,
    other: Operand<'a>,
    /// The legs of which persons may have been declined.
    legs: Vec<&'a LegKey>,
}

impl Compared<'_> {
    /// The line, if they do not say the same.
    fn line(
        &self,
        matrix: &ClaimMatrix<'_, '_>,
        kind: DifferenceKind,
    ) -> Option<proto::Difference> {
        let (amount, declined) = match (self.one.span, self.other.span) {
            (Some(one), Some(other)) => {
                let amount = Amount::between(one, other);
                let fewer = amount.low.is_some_and(|low| low < 0);
                let declined = if fewer { reasons::declined(matrix, &self.legs) } else { vec![] };
                // Both may mean one number. That all who were agreed on were handed over is denied
                // by whoever says that some were declined.
                let denied = kind == DifferenceKind::AgreedVsCompleted && !declined.is_empty();
                if one.meets(other) && !denied {
                    return None;
                }
                (amount, declined)
            }
            // A sum of transfers without numbers is not known; it is not 0.
            (Some(_), None) if !self.other.unnumbered.is_empty() => (Amount::default(), vec![]),
            (_, None) | (None, Some(_)) => return None,
        };
        Some(proto::Difference {
            kind: kind.into(),
            one: Some(self.one.message(matrix)),
            other: Some(self.other.message(matrix)),
            difference_low: amount.low,
            difference_high: amount.high,
            reasons: reasons::all(matrix, (&self.one, &self.other), amount, declined),
        })
    }
}
