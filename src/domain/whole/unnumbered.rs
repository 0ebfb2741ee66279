//! Whether the number of a leg without one is known from a leg around it.

use hashbrown::HashMap;

use super::{Seen, finder::around, flow::FlowIndex, is_part};
use crate::domain::{nesting::Nesting, symbol::Symbol, work};

/// How many legs have no known number. Each leg comes with whether it has a number.
///
/// A leg without one is known where it lies within a leg that has one. Its own parts do not make it
/// known: they are its sum as far as they go, and no claim says how many it holds beside them.
pub fn unnumbered(legs: &[(Seen<'_>, bool)], nesting: &Nesting) -> usize {
    let without = legs.iter().filter(|(_, numbered)| !numbered).map(|(leg, _)| *leg);
    let without: Vec<Seen<'_>> = without.collect();
    if without.is_empty() || without.len() == legs.len() {
        return without.len();
    }
    let mut places: HashMap<(Symbol, Symbol), FlowIndex<usize>> = HashMap::new();
    for (number, (leg, _)) in legs.iter().enumerate().filter(|(_, (_, numbered))| *numbered) {
        let place = places.entry((leg.key.exchange, leg.key.portion));
        place.or_insert_with(FlowIndex::new).insert(&leg.flow(), number);
    }
    let within = |part: &Seen<'_>| {
        let near = around(part.key, nesting).filter_map(|place| places.get(&place));
        let mut near = near.flat_map(|place| place.near(&part.flow()));
        near.any(|number| {
            work::visit(1);
            legs.get(number).is_some_and(|(whole, _)| is_part(*whole, *part, nesting))
        })
    };
    without.iter().filter(|part| !within(part)).count()
}
