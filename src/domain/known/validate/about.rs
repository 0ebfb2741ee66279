//! Rules of events about claims, as far as the event alone can tell. Whether the claim is there
//! and fits is for [`crate::domain::claim`].

use super::parts;
use crate::domain::{
    event::Position,
    identity::fold,
    known::{Known, fields::Fields},
    proto::{
        Any, Attribution, ClaimConfirmed, ClaimCorrected, ClaimDisputed, ClaimPreferred,
        ClaimRetracted, CorrectedBy, Direction,
    },
    violation::Violations,
};

pub(super) fn confirmed(event: &ClaimConfirmed) -> Violations {
    let ClaimConfirmed { attribution, claim, grounds } = event;
    let mut fields = about(attribution.as_ref(), *claim);
    fields.text("grounds", grounds);
    fields.0
}

pub(super) fn disputed(event: &ClaimDisputed) -> Violations {
    let ClaimDisputed { attribution, claim, grounds } = event;
    let mut fields = about(attribution.as_ref(), *claim);
    fields.text("grounds", grounds);
    fields.0
}

pub(super) fn corrected(event: &ClaimCorrected) -> Violations {
    let ClaimCorrected { attribution, claim, replacement, by, reason } = event;
    let mut fields = about(attribution.as_ref(), *claim);
    fields.message("replacement", replacement.as_ref(), payload);
    fields.chosen("by", *by, CorrectedBy::as_str_name);
    fields.text("reason", reason);
    fields.0
}

pub(super) fn retracted(event: &ClaimRetracted) -> Violations {
    let ClaimRetracted { attribution, claim, reason } = event;
    let mut fields = about(attribution.as_ref(), *claim);
    fields.text("reason", reason);
    fields.0
}

pub(super) fn preferred(event: &ClaimPreferred) -> Violations {
    let ClaimPreferred { attribution, claim, country, direction, rationale } = event;
    let mut fields = about(attribution.as_ref(), *claim);
    if fold(country).is_empty() {
        fields.known("direction", *direction, Direction::as_str_name);
        if *direction != 0 {
            fields.required_party("country", country);
        }
    } else {
        fields.party("country", country);
        fields.chosen("direction", *direction, Direction::as_str_name);
    }
    fields.text("rationale", rationale);
    fields.0
}

fn about(attribution: Option<&Attribution>, claim: Position) -> Fields {
    let mut fields = Fields::default();
    fields.message("attribution", attribution, parts::attribution);
    if claim == 0 {
        fields.add("claim", "is required: the position of the claim, from 1");
    }
    fields
}

/// A replacement has to be acceptable itself. Only first-hand claims can be corrected, so nothing
/// nests more than once.
fn payload(any: &Any) -> Violations {
    let mut fields = Fields::default();
    match Known::decode(any.type_name(), &any.value) {
        Some(Ok(event)) if event.is_first_hand_claim() => {
            fields.0.absorb("", event.validate().err().unwrap_or_default());
        }
        Some(Err(error)) => fields.add("value", format!("cannot be decoded: {error}")),
        Some(Ok(_)) | None => {
            fields.add("type_url", "names no type of claim that can be corrected");
        }
    }
    fields.0
}
