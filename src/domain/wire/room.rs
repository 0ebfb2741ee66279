//! How much a message may hold, and what is said of one that holds more.

use crate::domain::{limits, violation::Violations};

/// What messages may still hold. The payloads of one append share it.
#[derive(Clone, Debug)]
pub struct Room {
    pub(super) fields: usize,
    pub(super) merges: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { fields: limits::FIELDS, merges: limits::MERGES }
    }
}

/// Why a walk ended before its time.
#[derive(Debug)]
pub(super) enum Excess {
    /// More of something than a field may have.
    Many { field: String, what: &'static str, value: usize, limit: usize },
    /// More fields than there is room for.
    Fields,
    /// A message that stands again where one is expected, more often than there is room for.
    Merges { field: String },
    /// Not the encoding of what belongs there.
    Malformed { field: String, problem: &'static str },
}

impl From<Excess> for Violations {
    fn from(excess: Excess) -> Self {
        let mut violations = Self::default();
        match excess {
            Excess::Many { field, what, value, limit } => {
                violations.exceeds(field, what, value, limit);
            }
            Excess::Fields => {
                let limit = limits::FIELDS;
                violations.beyond("", format!("has more fields than the limit, which is {limit}"));
            }
            Excess::Merges { field } => {
                let limit = limits::MERGES;
                let problem =
                    format!("is given again and again; the limit is {limit} in a request");
                violations.beyond(field, problem);
            }
            Excess::Malformed { field, problem } => violations.add(field, problem),
        }
        violations
    }
}
