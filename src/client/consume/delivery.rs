//! An event to be handled, and what its handler says of it.

use std::fmt;

use crate::domain::proto::RecordedEvent;

/// An event to be handled.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The event.
    pub event: RecordedEvent,
    /// How often it was tried before, as far as the server knows.
    pub attempts: u32,
}

/// What has become of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is handled.
    Done,
    /// It is to be tried again after a rest, before anything later of its stream. Why.
    Retry(String),
    /// It is to be laid aside for people to look at. Why.
    Park(String),
    /// It need not be handled. Why.
    Skip(String),
}

impl<E: fmt::Display> From<Result<(), E>> for Verdict {
    /// What fails is tried again.
    fn from(done: Result<(), E>) -> Self {
        done.map_or_else(|error| Self::Retry(error.to_string()), |()| Self::Done)
    }
}
