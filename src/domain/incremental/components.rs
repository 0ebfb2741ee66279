//! Which flows a sum has, and which of them hang together.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};

use super::{Flows, LegId};
use crate::domain::{
    leg::{CategoryCode, Direction, Side},
    multiset::Multiset,
    symbol::Symbol,
    whole::{Flow, FlowId, FlowIndex, List, Which},
    work,
};

/// Up to so many flows are looked at together; of more, only those that hang together.
const FEW: usize = 16;

/// Flows that no other flow hangs together with, among those of a sum.
#[derive(Clone, Debug)]
pub(super) enum Component {
    /// All, because there are few.
    All,
    /// These, rising.
    Of(Vec<FlowId>),
}

/// The flows that a sum has.
#[derive(Clone, Debug)]
pub(super) struct FlowComponents {
    direction: Direction,
    /// How many legs have each.
    legs: Multiset<FlowId>,
    /// How many legs are in each exchange and portion.
    places: Multiset<(Symbol, Symbol)>,
    /// Of many flows, where each is found, by category.
    found: Option<BTreeMap<CategoryCode, Found>>,
}

/// Where the flows of one category are found.
#[derive(Clone, Debug)]
struct Found {
    /// By the parties that are named.
    index: FlowIndex<FlowId>,
    /// By their own side.
    own: HashMap<Side, BTreeSet<FlowId>>,
    /// By the side across.
    other: HashMap<Side, BTreeSet<FlowId>>,
}

/// What tells one list of flows from the others.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Named(CategoryCode, List),
    Side(CategoryCode, Which, Side),
}

impl FlowComponents {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, legs: Multiset::default(), places: Multiset::default(), found: None }
    }

    /// Notes a leg.
    pub(super) fn add(&mut self, leg_id: LegId, flows: &Flows) {
        self.places.add((leg_id.exchange, leg_id.portion));
        if !self.legs.add(leg_id.flow) {
            return;
        }
        let seen = |id: FlowId| flows.seen(id, self.direction);
        if let Some(found) = &mut self.found {
            if let Some(flow) = seen(leg_id.flow) {
                enter(found, &flow);
            }
        } else if self.legs.len() > FEW {
            let mut found = BTreeMap::new();
            self.legs.iter().filter_map(|id| seen(*id)).for_each(|it| enter(&mut found, &it));
            self.found = Some(found);
        }
    }

    /// Notes that a leg is gone.
    pub(super) fn remove(&mut self, leg_id: LegId, flows: &Flows) {
        self.places.remove(&(leg_id.exchange, leg_id.portion));
        if self.legs.remove(&leg_id.flow) {
            let flow = flows.seen(leg_id.flow, self.direction);
            if let Some((found, flow)) = self.found.as_mut().zip(flow) {
                leave(found, &flow);
            }
        }
    }

    /// The component of a flow that is present.
    pub(super) fn component(&self, id: FlowId, flows: &Flows) -> Component {
        let Some(found) = &self.found else { return Component::All };
        // Legs of one place are joined in fewer cases than those of several.
        let is_one_place = self.places.len() < 2;
        let hang = |one: &Flow<'_>, another: &Flow<'_>| {
            if is_one_place { one.joins(another) } else { one.meets(another) }
        };
        let mut known = HashSet::new();
        known.insert(id);
        let mut component = vec![id];
        // Of each list that was looked at, those that are not found: what is, is not met again.
        let mut left: HashMap<Key, Vec<FlowId>> = HashMap::new();
        let mut next = 0;
        while let Some(flow) = component.get(next).and_then(|id| flows.seen(*id, self.direction)) {
            for (list, all) in near(found, &flow, is_one_place) {
                let left = left.entry(list).or_insert_with(|| all.iter().copied().collect());
                work::visit(1 + left.len());
                left.retain(|id| {
                    let hangs =
                        || flows.seen(*id, self.direction).is_some_and(|it| hang(&it, &flow));
                    if !known.contains(id) && hangs() {
                        known.insert(*id);
                        component.push(*id);
                    }
                    !known.contains(id)
                });
            }
            next += 1;
        }
        component.sort_unstable();
        Component::Of(component)
    }
}

/// The lists of all that can hang together with a flow, and others.
fn near<'f>(
    found: &'f BTreeMap<CategoryCode, Found>,
    flow: &Flow<'_>,
    is_one_place: bool,
) -> Vec<(Key, &'f BTreeSet<FlowId>)> {
    let mut lists = Vec::new();
    let fits =
        |category: CategoryCode| category == flow.category || category == 0 || flow.category == 0;
    for (category, found) in found.iter().filter(|(category, _)| fits(**category)) {
        let named = |(list, flows)| (Key::Named(*category, list), flows);
        let near = found.index.near_lists(flow);
        // Of sides that differ, one includes the other; of one own side, those across.
        let (which, side, sides) = if found.own.len() == 1 {
            (Which::Other, flow.other, &found.other)
        } else {
            (Which::Own, flow.own, &found.own)
        };
        let parts = side.parts().filter(|_| is_one_place && *category == flow.category);
        let Some(parts) = parts.filter(|_| !side.is_empty()) else {
            lists.extend(near.into_iter().map(named));
            continue;
        };
        let around = found.index.around(which, side);
        let mut comparable: Vec<_> = around.into_iter().map(named).collect();
        let within = parts.into_iter().filter_map(|side| sides.get_key_value(&side));
        let key = |side: &Side| Key::Side(*category, which, side.clone());
        comparable.extend(within.map(|(side, flows)| (key(side), flows)));
        let near: Vec<_> = near.into_iter().map(named).collect();
        let count = |lists: &[(Key, &BTreeSet<FlowId>)]| {
            lists.iter().map(|(_, flows)| flows.len()).sum::<usize>()
        };
        lists.extend(if count(&comparable) < count(&near) { comparable } else { near });
    }
    lists
}

fn enter(found: &mut BTreeMap<CategoryCode, Found>, flow: &Flow<'_>) {
    let found = found.entry(flow.category).or_insert_with(|| Found {
        index: FlowIndex::new(),
        own: HashMap::new(),
        other: HashMap::new(),
    });
    found.index.insert(flow, flow.id);
    for (sides, side) in [(&mut found.own, flow.own), (&mut found.other, flow.other)] {
        sides.entry(side.clone()).or_default().insert(flow.id);
    }
}

fn leave(found: &mut BTreeMap<CategoryCode, Found>, flow: &Flow<'_>) {
    let Some(of_category) = found.get_mut(&flow.category) else { return };
    of_category.index.remove(flow, flow.id);
    let Found { own, other, .. } = of_category;
    for (sides, side) in [(own, flow.own), (other, flow.other)] {
        if let Some(flows) = sides.get_mut(side) {
            flows.remove(&flow.id);
            if flows.is_empty() {
                sides.remove(side);
            }
        }
    }
    if of_category.own.is_empty() {
        found.remove(&flow.category);
    }
}
