//! Which wholes hang together, because they share parts.
//!
//! What was found is not met again. Where each of many wholes meets each of many parts, as legs
//! that say one side only do, asking for all pairs made a leg cost the square of them.

use hashbrown::{HashMap, HashSet};

use super::{
    flow::{Flow, FlowIndex, List, MANY},
    item::{Fits, Item, index_of},
};
use crate::domain::{disjoint::DisjointSets, work};

/// Of each whole, the first of those that it hangs together with; of each part, the same of the
/// wholes that it fits, if there is any.
pub(super) struct Components {
    pub(super) wholes: Vec<usize>,
    pub(super) parts: Vec<Option<usize>>,
}

/// Finds which wholes have parts in common: those that have a flow which fits one of theirs.
pub(super) fn components(wholes: &[Item<'_>], parts: &[Item<'_>], fits: Fits) -> Components {
    let flows = |items: &[Item<'_>]| items.iter().map(|item| item.speaks_of.len()).sum::<usize>();
    if flows(wholes) <= MANY || flows(parts) <= MANY {
        few(wholes, parts, fits)
    } else {
        many(wholes, parts, fits)
    }
}

fn few(wholes: &[Item<'_>], parts: &[Item<'_>], fits: Fits) -> Components {
    let mut sets = DisjointSets::new(wholes.len());
    let mut homes = Vec::with_capacity(parts.len());
    for part in parts {
        work::visit(wholes.len());
        let any = |whole: &Item<'_>| {
            whole.speaks_of.iter().any(|one| part.speaks_of.iter().any(|it| fits(one, it)))
        };
        let met = wholes.iter().enumerate().filter(|(_, whole)| any(whole));
        homes.push(met.map(|(place, _)| place).reduce(|one, place| sets.unite(one, place)));
    }
    let homes = homes.into_iter().map(|home| home.map(|place| sets.root(place))).collect();
    Components { wholes: (0..wholes.len()).map(|place| sets.root(place)).collect(), parts: homes }
}

fn many(wholes: &[Item<'_>], parts: &[Item<'_>], fits: Fits) -> Components {
    let (mut open_wholes, mut open_parts) = (Unmet::new(wholes), Unmet::new(parts));
    let mut roots: Vec<usize> = (0..wholes.len()).collect();
    let mut homes = vec![None; parts.len()];
    for first in 0..parts.len() {
        if !open_parts.meet(first) {
            continue;
        }
        let (mut of_wholes, mut of_parts) = (Vec::new(), vec![first]);
        let (mut next_whole, mut next_part) = (0, 0);
        loop {
            if let Some(part) = of_parts.get(next_part).and_then(|place| parts.get(*place)) {
                next_part += 1;
                open_wholes.take(part, fits, &mut of_wholes);
            } else if let Some(whole) = of_wholes.get(next_whole).and_then(|it| wholes.get(*it)) {
                next_whole += 1;
                open_parts.take(whole, |part, whole| fits(whole, part), &mut of_parts);
            } else {
                break;
            }
        }
        let root = of_wholes.iter().min().copied();
        for (place, root) in of_wholes.iter().zip(std::iter::repeat(root)) {
            if let Some((found, root)) = roots.get_mut(*place).zip(root) {
                *found = root;
            }
        }
        for place in of_parts {
            if let Some(home) = homes.get_mut(place) {
                *home = root;
            }
        }
    }
    Components { wholes: roots, parts: homes }
}

/// A flow of an item, by the places of both.
type FlowPlace = (usize, usize);

/// Items of which each is met once.
struct Unmet<'i, 'a> {
    items: &'i [Item<'a>],
    index: FlowIndex<FlowPlace>,
    /// Of each list of the index that was looked at, those that were not met.
    left: HashMap<List, Vec<FlowPlace>>,
    met: HashSet<usize>,
}

impl<'i, 'a> Unmet<'i, 'a> {
    fn new(items: &'i [Item<'a>]) -> Self {
        Self { items, index: index_of(items), left: HashMap::new(), met: HashSet::new() }
    }

    /// Notes that an item is met; answers whether it was not.
    fn meet(&mut self, place: usize) -> bool {
        self.met.insert(place)
    }

    /// Adds to `found` those not met yet that have a flow which fits one of `item`.
    fn take(
        &mut self,
        item: &Item<'_>,
        fits: impl Fn(&Flow<'_>, &Flow<'_>) -> bool,
        found: &mut Vec<usize>,
    ) {
        let Self { items, index, left, met } = self;
        for flow in &item.speaks_of {
            for (list, all) in index.near_lists(flow) {
                let left = left.entry(list).or_insert_with(|| all.iter().copied().collect());
                work::visit(1 + left.len());
                left.retain(|(place, number)| {
                    if met.contains(place) {
                        return false;
                    }
                    let other = items.get(*place).and_then(|it| it.speaks_of.get(*number));
                    let is_met = other.is_some_and(|other| fits(other, flow));
                    if is_met {
                        met.insert(*place);
                        found.push(*place);
                    }
                    !is_met
                });
            }
        }
    }
}
