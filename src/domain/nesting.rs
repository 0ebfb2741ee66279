//! Which exchange is a portion of which: a forest, whatever the reports say.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::domain::{symbol::Symbol, work};

/// The larger exchange of each exchange that has one. Holds no cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nesting {
    larger: BTreeMap<Symbol, Symbol>,
    /// The same the other way round: (larger, part).
    parts: BTreeSet<(Symbol, Symbol)>,
}

impl Nesting {
    /// Builds the forest from (part, larger) in the order in which they were reported.
    ///
    /// A link that would make an exchange a portion of itself is left out: of a cycle, the
    /// report that closed it is the one not believed.
    pub fn new(links: impl IntoIterator<Item = (Symbol, Symbol)>) -> Self {
        let mut nesting = Self::default();
        for (part, larger) in links {
            nesting.link(part, larger);
        }
        nesting
    }

    /// Adds the latest link; answers whether it is believed. A part has one larger exchange only.
    pub fn link(&mut self, part: Symbol, larger: Symbol) -> bool {
        if self.is_within(larger, part) {
            return false;
        }
        if let Some(before) = self.larger.insert(part, larger) {
            self.parts.remove(&(before, part));
        }
        debug_assert!(!self.is_within(larger, part), "a path ends because there is no cycle");
        self.parts.insert((larger, part))
    }

    /// Takes a link away: the part is a portion of nothing then.
    pub fn unlink(&mut self, part: Symbol) {
        if let Some(larger) = self.larger.remove(&part) {
            self.parts.remove(&(larger, part));
        }
    }

    /// Bytes that it takes, roughly: two entries of a tree for each portion.
    pub fn bytes(&self) -> usize {
        self.larger.len() * 4 * size_of::<(Symbol, Symbol)>()
    }

    /// The exchange and its portions at all levels, each before its own portions.
    pub fn within(&self, exchange: Symbol) -> Vec<Symbol> {
        let mut found = vec![exchange];
        let mut next = 0;
        while let Some(larger) = found.get(next).copied() {
            found.extend(self.direct_portions(larger));
            next += 1;
        }
        found
    }

    /// The exchanges that are directly a portion of it.
    pub fn direct_portions(&self, exchange: Symbol) -> impl Iterator<Item = Symbol> + '_ {
        let parts = self.parts.range((exchange, Symbol::EMPTY)..);
        parts.take_while(move |(larger, _)| *larger == exchange).map(|(_, part)| *part)
    }

    /// The exchange that `exchange` is a portion of, through all levels; itself if of none.
    pub fn outermost(&self, exchange: Symbol) -> Symbol {
        self.path(exchange).last().unwrap_or(exchange)
    }

    /// Whether `inner` is `outer` or a portion of it, at any level.
    pub fn is_within(&self, inner: Symbol, outer: Symbol) -> bool {
        self.path(inner).any(|exchange| exchange == outer)
    }

    /// How many exchanges `exchange` is a portion of.
    #[cfg(test)]
    pub(in crate::domain) fn depth(&self, exchange: Symbol) -> usize {
        self.path(exchange).skip(1).inspect(|_| work::visit(1)).count()
    }

    /// How many exchanges `exchange` is a portion of. `known` holds the answers found before; this
    /// one is added, and those of all exchanges around it.
    pub(in crate::domain) fn depth_beside(
        &self,
        exchange: Symbol,
        known: &mut HashMap<Symbol, usize>,
    ) -> usize {
        let mut path = Vec::new();
        let mut around = None;
        for exchange in self.path(exchange) {
            around = known.get(&exchange).copied();
            if around.is_some() {
                break;
            }
            path.push(exchange);
        }
        work::visit(1 + path.len());
        let mut depth = around;
        for exchange in path.into_iter().rev() {
            let own = depth.map_or(0, |depth| depth + 1);
            known.insert(exchange, own);
            depth = Some(own);
        }
        depth.unwrap_or(0)
    }

    /// The exchange that `exchange` is directly a portion of.
    pub fn larger(&self, exchange: Symbol) -> Option<Symbol> {
        self.larger.get(&exchange).copied()
    }

    /// The exchange and those around it, from the inside out; ends, because there is no cycle.
    pub fn path(&self, exchange: Symbol) -> impl Iterator<Item = Symbol> + '_ {
        std::iter::successors(Some(exchange), |inner| self.larger(*inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUCE: Symbol = Symbol::at(1);
    const DAY_1: Symbol = Symbol::at(2);
    const DAY_2: Symbol = Symbol::at(3);
    const MORNING: Symbol = Symbol::at(4);
    const ELSEWHERE: Symbol = Symbol::at(5);

    #[test]
    fn portions_are_found_at_any_depth() {
        let nesting = Nesting::new([(DAY_1, TRUCE), (MORNING, DAY_1), (DAY_2, TRUCE)]);
        assert_eq!(nesting.outermost(MORNING), TRUCE);
        assert_eq!(nesting.outermost(ELSEWHERE), ELSEWHERE);
        assert!(nesting.is_within(MORNING, TRUCE) && !nesting.is_within(TRUCE, MORNING));
        assert_eq!((nesting.depth(TRUCE), nesting.depth(MORNING)), (0, 2));
        let mut known = HashMap::new();
        for exchange in [DAY_1, MORNING, TRUCE, ELSEWHERE, DAY_2, MORNING] {
            let depth = nesting.depth_beside(exchange, &mut known);
            assert_eq!(depth, nesting.depth(exchange), "{exchange:?}");
        }
        assert_eq!(nesting.within(TRUCE), [TRUCE, DAY_1, DAY_2, MORNING]);
        assert_eq!(nesting.within(ELSEWHERE), [ELSEWHERE]);
    }

    #[test]
    fn the_link_that_would_close_a_cycle_is_left_out() {
        let [a, b, c] = [TRUCE, DAY_1, DAY_2];
        let nesting = Nesting::new([(a, a), (a, b), (b, c), (c, a)]);
        for exchange in [a, b, c] {
            assert_eq!(nesting.outermost(exchange), c);
        }
    }

    #[test]
    fn a_later_link_takes_the_place_of_the_one_before() {
        let nesting = Nesting::new([(MORNING, DAY_1), (MORNING, DAY_2)]);
        assert_eq!(nesting.within(DAY_1), [DAY_1]);
        assert_eq!(nesting.within(DAY_2), [DAY_2, MORNING]);
    }
}
