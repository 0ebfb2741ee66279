//! What a leg speaks of, wherever it is; and finding flows that can speak of the same persons.

use std::{cmp::Reverse, collections::BTreeSet};

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::domain::{
    leg::{CategoryCode, Side, includes, overlaps},
    symbol::Symbol,
    work,
};

/// The number of a flow among those that are kept.
pub(in crate::domain) type FlowId = u32;

/// Both sides of a leg, and which persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) struct Flow<'a> {
    /// The side that the figure is about.
    pub(in crate::domain) own: &'a Side,
    /// The side across.
    pub(in crate::domain) other: &'a Side,
    pub(in crate::domain) category: CategoryCode,
    /// Its number among those that are kept; 0 where none are.
    pub(in crate::domain) id: FlowId,
}

impl Flow<'_> {
    /// Whether the two can speak of the same persons, as far as their sides and categories tell.
    pub(in crate::domain) fn meets(&self, other: &Flow<'_>) -> bool {
        let (one, another) = (self.category, other.category);
        (one == 0 || another == 0 || one == another)
            && overlaps(self.own, other.own)
            && overlaps(self.other, other.other)
    }

    /// Whether the two can be joined where all legs are in one place: of one category, only those
    /// of which one side includes the other are.
    pub(in crate::domain) fn joins(&self, other: &Flow<'_>) -> bool {
        let either = |one: &Side, other: &Side| includes(one, other) || includes(other, one);
        self.meets(other)
            && (self.category != other.category
                || if self.own == other.own {
                    either(self.other, other.other)
                } else {
                    either(self.own, other.own)
                })
    }

    /// Whether a leg of it would not be added to one of this flow in the same place.
    pub(in crate::domain) fn holds(&self, part: &Flow<'_>) -> bool {
        if self.category == part.category {
            return (self.own, self.other) != (part.own, part.other) && self.includes(part);
        }
        self.category == 0 && self.meets(part)
    }

    /// Whether both sides include those of `part`.
    pub(super) fn includes(&self, part: &Flow<'_>) -> bool {
        includes(self.own, part.own) && includes(self.other, part.other)
    }

    /// Whether all persons of `part` are among those of this flow. A flow that meets the part then
    /// meets this one as well.
    fn covers(&self, part: &Flow<'_>) -> bool {
        (self.category == 0 || self.category == part.category) && self.includes(part)
    }

    /// Nothing is covered by what comes after it in this order.
    fn breadth(&self) -> impl Ord + use<> {
        let side = |side: &Side| (side.is_empty(), side.len());
        Reverse((side(self.own), side(self.other), self.category == 0))
    }
}

/// So many of the broadest flows are tried as covers of the others.
const BROADEST: usize = 16;

/// Leaves out flows that others cover, which makes no difference to what is met.
pub(super) fn condense(flows: &mut SmallVec<[Flow<'_>; 1]>) {
    if flows.len() > 1 {
        flows.sort_by_cached_key(|flow| (flow.breadth(), flow.id));
        let mut kept: SmallVec<[Flow<'_>; 1]> = SmallVec::new();
        for flow in flows.iter() {
            if !kept.iter().take(BROADEST).any(|broad| broad.covers(flow)) {
                kept.push(*flow);
            }
        }
        *flows = kept;
    }
}

/// Things by the parties on each side of their flow.
///
/// Flows that meet share a party on each side, or one of them does not say that side. So all that
/// a flow can meet are found by the parties of one side, whichever has fewer.
#[derive(Clone, Debug)]
pub(in crate::domain) struct FlowIndex<T> {
    all: BTreeSet<T>,
    own: Naming<T>,
    other: Naming<T>,
}

/// What names each party of a side; without a party, what does not say it.
type Naming<T> = HashMap<Option<Symbol>, BTreeSet<T>>;

/// Which side of a flow names a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::domain) enum Which {
    Own,
    Other,
    /// It makes no difference: the list has all.
    Any,
}

/// What tells one list of an index from the others.
pub(in crate::domain) type List = (Which, Option<Symbol>);

/// The parties that a side names; `None` if it names none.
fn names(side: &Side) -> impl Iterator<Item = Option<Symbol>> + '_ {
    side.iter().map(Some).chain(side.is_empty().then_some(None))
}

impl<T: Copy + Ord> FlowIndex<T> {
    pub(in crate::domain) fn new() -> Self {
        Self { all: BTreeSet::new(), own: Naming::new(), other: Naming::new() }
    }

    pub(in crate::domain) fn insert(&mut self, flow: &Flow<'_>, thing: T) {
        self.all.insert(thing);
        for (naming, side) in [(&mut self.own, flow.own), (&mut self.other, flow.other)] {
            for name in names(side) {
                naming.entry(name).or_default().insert(thing);
            }
        }
    }

    pub(in crate::domain) fn remove(&mut self, flow: &Flow<'_>, thing: T) {
        self.all.remove(&thing);
        for (naming, side) in [(&mut self.own, flow.own), (&mut self.other, flow.other)] {
            for name in names(side) {
                if let Some(things) = naming.get_mut(&name) {
                    things.remove(&thing);
                    if things.is_empty() {
                        naming.remove(&name);
                    }
                }
            }
        }
    }

    /// All that the flow can meet, and others; some more than once.
    pub(in crate::domain) fn near(&self, flow: &Flow<'_>) -> impl Iterator<Item = T> + use<'_, T> {
        let (count, fewer) = self.fewer(flow);
        work::visit(count);
        fewer.into_iter().flat_map(|(_, things)| things).copied()
    }

    /// How many [`near`](Self::near) answers with.
    pub(super) fn reach(&self, flow: &Flow<'_>) -> usize {
        self.fewer(flow).0
    }

    /// What names a party of one side, whichever has fewer, and how many these are.
    fn fewer(&self, flow: &Flow<'_>) -> (usize, Vec<(List, &BTreeSet<T>)>) {
        let (own, other) = (self.lists(Which::Own, flow.own), self.lists(Which::Other, flow.other));
        let count = |lists: &[(List, &BTreeSet<T>)]| {
            lists.iter().map(|(_, things)| things.len()).sum::<usize>()
        };
        let (of_own, of_other) = (count(&own), count(&other));
        if of_own < of_other { (of_own, own) } else { (of_other, other) }
    }

    /// The lists of all that the flow can meet, and others.
    pub(in crate::domain) fn near_lists(&self, flow: &Flow<'_>) -> Vec<(List, &BTreeSet<T>)> {
        self.fewer(flow).1
    }

    /// The lists of all with a side that includes another, and others: they name each of its
    /// parties, or none.
    pub(in crate::domain) fn around(&self, which: Which, side: &Side) -> Vec<(List, &BTreeSet<T>)> {
        let mut lists = self.lists(which, side);
        let unsaid = lists.extract_if(.., |((_, party), _)| party.is_none()).next();
        let fewest = lists.into_iter().min_by_key(|(_, things)| things.len());
        unsaid.into_iter().chain(fewest).collect()
    }

    /// All that names a party of the side, and all that names no party.
    fn lists(&self, which: Which, side: &Side) -> Vec<(List, &BTreeSet<T>)> {
        if side.is_empty() {
            return vec![((Which::Any, None), &self.all)];
        }
        let naming = if which == Which::Own { &self.own } else { &self.other };
        let names = side.iter().map(Some).chain([None]);
        names.filter_map(|name| Some(((which, name), naming.get(&name)?))).collect()
    }
}

/// From so many flows on they are found by their parties.
pub(super) const MANY: usize = 16;

/// Flows among which one is looked for that meets another.
#[derive(Debug)]
pub(in crate::domain) struct Among<'a> {
    flows: Vec<Flow<'a>>,
    /// By their places, of many.
    index: Option<FlowIndex<usize>>,
}

impl<'a> Among<'a> {
    pub(in crate::domain) fn new(flows: Vec<Flow<'a>>) -> Self {
        let index = (flows.len() > MANY).then(|| {
            let mut index = FlowIndex::new();
            flows.iter().enumerate().for_each(|(place, flow)| index.insert(flow, place));
            index
        });
        Self { flows, index }
    }

    /// Whether a flow that meets this one is as it is wanted.
    pub(in crate::domain) fn any(
        &self,
        flow: &Flow<'_>,
        wanted: impl Fn(&Flow<'a>) -> bool,
    ) -> bool {
        let Some(index) = &self.index else {
            work::visit(self.flows.len());
            return self.flows.iter().any(wanted);
        };
        index.near(flow).any(|place| self.flows.get(place).is_some_and(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        leg::Direction,
        whole::{
            Seen,
            random_legs::{config, legs},
        },
    };

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn among_many_flows_the_same_is_found_as_by_looking_at_all(
            keys in prop::collection::btree_set(legs(), 1..60),
            other in legs(),
        ) {
            let seen = |key| Seen::new(key, Direction::Received).flow();
            let flows: Vec<Flow<'_>> = keys.iter().map(seen).collect();
            let (among, other) = (Among::new(flows.clone()), seen(&other));
            for flow in flows.iter().chain([&other]) {
                let held = flows.iter().any(|whole| whole.holds(flow));
                prop_assert_eq!(among.any(flow, |whole| whole.holds(flow)), held);
                let met = flows.iter().any(|whole| whole.meets(flow));
                prop_assert_eq!(among.any(flow, |whole| whole.meets(flow)), met);
            }
        }
    }
}
