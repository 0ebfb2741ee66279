//! Which flows a sum has, and which of them hang together.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};

use super::{Flows, LegId};
use crate::domain::{
    leg::{CategoryCode, Direction, Side},
    symbol::Symbol,
    whole::{Flow, FlowId, Index, List},
    work,
};

/// Up to so many flows are looked at together; of more it is asked which hang together.
const FEW: usize = 16;

/// Flows that no other flow hangs together with, among those of a sum.
#[derive(Clone, Debug)]
pub(super) enum Region {
    /// All, because there are few.
    All,
    /// These, rising.
    Of(Vec<FlowId>),
}

/// The flows that a sum has.
#[derive(Clone, Debug)]
pub(super) struct Present {
    direction: Direction,
    /// How many legs have each.
    legs: HashMap<FlowId, u32>,
    /// How many legs are in each exchange and portion.
    places: HashMap<(Symbol, Symbol), u32>,
    /// Of many flows, where each is found, by category.
    found: Option<BTreeMap<CategoryCode, Found>>,
}

/// Where the flows of one category are found.
#[derive(Clone, Debug)]
struct Found {
    /// By who is named.
    index: Index<FlowId>,
    /// By their own side.
    sides: HashMap<Side, BTreeSet<FlowId>>,
}

/// What tells one list of flows from the others.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Named(CategoryCode, List),
    Own(CategoryCode, Side),
}

impl Present {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, legs: HashMap::new(), places: HashMap::new(), found: None }
    }

    /// Notes a leg.
    pub(super) fn add(&mut self, leg_id: LegId, flows: &Flows) {
        *self.places.entry((leg_id.exchange, leg_id.portion)).or_default() += 1;
        let legs = self.legs.entry(leg_id.flow).or_default();
        *legs += 1;
        if *legs > 1 {
            return;
        }
        let seen = |id: FlowId| flows.seen(id, self.direction);
        if let Some(found) = &mut self.found {
            seen(leg_id.flow).iter().for_each(|flow| enter(found, flow));
        } else if self.legs.len() > FEW {
            let mut found = BTreeMap::new();
            self.legs.keys().filter_map(|id| seen(*id)).for_each(|it| enter(&mut found, &it));
            self.found = Some(found);
        }
    }

    /// Notes that a leg is gone.
    pub(super) fn remove(&mut self, leg_id: LegId, flows: &Flows) {
        let place = (leg_id.exchange, leg_id.portion);
        if let Some(legs) = self.places.get_mut(&place) {
            *legs = legs.saturating_sub(1);
            if *legs == 0 {
                self.places.remove(&place);
            }
        }
        let Some(legs) = self.legs.get_mut(&leg_id.flow) else { return };
        *legs = legs.saturating_sub(1);
        if *legs == 0 {
            self.legs.remove(&leg_id.flow);
            let flow = flows.seen(leg_id.flow, self.direction);
            if let Some((found, flow)) = self.found.as_mut().zip(flow) {
                leave(found, &flow);
            }
        }
    }

    /// The region of a flow that is present.
    pub(super) fn region(&self, id: FlowId, flows: &Flows) -> Region {
        let Some(found) = &self.found else { return Region::All };
        // Legs of one place are joined in fewer cases than those of several.
        let is_one_place = self.places.len() < 2;
        let hang = |one: &Flow<'_>, another: &Flow<'_>| {
            if is_one_place { one.joins(another) } else { one.meets(another) }
        };
        let mut known = HashSet::new();
        known.insert(id);
        let mut region = vec![id];
        // Of each list that was looked at, those that are not found: what is, is not met again.
        let mut left: HashMap<Key, Vec<FlowId>> = HashMap::new();
        let mut next = 0;
        while let Some(flow) = region.get(next).and_then(|id| flows.seen(*id, self.direction)) {
            for (list, all) in near(found, &flow, is_one_place) {
                let left = left.entry(list).or_insert_with(|| all.iter().copied().collect());
                work::visit(1 + left.len());
                left.retain(|id| {
                    let hangs =
                        || flows.seen(*id, self.direction).is_some_and(|it| hang(&it, &flow));
                    if !known.contains(id) && hangs() {
                        known.insert(*id);
                        region.push(*id);
                    }
                    !known.contains(id)
                });
            }
            next += 1;
        }
        region.sort_unstable();
        Region::Of(region)
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
        let parts = flow.own.parts().filter(|_| is_one_place && *category == flow.category);
        let Some(parts) = parts.filter(|_| !flow.own.is_empty()) else {
            lists.extend(near.into_iter().map(named));
            continue;
        };
        // Its own side includes the other's, or the other's includes it.
        let around = found.index.around_own(flow.own);
        let mut comparable: Vec<_> = around.into_iter().map(named).collect();
        let within = parts.into_iter().filter_map(|side| found.sides.get_key_value(&side));
        comparable.extend(within.map(|(side, it)| (Key::Own(*category, side.clone()), it)));
        let near: Vec<_> = near.into_iter().map(named).collect();
        let count = |lists: &[(Key, &BTreeSet<FlowId>)]| {
            lists.iter().map(|(_, flows)| flows.len()).sum::<usize>()
        };
        lists.extend(if count(&comparable) < count(&near) { comparable } else { near });
    }
    lists
}

fn enter(found: &mut BTreeMap<CategoryCode, Found>, flow: &Flow<'_>) {
    let new = || Found { index: Index::new(), sides: HashMap::new() };
    let found = found.entry(flow.category).or_insert_with(new);
    found.index.insert(flow, flow.id);
    found.sides.entry(flow.own.clone()).or_default().insert(flow.id);
}

fn leave(found: &mut BTreeMap<CategoryCode, Found>, flow: &Flow<'_>) {
    let Some(of_category) = found.get_mut(&flow.category) else { return };
    of_category.index.remove(flow, flow.id);
    if let Some(flows) = of_category.sides.get_mut(flow.own) {
        flows.remove(&flow.id);
        if flows.is_empty() {
            of_category.sides.remove(flow.own);
        }
    }
    if of_category.sides.is_empty() {
        found.remove(&flow.category);
    }
}
