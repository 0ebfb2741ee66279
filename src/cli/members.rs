//! A view of a JSON object without the members that are not fields of its message.
//!
//! Reading through it, instead of editing a copy, keeps the columns of errors right.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer as _, MapAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::Value;

use crate::{cli::json::CLAIM, domain::proto::TYPE_URL_PREFIX};

/// The member that names the message of a payload.
pub(super) const TYPE: &str = "@type";
/// The one field of our messages that holds another payload.
const REPLACEMENT: &str = "replacement";

/// A type url; the prefix may be left out in what people write.
pub(super) fn qualified(name: String) -> String {
    if name.contains('/') { name } else { format!("{TYPE_URL_PREFIX}{name}") }
}

/// An object with its `@type` hidden, and its `claim` as well if that is the id of a line.
pub(super) struct Hidden<D> {
    /// Where the object comes from.
    pub(super) deserializer: D,
    /// Hides the claim as well.
    pub(super) claim: bool,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Hidden<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserializer.deserialize_map(HiddenVisitor { visitor, claim: self.claim })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

struct HiddenVisitor<V> {
    visitor: V,
    claim: bool,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for HiddenVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(HiddenMembers { map, claim: self.claim, replacement: false })
    }
}

struct HiddenMembers<A> {
    map: A,
    claim: bool,
    /// The value that comes next is a payload itself.
    replacement: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for HiddenMembers<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if key == TYPE || (self.claim && key == CLAIM) {
                self.map.next_value::<IgnoredAny>()?;
                continue;
            }
            self.replacement = key == REPLACEMENT;
            return seed.deserialize(key.into_deserializer()).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        if !self.replacement {
            return self.map.next_value_seed(seed);
        }
        let mut value: Value = self.map.next_value()?;
        if let Some(Value::String(name)) = value.get_mut(TYPE) {
            *name = qualified(std::mem::take(name));
        }
        seed.deserialize(value).map_err(A::Error::custom)
    }
}
