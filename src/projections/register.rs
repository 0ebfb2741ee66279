//! The projection of the whole record: the table of claims, and the ledger of what they add up to.

use serde::{Deserialize, Serialize};

use crate::domain::event::Position;
use crate::projections::{
    ApplyError, Event, Projection,
    claims::{Claims, NestedThen, Taken, View, take},
    current::Current,
    ledger::{Ledger, Outcome},
};

/// Every claim, and every figure, at every moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Register {
    position: Position,
    /// The last event that changed what is claimed.
    last_change: Position,
    claims: Claims,
    ledger: Ledger,
    #[serde(skip)]
    current: Current,
}

/// What is kept beside follows from the claims.
impl PartialEq for Register {
    fn eq(&self, other: &Self) -> bool {
        let at = |it: &Self| (it.position, it.last_change);
        at(self) == at(other) && self.claims == other.claims && self.ledger == other.ledger
    }
}

impl Eq for Register {}

impl Projection for Register {
    const NAME: &'static str = "claims";
    const VERSION: u32 = 7;
    type Taken = Option<Taken>;

    fn take(event: &Event<'_>) -> Result<Option<Taken>, ApplyError> {
        take(event)
    }

    fn apply(&mut self, at: Position, taken: Option<Taken>) -> Result<(), ApplyError> {
        if at <= self.position {
            return Err(ApplyError::OutOfOrder { at: self.position, event: at });
        }
        self.position = at;
        let Some(taken) = taken else { return Ok(()) };
        let touched = self.claims.apply(at, &taken);
        if touched.changed {
            self.last_change = at;
        }
        for (outermost, changes) in self.current.take(&self.claims, &touched) {
            if let Some(changes) = changes {
                self.ledger.change(at, outermost, changes);
            } else {
                let outcome = Outcome::of(&self.claims.at(at), outermost);
                self.ledger.enter(at, outermost, outcome);
            }
        }
        Ok(())
    }

    fn position(&self) -> Position {
        self.position
    }

    fn restore(&mut self) {
        self.claims.restore();
        self.ledger.restore();
        self.current = Current::default();
    }
}

impl Register {
    /// The table of claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The ledger of figures.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What stands now about exchanges of which much is recorded.
    pub fn current(&self) -> &Current {
        &self.current
    }

    /// What the record said just after `position`; beyond the last event, what it says now.
    pub fn at(&self, position: Position) -> View<'_> {
        self.claims.at(position.min(self.position))
    }

    /// The same for callers that look at one position often; `nested` is of that position.
    pub fn again_at<'a>(&'a self, position: Position, nested: &'a NestedThen) -> View<'a> {
        self.claims.again_at(position.min(self.position), nested)
    }

    /// The last event that changed what is claimed; 0: none did.
    pub fn last_change(&self) -> Position {
        self.last_change
    }
}
