//! The wire format: fields one after the other, each with its number, its layout and its value.

/// Groups within groups that are followed; prost gives up at as many.
const DEPTH: usize = 100;
/// Bytes of the longest number.
const NUMBER_BYTES: usize = 10;

/// How a field's value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Varint,
    Fixed64,
    /// A length, and so many bytes.
    Delimited,
    /// Fields up to an end; from the language before ours, which has none.
    Group,
    GroupEnd,
    Fixed32,
}

/// A field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) number: u32,
    pub(super) layout: Layout,
    /// The bytes that have a length before them; empty in other layouts.
    pub(super) value: &'a [u8],
    /// Fields within it, if it is a group.
    pub(super) inner: usize,
}

impl<'a> Item<'a> {
    /// Takes the next field; `None`: what is there is none.
    pub(super) fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let (number, layout) = key(rest)?;
        let mut item = Self { number, layout, value: &[], inner: 0 };
        match layout {
            Layout::Varint => _ = varint(rest)?,
            Layout::Fixed64 => *rest = rest.get(8..)?,
            Layout::Fixed32 => *rest = rest.get(4..)?,
            Layout::Delimited => item.value = delimited(rest)?,
            Layout::Group => item.inner = group(number, rest)?,
            Layout::GroupEnd => return None,
        }
        Some(item)
    }

    /// All fields of a message, up to where it is none.
    pub(super) fn all(mut message: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || Self::take(&mut message))
    }
}

/// How many numbers of this layout stand packed in `value`.
pub(super) fn packed(value: &[u8], layout: Layout) -> usize {
    match layout {
        // Each number ends with the byte that does not have its first bit set.
        Layout::Varint => value.iter().filter(|byte| **byte < 0x80).count(),
        Layout::Fixed64 => value.len() / 8,
        Layout::Fixed32 => value.len() / 4,
        Layout::Delimited | Layout::Group | Layout::GroupEnd => 0,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for (place, byte) in rest.iter().take(NUMBER_BYTES).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The last byte has room for one bit.
        if place == NUMBER_BYTES - 1 && bits > 1 {
            return None;
        }
        number |= bits << (7 * place);
        if *byte < 0x80 {
            *rest = rest.get(place + 1..)?;
            return Some(number);
        }
    }
    None
}

fn key(rest: &mut &[u8]) -> Option<(u32, Layout)> {
    let key = u32::try_from(varint(rest)?).ok()?;
    let layout = match key & 7 {
        0 => Layout::Varint,
        1 => Layout::Fixed64,
        2 => Layout::Delimited,
        3 => Layout::Group,
        4 => Layout::GroupEnd,
        5 => Layout::Fixed32,
        _ => return None,
    };
    Some((key >> 3, layout)).filter(|(number, _)| *number > 0)
}

fn delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
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
        let (number, layout) = key(&mut ahead)?;
        match layout {
            Layout::GroupEnd if number == *innermost => {
                *rest = ahead;
                open.pop();
            }
            Layout::Group if open.len() < DEPTH => {
                *rest = ahead;
                fields += 1;
                open.push(number);
            }
            Layout::Group | Layout::GroupEnd => return None,
            Layout::Varint | Layout::Fixed64 | Layout::Fixed32 | Layout::Delimited => {
                Item::take(rest)?;
                fields += 1;
            }
        }
    }
    Some(fields)
}
