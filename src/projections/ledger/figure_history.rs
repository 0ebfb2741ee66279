//! One figure through the whole record: every step that it took, and what it is now.

use serde::{Deserialize, Serialize};

use crate::domain::{event::Position, share::Share, symbol::Symbol, tally::Tally};
use crate::projections::interned::{Interned, Place};

/// Steps between two tallies that are kept, so that the figure as of a moment is never far from
/// one of them.
const STRIDE: usize = 64;

/// What one outermost exchange said before an event, and says after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The event.
    pub event: Position,
    /// The outermost exchange.
    pub exchange: Symbol,
    /// Place of the share before; absent: it said nothing.
    pub before: Option<Place>,
    /// Place of the share after; absent: it says nothing.
    pub after: Option<Place>,
}

/// The steps of one figure, with the tally of now and some of before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FigureHistory {
    steps: Vec<Step>,
    /// The tally before each step that has a multiple of the stride as its number.
    #[serde(skip)]
    tallies: Vec<Tally>,
    #[serde(skip)]
    now: Tally,
}

impl Step {
    /// Makes the step.
    pub fn apply(&self, tally: &mut Tally, shares: &Interned<Share>) {
        if let Some(share) = self.before.and_then(|place| shares.get(place)) {
            tally.remove(share);
        }
        if let Some(share) = self.after.and_then(|place| shares.get(place)) {
            tally.add(share);
        }
    }
}

impl FigureHistory {
    pub(super) fn push(&mut self, step: Step, shares: &Interned<Share>) {
        debug_assert!(
            self.steps.last().is_none_or(|last| last.event <= step.event),
            "the figure of a moment is found by halving the events"
        );
        if self.steps.len().is_multiple_of(STRIDE) {
            self.tallies.push(self.now.clone());
        }
        step.apply(&mut self.now, shares);
        self.steps.push(step);
    }

    /// Makes the tallies, which are not saved, from the steps.
    pub(super) fn restore(&mut self, shares: &Interned<Share>) {
        for step in std::mem::take(self).steps {
            self.push(step, shares);
        }
    }

    /// The figure just after `position`.
    pub(super) fn at(&self, position: Position, shares: &Interned<Share>) -> Tally {
        let past = self.steps.partition_point(|step| step.event <= position);
        if past == self.steps.len() {
            return self.now.clone();
        }
        let kept = past / STRIDE;
        let mut tally = self.tallies.get(kept).cloned().unwrap_or_default();
        for step in self.steps.get(kept * STRIDE..past).unwrap_or_default() {
            step.apply(&mut tally, shares);
        }
        tally
    }

    /// The steps after one position, up to another.
    pub(super) fn between(&self, after: Position, up_to: Position) -> &[Step] {
        let start = self.steps.partition_point(|step| step.event <= after);
        let end = self.steps.partition_point(|step| step.event <= up_to);
        self.steps.get(start..end).unwrap_or_default()
    }
}
