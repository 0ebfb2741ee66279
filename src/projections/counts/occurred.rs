//! Whether an outermost exchange took place in the requested interval.

use crate::domain::date::Edtf;
use crate::projections::ledger::Traits;

/// How a date lies to the requested interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Some part of it lies within.
    Within,
    /// It lies outside.
    Elsewhere,
    /// Nothing gives a date.
    Unknown,
}

/// Goes by the dates that the exchange is selected by; a coarse date overlaps if any part does.
pub fn when(traits: &Traits, occurred: &Edtf) -> When {
    if traits.dates().is_empty() {
        When::Unknown
    } else if traits.dates().iter().any(|days| occurred.overlaps_days(*days)) {
        When::Within
    } else {
        When::Elsewhere
    }
}
