//! The wire format: fields one after the other, each with its number, its layout and its value.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Groups within groups that are followed; prost gives up at as many.
const DEPTH: usize = 100;
/// A field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) number: u32,
    pub(super) layout: WireType,
    /// The bytes that have a length before them; empty in other layouts.
    pub(super) value: &'a [u8],
    /// Fields within it, if it is a group.
    pub(super) inner: usize,
}

impl<'a> Item<'a> {
    /// Takes the next field; `None`: what is there is none.
    pub(super) fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let (number, layout) = decode_key(rest).ok()?;
        let mut item = Self { number, layout, value: &[], inner: 0 };
        match layout {
            WireType::Varint => _ = decode_varint(rest).ok()?,
            WireType::SixtyFourBit => *rest = rest.get(8..)?,
            WireType::ThirtyTwoBit => *rest = rest.get(4..)?,
            WireType::LengthDelimited => item.value = delimited(rest)?,
            WireType::StartGroup => item.inner = group(number, rest)?,
            WireType::EndGroup => return None,
        }
        Some(item)
    }

    /// All fields of a message, up to where it is none.
    pub(super) fn all(mut message: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || Self::take(&mut message))
    }
}

/// How many numbers of this layout stand packed in `value`.
pub(super) fn packed(value: &[u8], layout: WireType) -> usize {
    match layout {
        // Each number ends with the byte that does not have its first bit set.
        WireType::Varint => value.iter().filter(|byte| **byte < 0x80).count(),
        WireType::SixtyFourBit => value.len() / 8,
        WireType::ThirtyTwoBit => value.len() / 4,
        WireType::LengthDelimited | WireType::StartGroup | WireType::EndGroup => 0,
    }
}

fn delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
    let (value, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(value)
}

/// Passes over a group; answers how many fields are in it. Not by recursion: a sender decides how
/// deep it is.
fn group(number: u32, rest: &mut &[u8]) -> Option<usize> {
    let mut open = vec![number];
    let mut fields = 0;
    while let Some(innermost) = open.last() {
        let mut ahead = *rest;
        let (number, layout) = decode_key(&mut ahead).ok()?;
        match layout {
            WireType::EndGroup if number == *innermost => {
                *rest = ahead;
                open.pop();
            }
            WireType::StartGroup if open.len() < DEPTH => {
                *rest = ahead;
                fields += 1;
                open.push(number);
            }
            WireType::StartGroup | WireType::EndGroup => return None,
            WireType::Varint
            | WireType::SixtyFourBit
            | WireType::ThirtyTwoBit
            | WireType::LengthDelimited => {
                Item::take(rest)?;
                fields += 1;
            }
        }
    }
    Some(fields)
}
