//! What joint legs, and legs that do not say one side, leave open for each country.
//!
//! Of their persons those are taken away that must be among them and are attributed: by legs of a
//! member alone, or by legs that say the side. **What is left is an upper bound, so nothing is
//! taken away that may be somebody else**: the 10 whom A sent to C are not among the 16 whom A and
//! B sent to D. A side not said stands for all who are named on that side of the exchange: the 16
//! whom A sent to persons unsaid are among those who are known to have arrived anywhere.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::domain::{
    amount::Amount,
    flags::Flag,
    leg::{LegKey, Side, includes},
    side::{EstimatedLeg, Exchange, OwnSide, Rest},
    symbol::Symbol,
    whole::{self, Entry, Seen},
};

/// What joint sides leave open to each of their members.
pub(super) fn shared<'a>(exchange: &Exchange<'_, 'a>) -> BTreeMap<Symbol, Rest> {
    let joint = joint(exchange);
    let members: BTreeSet<Symbol> = joint.iter().flat_map(|joint| joint.side.iter()).collect();
    let of_member = |member: Symbol| {
        let own: Vec<&Joint<'_, 'a>> =
            joint.iter().filter(|joint| joint.side.contains(member)).collect();
        let sum = own.iter().fold(None, |sum, joint| Rest::plus(sum, Some(joint.rest)))?;
        Some((member, sum.below(exchange.limit(&own))))
    };
    members.into_iter().filter_map(of_member).collect()
}

/// A joint side of which something remains.
struct Joint<'l, 'a> {
    side: &'a Side,
    legs: Vec<&'l EstimatedLeg<'a>>,
    rest: Rest,
}

/// The joint sides, the largest first. Legs whose persons must be among those of a larger joint
/// side are not told again.
fn joint<'l, 'a>(exchange: &Exchange<'l, 'a>) -> Vec<Joint<'l, 'a>> {
    let mut sides: Vec<_> = exchange.sides.iter().filter(|own| own.side.len() > 1).collect();
    sides.sort_by_key(|own| Reverse(own.side.len()));
    let mut told: Vec<&OwnSide<'l, 'a>> = Vec::new();
    let mut found = Vec::new();
    for own in sides {
        let around: Vec<_> = told.iter().filter(|larger| includes(larger.side, own.side)).collect();
        let within = |(key, _): &EstimatedLeg<'a>| {
            around.iter().any(|larger| exchange.must_be_among(key, larger.legs.iter().copied()))
        };
        let legs: Vec<_> = own.legs.iter().copied().filter(|leg| !within(leg)).collect();
        if legs.is_empty() {
            continue;
        }
        told.push(own);
        let members = exchange.sides.iter().filter(|member| is_member(member, own));
        let named =
            members.fold(0_u64, |sum, member| sum.saturating_add(exchange.among(member, &legs)));
        let rest = Rest::of(legs.len(), &exchange.share(&legs), named);
        found.extend(rest.map(|rest| Joint { side: own.side, legs, rest }));
    }
    found
}

fn is_member(one: &OwnSide<'_, '_>, joint: &OwnSide<'_, '_>) -> bool {
    one.side.len() == 1 && includes(joint.side, one.side)
}

/// What the side that is not said leaves open to every party.
pub(super) fn open(exchange: &Exchange<'_, '_>) -> Option<Rest> {
    let unsaid = exchange.sides.iter().find(|own| own.side.is_empty())?;
    Rest::of(unsaid.legs.len(), &unsaid.share, attributed(exchange, &unsaid.legs))
}

/// The least number of persons of `legs` whom sides that are said account for.
///
/// Sides that share a party can mean the same persons. So of those that hang together counts the
/// one with most, or the smaller ones within, if they have more and share nobody.
fn attributed(exchange: &Exchange<'_, '_>, legs: &[&EstimatedLeg<'_>]) -> u64 {
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
    /// What smaller sides account for; they share nobody.
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

impl<'a> Exchange<'_, 'a> {
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
        whole::sum(&entries, self.nesting).map_or(0, |amount| amount.low)
    }

    /// Whether nobody whom `part` speaks of can be outside of what `legs` speak of together.
    fn must_be_among<'e>(
        &self,
        part: &LegKey,
        legs: impl Iterator<Item = &'e EstimatedLeg<'a>>,
    ) -> bool
    where
        'a: 'e,
    {
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
            across.extend(other.iter());
        }
        let other = part.other(self.direction);
        let all = if other.is_empty() { &self.named } else { &other.iter().collect() };
        !across.is_empty() && across.is_superset(all)
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
        Rest::of(unsaid.legs.len(), &unsaid.share, named)?.at_most
    }
}
