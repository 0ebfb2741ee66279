//! Who stands across from some legs, and whose persons must therefore be among theirs.
//!
//! The persons of a leg must be among those of others together where nobody who can stand across
//! from it is outside of what those name, of the same portion and category or of what is around
//! them. A side not said stands for all who are named on that side of the exchange.
//!
//! Nobody hands persons over to themselves. So who stands alone across from a leg that does not say
//! its own side is not on that side; and what a party sent to persons unsaid did not go to itself.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::domain::{
    leg::{CategoryCode, Direction, LegKey, Side},
    nesting::Nesting,
    symbol::Symbol,
    work,
};

/// A leg as it is seen from one side.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Placed<'a> {
    pub(in crate::domain) exchange: Symbol,
    pub(in crate::domain) portion: Symbol,
    pub(in crate::domain) category: CategoryCode,
    pub(in crate::domain) own: &'a Side,
    pub(in crate::domain) other: &'a Side,
}

impl<'a> Placed<'a> {
    pub(in crate::domain) fn new(key: &'a LegKey, direction: Direction) -> Self {
        let (own, other) = (key.own(direction), key.other(direction));
        let LegKey { exchange, portion, category, .. } = *key;
        Self { exchange, portion, category, own, other }
    }
}

/// Everybody who is named on the side across, with by how many legs.
#[derive(Clone, Debug, Default)]
pub(in crate::domain) struct Named(BTreeMap<Symbol, u32>);

impl Named {
    /// Notes those whom a leg names; answers whether somebody was not named before.
    pub(in crate::domain) fn add(&mut self, other: &Side) -> bool {
        add(&mut self.0, other.iter())
    }

    /// Forgets a leg that was noted; answers whether somebody is named no longer.
    pub(in crate::domain) fn remove(&mut self, other: &Side) -> bool {
        remove(&mut self.0, other.iter())
    }
}

/// Counts things; answers whether one was not there before.
fn add<T: Ord>(counts: &mut BTreeMap<T, u32>, things: impl Iterator<Item = T>) -> bool {
    let before = counts.len();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    counts.len() > before
}

/// Takes out things that were counted; answers whether one is there no longer.
fn remove<T: Ord>(counts: &mut BTreeMap<T, u32>, things: impl Iterator<Item = T>) -> bool {
    let before = counts.len();
    for thing in things {
        if let Some(count) = counts.get_mut(&thing) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&thing);
            }
        }
    }
    counts.len() < before
}

/// Who stands across from a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Opposite {
    /// It does not say.
    Anybody,
    /// This party.
    Party(Symbol),
    /// This party alone, while the leg does not say its own side: the party is not on that side.
    NotItself(Symbol),
}

/// By how many legs each stands across.
type Opposites = BTreeMap<Opposite, u32>;

/// Who stands across from some legs, by category, exchange and portion.
#[derive(Clone, Debug, Default)]
pub(in crate::domain) struct Across {
    places: HashMap<(CategoryCode, Symbol, Symbol), Opposites>,
}

/// What is the same for all legs of an exchange.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Surroundings<'a> {
    /// Everybody who is named on the side across.
    pub(in crate::domain) named: &'a Named,
    pub(in crate::domain) nesting: &'a Nesting,
}

fn opposite(leg: Placed<'_>) -> impl Iterator<Item = Opposite> {
    let not_itself = leg.own.is_empty() && leg.other.len() == 1;
    let party = if not_itself { Opposite::NotItself } else { Opposite::Party };
    leg.other.iter().map(party).chain(leg.other.is_empty().then_some(Opposite::Anybody))
}

impl Across {
    pub(in crate::domain) fn new<'a>(legs: impl Iterator<Item = Placed<'a>>) -> Self {
        let mut across = Self::default();
        for leg in legs {
            across.add(leg);
        }
        across
    }

    /// Adds a leg; answers whether that makes a difference to whose persons must be among them.
    pub(in crate::domain) fn add(&mut self, leg: Placed<'_>) -> bool {
        let place = self.places.entry((leg.category, leg.exchange, leg.portion)).or_default();
        add(place, opposite(leg))
    }

    /// Takes out a leg that was added; answers whether that makes a difference.
    pub(in crate::domain) fn remove(&mut self, leg: Placed<'_>) -> bool {
        let key = (leg.category, leg.exchange, leg.portion);
        let Some(place) = self.places.get_mut(&key) else { return false };
        let gone = remove(place, opposite(leg));
        if place.is_empty() {
            self.places.remove(&key);
        }
        gone
    }

    /// Whether nobody of whom `part` speaks can be outside of what these legs speak of together.
    pub(in crate::domain) fn must_hold(
        &self,
        part: Placed<'_>,
        surroundings: Surroundings<'_>,
    ) -> bool {
        let around: Vec<_> = self.around(part, surroundings.nesting).collect();
        work::visit(1 + around.len());
        if around.iter().any(|place| place.contains_key(&Opposite::Anybody)) {
            return true;
        }
        let Placed { own, other, .. } = part;
        let alone = own.alone();
        let stands = |party: Symbol| {
            around.iter().any(|place| {
                place.contains_key(&Opposite::Party(party))
                    || (alone != Some(party) && place.contains_key(&Opposite::NotItself(party)))
            })
        };
        if !other.is_empty() {
            return other.iter().all(stands);
        }
        // Each of its own parties can have everybody across who is named, but itself.
        let named = &surroundings.named.0;
        if around.iter().map(|place| place.len()).sum::<usize>() + 1 < named.len() {
            return false;
        }
        let only_these = |own: Option<Symbol>| {
            let mut others = named.keys().filter(|party| Some(**party) != own).peekable();
            others.peek().is_some() && others.all(|party| stands(*party))
        };
        work::visit(named.len() * own.len().max(1));
        if own.is_empty() {
            only_these(None)
        } else {
            own.iter().all(|party| only_these(Some(party)))
        }
    }

    /// Those across from legs that can have the persons of `part`: of its category or of none, and
    /// of its portion or, without a portion, of its exchange or one around it.
    fn around<'s>(
        &'s self,
        part: Placed<'s>,
        nesting: &'s Nesting,
    ) -> impl Iterator<Item = &'s Opposites> {
        let own = (!part.portion.is_empty()).then_some((part.exchange, part.portion));
        let whole = nesting.path(part.exchange).map(|exchange| (exchange, Symbol::EMPTY));
        whole.chain(own).flat_map(move |(exchange, portion)| {
            let of = |category| self.places.get(&(category, exchange, portion));
            let own = if part.category == 0 { None } else { of(part.category) };
            of(0).into_iter().chain(own)
        })
    }
}
