//! The messages that events share: who, from where to where, how many.

use crate::domain::{
    identity::fold,
    known::fields::Fields,
    limits,
    proto::{
        Actor, ActorKind, Attribution, Category, Count, Credibility, Leg, OfWhich, Reliability,
        Unit,
    },
    violation::Violations,
};

pub(super) fn attribution(attribution: &Attribution) -> Violations {
    let Attribution {
        source_id,
        locator,
        claimed_by,
        relayed_by,
        reported_at,
        reliability,
        credibility,
        note,
    } = attribution;
    let mut fields = Fields::default();
    fields.id("source_id", source_id);
    fields.line("locator", locator);
    fields.optional("claimed_by", claimed_by.as_ref(), claimant);
    fields.within("relayed_by", "entries", relayed_by.len(), limits::LIST_ENTRIES);
    for (index, relay) in relayed_by.iter().enumerate() {
        fields.0.absorb(&format!("relayed_by[{index}]"), actor(relay));
    }
    fields.date("reported_at", reported_at);
    fields.known("reliability", *reliability, Reliability::as_str_name);
    fields.known("credibility", *credibility, Credibility::as_str_name);
    fields.text("note", note);
    fields.0
}

/// An actor with a code or a name.
pub(super) fn actor(actor: &Actor) -> Violations {
    let mut fields = identified(actor);
    fields.name("name", &actor.name);
    fields.0
}

/// An actor with a name, which names the stream of the actor's statements.
pub(super) fn speaker(actor: &Actor) -> Violations {
    let mut fields = code_and_kind(actor);
    fields.slugged("name", &actor.name);
    fields.0
}

/// An actor with a code or a name, which names a tag.
fn claimant(actor: &Actor) -> Violations {
    let mut fields = identified(actor);
    if !fold(&actor.name).is_empty() {
        fields.slugged("name", &actor.name);
    }
    fields.0
}

fn identified(actor: &Actor) -> Fields {
    let mut fields = code_and_kind(actor);
    if fold(&actor.party).is_empty() && fold(&actor.name).is_empty() {
        fields.add("", "names nobody; give a party, a name or both");
    }
    fields
}

fn code_and_kind(actor: &Actor) -> Fields {
    let Actor { party, name: _, kind } = actor;
    let mut fields = Fields::default();
    fields.party("party", party);
    fields.known("kind", *kind, ActorKind::as_str_name);
    fields
}

pub(super) fn leg(leg: &Leg) -> Violations {
    let Leg { exchange_id, from, to, unit, category, portion } = leg;
    let mut fields = Fields::default();
    fields.id("exchange_id", exchange_id);
    fields.parties("from", from);
    fields.parties("to", to);
    fields.chosen("unit", *unit, Unit::as_str_name);
    fields.known("category", *category, Category::as_str_name);
    fields.name("portion", portion);
    fields.0
}

pub(super) fn count(count: &Count) -> Violations {
    let Count { value, low, high, approximate: _, scope } = count;
    let mut fields = Fields::default();
    for (field, bound) in [("low", low), ("high", high)] {
        if value.is_some() && bound.is_some() {
            fields.add(field, "stands beside value; give either a value or a range");
        }
    }
    if let (Some(low), Some(high)) = (low, high)
        && low > high
    {
        fields.add("low", format!("is {low}, more than high, which is {high}"));
    }
    fields.name("scope", scope);
    fields.0
}

/// The parts of a count; none of them exceeds the most that the count allows.
pub(super) fn of_which(parts: &OfWhich, count: Option<&Count>) -> Violations {
    let OfWhich { minors, women, civilians, wounded } = parts;
    let mut fields = Fields::default();
    let Some(most) = count.and_then(most) else {
        return fields.0;
    };
    for (field, part) in
        [("minors", minors), ("women", women), ("civilians", civilians), ("wounded", wounded)]
    {
        if let Some(part) = part.filter(|part| *part > most) {
            fields.add(field, format!("is {part}, more than the count, which is at most {most}"));
        }
    }
    fields.0
}

/// The largest number that a count allows; "about 10" and "at least 10" allow any.
fn most(count: &Count) -> Option<u32> {
    count.value.or(count.high).filter(|_| !count.approximate)
}
