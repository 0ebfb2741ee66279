//! Read models: pure `apply`, and queries over the state. All of it can be deleted and rebuilt
//! from the log.

pub mod claim_history;
pub mod claim_status;
pub mod claims;
pub mod counts;
pub mod current;
pub mod explain;
pub mod extent;
pub mod grouped_counts;
pub mod interned;
pub mod ledger;
pub mod lists;
pub mod piece;
pub mod preference;
pub mod reconcile;
pub mod register;
pub mod search;
pub mod series;
pub mod snapshot;
pub mod story;
pub mod symbol_table;
pub mod walk;

use crate::domain::event::{Micros, Position};

/// A recorded event, as a projection sees it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its place in the log.
    pub position: Position,
    /// When it was recorded; never falls along the log.
    pub recorded_at: Micros,
    /// The full name of its payload.
    pub type_name: &'a str,
    /// The encoded payload.
    pub payload: &'a [u8],
}

/// State that follows from events alone.
pub trait Projection:
    Default + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static
{
    /// Names its saved states.
    const NAME: &'static str;
    /// One more whenever states saved before would answer differently or cannot be read.
    const VERSION: u32;

    /// An event as it is taken, decoded.
    type Taken: Send + 'static;

    /// Decodes an event. It needs no state, so no other work has to wait for it.
    fn take(event: &Event<'_>) -> Result<Self::Taken, ApplyError>;

    /// Applies the next event. What it does not know only moves the position.
    ///
    /// After an error the state is as it was.
    fn apply(&mut self, at: Position, taken: Self::Taken) -> Result<(), ApplyError>;

    /// The last event it has taken; 0: none.
    fn position(&self) -> Position;

    /// Makes what is not saved, after a saved state was read.
    fn restore(&mut self);
}

/// Why an event cannot be taken. The log holds it, so this is damage or a fault of this program.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Events come in the order of their positions.
    #[error("event {event} was handed over after event {at}; events come in order")]
    OutOfOrder {
        /// The last event taken.
        at: Position,
        /// The one that came.
        event: Position,
    },
    /// A payload of a known type, which was checked when it was recorded, cannot be read.
    #[error("event {position} holds a {type_name} that cannot be decoded")]
    Payload {
        /// The event.
        position: Position,
        /// What it should hold.
        type_name: String,
        /// What is wrong with it.
        source: prost::DecodeError,
    },
}

#[cfg(test)]
mod query_cost;
