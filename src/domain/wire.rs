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
mod room;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

pub use room::Room;

use crate::domain::violation::Violations;

/// Reads the descriptors, which otherwise the first message does.
pub fn prepare() {
    shape::prepare();
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
