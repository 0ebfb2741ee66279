//! Rules of events about claims, as far as the event alone can tell. Whether the claim is there
//! and fits is for [`crate::domain::claim`].

use crate::domain::{
    identity::fold,
    known::{
        Known,
        fields::{Checked, Fields, rules},
    },
    proto::{
        Any, ClaimConfirmed, ClaimCorrected, ClaimDisputed, ClaimPreferred, ClaimRetracted,
        CorrectedBy, Direction,
    },
    violation::Violations,
};

rules! {
    ClaimConfirmed { attribution: message, claim: claim, grounds: text }
    ClaimDisputed { attribution: message, claim: claim, grounds: text }
    ClaimCorrected {
        attribution: message,
        claim: claim,
        replacement: message,
        by: chosen(CorrectedBy::as_str_name),
        reason: text,
    }
    ClaimRetracted { attribution: message, claim: claim, reason: text }
    ClaimPreferred {
        attribution: message,
        claim: claim,
        country: country_of(*direction),
        rationale: text,
        | direction
    }
}

impl Fields {
    /// A country goes with a direction.
    fn country_of(&mut self, field: &str, country: &str, direction: i32) {
        if fold(country).is_empty() {
            self.known("direction", &direction, Direction::as_str_name);
            if direction != 0 {
                self.required_party(field, country);
            }
        } else {
            self.party(field, country);
            self.chosen("direction", &direction, Direction::as_str_name);
        }
    }
}

/// A replacement has to be acceptable itself. Only first-hand claims can be corrected, so nothing
/// nests more than once.
impl Checked for Any {
    fn violations(&self) -> Violations {
        let mut fields = Fields::default();
        match Known::decode(self.type_name(), &self.value) {
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
}
