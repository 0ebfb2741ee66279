//! What a place or an exchange says: sums by what they speak of, and legs that are unknown.

use std::{collections::BTreeMap, ops::Bound};

use smallvec::SmallVec;

use super::{Flows, components::Component};
use crate::domain::{
    amount::Amount,
    estimate::Estimate,
    leg::Direction,
    tally::AmountTally,
    way::Way,
    whole::{Flow, FlowId, Item},
    work,
};

/// How many numbers a leg can have: all its persons, and each part of them.
pub(super) const MEASURES: usize = 5;

/// The number of a leg; absent: it has none.
pub(super) fn measure(estimate: &Estimate, measure: usize) -> Option<Amount> {
    let parts = &estimate.of_which;
    match measure {
        0 => return Amount::of_leg(estimate),
        1 => parts.minors,
        2 => parts.women,
        3 => parts.civilians,
        _ => parts.wounded,
    }
    .map(Amount::of_range)
}

/// What a sum speaks of: the numbers of its flows, the broadest first.
type Speech = SmallVec<[FlowId; 2]>;

/// Sums by what they speak of; those that speak of the same are one.
type Sums = BTreeMap<Speech, AmountTally>;

/// What a place or an exchange says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subtotal {
    amounts: [Sums; MEASURES],
    /// How many legs of each flow have no known number.
    unknown: BTreeMap<FlowId, u64>,
}

impl Subtotal {
    /// Adds what the rules have made of one of the numbers.
    pub(super) fn add_items(&mut self, measure: usize, items: &[Item<'_>]) {
        let Some(sums) = self.amounts.get_mut(measure) else { return };
        for Item { speaks_of, amount } in items {
            let speech = speaks_of.iter().map(|flow| flow.id).collect();
            sums.entry(speech).or_default().change(&amount.into(), Way::In);
        }
    }

    /// The sums of one of the numbers, of flows of a component.
    pub(super) fn items<'f>(
        &self,
        measure: usize,
        component: &Component,
        (flows, direction): (&'f Flows, Direction),
    ) -> Vec<Item<'f>> {
        let Some(sums) = self.amounts.get(measure) else { return Vec::new() };
        let item = |(speech, tally): (&Speech, &AmountTally)| {
            work::visit(speech.len());
            let speaks_of = speech.iter().filter_map(|id| flows.seen(*id, direction)).collect();
            Some(Item { speaks_of, amount: tally.amount()? })
        };
        match component {
            Component::All => sums.iter().filter_map(item).collect(),
            // What one sum speaks of hangs together, so it is known by the first flow.
            Component::Of(flows) if !sums.is_empty() => {
                let of = |id: &FlowId| sums.range(beginning(*id));
                flows.iter().flat_map(of).filter_map(item).collect()
            }
            Component::Of(_) => Vec::new(),
        }
    }

    pub(super) fn add_unknown(&mut self, flow: FlowId, legs: u64) {
        *self.unknown.entry(flow).or_default() += legs;
    }

    /// The flows of a component with legs that are unknown.
    pub(super) fn unknown(&self, component: &Component) -> Vec<(FlowId, u64)> {
        let of = |(flow, legs): (&FlowId, &u64)| (*flow, *legs);
        let unknown: Vec<_> = match component {
            Component::All => self.unknown.iter().map(of).collect(),
            Component::Of(_) if self.unknown.is_empty() => Vec::new(),
            Component::Of(flows) => {
                flows.iter().filter_map(|flow| self.unknown.get_key_value(flow)).map(of).collect()
            }
        };
        work::visit(unknown.len());
        unknown
    }

    /// Puts one saying in the place of another.
    pub(super) fn replace(&mut self, before: &Self, after: &Self) {
        for (said, way) in [(after, Way::In), (before, Way::Out)] {
            for (sums, said) in self.amounts.iter_mut().zip(&said.amounts) {
                for (speech, tally) in said {
                    let sum = sums.entry(speech.clone()).or_default();
                    sum.change(tally, way);
                    if sum.is_empty() {
                        sums.remove(speech);
                    }
                }
            }
            for (flow, legs) in &said.unknown {
                let unknown = self.unknown.entry(*flow).or_default();
                way.step(unknown, *legs);
                if *unknown == 0 {
                    self.unknown.remove(flow);
                }
            }
        }
    }
}

/// The speeches that begin with a flow.
fn beginning(id: FlowId) -> (Bound<Speech>, Bound<Speech>) {
    let first = |id: FlowId| Speech::from_slice(&[id]);
    let end = id.checked_add(1).map_or(Bound::Unbounded, |next| Bound::Excluded(first(next)));
    (Bound::Included(first(id)), end)
}

/// The sum of everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) amounts: [AmountTally; MEASURES],
    pub(super) unknown: u64,
}

impl Total {
    /// Puts one saying in the place of another.
    pub(super) fn replace(&mut self, before: &Subtotal, after: &Subtotal) {
        for (said, way) in [(after, Way::In), (before, Way::Out)] {
            for (total, sums) in self.amounts.iter_mut().zip(&said.amounts) {
                for sum in sums.values() {
                    total.change(sum, way);
                }
            }
            way.step(&mut self.unknown, said.unknown.values().sum());
        }
    }
}

/// A leg of a place: what it speaks of, and its numbers.
pub(super) type Leg<'l> = (Flow<'l>, &'l Estimate);
