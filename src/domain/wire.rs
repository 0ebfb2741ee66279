//! Bounds on a message while it is still bytes.
//!
//! An element of a list takes two bytes on the wire and up to a hundred in memory, and each value
//! that is wrong gets a text that says so. So elements are counted before anything is decoded: a
//! walk over the bytes, guided by the descriptors, that keeps nothing and ends at the first excess.
//! What passes costs little to decode, whatever it says.
//!
//! The walk goes where the decoder would go and is as strict. Bytes that it cannot follow are
//! refused here, because a decoder builds a whole part before it notices that the part is longer
//! than what holds it.

mod item;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

use crate::domain::{limits, violation::Violations};

/// Reads the descriptors, which otherwise the first message does.
pub fn prepare() {
    shape::prepare();
}

/// What messages may still hold. The payloads of one append share it.
#[derive(Clone, Debug)]
pub struct Room {
    fields: usize,
    merges: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { fields: limits::FIELDS, merges: limits::MERGES }
    }
}

impl Room {
    /// Checks the bytes of a message of the type with this full name. Takes the room that its
    /// fields need. A type without a descriptor has nothing that could be checked. What is wrong
    /// with the message as a whole has an empty path.
    pub fn check(&mut self, type_name: &str, message: &[u8]) -> Result<(), Violations> {
        let Some(shape) = shape::of(type_name) else { return Ok(()) };
        walk::message(self, shape, message).map_err(|excess| (*excess).into())
    }
}

/// Why a walk ended before its time.
#[derive(Debug)]
enum Excess {
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
