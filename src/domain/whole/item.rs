//! A sum with what it speaks of, which the steps of joining pass on.

use smallvec::{SmallVec, smallvec};

use super::flow::{Flow, FlowIndex, condense};
use crate::domain::amount::Amount;

/// A sum, with what it speaks of: every leg in it, and below it.
#[derive(Clone, Debug)]
pub(in crate::domain) struct Item<'a> {
    pub(in crate::domain) speaks_of: SmallVec<[Flow<'a>; 1]>,
    pub(in crate::domain) amount: Amount,
}

/// The flows of some items by the parties that they name, each as the places of its item and of its
/// own among the item's.
pub(super) fn index_of(items: &[Item<'_>]) -> FlowIndex<(usize, usize)> {
    let mut index = FlowIndex::new();
    for (place, item) in items.iter().enumerate() {
        for (number, flow) in item.speaks_of.iter().enumerate() {
            index.insert(flow, (place, number));
        }
    }
    index
}

/// A leg with a number.
pub(super) type Numbered<'a> = (Flow<'a>, Amount);

/// Whether a flow of a whole has persons in common with one of a part.
pub(super) type Fits = fn(&Flow<'_>, &Flow<'_>) -> bool;

impl<'a> Item<'a> {
    pub(super) fn new(flow: Flow<'a>, amount: Amount) -> Self {
        Self { speaks_of: smallvec![flow], amount }
    }

    /// The same for steps that ask no more than whether it meets another.
    pub(super) fn condensed(mut self) -> Self {
        condense(&mut self.speaks_of);
        self
    }
}
