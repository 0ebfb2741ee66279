//! What is left open, by looking at all legs for each leg; and the figures made of both.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::sums;
use crate::domain::{
    amount::Amount,
    flags::Flag,
    leg::{Direction, LegKey, Side, includes},
    nesting::Nesting,
    share::{EstimatedLeg, Remainder, Share},
    symbol::Symbol,
    whole::{self, Entry, Seen},
};

/// The legs of one outermost exchange and unit, by their own side.
pub(super) struct Plain<'l, 'a> {
    pub(super) sides: Vec<OwnSide<'l, 'a>>,
    named: BTreeSet<Symbol>,
    nesting: &'l Nesting,
    direction: Direction,
}

pub(super) struct OwnSide<'l, 'a> {
    pub(super) side: &'a Side,
    legs: Vec<&'l EstimatedLeg<'a>>,
    pub(super) share: Share,
}

impl<'l, 'a> Plain<'l, 'a> {
    pub(super) fn new(
        legs: &'l [EstimatedLeg<'a>],
        nesting: &'l Nesting,
        direction: Direction,
    ) -> Self {
        let mut by_side: BTreeMap<&'a Side, Vec<&'l EstimatedLeg<'a>>> = BTreeMap::new();
        for leg in legs {
            by_side.entry(leg.0.own(direction)).or_default().push(leg);
        }
        let sides = by_side
            .into_iter()
            .map(|(side, legs)| OwnSide { side, share: share(&legs, nesting, direction), legs })
            .collect();
        let others = legs.iter().flat_map(|(leg, _)| leg.other(direction).iter());
        Self { sides, named: others.collect(), nesting, direction }
    }

    fn share(&self, legs: &[&EstimatedLeg<'a>]) -> Share {
        share(legs, self.nesting, self.direction)
    }
}

/// The number of some legs by themselves, as far as sums go.
pub(super) fn share(legs: &[&EstimatedLeg<'_>], nesting: &Nesting, direction: Direction) -> Share {
    let entries: Vec<Entry<'_>> = legs
        .iter()
        .filter_map(|(key, estimate)| {
            let amount = Amount::of_leg(estimate)?;
            Some(Entry { leg: Seen::new(key, direction), amount })
        })
        .collect();
    let seen: Vec<(Seen<'_>, bool)> = legs
        .iter()
        .map(|(key, estimate)| (Seen::new(key, direction), estimate.range.is_some()))
        .collect();
    Share {
        amount: sums::sum(&entries, nesting),
        unnumbered: u32::try_from(sums::unnumbered(&seen, nesting)).unwrap(),
        ..Share::default()
    }
}

/// What joint sides leave open to each of their members.
pub(super) fn shared<'a>(exchange: &Plain<'_, 'a>) -> BTreeMap<Symbol, Remainder> {
    let joint = joint(exchange);
    let members: BTreeSet<Symbol> = joint.iter().flat_map(|joint| joint.side.iter()).collect();
    let of_member = |member: Symbol| {
        let own: Vec<&Joint<'_, 'a>> =
            joint.iter().filter(|joint| joint.side.contains(member)).collect();
        let sum = own.iter().map(|joint| joint.rest).reduce(plus)?;
        Some((member, sum.below(exchange.limit(&own))))
    };
    members.into_iter().filter_map(of_member).collect()
}

/// The sum; a bound only where both have one.
fn plus(one: Remainder, another: Remainder) -> Remainder {
    let at_most = one.at_most.zip(another.at_most).map(|(a, b)| a.saturating_add(b));
    Remainder { legs: one.legs.saturating_add(another.legs), at_most }
}

/// A joint side of which something remains.
struct Joint<'l, 'a> {
    side: &'a Side,
    legs: Vec<&'l EstimatedLeg<'a>>,
    rest: Remainder,
}

/// The joint sides, the largest first. A leg is not reported again if its persons must be among
/// those of a larger joint side.
fn joint<'l, 'a>(exchange: &Plain<'l, 'a>) -> Vec<Joint<'l, 'a>> {
    let mut sides: Vec<_> = exchange.sides.iter().filter(|own| own.side.len() > 1).collect();
    sides.sort_by_key(|own| Reverse(own.side.len()));
    let mut reported: Vec<&OwnSide<'l, 'a>> = Vec::new();
    let mut found = Vec::new();
    for own in sides {
        let around: Vec<_> =
            reported.iter().filter(|larger| includes(larger.side, own.side)).collect();
        let within = |(key, _): &EstimatedLeg<'a>| {
            around.iter().any(|larger| exchange.must_be_among(key, larger.legs.iter().copied()))
        };
        let legs: Vec<_> = own.legs.iter().copied().filter(|leg| !within(leg)).collect();
        if legs.is_empty() {
            continue;
        }
        reported.push(own);
        let members = exchange.sides.iter().filter(|member| is_member(member, own));
        let named =
            members.fold(0_u64, |sum, member| sum.saturating_add(exchange.among(member, &legs)));
        let rest = Remainder::of(legs.len(), &exchange.share(&legs), named);
        found.extend(rest.map(|rest| Joint { side: own.side, legs, rest }));
    }
    found
}

fn is_member(one: &OwnSide<'_, '_>, joint: &OwnSide<'_, '_>) -> bool {
    one.side.len() == 1 && includes(joint.side, one.side)
}

/// What the side that is not said leaves open to each of the parties.
pub(super) fn open(
    exchange: &Plain<'_, '_>,
    parties: &BTreeSet<Symbol>,
) -> BTreeMap<Symbol, Remainder> {
    let Some(unsaid) = exchange.sides.iter().find(|own| own.side.is_empty()) else {
        return BTreeMap::new();
    };
    let all = Remainder::of(unsaid.legs.len(), &unsaid.share, attributed(exchange, &unsaid.legs));
    let alone_across = |leg: &EstimatedLeg<'_>| leg.0.other(exchange.direction).alone();
    let to_itself: BTreeSet<Symbol> =
        unsaid.legs.iter().copied().filter_map(alone_across).collect();
    let open_to = |party: &Symbol| {
        if !to_itself.contains(party) {
            return Some((*party, all?));
        }
        let legs = unsaid.legs.iter().copied().filter(|leg| alone_across(leg) != Some(*party));
        let legs: Vec<_> = legs.collect();
        let own = || Remainder::of(legs.len(), &exchange.share(&legs), attributed(exchange, &legs));
        let own = if legs.is_empty() { None } else { own() };
        Some((*party, Remainder::tighter(own?, all?)))
    };
    parties.iter().filter_map(open_to).collect()
}

/// The least number of persons of `legs` that the said sides account for.
///
/// Sides that share a party can mean the same persons. Of sides that hang together, only the one
/// with most counts. The smaller ones within count instead if they have more and share no party.
fn attributed(exchange: &Plain<'_, '_>, legs: &[&EstimatedLeg<'_>]) -> u64 {
    let mut said: Vec<_> = exchange
        .sides
        .iter()
        .filter(|own| !own.side.is_empty())
        .map(|own| (own.side, exchange.among(own, legs)))
        .filter(|(_, least)| *least > 0)
        .collect();
    said.sort_by_key(|(side, _)| side.len());
    let mut clusters: Vec<Cluster> = Vec::new();
    // All sides of one size together: which of them comes first must make no difference.
    for same_size in said.chunk_by(|one, another| one.0.len() == another.0.len()) {
        for (side, least) in same_size {
            let joined = clusters.extract_if(.., |cluster| cluster.shares_a_party(side));
            let of_side = Cluster { parties: side.iter().collect(), within: 0, most: *least };
            let cluster = joined.fold(of_side, Cluster::join);
            clusters.push(cluster);
        }
        for cluster in &mut clusters {
            (cluster.within, cluster.most) = (cluster.within.max(cluster.most), 0);
        }
    }
    clusters.iter().fold(0, |sum, cluster| sum.saturating_add(cluster.within))
}

/// Sides that hang together.
struct Cluster {
    parties: BTreeSet<Symbol>,
    /// What smaller sides account for; they share no party.
    within: u64,
    /// The most that one of the sides of the present size accounts for.
    most: u64,
}

impl Cluster {
    fn shares_a_party(&self, side: &Side) -> bool {
        side.iter().any(|party| self.parties.contains(&party))
    }

    fn join(mut self, other: Self) -> Self {
        self.parties.extend(other.parties);
        let within = self.within.saturating_add(other.within);
        Self { within, most: self.most.max(other.most), ..self }
    }
}

/// The legs that have a number: from no other can persons be taken away.
fn numbered<'e, 'a>(
    legs: &'e [&EstimatedLeg<'a>],
) -> impl Iterator<Item = &'e EstimatedLeg<'a>> + use<'e, 'a> {
    legs.iter().copied().filter(|(_, estimate)| estimate.range.is_some())
}

impl<'a> Plain<'_, 'a> {
    /// The least number of persons of one side who must be among those of `legs`.
    fn among(&self, own: &OwnSide<'_, 'a>, legs: &[&EstimatedLeg<'a>]) -> u64 {
        let entries: Vec<Entry<'_>> = own
            .legs
            .iter()
            // "At most" has no lower end.
            .filter(|(_, estimate)| !estimate.flags.contains(Flag::OpenBelow))
            .filter(|(key, _)| self.must_be_among(key, numbered(legs)))
            .filter_map(|(key, estimate)| {
                let amount = Amount::of_leg(estimate)?;
                Some(Entry { leg: Seen::new(key, self.direction), amount })
            })
            .collect();
        sums::sum(&entries, self.nesting).map_or(0, |amount| amount.low)
    }

    /// Whether all persons of `part` must be among those of `legs` together.
    fn must_be_among<'e>(
        &self,
        part: &LegKey,
        legs: impl Iterator<Item = &'e EstimatedLeg<'a>>,
    ) -> bool
    where
        'a: 'e,
    {
        let own = part.own(self.direction);
        let mut across: BTreeSet<Symbol> = BTreeSet::new();
        for (leg, _) in legs {
            let category = leg.category == 0 || leg.category == part.category;
            if !category || !whole::holds_portion(leg, part, self.nesting) {
                continue;
            }
            let other = leg.other(self.direction);
            if other.is_empty() {
                return true;
            }
            let to_itself = leg.own(self.direction).is_empty() && other == own;
            if !to_itself || own.alone().is_none() {
                across.extend(other.iter());
            }
        }
        !across.is_empty() && self.is_only_across(part, &across)
    }

    /// Whether only the parties `across` can stand across from `part`. Where it does not say its
    /// side across, all named parties can: for each of its own parties, all but itself.
    fn is_only_across(&self, part: &LegKey, across: &BTreeSet<Symbol>) -> bool {
        let other = part.other(self.direction);
        if !other.is_empty() {
            return other.iter().all(|party| across.contains(&party));
        }
        let only = |own: Option<Symbol>| {
            let mut others = self.named.iter().filter(|party| Some(**party) != own).peekable();
            others.peek().is_some() && others.all(|party| across.contains(party))
        };
        let own = part.own(self.direction);
        if own.is_empty() { only(None) } else { own.iter().all(|party| only(Some(party))) }
    }

    /// At most so many are not attributed to one party alone, of several joint sides together: the
    /// persons of legs that do not say this side, if those of all of `joint` must be among them.
    fn limit(&self, joint: &[&Joint<'_, 'a>]) -> Option<u64> {
        let unsaid = self.sides.iter().find(|own| own.side.is_empty())?;
        let mut legs = joint.iter().flat_map(|joint| &joint.legs);
        if joint.len() < 2 || !legs.all(|(key, _)| self.must_be_among(key, numbered(&unsaid.legs)))
        {
            return None;
        }
        let alone = self.sides.iter().filter(|own| own.side.len() == 1);
        let named = alone.fold(0_u64, |sum, own| sum.saturating_add(self.among(own, &unsaid.legs)));
        Remainder::of(unsaid.legs.len(), &unsaid.share, named)?.at_most
    }
}
