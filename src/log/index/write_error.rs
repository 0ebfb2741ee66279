//! Why a run was not written, and what tells long work to stop.

use std::fmt;

use super::error::IndexError;
use crate::log::error::LogError;

/// Why a run was not written.
#[derive(Clone, Debug)]
pub(super) enum WriteError {
    /// The caller wants the work to stop.
    Stopped,
    /// It failed; it can be tried again.
    Failed(LogError),
}

impl From<LogError> for WriteError {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

impl From<IndexError> for WriteError {
    fn from(error: IndexError) -> Self {
        Self::Failed(error.into())
    }
}

/// Tells long work whether to go on.
#[derive(Clone, Copy)]
pub(super) struct GoOn<'a>(pub(super) &'a dyn Fn() -> bool);

impl GoOn<'_> {
    /// Fails if the work is to stop.
    pub(super) fn check(self) -> Result<(), WriteError> {
        if (self.0)() { Ok(()) } else { Err(WriteError::Stopped) }
    }
}

impl fmt::Debug for GoOn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoOn({})", (self.0)())
    }
}
