//! What joint legs, and legs that do not say one side, leave open for each country.
//!
//! The bound takes away the attributed persons that must be among theirs: those of legs of a member
//! alone, or of legs that say the side. **What is left is an upper bound, so persons that may be
//! different ones are not taken away**: the 10 whom A sent to C are not among the 16 whom A and B
//! sent to D. A side not said stands for all parties that are named on that side of the exchange:
//! the 16 whom A sent to persons unsaid are among those who are known to have arrived anywhere.
//!
//! **No party hands persons over to itself.** So a party that stands alone across is never on a
//! side that is not said: of the 40 whom B received from persons unsaid, none was sent by B.

mod counterparties;
mod joint;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::domain::{
    amount::Amount,
    disjoint::DisjointSets,
    flags::Flag,
    leg::{LegKey, Side},
    share::{EstimatedLeg, Exchange, OwnSide, Remainder},
    symbol::Symbol,
    whole::{self, Entry, Seen},
};
pub(super) use counterparties::{Counterparties, Named, Placed, Surroundings};

pub(super) use joint::shared;

/// What the side that is not said leaves open to each of the parties.
pub(super) fn open(
    exchange: &Exchange<'_, '_>,
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
fn attributed(exchange: &Exchange<'_, '_>, legs: &[&EstimatedLeg<'_>]) -> u64 {
    let across = exchange.across_numbered(legs);
    let said = exchange.sides.iter().filter(|own| !own.side.is_empty());
    together(said.map(|own| (own.side, exchange.among(own, &across))).collect())
}

/// The least number of persons of all sides together, each given with that of its own.
///
/// Sides that share a party can mean the same persons. Of sides that hang together, only the one
/// with most counts. The smaller ones within count instead if they have more and share no party.
pub(super) fn together(mut said: Vec<(&Side, u64)>) -> u64 {
    said.retain(|(_, least)| *least > 0);
    said.sort_by_key(|(side, _)| side.len());
    let mut clusters = Clusters::new(&said);
    // All sides of one size together: which of them comes first must make no difference.
    for same_size in said.chunk_by(|one, another| one.0.len() == another.0.len()) {
        clusters.add(same_size);
    }
    clusters.least.values().fold(0, |sum, least| sum.saturating_add(*least))
}

/// Sides that hang together.
struct Clusters {
    /// The number of each party.
    numbers: HashMap<Symbol, usize>,
    sets: DisjointSets,
    /// Of each cluster, the least number of the sides so far.
    least: HashMap<usize, u64>,
}

impl Clusters {
    fn new(said: &[(&Side, u64)]) -> Self {
        let mut numbers: HashMap<Symbol, usize> = HashMap::new();
        for party in said.iter().flat_map(|(side, _)| side.iter()) {
            let next = numbers.len();
            numbers.entry(party).or_insert(next);
        }
        Self { sets: DisjointSets::new(numbers.len()), numbers, least: HashMap::new() }
    }

    /// Adds the sides of one size to the clusters of smaller sides, which share no party.
    fn add(&mut self, sides: &[(&Side, u64)]) {
        for (side, _) in sides {
            let mut roots: Vec<usize> = self.roots(side).collect();
            roots.sort_unstable();
            roots.dedup();
            // The numbers of smaller sides within add up: they share no party.
            let within = roots.iter().filter_map(|root| self.least.remove(root));
            let within = within.fold(0_u64, u64::saturating_add);
            let Some(first) = roots.first().copied() else { continue };
            let root = roots.into_iter().fold(first, |one, it| self.sets.unite(one, it));
            self.least.insert(root, within);
        }
        let mut most: HashMap<usize, u64> = HashMap::new();
        for (side, least) in sides {
            let Some(root) = self.roots(side).next() else { continue };
            let most = most.entry(root).or_default();
            *most = (*most).max(*least);
        }
        for (root, most) in most {
            let least = self.least.entry(root).or_default();
            *least = (*least).max(most);
        }
    }

    fn roots(&mut self, side: &Side) -> impl Iterator<Item = usize> {
        let Self { numbers, sets, .. } = self;
        side.iter().filter_map(|party| numbers.get(&party)).map(|number| sets.root(*number))
    }
}

impl<'a> Exchange<'_, 'a> {
    /// The parties across from some legs.
    fn across<'e>(&self, legs: impl Iterator<Item = &'e EstimatedLeg<'a>>) -> Counterparties
    where
        'a: 'e,
    {
        Counterparties::new(legs.map(|(key, _)| Placed::new(key, self.direction)))
    }

    /// The parties across from the legs with a number: persons can be taken away only from these
    /// legs.
    fn across_numbered(&self, legs: &[&EstimatedLeg<'a>]) -> Counterparties {
        self.across(legs.iter().copied().filter(|(_, estimate)| estimate.range.is_some()))
    }

    /// Whether all persons of `part` must be among those of some legs together.
    fn must_hold(&self, legs: &Counterparties, part: &LegKey) -> bool {
        let surroundings = Surroundings { named: &self.named, nesting: self.nesting };
        legs.must_hold(Placed::new(part, self.direction), surroundings)
    }

    /// The legs of one party alone.
    fn alone(&self, party: Symbol) -> Option<&OwnSide<'_, 'a>> {
        let side: Side = [party].into_iter().collect();
        let place = self.sides.binary_search_by(|own| own.side.cmp(&side));
        self.sides.get(place.ok()?)
    }

    /// The least number of persons of one side who must be among those of some legs.
    fn among(&self, own: &OwnSide<'_, 'a>, legs: &Counterparties) -> u64 {
        let entries: Vec<Entry<'_>> = own
            .legs
            .iter()
            // "At most" has no lower end.
            .filter(|(_, estimate)| !estimate.flags.contains(Flag::OpenBelow))
            .filter_map(|(key, estimate)| {
                let amount = Amount::of_leg(estimate)?;
                Some(Entry { leg: Seen::new(key, self.direction), amount })
            })
            .filter(|entry| self.must_hold(legs, entry.leg.key))
            .collect();
        whole::sum(&entries, self.nesting).map_or(0, |amount| amount.low)
    }
}
