//! Which flows a sum has, and which of them hang together.

use hashbrown::{HashMap, HashSet};

use super::Flows;
use crate::domain::{
    leg::Direction,
    whole::{FlowId, Index, List},
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
    /// Of many flows, by who is named.
    index: Option<Index<FlowId>>,
}

impl Present {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, legs: HashMap::new(), index: None }
    }

    /// Notes that a leg has a flow.
    pub(super) fn add(&mut self, id: FlowId, flows: &Flows) {
        let legs = self.legs.entry(id).or_default();
        *legs += 1;
        if *legs > 1 {
            return;
        }
        if let Some(index) = &mut self.index {
            enter(index, id, flows, self.direction);
        } else if self.legs.len() > FEW {
            let mut index = Index::new();
            self.legs.keys().for_each(|id| enter(&mut index, *id, flows, self.direction));
            self.index = Some(index);
        }
    }

    /// Notes that a leg that had a flow is gone.
    pub(super) fn remove(&mut self, id: FlowId, flows: &Flows) {
        let Some(legs) = self.legs.get_mut(&id) else { return };
        *legs = legs.saturating_sub(1);
        if *legs == 0 {
            self.legs.remove(&id);
            let flow = flows.seen(id, self.direction);
            if let Some((index, flow)) = self.index.as_mut().zip(flow) {
                index.remove(&flow, id);
            }
        }
    }

    /// The region of a flow that is present.
    pub(super) fn region(&self, id: FlowId, flows: &Flows) -> Region {
        let Some(index) = &self.index else { return Region::All };
        let mut known = HashSet::new();
        known.insert(id);
        let mut found = vec![id];
        // Of each list that was looked at, those that are not found: what is, is not met again.
        let mut left: HashMap<List, Vec<FlowId>> = HashMap::new();
        let mut next = 0;
        while let Some(flow) = found.get(next).and_then(|id| flows.seen(*id, self.direction)) {
            for (list, all) in index.near_lists(&flow) {
                let left = left.entry(list).or_insert_with(|| all.iter().copied().collect());
                work::visit(1 + left.len());
                left.retain(|id| {
                    let meets =
                        || flows.seen(*id, self.direction).is_some_and(|it| it.meets(&flow));
                    if !known.contains(id) && meets() {
                        known.insert(*id);
                        found.push(*id);
                    }
                    !known.contains(id)
                });
            }
            next += 1;
        }
        found.sort_unstable();
        Region::Of(found)
    }
}

fn enter(index: &mut Index<FlowId>, id: FlowId, flows: &Flows, direction: Direction) {
    if let Some(flow) = flows.seen(id, direction) {
        index.insert(&flow, id);
    }
}
