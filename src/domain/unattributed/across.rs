//! Who stands across from some legs, and whose persons must therefore be among theirs.
//!
//! The persons of a leg must be among those of others together where nobody who can stand across
//! from it is outside of what those name, of the same portion and category or of what is around
//! them. A side not said stands for all who are named on that side of the exchange.
//!
//! Nobody hands persons over to themselves. So who stands alone across from a leg that does not say
//! its own side is not on that side; and what a party sent to persons unsaid did not go to itself.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::domain::{
    leg::{CategoryCode, Direction, LegKey, Side},
    nesting::Nesting,
    symbol::Symbol,
    work,
};

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

/// Who stands across from some legs, by category, exchange and portion.
#[derive(Clone, Debug)]
pub(super) struct Across {
    direction: Direction,
    places: HashMap<(CategoryCode, Symbol, Symbol), BTreeSet<Opposite>>,
}

/// What is the same for all legs of an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    /// Everybody who is named on the side across.
    pub(super) named: &'a BTreeSet<Symbol>,
    pub(super) nesting: &'a Nesting,
}

fn opposite(own: &Side, other: &Side) -> impl Iterator<Item = Opposite> {
    let not_itself = own.is_empty() && other.len() == 1;
    let party = if not_itself { Opposite::NotItself } else { Opposite::Party };
    other.iter().map(party).chain(other.is_empty().then_some(Opposite::Anybody))
}

impl Across {
    pub(super) fn new<'k>(keys: impl Iterator<Item = &'k LegKey>, direction: Direction) -> Self {
        let mut places: HashMap<_, BTreeSet<Opposite>> = HashMap::new();
        for key in keys {
            let place = places.entry((key.category, key.exchange, key.portion)).or_default();
            place.extend(opposite(key.own(direction), key.other(direction)));
        }
        Self { direction, places }
    }

    /// Whether nobody of whom `part` speaks can be outside of what these legs speak of together.
    pub(super) fn must_hold(&self, part: &LegKey, surroundings: Surroundings<'_>) -> bool {
        let around: Vec<_> = self.around(part, surroundings.nesting).collect();
        work::visit(1 + around.len());
        if around.iter().any(|place| place.contains(&Opposite::Anybody)) {
            return true;
        }
        let own = part.own(self.direction);
        let alone = own.alone();
        let stands = |party: Symbol| {
            around.iter().any(|place| {
                place.contains(&Opposite::Party(party))
                    || (alone != Some(party) && place.contains(&Opposite::NotItself(party)))
            })
        };
        let other = part.other(self.direction);
        if !other.is_empty() {
            return other.iter().all(stands);
        }
        // Each of its own parties can have everybody across who is named, but itself.
        let named = surroundings.named;
        if around.iter().map(|place| place.len()).sum::<usize>() + 1 < named.len() {
            return false;
        }
        let only_these = |own: Option<Symbol>| {
            let mut others = named.iter().filter(|party| Some(**party) != own).peekable();
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
        part: &'s LegKey,
        nesting: &'s Nesting,
    ) -> impl Iterator<Item = &'s BTreeSet<Opposite>> {
        let own = (!part.portion.is_empty()).then_some((part.exchange, part.portion));
        let whole = nesting.path(part.exchange).map(|exchange| (exchange, Symbol::EMPTY));
        whole.chain(own).flat_map(move |(exchange, portion)| {
            let of = |category| self.places.get(&(category, exchange, portion));
            let own = if part.category == 0 { None } else { of(part.category) };
            of(0).into_iter().chain(own)
        })
    }
}
