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

/// Every party that is named on the side across, and how many legs name it.
#[derive(Clone, Debug, Default)]
pub(in crate::domain) struct Named(BTreeMap<Symbol, u32>);

impl Named {
    /// Notes the parties that a leg names; answers whether one of them was not named before.
    pub(in crate::domain) fn add(&mut self, other: &Side) -> bool {
        let before = self.0.len();
        for party in other.iter() {
            *self.0.entry(party).or_default() += 1;
        }
        self.0.len() > before
    }

    /// Forgets a leg that was noted; answers whether a party is named no longer.
    pub(in crate::domain) fn remove(&mut self, other: &Side) -> bool {
        let before = self.0.len();
        for party in other.iter() {
            if let Some(legs) = self.0.get_mut(&party) {
                *legs = legs.saturating_sub(1);
                if *legs == 0 {
                    self.0.remove(&party);
                }
            }
        }
        self.0.len() < before
    }

    /// How many are named, without one party.
    fn others(&self, but: Option<Symbol>) -> usize {
        self.0.len() - usize::from(but.is_some_and(|party| self.0.contains_key(&party)))
    }
}

/// By how many legs a party stands across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stands {
    /// By legs that name it.
    named: u32,
    /// By legs that name it alone, and do not say their own side: it is not on that side.
    not_itself: u32,
}

impl Stands {
    fn count(&mut self, leg: Placed<'_>) -> &mut u32 {
        let not_itself = leg.own.is_empty() && leg.other.len() == 1;
        if not_itself { &mut self.not_itself } else { &mut self.named }
    }
}

/// The parties across from the legs of one place. A leg names each of them.
#[derive(Clone, Debug, Default)]
struct Opposites {
    /// Legs that do not say it.
    unsaid: u32,
    parties: BTreeMap<Symbol, Stands>,
}

impl Opposites {
    /// Adds a leg; answers whether it adds a party, another way in which a party stands there, or
    /// the first side not said.
    fn add(&mut self, leg: Placed<'_>) -> bool {
        let mut is_new = false;
        let mut count = |legs: &mut u32| {
            is_new |= *legs == 0;
            *legs += 1;
        };
        if leg.other.is_empty() {
            count(&mut self.unsaid);
        }
        for party in leg.other.iter() {
            count(self.parties.entry(party).or_default().count(leg));
        }
        is_new
    }

    /// Takes out a leg that was added; answers whether it takes out a party, a way in which a party
    /// stood there, or the last side not said.
    fn remove(&mut self, leg: Placed<'_>) -> bool {
        let mut is_gone = false;
        let mut count = |legs: &mut u32| {
            *legs = legs.saturating_sub(1);
            is_gone |= *legs == 0;
        };
        if leg.other.is_empty() {
            count(&mut self.unsaid);
        }
        for party in leg.other.iter() {
            if let Some(stands) = self.parties.get_mut(&party) {
                count(stands.count(leg));
                if *stands == Stands::default() {
                    self.parties.remove(&party);
                }
            }
        }
        is_gone
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
            let mut others = named.0.keys().filter(|party| Some(*party) != but);
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
    pub(in crate::domain) fn new<'a>(legs: impl Iterator<Item = Placed<'a>>) -> Self {
        let mut across = Self::default();
        for leg in legs {
            across.add(leg);
        }
        across
    }

    /// Adds a leg; answers whether that can change which persons must be among theirs.
    pub(in crate::domain) fn add(&mut self, leg: Placed<'_>) -> bool {
        let place = self.places.entry((leg.category, leg.exchange, leg.portion)).or_default();
        place.add(leg)
    }

    /// Takes out a leg that was added; answers whether that can change the same.
    pub(in crate::domain) fn remove(&mut self, leg: Placed<'_>) -> bool {
        let key = (leg.category, leg.exchange, leg.portion);
        let Some(place) = self.places.get_mut(&key) else { return false };
        let gone = place.remove(leg);
        if place.is_empty() {
            self.places.remove(&key);
        }
        gone
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
