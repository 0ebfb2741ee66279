//! The flows of an exchange: which sides, which persons.

use hashbrown::HashMap;

use crate::domain::{
    leg::{CategoryCode, Direction, LegKey, Side},
    symbol::Symbol,
    whole::{Flow, FlowId},
};

/// Where a leg is, and what it speaks of; with its unit that is all that identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LegId {
    /// The exchange.
    pub(super) exchange: Symbol,
    /// The portion; empty: the whole.
    pub(super) portion: Symbol,
    /// The number of its flow.
    pub(super) flow: FlowId,
}

/// Both sides of a leg and its category.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sides {
    from: Side,
    to: Side,
    category: CategoryCode,
}

/// The distinct flows of an exchange, each known by its number.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    known: Vec<Sides>,
    numbers: HashMap<Sides, FlowId>,
}

impl Flows {
    /// Where a leg is; its flow gets a number if it has none.
    pub(super) fn id(&mut self, key: &LegKey) -> LegId {
        let (from, to) = (key.from.clone(), key.to.clone());
        let sides = Sides { from, to, category: key.category };
        let next = FlowId::try_from(self.known.len()).unwrap_or(FlowId::MAX);
        let known = &mut self.known;
        let number = *self.numbers.entry(sides).or_insert_with_key(|sides| {
            known.push(sides.clone());
            next
        });
        LegId { exchange: key.exchange, portion: key.portion, flow: number }
    }

    /// A flow as seen from one side.
    pub(in crate::domain) fn seen(&self, id: FlowId, direction: Direction) -> Option<Flow<'_>> {
        let Sides { from, to, category } = self.known.get(id as usize)?;
        let (own, other) = match direction {
            Direction::Received => (to, from),
            Direction::Sent => (from, to),
        };
        Some(Flow { own, other, category: *category, id })
    }

    /// The category of a flow; 0: it says none.
    pub(super) fn category(&self, id: FlowId) -> CategoryCode {
        self.known.get(id as usize).map_or(0, |sides| sides.category)
    }
}
