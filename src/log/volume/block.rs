//! The values of a volume: blocks of whole events, parts of large events, pages of the append
//! table. Pure.
//!
//! ```text
//! value = marker 8 | crc u32 | body
//! body  = 0x01 | events u16 | end u16 x events | event bytes         a block of whole events
//!       | 0x02 | length u32 | parts u32 | crc of the event u32       an event kept in parts
//!       | 0x03 | bytes of the event                                  one part
//!       | 0x04 | entries u16 | entry x entries                       a page of the append table
//! ```
//!
//! All numbers are big-endian. A value has at most 4 KiB: sled then never puts a leaf of its tree
//! into a file of its own, and one random read fetches little that was not requested. The checksum,
//! CRC-32C, covers the key, the marker and the body, so that a value that turns up under another
//! key is found out. The marker and the checksum serve to find values in sled's file again; see
//! [`super::offsets`]. `docs/FORMAT.md` draws it all.

use bytes::{Buf as _, BufMut as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::key::Key;
use crate::{
    domain::{digest, event::Position, limits},
    log::{encoded_events::Chunk, frame::AppendEntry},
};

/// Bytes of a value at most.
pub(super) const VALUE_BYTES: usize = 4 << 10;
/// Bytes of an event that go into one part.
pub(super) const PART_BYTES: usize = VALUE_BYTES - HEAD - KIND;
/// Entries that fit a page of the append table.
pub(super) const PAGE_ENTRIES: usize = (VALUE_BYTES - HEAD - LIST) / AppendEntry::BYTES;
/// Bytes of a value before its body: marker and checksum.
pub(super) const HEAD: usize = MARKER + CRC;
/// Bytes of the marker.
pub(super) const MARKER: usize = 8;

const CRC: usize = 4;
const KIND: usize = 1;
const LIST: usize = KIND + 2;
const END: usize = 2;

// What a value is. Stored: keep the numbers, reserve retired ones.
const EVENTS: u8 = 1;
const LARGE: u8 = 2;
const PART: u8 = 3;
const APPENDS: u8 = 4;

const _: () = assert!(VALUE_BYTES <= u16::MAX as usize, "ends and lengths are u16");
const _: () = assert!(limits::EVENT_BYTES < u32::MAX as usize / 2, "lengths are u32");

/// What every value of a store begins with.
///
/// It follows from the store's id, which backups alone get. So no client can send payloads that
/// look like values, which would make the search for values in sled's file slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker([u8; MARKER]);

impl Marker {
    /// The marker of the store with this id.
    pub fn of(store_id: [u8; 16]) -> Self {
        let hash = Sha256::new().chain_update("volume values").chain_update(store_id);
        Self(digest::shortened(hash))
    }

    /// Whether the value begins with it.
    pub(super) fn begins(self, value: &[u8]) -> bool {
        value.starts_with(&self.0)
    }
}

/// A value that is not what was stored under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MalformedValue(pub(super) &'static str);

/// What is found under the key of a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Whole events.
    Events(Chunk),
    /// One event, kept in parts.
    Large(LargeEvent),
}

/// An event that is kept in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LargeEvent {
    /// Bytes of the event.
    pub(super) length: u32,
    /// Number of parts.
    pub(super) parts: u32,
    /// CRC-32C of the event.
    pub(super) crc: u32,
}

/// Packs whole events until no more fit.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    ends: Vec<u16>,
    events: Vec<u8>,
}

impl BlockBuilder {
    /// Takes an event; false if it does not fit any more.
    pub(super) fn push(&mut self, event: &[u8]) -> bool {
        let ends = (self.ends.len() + 1) * END;
        let end = self.events.len() + event.len();
        match u16::try_from(end) {
            Ok(short) if HEAD + LIST + ends + end <= VALUE_BYTES => {
                self.ends.push(short);
                self.events.extend_from_slice(event);
                true
            }
            _ => false,
        }
    }

    /// Number of events taken.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The block's value under `key`, and an empty builder.
    pub(super) fn take(&mut self, key: Key, marker: Marker) -> Vec<u8> {
        let built = std::mem::take(self);
        let mut body = begin(marker, EVENTS);
        body.put_u16(u16::try_from(built.ends.len()).expect("events have at least a byte each"));
        built.ends.iter().for_each(|end| body.put_u16(*end));
        body.put_slice(&built.events);
        seal(key, body)
    }
}

impl LargeEvent {
    /// How `event` is kept in parts.
    pub(super) fn of(event: &[u8]) -> Self {
        let number = |n: usize| u32::try_from(n).expect("an event is far smaller than 4 GiB");
        Self {
            length: number(event.len()),
            parts: number(event.len().div_ceil(PART_BYTES)),
            crc: crc32c::crc32c(event),
        }
    }

    /// The head's value under `key`.
    pub(super) fn encode(&self, key: Key, marker: Marker) -> Vec<u8> {
        let mut body = begin(marker, LARGE);
        body.put_u32(self.length);
        body.put_u32(self.parts);
        body.put_u32(self.crc);
        seal(key, body)
    }
}

/// The value of one part under `key`.
pub(super) fn encode_part(key: Key, marker: Marker, bytes: &[u8]) -> Vec<u8> {
    let mut body = begin(marker, PART);
    body.put_slice(bytes);
    seal(key, body)
}

/// The value of a page of the append table under `key`; at most [`PAGE_ENTRIES`] entries.
pub(super) fn encode_appends(key: Key, marker: Marker, entries: &[AppendEntry]) -> Vec<u8> {
    let mut body = begin(marker, APPENDS);
    body.put_u16(u16::try_from(entries.len()).expect("a page has few entries"));
    for entry in entries {
        entry.put(&mut body);
    }
    seal(key, body)
}

/// Takes apart what was found under the key of `position`.
pub(super) fn decode_block(position: Position, value: Bytes) -> Result<Block, MalformedValue> {
    let (kind, mut body) = open(Key::Block(position), value)?;
    match kind {
        EVENTS => {
            let count = usize::from(body.try_get_u16().map_err(|_| SHORT)?);
            if body.len() < count * END {
                return Err(SHORT);
            }
            let ends = body.split_to(count * END);
            let chunk = Chunk::stored(position, ends, body);
            chunk.map(Block::Events).ok_or(MalformedValue("its ends do not fit its events"))
        }
        LARGE => {
            let mut number = || body.try_get_u32().map_err(|_| SHORT);
            let large = LargeEvent { length: number()?, parts: number()?, crc: number()? };
            let parts = (large.length as usize).div_ceil(PART_BYTES);
            if parts == large.parts as usize && large.length > 0 && body.is_empty() {
                Ok(Block::Large(large))
            } else {
                Err(MalformedValue("its parts do not fit its length"))
            }
        }
        _ => Err(MalformedValue("it is not a block")),
    }
}

/// The bytes of a part found under `key`.
pub(super) fn decode_part(key: Key, value: Bytes) -> Result<Bytes, MalformedValue> {
    match open(key, value)? {
        (PART, body) => Ok(body),
        _ => Err(MalformedValue("it is not a part of an event")),
    }
}

/// The entries of a page found under `key`.
pub(super) fn decode_appends(key: Key, value: Bytes) -> Result<Vec<AppendEntry>, MalformedValue> {
    let (APPENDS, mut body) = open(key, value)? else {
        return Err(MalformedValue("it is not a page of the append table"));
    };
    let count = usize::from(body.try_get_u16().map_err(|_| SHORT)?);
    if body.len() != count * AppendEntry::BYTES {
        return Err(SHORT);
    }
    (0..count).map(|_| AppendEntry::take(&mut body).ok_or(SHORT)).collect()
}

const SHORT: MalformedValue = MalformedValue("it is cut off");

/// The checksum that a value says it has; `None` if it is too short to say one.
pub(super) fn said_checksum(value: &[u8]) -> Option<u32> {
    value.get(MARKER..HEAD)?.try_into().ok().map(u32::from_be_bytes)
}

fn begin(marker: Marker, kind: u8) -> Vec<u8> {
    let mut value = Vec::with_capacity(VALUE_BYTES);
    value.put_slice(&marker.0);
    value.put_u32(0);
    value.put_u8(kind);
    value
}

fn seal(key: Key, mut value: Vec<u8>) -> Vec<u8> {
    let crc = checksum(key, &value).unwrap_or_default().to_be_bytes();
    value.iter_mut().skip(MARKER).zip(crc).for_each(|(to, from)| *to = from);
    value
}

/// The kind and what follows it, once the checksum is right.
fn open(key: Key, mut value: Bytes) -> Result<(u8, Bytes), MalformedValue> {
    let said = said_checksum(&value).ok_or(SHORT)?;
    if checksum(key, &value) != Some(said) && !planted!("block-unchecked") {
        return Err(MalformedValue("its checksum is wrong"));
    }
    value.advance(HEAD);
    let kind = value.try_get_u8().map_err(|_| SHORT)?;
    Ok((kind, value))
}

fn checksum(key: Key, value: &[u8]) -> Option<u32> {
    let (marker, body) = (value.get(..MARKER)?, value.get(HEAD..)?);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&key.bytes()), marker);
    Some(crc32c::crc32c_append(crc, body))
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn entry(n: u64) -> AppendEntry {
        AppendEntry { request_id: [1; 16], digest: [2; 16], first_position: n, count: 3 }
    }

    const MARK: Marker = Marker(*b"a marker");

    type Taken = fn(Key, Bytes) -> bool;

    /// Every kind of value, with its key and a decoder that says whether it was taken.
    fn values() -> Vec<(Key, Vec<u8>, Taken)> {
        let mut block = BlockBuilder::default();
        assert!(block.push(&[10, 1, 7]) && block.push(&[10, 0]));
        let large = LargeEvent::of(&[5; 9000]);
        let decode = |key: Key, value| decode_block(key.position(), value).is_ok();
        let (at, part, page) = (Key::Block(9), Key::Part(9, 1), Key::Page(9));
        vec![
            (at, block.take(at, MARK), decode),
            (at, large.encode(at, MARK), decode),
            (part, encode_part(part, MARK, &[1, 2]), |k, v| decode_part(k, v).is_ok()),
            (page, encode_appends(page, MARK, &[entry(9)]), |k, v| decode_appends(k, v).is_ok()),
        ]
    }

    #[test]
    fn a_flip_of_any_single_bit_is_detected() {
        for (key, value, taken) in values() {
            assert!(taken(key, value.clone().into()));
            for bit in 0..value.len() * 8 {
                let mut flipped = value.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!taken(key, flipped.into()), "bit {bit} of {value:?}");
            }
        }
    }

    #[test]
    fn a_value_under_a_foreign_key_is_detected() {
        let mut block = BlockBuilder::default();
        assert!(block.push(&[10, 0]));
        let value = Bytes::from(block.take(Key::Block(9), MARK));
        assert!(decode_block(9, value.clone()).is_ok());
        assert!(decode_block(10, value).is_err());
        let part = encode_part(Key::Part(9, 1), MARK, &[1]);
        assert!(decode_part(Key::Part(9, 2), part.into()).is_err());
    }

    #[test]
    fn a_block_takes_events_up_to_4_kib_exactly() {
        let most = VALUE_BYTES - HEAD - LIST - END;
        let mut block = BlockBuilder::default();
        assert!(!block.push(&vec![0; most + 1]));
        assert!(block.push(&vec![0; most]));
        assert!(!block.push(&[]), "its end would not fit");
        assert_eq!(block.take(Key::Block(1), MARK).len(), VALUE_BYTES);
        assert_eq!(block.len(), 0);
    }

    #[test]
    fn parts_and_pages_never_exceed_4_kib() {
        assert_eq!(encode_part(Key::Part(1, 0), MARK, &[0; PART_BYTES]).len(), VALUE_BYTES);
        let page = encode_appends(Key::Page(1), MARK, &[entry(1); PAGE_ENTRIES]);
        assert!(page.len() <= VALUE_BYTES && page.len() + AppendEntry::BYTES > VALUE_BYTES);
    }

    #[test]
    fn a_marker_follows_from_the_store_and_its_value_begins_with_it() {
        assert_eq!(Marker::of([1; 16]), Marker::of([1; 16]));
        assert_ne!(Marker::of([1; 16]), Marker::of([2; 16]));
        for (key, value, _) in values() {
            assert_eq!(value[..MARKER], MARK.0);
            assert_eq!(said_checksum(&value), checksum(key, &value));
        }
    }

    proptest! {
        #[test]
        fn blocks_round_trip(events in vec(vec(any::<u8>(), 1..600), 1..20), at in 1..1_u64 << 50) {
            let mut block = BlockBuilder::default();
            let taken: Vec<_> = events.iter().take_while(|event| block.push(event)).collect();
            let value = Bytes::from(block.take(Key::Block(at), MARK));
            prop_assert!(value.len() <= VALUE_BYTES);
            let Block::Events(chunk) = decode_block(at, value).unwrap() else { panic!() };
            for (position, event) in (at..).zip(&taken) {
                prop_assert_eq!(&chunk.event(position)[..], &event[..]);
            }
            prop_assert_eq!(chunk.last(), at + taken.len() as u64 - 1);
        }

        #[test]
        fn pages_round_trip(firsts in vec(any::<u64>(), 1..PAGE_ENTRIES)) {
            let entries: Vec<_> = firsts.into_iter().map(entry).collect();
            let key = Key::Page(7);
            let value = encode_appends(key, MARK, &entries);
            prop_assert_eq!(decode_appends(key, value.into()).unwrap(), entries);
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in vec(any::<u8>(), 0..300),
            checked in any::<bool>(),
        ) {
            for key in [Key::Block(9), Key::Part(9, 0), Key::Page(9)] {
                let sealed = || seal(key, [&[0; HEAD], &bytes[..]].concat());
                let value = if checked { sealed() } else { bytes.clone() };
                let value = Bytes::from(value);
                let _ = decode_block(9, value.clone());
                let _ = decode_part(key, value.clone());
                let _ = decode_appends(key, value);
            }
        }
    }
}
