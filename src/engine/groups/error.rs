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
        /// The name in the request.
        name: String,
    },
    /// There is one already.
    #[error("there is a consumer group {name} already; choose another name, or delete it first")]
    AlreadyExists {
        /// Its name.
        name: String,
    },
    /// It is not known yet which groups there are.
    #[error("it is not known yet which consumer groups there are: {}", obstacle(.reason.as_ref()))]
    Unknown {
        /// What is in the way; absent: it takes long.
        reason: Option<ReadError>,
    },
    /// What is recorded of it was not read yet.
    #[error("the consumer group {name} is not restored yet: {}", obstacle(.reason.as_ref()))]
    NotRestored {
        /// Its name.
        name: String,
        /// What is in the way; absent: it takes long.
        reason: Option<ReadError>,
    },
    /// What is recorded of it is damaged.
    #[error("the consumer group {name} is damaged: {}", damage(.reason))]
    Damaged {
        /// Its name.
        name: String,
        /// What is damaged.
        reason: ReadError,
    },
    /// Events are not parked.
    #[error("the event at {position} is not parked in {name}; ListParked tells which are")]
    NotParked {
        /// The group.
        name: String,
        /// The first of them.
        position: Position,
    },
    /// There are as many groups as there may be. That does not pass by itself.
    #[error("there are {limit} groups already, which is the limit; delete those without use")]
    TooManyGroups {
        /// How many there may be.
        limit: usize,
    },
    /// There are as many consumers as there may be, until one leaves.
    #[error(
        "there are {limit} consumers in this group already, which is the limit; \
         wait until one leaves, or give those that are there more credit"
    )]
    TooManyConsumers {
        /// How many there may be.
        limit: usize,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What is in the way of something that is tried until it succeeds.
pub(super) fn obstacle(reason: Option<&ReadError>) -> String {
    match reason {
        Some(reason) => format!("{reason}; it is tried again"),
        None => "what is recorded is being read".to_owned(),
    }
}

/// What is damaged, and what to do about a group's records.
pub(super) fn damage(reason: &ReadError) -> String {
    format!("{reason}; or delete the group, and create it again from where it is to go on")
}

impl GroupError {
    /// Why a group does not run.
    pub(super) fn not_restored(name: &str, reason: Option<ReadError>) -> Self {
        let name = name.to_owned();
        match reason {
            Some(reason) if reason.is_damage() => Self::Damaged { name, reason },
            reason => Self::NotRestored { name, reason },
        }
    }

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
