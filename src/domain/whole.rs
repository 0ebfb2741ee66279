//! A whole is never added to its parts: the sum of the legs of one outermost exchange, seen from
//! one side.
//!
//! Legs contain each other in three ways, resolved in this order. Among legs of one category and
//! portion, a leg is a part of another if the other side of that one includes its other side. The
//! leg without category is the whole of the categories. The leg without portion is the whole of the
//! portions, and an exchange that is part of another is a portion of it.
//!
//! A country's figure is made of legs of one own side. A figure of all sides joins legs of all own
//! sides. Among those of one category and portion, what a larger own side says is the whole of what
//! the sides within it say. The same holds for an own side that is not said.
//!
//! **A whole and its parts must be able to speak of the same persons.** 5 from A without
//! category and 7 prisoners of war from B are 12: nobody is in both, though one leg has a
//! category and the other has none. So the second and third step join a whole only with parts
//! that share a party of the other side (and, in the third, a category); what shares nothing is
//! added. Read without this, a portion named for one flow would swallow the other flows.
//!
//! Several wholes that share a part are compared with their parts together: 5 from A and 7 from
//! B are the same 12 as 8 prisoners of war and 4 civilians from persons unsaid.

mod components;
mod finder;
mod flow;
mod item;
mod items;
mod sides;
mod unnumbered;

use std::collections::BTreeMap;

use hashbrown::HashMap;

pub use finder::Finder;
pub use unnumbered::unnumbered;

use crate::domain::{
    amount::Amount,
    leg::{Direction, LegKey, Side},
    nesting::Nesting,
    symbol::Symbol,
};
pub(in crate::domain) use flow::{Among, Flow, FlowId, FlowIndex, List, Which};
pub(in crate::domain) use item::Item;
pub(in crate::domain) use items::{of_exchange, of_place};

/// A leg seen from the side that a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The leg.
    pub key: &'a LegKey,
    /// The side that the figure is about.
    pub own: &'a Side,
    /// The side across.
    pub other: &'a Side,
}

impl<'a> Seen<'a> {
    /// The leg as seen from one side.
    pub fn new(key: &'a LegKey, direction: Direction) -> Self {
        Self { key, own: key.own(direction), other: key.other(direction) }
    }

    /// What it speaks of, wherever it is.
    fn flow(self) -> Flow<'a> {
        Flow { own: self.own, other: self.other, category: self.key.category, id: 0 }
    }
}

/// A leg that has a number.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The leg.
    pub leg: Seen<'a>,
    /// Its number.
    pub amount: Amount,
}

/// The sum of the legs, all of one unit and outermost exchange; absent: of none.
///
/// Legs without a number are left out beforehand: a whole without a number is the sum of its
/// parts, so it changes nothing here.
pub fn sum(entries: &[Entry<'_>], nesting: &Nesting) -> Option<Amount> {
    let mut places: BTreeMap<(Symbol, Symbol), Vec<(Flow<'_>, Amount)>> = BTreeMap::new();
    for Entry { leg, amount } in entries {
        let place = (leg.key.exchange, leg.key.portion);
        places.entry(place).or_default().push((leg.flow(), *amount));
    }
    let mut waiting: BTreeMap<(usize, Symbol), Portions<'_>> = BTreeMap::new();
    // Walking out from each exchange of a chain would cost the square of its length.
    let mut depths = HashMap::new();
    for ((exchange, portion), legs) in places {
        let depth = nesting.depth_beside(exchange, &mut depths);
        let place = waiting.entry((depth, exchange)).or_default();
        place.add(portion.is_empty(), of_place(legs));
    }
    // The deepest first, so that an exchange is resolved before the one that it is a portion of.
    while let Some(((depth, exchange), portions)) = waiting.pop_last() {
        let items = of_exchange(portions.wholes, portions.parts);
        let Some(larger) = nesting.larger(exchange) else {
            return Amount::sum(items.iter().map(|item| &item.amount));
        };
        waiting.entry((depth.saturating_sub(1), larger)).or_default().add(false, items);
    }
    None
}

/// What one exchange says without a portion, and what it says of portions.
#[derive(Default)]
struct Portions<'a> {
    wholes: Vec<Item<'a>>,
    parts: Vec<Item<'a>>,
}

impl<'a> Portions<'a> {
    fn add(&mut self, whole: bool, items: Vec<Item<'a>>) {
        let place = if whole { &mut self.wholes } else { &mut self.parts };
        place.extend(items);
    }
}

/// Whether `part` is within the portion that `whole` speaks of.
pub fn holds_portion(whole: &LegKey, part: &LegKey, nesting: &Nesting) -> bool {
    if whole.portion.is_empty() {
        nesting.is_within(part.exchange, whole.exchange)
    } else {
        same_portion(whole, part)
    }
}

fn same_portion(one: &LegKey, another: &LegKey) -> bool {
    one.exchange == another.exchange && one.portion == another.portion
}

/// Whether `part` would not be added to `whole` by the steps of [`sum`].
pub fn is_part(whole: Seen<'_>, part: Seen<'_>, nesting: &Nesting) -> bool {
    if same_portion(whole.key, part.key) {
        return whole.flow().holds(&part.flow());
    }
    holds_portion(whole.key, part.key, nesting) && whole.flow().meets(&part.flow())
}

#[cfg(test)]
pub(crate) mod random_legs;
