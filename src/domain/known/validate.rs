//! Whether the fields of a known event are in order, all of them at once.
//!
//! Every message is taken apart field by field, so that a field added to the protos does not
//! compile until a rule for it has been thought of.

mod about;
mod exchange;
mod parts;
mod statement;
#[cfg(test)]
mod tests;
mod transfer;

use crate::domain::{known::Known, violation::Violations};

impl Known {
    /// Checks every field. Paths start at the payload, as in `leg.from[0]`.
    pub fn validate(&self) -> Result<(), Violations> {
        let violations = match self {
            Self::SourceRegistered(event) => statement::source(event),
            Self::StatementMade(event) => statement::statement(event),
            Self::ExchangeReported(event) => exchange::reported(event),
            Self::RoleAttributed(event) => exchange::role(event),
            Self::SuperlativeClaimed(event) => exchange::superlative(event),
            Self::DetentionReported(event) => exchange::detention(event),
            Self::TransferAgreed(event) => transfer::agreed(event),
            Self::TransferCompleted(event) => transfer::completed(event),
            Self::TransferDeclined(event) => transfer::declined(event),
            Self::TotalClaimed(event) => transfer::total(event),
            Self::ClaimConfirmed(event) => about::confirmed(event),
            Self::ClaimDisputed(event) => about::disputed(event),
            Self::ClaimCorrected(event) => about::corrected(event),
            Self::ClaimRetracted(event) => about::retracted(event),
            Self::ClaimPreferred(event) => about::preferred(event),
        };
        violations.into_result(())
    }
}
