//! The events that a row gives, before they are lines of the import.

use super::fields::Row;
use crate::{cli::lines::RowError, domain::known::Known};

/// An event that a row gives.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) known: Known,
    /// Rows with the same content, in whatever spelling, give it once.
    pub(super) once: bool,
    /// The event of the same row that it is about comes just before it.
    pub(super) about_the_last: bool,
}

impl Event {
    pub(super) fn new(known: impl Into<Known>) -> Self {
        Self { known: known.into(), once: false, about_the_last: false }
    }

    pub(super) fn once(known: impl Into<Known>) -> Self {
        Self { once: true, ..Self::new(known) }
    }

    /// The registration of the row's source, if the row says more of it than its id.
    pub(super) fn registration(row: &Row<'_>) -> Result<Vec<Self>, RowError> {
        Ok(row.source()?.registered().map(Self::once).into_iter().collect())
    }
}
