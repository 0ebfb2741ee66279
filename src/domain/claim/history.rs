//! What became of a claim, read from the events about it.
//!
//! A tag is not enough: an event about an event about a claim carries that claim's tags too, so the
//! retraction of a confirmation of claim 1 is tagged `claim:1`. Only what an event itself names
//! counts.

use std::collections::HashMap;

use crate::domain::{event::Position, known::Known};

/// What has been retracted, and by which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retractions(HashMap<Position, Position>);

impl Retractions {
    /// Takes in the event at a position; events other than retractions change nothing.
    pub fn note(&mut self, position: Position, event: &Known) {
        if let Known::ClaimRetracted(retraction) = event {
            self.0.insert(retraction.claim, position);
        }
    }

    /// The event that retracted the one at `position`.
    pub fn of(&self, position: Position) -> Option<Position> {
        self.0.get(&position).copied()
    }

    /// What `claim` should read by the event at `position`; `None` if that is no correction of
    /// this claim, or one that was retracted.
    pub fn reading(&self, claim: Position, position: Position, event: &Known) -> Option<Known> {
        let applies = event.about() == Some(claim) && self.of(position).is_none();
        event.replacement().filter(|_| applies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, proto};

    #[test]
    fn a_retraction_withdraws_what_it_names_and_nothing_else() {
        let mut retractions = Retractions::default();
        let retraction = proto::ClaimRetracted { claim: 43, ..examples::retracted() };
        retractions.note(44, &retraction.into());
        retractions.note(45, &examples::confirmed().into());
        assert_eq!(
            (retractions.of(43), retractions.of(42), retractions.of(44)),
            (Some(44), None, None)
        );
    }

    #[test]
    fn a_claim_reads_as_corrected_unless_that_correction_was_retracted() {
        let replacement = Known::from(examples::completed());
        let correction = Known::from(examples::correction(&replacement));
        let mut retractions = Retractions::default();
        assert_eq!(retractions.reading(42, 50, &correction), Some(replacement));
        assert_eq!(retractions.reading(41, 50, &correction), None, "it corrects claim 42");
        assert_eq!(retractions.reading(42, 50, &examples::confirmed().into()), None);
        let retraction = proto::ClaimRetracted { claim: 50, ..examples::retracted() };
        retractions.note(51, &retraction.into());
        assert_eq!(retractions.reading(42, 50, &correction), None);
    }
}
