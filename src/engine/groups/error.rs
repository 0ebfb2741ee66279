//! Why something about a consumer group could not be done.

use crate::{
    domain::{event::Position, violation::Violations},
    engine::{AppendError, ReadError},
};

/// Why something about a consumer group could not be done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GroupError {
    /// Fields are wrong.
    #[error("the request is not valid: {0}")]
    Invalid(Violations),
    /// There is no such group.
    #[error("there is no consumer group {name}")]
    NotFound {
        /// The name that was asked for.
        name: String,
    },
    /// There is one already.
    #[error("there is a consumer group {name} already; choose another name, or delete it first")]
    AlreadyExists {
        /// Its name.
        name: String,
    },
    /// Events are not parked.
    #[error("the event at {position} is not parked in {name}; ListParked tells which are")]
    NotParked {
        /// The group.
        name: String,
        /// The first of them.
        position: Position,
    },
    /// There are as many as there may be.
    #[error("there are {limit} {what} already, which is the limit; {advice}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
        /// What to do.
        advice: &'static str,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl GroupError {
    /// The server is going down.
    pub(super) fn stopping() -> Self {
        Self::Read(ReadError::Stopping)
    }

    /// One field is wrong.
    pub(super) fn invalid(field: &str, problem: impl Into<String>) -> Self {
        let mut violations = Violations::default();
        violations.add(field, problem);
        Self::Invalid(violations)
    }
}
