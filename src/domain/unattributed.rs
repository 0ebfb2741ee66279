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

use hashbrown::HashMap;

use crate::domain::{disjoint::DisjointSets, leg::Side, symbol::Symbol};
pub(super) use counterparties::{Counterparties, Named, Placed, Surroundings};

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
