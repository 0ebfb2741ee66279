//! The messages that events share: who, from where to where, how many.

use crate::domain::{
    identity::fold,
    known::fields::{Checked, Fields, rules},
    limits,
    proto::{
        Actor, ActorKind, Attribution, Category, Count, Credibility, Leg, OfWhich, Reliability,
        Unit,
    },
    violation::Violations,
};

rules! {
    Attribution {
        source_id: id,
        locator: line,
        claimed_by: optional_as(claimant),
        relayed_by: relays,
        reported_at: date,
        reliability: known(Reliability::as_str_name),
        credibility: known(Credibility::as_str_name),
        note: text,
    }
    Leg {
        exchange_id: id,
        from: parties,
        to: parties,
        unit: chosen(Unit::as_str_name),
        category: known(Category::as_str_name),
        portion: name,
    }
}

impl Fields {
    fn relays(&mut self, field: &str, relays: &[Actor]) {
        self.within(field, "entries", relays.len(), limits::LIST_ENTRIES);
        for (index, relay) in relays.iter().enumerate() {
            self.0.absorb(&format!("{field}[{index}]"), actor(relay));
        }
    }
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
    fields.known("kind", kind, ActorKind::as_str_name);
    fields
}

impl Checked for Count {
    fn violations(&self) -> Violations {
        let Self { value, low, high, approximate: _, scope } = self;
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
