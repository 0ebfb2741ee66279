//! From an event's fields to what the table keeps of them.

use crate::domain::{
    estimate::Number,
    event::Position,
    known::Known,
    leg::{Direction, LegKey},
    of_which::OfWhich,
    proto,
    symbol::Symbol,
};
use crate::projections::{
    ApplyError, Event,
    claims::{
        Actor, Content, Counted, Covered, Preference, Report, RoleClaim, RunningTotal, Statement,
        Transfer, Vocabulary,
    },
};

/// An event that the table takes notice of, decoded.
#[derive(Clone, Debug)]
pub struct Taken {
    pub(super) known: Known,
    /// What a correction puts in the claim's place.
    pub(super) replacement: Option<Known>,
}

/// Decodes an event; absent: its type is none of ours.
pub fn take(event: &Event<'_>) -> Result<Option<Taken>, ApplyError> {
    let Some(known) = decode(event.position, event.type_name, event.payload)? else {
        return Ok(None);
    };
    let mut replacement = None;
    if let Known::ClaimCorrected(corrected) = &known
        && let Some(any) = &corrected.replacement
    {
        replacement = decode(event.position, any.type_name(), &any.value)?;
    }
    Ok(Some(Taken { known, replacement }))
}

fn decode(at: Position, type_name: &str, payload: &[u8]) -> Result<Option<Known>, ApplyError> {
    let decoded = Known::read(type_name, payload).transpose();
    decoded.map_err(|source| ApplyError::Payload {
        position: at,
        type_name: type_name.to_owned(),
        source,
    })
}

/// A claim's subject and what it says of it.
pub(super) struct Reading {
    /// The exchange, series, detention or source; empty: a statement about no exchange.
    pub(super) subject: Symbol,
    pub(super) content: Content,
}

impl Vocabulary {
    /// What a claim says. Absent: it is about another claim, or lacks what was checked when it
    /// was recorded.
    pub(super) fn reading(&mut self, known: &Known) -> Option<Reading> {
        let (subject, content) = match known {
            Known::TransferCompleted(it) => self.completed(it)?,
            Known::TransferAgreed(it) => {
                let (subject, counted) = self.counted(it.leg.as_ref()?, it.count.as_ref());
                (subject, Content::Agreed(counted))
            }
            Known::TransferDeclined(it) => {
                let (subject, counted) = self.counted(it.leg.as_ref()?, it.count.as_ref());
                (subject, Content::Declined(counted, it.reason))
            }
            Known::TotalClaimed(it) => self.total(it),
            Known::ExchangeReported(it) => {
                (self.names.intern(&it.exchange_id), Content::Exchange(self.report(it)))
            }
            Known::RoleAttributed(it) => {
                let actor = self.actor(it.actor.as_ref());
                let content = RoleClaim { actor, role: it.role, denied: it.denied };
                (self.names.intern(&it.exchange_id), Content::Role(content))
            }
            Known::SuperlativeClaimed(it) => {
                (self.names.intern(&it.exchange_id), Content::Superlative)
            }
            Known::StatementMade(it) => {
                (self.names.intern(&it.exchange_id), Content::Statement(self.statement(it)))
            }
            Known::DetentionReported(it) => {
                (self.names.intern(&it.detention_id), Content::Detention)
            }
            Known::SourceRegistered(it) => {
                (self.names.intern(&it.source_id), Content::Source(it.kind))
            }
            Known::ClaimConfirmed(_)
            | Known::ClaimDisputed(_)
            | Known::ClaimCorrected(_)
            | Known::ClaimRetracted(_)
            | Known::ClaimPreferred(_) => return None,
        };
        Some(Reading { subject, content })
    }

    fn counted(&mut self, leg: &proto::Leg, count: Option<&proto::Count>) -> (Symbol, Counted) {
        let key = LegKey::new(leg.clone(), |name| self.names.intern(name));
        let exchange = key.exchange;
        let scope = count.map_or(Symbol::EMPTY, |count| self.names.intern(&count.scope));
        let number = count.cloned().map(Number::from).unwrap_or_default();
        (exchange, Counted { leg: self.legs.intern(key), number, scope })
    }

    fn completed(&mut self, it: &proto::TransferCompleted) -> Option<(Symbol, Content)> {
        let (exchange, counted) = self.counted(it.leg.as_ref()?, it.count.as_ref());
        let of_which = it.of_which.map(OfWhich::from).unwrap_or_default();
        let of_which = self.parts.intern(of_which);
        let occurred = self.names.intern(&it.occurred);
        Some((exchange, Content::Completed(Transfer { counted, of_which, occurred })))
    }

    fn total(&mut self, it: &proto::TotalClaimed) -> (Symbol, Content) {
        let as_of = self.names.intern(&it.as_of);
        if let Some(leg) = &it.leg {
            let (exchange, counted) = self.counted(leg, it.count.as_ref());
            let covers = self.names.intern(&it.covers);
            return (exchange, Content::Total(counted, Covered { as_of, covers }));
        }
        let content = RunningTotal {
            number: it.count.clone().map(Number::from).unwrap_or_default(),
            as_of,
            previous: it.previous_total,
            follows: self.names.intern(&it.follows_exchange_id),
        };
        (self.names.intern(&it.series), Content::RunningTotal(content))
    }

    fn report(&mut self, it: &proto::ExchangeReported) -> Report {
        let names = &mut self.names;
        let parties = it.parties.iter().map(|party| names.intern(party)).collect();
        Report {
            part_of: names.intern(&it.part_of),
            parties: self.sides.intern(parties),
            occurred: names.intern(&it.occurred),
            title: names.intern(&it.title),
            place: names.intern(&it.place),
            status: it.status,
            kind: it.kind,
        }
    }

    fn statement(&mut self, it: &proto::StatementMade) -> Statement {
        let speaker = self.actor(it.speaker.as_ref());
        let on_behalf_of = self.actor(it.on_behalf_of.as_ref());
        let topics = it.topics.iter().map(|topic| self.names.intern(topic)).collect();
        let occurred = self.names.intern(&it.occurred);
        let topics = self.sides.intern(topics);
        Statement { speaker, on_behalf_of, mode: it.mode, topics, occurred }
    }

    pub(super) fn preference(&mut self, it: &proto::ClaimPreferred) -> Preference {
        let direction = match it.direction() {
            proto::Direction::Received => Some(Direction::Received),
            proto::Direction::Sent => Some(Direction::Sent),
            proto::Direction::Unspecified => None,
        };
        let side = direction.map(|direction| (self.names.intern(&it.country), direction));
        Preference { claim: it.claim, side }
    }

    /// The actor's place; of none the place of the actor without a name.
    pub(super) fn actor(&mut self, actor: Option<&proto::Actor>) -> u32 {
        let actor = actor.map(|actor| Actor {
            party: self.names.intern(&actor.party),
            name: self.names.intern(&actor.name),
            kind: actor.kind,
        });
        self.actors.intern(actor.unwrap_or_default())
    }
}
