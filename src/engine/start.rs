//! Where a read starts.

use crate::domain::event::{Micros, Position, Revision};

/// Where a read starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the beginning; backwards, at the head.
    Unset,
    /// After the last position already handled; backwards, before it.
    After(Position),
    /// With the first event recorded at or after this time, which may lie in the future; backwards,
    /// with the last one recorded at or before it.
    RecordedFrom(Micros),
    /// After the last revision already handled, of the one stream that the filter names.
    AfterRevision(Revision),
    /// With what comes from now on.
    FromNow,
}
