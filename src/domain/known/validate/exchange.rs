//! Rules of exchanges, the parts played in them, what is said of them, and of detentions.

use super::parts;
use crate::domain::{
    identity::fold,
    known::fields::Fields,
    proto::{
        DetentionReported, DetentionStatus, ExchangeKind, ExchangeReported, ExchangeStatus, Role,
        RoleAttributed, SuperlativeClaimed,
    },
    violation::Violations,
};

pub(super) fn reported(event: &ExchangeReported) -> Violations {
    let ExchangeReported {
        attribution,
        exchange_id,
        part_of,
        title,
        kind,
        parties,
        place,
        occurred,
        occurred_text,
        status,
    } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.id("exchange_id", exchange_id);
    fields.optional_id("part_of", part_of);
    if !fold(part_of).is_empty() && fold(part_of) == fold(exchange_id) {
        fields.add("part_of", "is the exchange itself; name the larger one, or leave it empty");
    }
    fields.line("title", title);
    fields.known("kind", *kind, ExchangeKind::as_str_name);
    fields.parties("parties", parties);
    fields.line("place", place);
    fields.date("occurred", occurred);
    fields.line("occurred_text", occurred_text);
    fields.chosen("status", *status, ExchangeStatus::as_str_name);
    fields.0
}

pub(super) fn role(event: &RoleAttributed) -> Violations {
    let RoleAttributed { attribution, exchange_id, actor, role, denied: _ } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.id("exchange_id", exchange_id);
    fields.message("actor", actor.as_ref(), parts::actor);
    fields.chosen("role", *role, Role::as_str_name);
    fields.0
}

pub(super) fn superlative(event: &SuperlativeClaimed) -> Violations {
    let SuperlativeClaimed { attribution, exchange_id, text, measure, scope, since, holder } =
        event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.id("exchange_id", exchange_id);
    fields.required_line("text", text);
    fields.line("measure", measure);
    fields.line("scope", scope);
    fields.line("since", since);
    fields.line("holder", holder);
    fields.0
}

pub(super) fn detention(event: &DetentionReported) -> Violations {
    let DetentionReported { attribution, detention_id, subject, custodian, status, charge, since } =
        event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.id("detention_id", detention_id);
    fields.required_text("subject", subject);
    fields.optional("custodian", custodian.as_ref(), parts::actor);
    fields.known("status", *status, DetentionStatus::as_str_name);
    fields.text("charge", charge);
    fields.date("since", since);
    fields.0
}
