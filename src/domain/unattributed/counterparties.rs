//! The parties across from some legs, and the legs with persons that must therefore be among
//! theirs.
//!
//! The persons of a leg must be among those of other legs together where these name every party
//! that can stand across from it. The other legs are of the same portion and category or of what is
//! around them. A side not said stands for all parties that are named on that side of the exchange.
//!
//! No party hands persons over to itself. So a party that stands alone across from a leg that does
//! not say its own side is not on that side. What a party sent to persons unsaid did not go to
//! itself.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::domain::{
    leg::{CategoryCode, Side},
    multiset::Multiset,
    nesting::Nesting,
    symbol::Symbol,
    way::Way,
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

/// Every party that is named on the side across, and how many legs name it.
#[derive(Clone, Debug, Default)]
pub(in crate::domain) struct Named(Multiset<Symbol>);

impl Named {
    /// Notes the parties that a leg names, or forgets a leg that was noted; answers whether a party
    /// is named for the first time, or no longer.
    pub(in crate::domain) fn change(&mut self, other: &Side, way: Way) -> bool {
        let before = self.0.len();
        for party in other.iter() {
            self.0.change(party, way);
        }
        self.0.len() != before
    }

    /// How many are named, without one party.
    fn others(&self, but: Option<Symbol>) -> usize {
        self.0.len() - usize::from(but.is_some_and(|party| self.0.contains(&party)))
    }
}

/// By how many legs a party stands across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stands {
    /// By legs that name it.
    named: u64,
    /// By legs that name it alone, and do not say their own side: it is not on that side.
    not_itself: u64,
}

impl Stands {
    fn count(&mut self, leg: Placed<'_>) -> &mut u64 {
        let not_itself = leg.own.is_empty() && leg.other.len() == 1;
        if not_itself { &mut self.not_itself } else { &mut self.named }
    }
}

/// The parties across from the legs of one place. A leg names each of them.
#[derive(Clone, Debug, Default)]
struct Opposites {
    /// Legs that do not say it.
    unsaid: u64,
    parties: BTreeMap<Symbol, Stands>,
}

impl Opposites {
    /// Adds a leg, or takes out one that was added. Answers whether with it a party comes or goes,
    /// another way in which a party stands there, or the only side not said.
    fn change(&mut self, leg: Placed<'_>, way: Way) -> bool {
        let mut turns = false;
        let mut count = |legs: &mut u64| {
            let before = *legs;
            way.step(legs, 1);
            turns |= before == 0 || *legs == 0;
        };
        if leg.other.is_empty() {
            count(&mut self.unsaid);
        }
        for party in leg.other.iter() {
            let stands = self.parties.entry(party).or_default();
            count(stands.count(leg));
            if *stands == Stands::default() {
                self.parties.remove(&party);
            }
        }
        turns
    }

    fn is_empty(&self) -> bool {
        self.unsaid == 0 && self.parties.is_empty()
    }

    /// Whether a party stands across from persons of `alone`, if that is one party.
    fn has(&self, party: Symbol, alone: Option<Symbol>) -> bool {
        let stands = self.parties.get(&party);
        stands.is_some_and(|it| it.named > 0 || alone != Some(party))
    }
}

/// Whether every named party, except `but`, stands in one of some places.
///
/// For one place a count is enough. Looking for each party made a leg cost all named parties, once
/// for each leg that says one side only.
fn all_stand(places: &[&Opposites], named: &Named, but: Option<Symbol>) -> bool {
    let (others, but) = (named.others(but), but.as_ref());
    let standing = |place: &&Opposites| {
        place.parties.len() - usize::from(but.is_some_and(|it| place.parties.contains_key(it)))
    };
    match places {
        [place] => standing(place) == others,
        _ if places.iter().map(standing).sum::<usize>() < others => false,
        _ => {
            let mut others = named.0.iter().filter(|party| Some(*party) != but);
            others.all(|party| {
                work::visit(places.len());
                places.iter().any(|place| place.parties.contains_key(party))
            })
        }
    }
}

/// The parties across from some legs, by category, exchange and portion.
#[derive(Clone, Debug, Default)]
pub(in crate::domain) struct Counterparties {
    places: HashMap<(CategoryCode, Symbol, Symbol), Opposites>,
}

/// What is the same for all legs of an exchange.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Surroundings<'a> {
    /// Every party that is named on the side across.
    pub(in crate::domain) named: &'a Named,
    pub(in crate::domain) nesting: &'a Nesting,
}

impl Counterparties {
    /// Adds a leg, or takes out one that was added; answers whether that can change which persons
    /// must be among theirs.
    pub(in crate::domain) fn change(&mut self, leg: Placed<'_>, way: Way) -> bool {
        let key = (leg.category, leg.exchange, leg.portion);
        let place = self.places.entry(key).or_default();
        let turns = place.change(leg, way);
        if place.is_empty() {
            self.places.remove(&key);
        }
        turns
    }

    /// Whether all persons of `part` must be among those of these legs together.
    pub(in crate::domain) fn must_hold(
        &self,
        part: Placed<'_>,
        surroundings: Surroundings<'_>,
    ) -> bool {
        let around: SmallVec<[&Opposites; 2]> = self.around(part, surroundings.nesting).collect();
        work::visit(1 + around.len());
        if around.iter().any(|place| place.unsaid > 0) {
            return true;
        }
        let Placed { own, other, .. } = part;
        if !other.is_empty() {
            let stands = |party| around.iter().any(|place| place.has(party, own.alone()));
            return other.iter().all(stands);
        }
        // Each own party of the part can face every named party but itself. Several own parties
        // together can face all of them.
        let named = surroundings.named;
        let faces_any = |party: Option<Symbol>| named.others(party) > 0;
        let faced = if own.is_empty() {
            faces_any(None)
        } else {
            own.iter().all(|party| faces_any(Some(party)))
        };
        faced && all_stand(&around, named, own.alone())
    }

    /// Whether a leg that can have the persons of `part` does not say its side across.
    pub(in crate::domain) fn is_unsaid_around(
        &self,
        part: Placed<'_>,
        surroundings: Surroundings<'_>,
    ) -> bool {
        self.around(part, surroundings.nesting).any(|place| place.unsaid > 0)
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
