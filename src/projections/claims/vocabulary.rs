//! What the rows refer to: names, legs, sides, actors, parts. Each is kept once.

use serde::{Deserialize, Serialize};

use super::{Actor, NameSet};
use crate::domain::{known::Known, leg::LegKey, of_which::OfWhich, proto, symbol::Symbol};
use crate::projections::{
    interned::{Interned, Place},
    symbol_table::SymbolTable,
};

/// Names, legs, sides, actors and parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    pub(super) names: SymbolTable,
    pub(super) legs: Interned<LegKey>,
    pub(super) sides: Interned<NameSet>,
    pub(super) actors: Interned<Actor>,
    pub(super) parts: Interned<OfWhich<Option<u32>>>,
}

/// Who said so, and where it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaimAttribution {
    pub(super) source: Symbol,
    pub(super) claimant: Place,
}

impl Vocabulary {
    /// The name that a symbol stands for.
    pub fn text(&self, name: Symbol) -> &str {
        self.names.text(name)
    }

    /// The symbol of a name, if any claim ever used it.
    pub fn find(&self, name: &str) -> Option<Symbol> {
        self.names.find(name)
    }

    /// The leg at a place that a row gave.
    pub fn leg(&self, place: Place) -> Option<&LegKey> {
        self.legs.get(place)
    }

    /// The names at a place that a row gave: parties, or topics.
    pub fn side(&self, place: Place) -> Option<&NameSet> {
        self.sides.get(place)
    }

    /// The actor at a place that a row gave.
    pub fn actor_at(&self, place: Place) -> Option<&Actor> {
        self.actors.get(place)
    }

    /// The parts at a place that a row gave.
    pub fn parts(&self, place: Place) -> OfWhich<Option<u32>> {
        self.parts.get(place).copied().unwrap_or_default()
    }

    /// The leg in words.
    pub fn leg_message(&self, leg: &LegKey) -> proto::Leg {
        proto::Leg {
            exchange_id: self.text(leg.exchange).to_owned(),
            from: self.texts(leg.from.iter()),
            to: self.texts(leg.to.iter()),
            unit: leg.unit,
            category: leg.category,
            portion: self.text(leg.portion).to_owned(),
        }
    }

    /// The actor in words; of the actor without a name, nothing.
    pub fn actor_message(&self, place: Place) -> Option<proto::Actor> {
        let actor = self.actors.get(place).filter(|actor| !actor.label().is_empty())?;
        Some(proto::Actor {
            party: self.text(actor.party).to_owned(),
            name: self.text(actor.name).to_owned(),
            kind: actor.kind,
        })
    }

    /// The names that symbols stand for, in their order.
    pub fn all(&self, symbols: &[Symbol]) -> Vec<String> {
        symbols.iter().map(|name| self.text(*name).to_owned()).collect()
    }

    /// The names that symbols stand for, sorted.
    pub fn texts(&self, symbols: impl Iterator<Item = Symbol>) -> Vec<String> {
        let mut texts: Vec<String> = symbols.map(|name| self.text(name).to_owned()).collect();
        texts.sort_unstable();
        texts
    }

    /// Who said so. Of a source's registration, nobody, from the source itself.
    pub(super) fn attributed(&mut self, known: &Known) -> ClaimAttribution {
        let attribution = known.attribution();
        let source = match (known, attribution) {
            (Known::SourceRegistered(it), _) => self.names.intern(&it.source_id),
            (_, attribution) => {
                self.names.intern(attribution.map_or("", |it| it.source_id.as_str()))
            }
        };
        let claimant = self.actor(attribution.and_then(|it| it.claimed_by.as_ref()));
        ClaimAttribution { source, claimant }
    }
}
