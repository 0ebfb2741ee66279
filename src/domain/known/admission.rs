//! Decoding payloads that come from outside, within bounds.

use super::Known;
use crate::domain::{violation::Violations, wire::Room};

impl Known {
    /// Decodes a payload that comes from outside, if it holds no more than there is room for; what
    /// it puts in a claim's place counts as well. `None` if its type is not one of ours. Paths
    /// start at the payload.
    pub fn admit(
        type_name: &str,
        payload: &[u8],
        room: &mut Room,
    ) -> Option<Result<Self, Violations>> {
        if !Self::TYPE_NAMES.contains(&type_name) {
            return None;
        }
        if let Err(found) = room.check(type_name, payload) {
            return Some(Err(found.of_whole("value")));
        }
        let decoded = Self::decode(type_name, payload)?.map_err(|error| {
            let mut violations = Violations::default();
            violations.add("value", format!("is not a {type_name}: {error}"));
            violations
        });
        Some(decoded.and_then(|event| event.with_room_for_replacement(room)))
    }

    fn with_room_for_replacement(self, room: &mut Room) -> Result<Self, Violations> {
        if let Self::ClaimCorrected(event) = &self
            && let Some(any) = &event.replacement
            && let Err(found) = room.check(any.type_name(), &any.value)
        {
            let mut violations = Violations::default();
            violations.absorb("replacement", found.of_whole("value"));
            return Err(violations);
        }
        Ok(self)
    }
}
