//! What stands now about outermost exchanges of which much is recorded, kept as claims come and go.
//!
//! An event on an exchange changes one claim. Asking the rules anew means to gather all claims of
//! the exchange first, so 10,000 claims on one exchange took 25 s to catch up. Of an exchange with
//! many readings the state that the rules need is kept instead, and an event costs what it changes.
//! Most exchanges have few; for these it is quicker, and needs no memory, to gather them.
//!
//! Nothing of this is saved: it follows from the table of claims, and after a start it is made
//! where events come again.

mod cells;
mod preferences;
mod state;
mod traits;

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use crate::domain::symbol::Symbol;
use crate::projections::{
    claims::{Claims, Moved, Touched},
    interned::Place,
    ledger::Changes,
};
use state::State;

/// Up to so many readings, of an exchange with those within it, are gathered at each event.
const FEW: usize = 16;

/// So many events on an outermost exchange are worked out without a state before one is made of
/// it: where each report brings another outermost exchange, a state would be made for each.
const PATIENCE: u32 = 8;

/// The states, by outermost exchange: of those with more than a few readings.
#[derive(Clone, Debug, Default)]
pub struct Current {
    states: HashMap<Symbol, Box<State>>,
    /// How many events there were on those that have no state yet.
    waiting: HashMap<Symbol, u32>,
}

impl Current {
    /// Takes what an event did to the table. Returns the outermost exchanges, of before and of now,
    /// where the figures or what these are grouped by may have changed, in the order of their
    /// symbols. Each comes with its changes; without them where the rules have to run anew.
    pub fn take(&mut self, claims: &Claims, touched: &Touched) -> Vec<(Symbol, Option<Changes>)> {
        let Some(reread) = &touched.reread else { return Vec::new() };
        let moved = touched.nested.moved.as_slice();
        let nesting = claims.nested_now();
        let left = moved.iter().find(|it| it.exchange == reread.subject).map(|it| it.from);
        let outermost = left.unwrap_or_else(|| nesting.outermost(reread.subject));
        if let Some(state) = self.states.get_mut(&outermost) {
            state.reread(claims, reread);
        }
        let mut concerned = BTreeSet::from([outermost]);
        concerned.extend(moved.iter().flat_map(|it| [it.from, it.to]));
        self.move_exchanges(claims, moved);
        if let Some(state) = self.states.get_mut(&outermost) {
            state.turn(claims, &touched.nested.inside);
        }
        concerned.into_iter().map(|it| (it, self.settle(claims, it))).collect()
    }

    /// The range of the numbers claimed now for a leg within an outermost exchange; where no state
    /// of this exchange is kept, what `gathered` answers.
    pub fn range(
        &self,
        outermost: Symbol,
        leg: Place,
        gathered: impl FnOnce() -> Option<(u32, u32)>,
    ) -> Option<(u32, u32)> {
        self.states.get(&outermost).map_or_else(gathered, |state| state.range(leg))
    }

    fn move_exchanges(&mut self, claims: &Claims, moved: &[Moved]) {
        // What is a portion now is left as a whole, so nothing has to be taken out of it.
        let left: HashSet<Symbol> = moved.iter().map(|it| it.from).collect();
        for outermost in left {
            if claims.nested_now().larger(outermost).is_some() {
                self.states.remove(&outermost);
                self.waiting.remove(&outermost);
            }
        }
        for Moved { exchange, from, .. } in moved.iter().rev() {
            if let Some(state) = self.states.get_mut(from) {
                state.leave(claims, *exchange);
            }
        }
        for Moved { exchange, to, .. } in moved {
            if let Some(state) = self.states.get_mut(to) {
                state.join(claims, *exchange);
            }
        }
    }

    /// What has changed of an exchange since the last call for it; absent: all of it may have.
    fn settle(&mut self, claims: &Claims, outermost: Symbol) -> Option<Changes> {
        if claims.nested_now().larger(outermost).is_some() {
            return None;
        }
        if let Some(state) = self.states.get_mut(&outermost) {
            if state.readings() > FEW {
                return Some(state.changes(claims, outermost));
            }
            self.states.remove(&outermost);
        } else if is_much(claims, outermost) {
            let events = self.waiting.entry(outermost).or_default();
            *events += 1;
            if *events > PATIENCE {
                self.begin(claims, outermost);
            }
        }
        None
    }

    /// Makes the state of an outermost exchange.
    fn begin(&mut self, claims: &Claims, outermost: Symbol) {
        self.waiting.remove(&outermost);
        let mut state = Box::new(State::of(claims, outermost));
        drop(state.changes(claims, outermost));
        self.states.insert(outermost, state);
    }
}

/// Whether more than a few readings are recorded of an exchange and those within it. Each of those
/// within has one at least, the report that says so, so few of them are looked at.
fn is_much(claims: &Claims, outermost: Symbol) -> bool {
    let nesting = claims.nested_now();
    let mut readings = 0;
    let mut open = vec![outermost];
    while let Some(exchange) = open.pop() {
        readings += claims.figure_places(exchange).len();
        if readings > FEW {
            return true;
        }
        open.extend(nesting.direct_portions(exchange).take(FEW + 1));
    }
    false
}

#[cfg(test)]
mod tests;
