//! What proto3 JSON forbids and its reader here would let pass: a field that is given twice, and a
//! number that would become another one.
//!
//! The text is walked beside the description of its message before it is read, so that an error has
//! its place. prost-reflect keeps the last of two values and reads numbers with a point through an
//! `f64`; the conformance suite of protobuf (`FieldNameDuplicate...`) refuses the first.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::cli::{
    json::{JsonError, describe},
    members::TYPE,
};

/// The message that holds another payload.
const ANY: &str = "google.protobuf.Any";
/// The largest number up to which a reader that goes through an `f64` gets every whole one.
const EXACT: u128 = 1 << 53;

/// The members of an object, in their order; a key may still be there twice.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The member with this key.
    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, raw)| *raw)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Key(key)) = map.next_key()? {
            members.0.push((key, map.next_value()?));
        }
        Ok(members)
    }
}

/// A key, borrowed where nothing in it is escaped: then it says where it stands.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A text, and what is checked in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl Text<'_> {
    /// Refuses a key that is given twice, whatever the object is.
    pub(super) fn each_once(self, members: &Members<'_>) -> Result<(), JsonError> {
        let mut seen: HashSet<&str> = HashSet::new();
        for member in &members.0 {
            let (key, _) = member;
            if !seen.insert(key.as_ref()) {
                return Err(self.error(self.key(member), format!("{key:?} is given twice")));
            }
        }
        Ok(())
    }

    /// Refuses what a message of this description cannot mean, in it and below it.
    pub(super) fn message(
        self,
        members: &Members<'_>,
        descriptor: &MessageDescriptor,
    ) -> Result<(), JsonError> {
        self.each_once(members)?;
        let mut seen: HashMap<u32, &str> = HashMap::new();
        for member in &members.0 {
            let (key, raw) = member;
            // A key that names no field is refused by the reader.
            let Some(field) = field(descriptor, key) else { continue };
            if let Some(earlier) = seen.insert(field.number(), key) {
                let problem =
                    format!("{key:?} is the field that {earlier:?} is, and so it is given twice");
                return Err(self.error(self.key(member), problem));
            }
            self.field(&field, raw)?;
        }
        Ok(())
    }

    fn field(self, field: &FieldDescriptor, raw: &RawValue) -> Result<(), JsonError> {
        if let Some(map) = field.kind().as_message().filter(|_| field.is_map()) {
            let Ok(entries) = serde_json::from_str::<Members<'_>>(raw.get()) else {
                return Ok(());
            };
            self.each_once(&entries)?;
            let kind = map.map_entry_value_field().kind();
            return entries.0.iter().try_for_each(|(_, raw)| self.value(&kind, raw));
        }
        if !field.is_list() {
            return self.value(&field.kind(), raw);
        }
        // What has another form than its field is refused by the reader.
        let elements = serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_default();
        elements.into_iter().try_for_each(|raw| self.value(&field.kind(), raw))
    }

    fn value(self, kind: &Kind, raw: &RawValue) -> Result<(), JsonError> {
        match kind {
            Kind::Message(descriptor) => {
                let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else {
                    return Ok(());
                };
                let inner = (descriptor.full_name() == ANY).then(|| described(&members));
                match inner {
                    Some(Some(descriptor)) => self.message(&members, &descriptor),
                    Some(None) => self.each_once(&members),
                    None => self.message(&members, descriptor),
                }
            }
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Enum(_) => {
                self.number(raw, i32::MIN.into(), i32::MAX.into())
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                self.number(raw, i64::MIN.into(), i64::MAX.into())
            }
            Kind::Uint32 | Kind::Fixed32 => self.number(raw, 0, u32::MAX.into()),
            Kind::Uint64 | Kind::Fixed64 => self.number(raw, 0, u64::MAX.into()),
            Kind::Double | Kind::Float | Kind::Bool | Kind::String | Kind::Bytes => Ok(()),
        }
    }

    /// Refuses a number that is not one of those that a field holds. Numbers as texts are read
    /// exactly.
    fn number(self, raw: &RawValue, least: i128, most: i128) -> Result<(), JsonError> {
        let literal = raw.get();
        if !literal.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Ok(());
        }
        let problem = match whole(literal) {
            Some(number) if (least..=most).contains(&number) => {
                let plain = literal.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
                if plain || number.unsigned_abs() <= EXACT {
                    return Ok(());
                }
                format!("is {literal}, which is exact only without a point and an exponent")
            }
            _ => format!("is {literal}; the field holds whole numbers from {least} to {most}"),
        };
        Err(self.error(offset(self.0, literal), problem))
    }

    /// Where the key of a member begins; that of its value if it is written with escapes.
    fn key(self, (key, raw): &(Cow<'_, str>, &RawValue)) -> usize {
        match key {
            Cow::Borrowed(key) => offset(self.0, key).saturating_sub(1),
            Cow::Owned(_) => offset(self.0, raw.get()),
        }
    }

    fn error(self, offset: usize, problem: String) -> JsonError {
        JsonError::at(self.0, offset, problem)
    }
}

fn field(descriptor: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_json_name(key).or_else(|| descriptor.get_field_by_name(key))
}

/// The description of the payload that an `Any` holds, if its type is one of ours.
fn described(members: &Members<'_>) -> Option<MessageDescriptor> {
    let name: String = serde_json::from_str(members.get(TYPE)?.get()).ok()?;
    describe(name.rsplit('/').next().unwrap_or_default())
}

/// Where a part that was borrowed from `text` begins in it, in bytes.
pub(super) fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The whole number that a JSON number is, exactly; `None`: it has a fraction, or is beyond any
/// field.
fn whole(literal: &str) -> Option<i128> {
    let (sign, digits) = literal.strip_prefix('-').map_or((1, literal), |rest| (-1, rest));
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = [integer, fraction].concat();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // An exponent that does not fit is of a fraction, or of a number beyond any field.
    let exponent: i64 = exponent.parse().ok()?;
    let shift = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let bare = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - bare.len()).ok()?.checked_add(shift)?;
    let scale = 10_i128.checked_pow(u32::try_from(zeros).ok()?)?;
    bare.parse::<i128>().ok()?.checked_mul(scale)?.checked_mul(sign)
}

#[cfg(test)]
mod tests;
