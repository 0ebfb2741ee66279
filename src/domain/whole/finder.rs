//! Finding the legs around a leg, and those within it, without looking at all of them.
//!
//! A leg is within another only where both can speak of the same persons, and where the place of
//! one lies within that of the other. So the search uses both: the parties that a leg names, and
//! its place.

use hashbrown::HashMap;

use super::{
    Seen,
    flow::{FlowIndex, MANY},
};
use crate::domain::{
    leg::{Direction, LegKey},
    nesting::Nesting,
    symbol::Symbol,
    work,
};

/// Legs of one unit, known by their places in a list.
///
/// The answers hold all legs that can be around another or within it, and some that are not. The
/// rules differ in what a part is, and the callers apply them.
#[derive(Clone, Debug)]
pub struct Finder {
    legs: usize,
    /// Of many legs, where each is found.
    many: Option<Box<Many>>,
}

/// Where each of many legs is found.
#[derive(Clone, Debug)]
struct Many {
    all: FlowIndex<usize>,
    /// By exchange and portion.
    places: HashMap<(Symbol, Symbol), FlowIndex<usize>>,
    exchanges: HashMap<Symbol, Vec<usize>>,
    /// How many legs are in each exchange and in those within it.
    counts: HashMap<Symbol, usize>,
}

impl Finder {
    /// Of some legs, in their order.
    pub fn new<'a>(legs: impl ExactSizeIterator<Item = &'a LegKey>, nesting: &Nesting) -> Self {
        let count = legs.len();
        let many = (count > MANY).then(|| Box::new(Many::new(legs, nesting)));
        Self { legs: count, many }
    }

    /// All that `leg` can be a part of, and others; rising.
    pub fn around(&self, leg: &LegKey, nesting: &Nesting) -> Vec<usize> {
        self.sorted(|many| many.around(leg, nesting))
    }

    /// All that can be a part of `leg`, and others; rising.
    pub fn within(&self, leg: &LegKey, nesting: &Nesting) -> Vec<usize> {
        self.sorted(|many| many.within(leg, nesting))
    }

    fn sorted(&self, of_many: impl Fn(&Many) -> Vec<usize>) -> Vec<usize> {
        let Some(many) = &self.many else {
            work::visit(self.legs);
            return (0..self.legs).collect();
        };
        let mut found = of_many(many);
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Many {
    fn new<'a>(legs: impl Iterator<Item = &'a LegKey>, nesting: &Nesting) -> Self {
        let mut many = Self {
            all: FlowIndex::new(),
            places: HashMap::new(),
            exchanges: HashMap::new(),
            counts: HashMap::new(),
        };
        for (number, leg) in legs.enumerate() {
            let flow = seen(leg).flow();
            many.all.insert(&flow, number);
            let place = many.places.entry((leg.exchange, leg.portion));
            place.or_insert_with(FlowIndex::new).insert(&flow, number);
            many.exchanges.entry(leg.exchange).or_default().push(number);
            for exchange in nesting.path(leg.exchange) {
                *many.counts.entry(exchange).or_default() += 1;
            }
        }
        many
    }

    fn around(&self, leg: &LegKey, nesting: &Nesting) -> Vec<usize> {
        let places = around(leg, nesting).inspect(|_| work::visit(1));
        let flow = seen(leg).flow();
        places.filter_map(|it| self.places.get(&it)).flat_map(|it| it.near(&flow)).collect()
    }

    fn within(&self, leg: &LegKey, nesting: &Nesting) -> Vec<usize> {
        let flow = seen(leg).flow();
        if !leg.portion.is_empty() {
            let place = self.places.get(&(leg.exchange, leg.portion));
            return place.into_iter().flat_map(|place| place.near(&flow)).collect();
        }
        let count = self.counts.get(&leg.exchange).copied().unwrap_or_default();
        if self.all.reach(&flow) <= count {
            return self.all.near(&flow).collect();
        }
        work::visit(count);
        let exchanges = nesting.within(leg.exchange).into_iter();
        exchanges.filter_map(|it| self.exchanges.get(&it)).flatten().copied().collect()
    }
}

/// The places where something is said that can hold a leg: its own portion, and without a portion
/// its exchange and those around it.
pub(super) fn around<'n>(
    leg: &LegKey,
    nesting: &'n Nesting,
) -> impl Iterator<Item = (Symbol, Symbol)> + use<'n> {
    let (exchange, portion) = (leg.exchange, leg.portion);
    let own = (!portion.is_empty()).then_some((exchange, portion));
    nesting.path(exchange).map(|exchange| (exchange, Symbol::EMPTY)).chain(own)
}

/// The choice of the own side makes no difference here.
fn seen(leg: &LegKey) -> Seen<'_> {
    Seen::new(leg, Direction::Received)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        leg::includes,
        whole::{
            holds_portion, is_part,
            random_legs::{config, legs, nestings},
        },
    };

    /// Whether any rule can take one leg for a part of another.
    fn is_any_part(whole: &LegKey, part: &LegKey, nesting: &Nesting) -> bool {
        let included = || includes(&whole.from, &part.from) && includes(&whole.to, &part.to);
        [Direction::Received, Direction::Sent].into_iter().any(|direction| {
            is_part(Seen::new(whole, direction), Seen::new(part, direction), nesting)
        }) || (holds_portion(whole, part, nesting) && included())
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn all_that_a_leg_is_a_part_of_and_all_its_parts_are_found(
            keys in prop::collection::btree_set(legs(), 1..60),
            other in legs(),
            nesting in nestings(),
        ) {
            let finder = Finder::new(keys.iter(), &nesting);
            for leg in keys.iter().chain([&other]) {
                let [around, within] = [finder.around(leg, &nesting), finder.within(leg, &nesting)];
                prop_assert!(around.is_sorted_by(|one, next| one < next));
                prop_assert!(within.is_sorted_by(|one, next| one < next));
                for (place, key) in keys.iter().enumerate() {
                    let is_whole = is_any_part(key, leg, &nesting);
                    let found = around.contains(&place);
                    prop_assert!(!is_whole || found, "{:?} around {:?}", key, leg);
                    let is_part = is_any_part(leg, key, &nesting);
                    let found = within.contains(&place);
                    prop_assert!(!is_part || found, "{:?} within {:?}", key, leg);
                }
            }
        }
    }
}
