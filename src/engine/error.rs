//! Why an append or a read failed, by what the caller can do about it.

use std::{fmt, sync::Arc};

use crate::{
    domain::{
        append::Conflict,
        claim::RuleBroken,
        event::{Micros, Position},
        recorded::timestamp,
        violation::Violations,
    },
    engine::Pause,
    log::LogError,
};

/// A request has a position of another history than the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryChanged {
    /// The name of store and history in the request.
    pub expected: String,
    /// The present name.
    pub own: String,
    /// The last position up to which both are known to be the same; absent: it is not known.
    pub branch: Option<Position>,
    /// The field of the request, and the position in it; absent: the name alone is refused.
    pub beyond: Option<(&'static str, Position)>,
}

impl fmt::Display for HistoryChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, own, branch, beyond } = self;
        write!(
            f,
            "the store was restored from a backup: it is {own}, the request expects {expected}"
        )?;
        if let Some((field, position)) = beyond {
            write!(f, ", and {field} stands for position {position}")?;
        }
        match branch {
            Some(branch) => write!(
                f,
                "; events after position {branch} are other events now: undo what was made of the \
                 earlier ones, and go on after {branch} with the present name"
            ),
            None => write!(
                f,
                "; it is not known from which position on events are other events now: begin anew \
                 with the present name"
            ),
        }
    }
}

/// A position or revision lies beyond the end of the log, or a time in the future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeyondHead {
    /// The field that named it.
    pub field: &'static str,
    /// What it named.
    pub given: End,
    /// The largest that would have been accepted.
    pub end: End,
}

/// A place at which the log can end; for times, that is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A position or revision.
    Number(u64),
    /// A time.
    Time(Micros),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Time(time) => timestamp(*time).fmt(f),
        }
    }
}

impl fmt::Display for BeyondHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, given, end } = self;
        match given {
            End::Number(_) => write!(
                f,
                "{field} is {given}, but the log ends at {end}; was it taken from another store?"
            ),
            End::Time(_) => write!(
                f,
                "{field} is {given}, but it is {end} now; what the record will say is not known yet"
            ),
        }
    }
}

impl BeyondHead {
    /// Fails if `given` lies beyond `end`.
    pub(super) fn check(field: &'static str, given: End, end: End) -> Result<(), Self> {
        if given > end { Err(Self { field, given, end }) } else { Ok(()) }
    }
}

/// The position or revision `given`, if it does not lie beyond `end`.
pub(super) fn within(field: &'static str, given: u64, end: u64) -> Result<u64, ReadError> {
    BeyondHead::check(field, End::Number(given), End::Number(end))
        .map_err(ReadError::BeyondHead)
        .map(|()| given)
}

/// Why nothing was appended, or why it is not known whether it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Fields are wrong.
    #[error("the append is not valid: {0}")]
    Invalid(Violations),
    /// A rule of the record forbids it.
    #[error("{}", .0.description)]
    Rule(RuleBroken),
    /// Others wrote first.
    #[error("the log has changed: {}", describe(.0))]
    Conflict(Conflict),
    /// The request id belongs to another append.
    #[error("this request_id was used for other content, recorded at position {first_position}")]
    RequestIdReused {
        /// Where that one begins.
        first_position: Position,
    },
    /// The condition names a position that does not exist yet.
    #[error("{0}")]
    BeyondHead(BeyondHead),
    /// The store accepts no appends.
    #[error("the store accepts no appends: {reason}")]
    StoreFailed {
        /// The first failure.
        reason: Arc<str>,
    },
    /// The store accepts no appends for the time being.
    #[error("appends are paused: {0}")]
    Paused(Pause),
    /// Too many callers wait already.
    #[error("{waiting} appends wait for the store already; wait, then repeat it")]
    Overloaded {
        /// How many.
        waiting: usize,
    },
    /// The append may have happened.
    #[error(
        "it is not known whether this was appended: {reason}; repeat it with the same request_id"
    )]
    OutcomeUnknown {
        /// What happened.
        reason: Arc<str>,
    },
    /// The server is going down.
    #[error("the server is stopping")]
    Stopping,
    /// What the decision needs could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl AppendError {
    /// What distinguishes this cause from others, without the numbers that differ each time.
    pub(super) fn cause(&self) -> String {
        if let Self::Read(error) = self {
            error.cause()
        } else {
            format!("{:?}", std::mem::discriminant(self))
        }
    }
}

/// Why nothing could be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// Fields are wrong.
    #[error("the request is not valid: {0}")]
    Invalid(Violations),
    /// The start lies beyond the end of the log.
    #[error("{0}")]
    BeyondHead(BeyondHead),
    /// The log could not be read.
    #[error(transparent)]
    Log(Arc<LogError>),
    /// Stored bytes are whole and yet no event: a fault of the program that wrote them.
    #[error("a stored event cannot be decoded: {0}")]
    Undecodable(Arc<str>),
    /// A projection has stopped.
    #[error("the projection {name} has stopped: {reason}")]
    Projection {
        /// Which one.
        name: &'static str,
        /// Why.
        reason: Arc<str>,
    },
    /// The position was not reached in time.
    #[error("position {position} was not reached in time; the answer would be of {head}")]
    NotReached {
        /// What was waited for.
        position: Position,
        /// How far it is.
        head: Position,
    },
    /// Too many are reading already.
    #[error("{streams} reads and subscriptions are open already; close some, or try again later")]
    Overloaded {
        /// How many may be.
        streams: usize,
    },
    /// The index has not reached the position that is needed.
    #[error("the index is being rebuilt: it has reached position {indexed} of {position}")]
    Indexing {
        /// How far it must be.
        position: Position,
        /// How far it is.
        indexed: Position,
    },
    /// The request names another store.
    #[error(
        "this is the store {own}, and the request expects {expected}, whose positions are other \
         events here; find the server of that store, or begin anew with this one"
    )]
    AnotherStore {
        /// The store that the request names.
        expected: String,
        /// The store that is here.
        own: String,
    },
    /// The request has positions of another history of the store.
    #[error("{0}")]
    HistoryChanged(Box<HistoryChanged>),
    /// The server is going down.
    #[error("the server is stopping")]
    Stopping,
}

impl ReadError {
    /// Whether it will be over by itself: the index is being rebuilt.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Indexing { .. } => true,
            Self::Log(error) => error.is_passing(),
            Self::Invalid(_)
            | Self::BeyondHead(_)
            | Self::Undecodable(_)
            | Self::Projection { .. }
            | Self::NotReached { .. }
            | Self::Overloaded { .. }
            | Self::AnotherStore { .. }
            | Self::HistoryChanged(_)
            | Self::Stopping => false,
        }
    }

    /// Whether what is stored is not what it should be.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Undecodable(_) => true,
            Self::Log(error) => error.damage().is_some(),
            Self::Invalid(_)
            | Self::BeyondHead(_)
            | Self::Projection { .. }
            | Self::NotReached { .. }
            | Self::Overloaded { .. }
            | Self::Indexing { .. }
            | Self::AnotherStore { .. }
            | Self::HistoryChanged(_)
            | Self::Stopping => false,
        }
    }

    /// Whether trying again leads to the same: not after a read, since a disk can come back.
    pub(super) fn lasts(&self) -> bool {
        !matches!(self, Self::Log(_))
    }

    /// What distinguishes this cause from others. What passes by itself is one cause, however far
    /// it is.
    pub(super) fn cause(&self) -> String {
        if self.is_passing() { String::new() } else { self.to_string() }
    }

    /// The error that queries get from a projection that has stopped because of this one. Damage is
    /// reported as damage: it does not pass by itself, so clients should not try again.
    pub(super) fn stopping(self, name: &'static str) -> Self {
        match self {
            Self::Projection { .. } => self,
            Self::Log(ref error) if error.damage().is_some() => self,
            Self::Log(_)
            | Self::Invalid(_)
            | Self::BeyondHead(_)
            | Self::Undecodable(_)
            | Self::NotReached { .. }
            | Self::Overloaded { .. }
            | Self::Indexing { .. }
            | Self::AnotherStore { .. }
            | Self::HistoryChanged(_)
            | Self::Stopping => Self::Projection { name, reason: self.to_string().into() },
        }
    }
}

impl From<HistoryChanged> for ReadError {
    fn from(changed: HistoryChanged) -> Self {
        Self::HistoryChanged(Box::new(changed))
    }
}

impl From<LogError> for ReadError {
    fn from(error: LogError) -> Self {
        Self::Log(Arc::new(error))
    }
}

fn describe(conflict: &Conflict) -> String {
    let mut parts: Vec<String> = conflict
        .revisions
        .iter()
        .map(|conflict| {
            let (stream, expected, actual) = (&conflict.stream, conflict.expected, conflict.actual);
            format!("{stream} was expected at revision {expected} and is at {actual}")
        })
        .collect();
    if let Some(condition) = conflict.condition {
        let (after, at) = (condition.after, condition.conflicting);
        parts.push(format!("the event at {at} matches, and none may after {after}"));
    }
    parts.join("; ")
}
