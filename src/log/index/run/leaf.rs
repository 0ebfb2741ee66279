//! Leaf pages: the entries of a run, sorted by key.
//!
//! ```text
//! page  = crc u32 | entries n u16 | entry x n | zeros | offset of each entry u16 x n
//! entry = key 16 | varint: number of positions, 1 bit: it has a revision, 1 bit: its list is long
//!         [| varint last revision]
//!         | short list: varint first position less the run's first, then varint differences
//!         | long list: varint offset of its directory, varint containers,
//!                      varint last position less the run's first
//! ```

use bytes::BufMut as _;
use prost::encoding::{decode_varint, encode_varint};

use super::{Malformed, PAGE, checksum, list::LongList};
use crate::{
    domain::event::{Position, Revision},
    log::index::key::Key,
};

const CRC: usize = 4;
const HEAD: usize = CRC + 2;
const ENTRY_OFFSET: usize = 2;
/// The lowest bits of the number in an entry.
const LONG: u64 = 1;
const REVISION: u64 = 2;
const FLAG_BITS: u32 = 2;

const _: () = assert!(PAGE <= u16::MAX as usize, "offsets are u16");

/// What stands in an entry beside its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// Number of positions.
    pub(super) count: u64,
    /// The last revision, if the term is a stream; else 0.
    pub(super) revision: Revision,
    /// Where the positions are.
    pub(super) list: EntryList<'a>,
}

/// The positions of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntryList<'a> {
    /// In the entry, encoded.
    Short(&'a [u8]),
    /// Elsewhere in the run.
    Long(LongList),
}

/// Encodes a short list of a run that begins at `first`; `None` if it has more than `most` bytes.
pub(super) fn encode_short(
    first: Position,
    positions: impl Iterator<Item = Position>,
    most: usize,
) -> Option<(u64, Vec<u8>)> {
    let (mut before, mut count, mut bytes) = (first, 0, Vec::new());
    for position in positions {
        encode_varint(position - before, &mut bytes);
        if bytes.len() > most {
            return None;
        }
        (before, count) = (position, count + 1);
    }
    Some((count, bytes))
}

/// The positions of a short list of a run that begins at `first`.
pub(super) fn decode_short(
    first: Position,
    count: u64,
    bytes: &[u8],
) -> Result<Vec<Position>, Malformed> {
    let mut positions = Vec::new();
    extend_short(first, count, bytes, &mut positions)?;
    Ok(positions)
}

/// Adds the positions of a short list of a run that begins at `first`.
pub(super) fn extend_short(
    first: Position,
    count: u64,
    mut bytes: &[u8],
    positions: &mut Vec<Position>,
) -> Result<(), Malformed> {
    let mut before = first;
    for _ in 0..count {
        before = number(&mut bytes)?.checked_add(before).ok_or(BAD_ENTRY)?;
        positions.push(before);
    }
    Ok(())
}

/// Fills pages with entries.
#[derive(Debug)]
pub(super) struct LeafBuilder {
    page: Vec<u8>,
    offsets: Vec<u16>,
    entry: Vec<u8>,
}

impl LeafBuilder {
    /// An empty page.
    pub(super) fn new() -> Self {
        Self { page: vec![0; HEAD], offsets: Vec::new(), entry: Vec::new() }
    }

    /// Whether it has no entries.
    pub(super) fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Takes an entry behind all others of a run that begins at `first`; false if it does not fit
    /// any more.
    pub(super) fn push(&mut self, first: Position, key: Key, entry: &Entry<'_>) -> bool {
        self.entry.clear();
        self.entry.put_slice(&key.to_bytes());
        let long = u64::from(matches!(entry.list, EntryList::Long(_)));
        let has_revision = if entry.revision > 0 { REVISION } else { 0 };
        encode_varint((entry.count << FLAG_BITS) | has_revision | (long * LONG), &mut self.entry);
        if entry.revision > 0 {
            encode_varint(entry.revision, &mut self.entry);
        }
        match entry.list {
            EntryList::Short(bytes) => self.entry.put_slice(bytes),
            EntryList::Long(LongList { directory, containers, last }) => {
                encode_varint(directory, &mut self.entry);
                encode_varint(u64::from(containers), &mut self.entry);
                encode_varint(last - first, &mut self.entry);
            }
        }
        let offsets = (self.offsets.len() + 1) * ENTRY_OFFSET;
        if self.page.len() + self.entry.len() + offsets > PAGE {
            return false;
        }
        self.offsets.push(u16::try_from(self.page.len()).expect("a page is that small"));
        self.page.extend_from_slice(&self.entry);
        true
    }

    /// The page without its checksum, and an empty builder.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let Self { mut page, offsets, .. } = std::mem::replace(self, Self::new());
        let count = u16::try_from(offsets.len()).expect("an entry has at least a byte");
        page.iter_mut().skip(CRC).zip(count.to_be_bytes()).for_each(|(to, from)| *to = from);
        page.resize(PAGE - offsets.len() * ENTRY_OFFSET, 0);
        for offset in offsets {
            page.put_u16(offset);
        }
        page
    }
}

/// Puts the checksum into a page that will stand at `offset`.
pub(super) fn seal(page: &mut [u8], salt: u32, offset: u64) {
    let (crc, rest) = page.split_at_mut(CRC);
    crc.copy_from_slice(&checksum(salt, offset, rest).to_be_bytes());
}

/// A page that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafPage<'a> {
    page: &'a [u8],
    count: usize,
}

impl<'a> LeafPage<'a> {
    /// Checks the page that stands at `offset`.
    pub(super) fn open(page: &'a [u8], salt: u32, offset: u64) -> Result<Self, Malformed> {
        let (crc, rest) = page.split_at_checked(CRC).ok_or(BAD_PAGE)?;
        if crc != checksum(salt, offset, rest).to_be_bytes() {
            return Err(BAD_PAGE);
        }
        Self::again(page)
    }

    /// A page that was checked before.
    pub(super) fn again(page: &'a [u8]) -> Result<Self, Malformed> {
        let count = usize::from(u16_at(page, CRC)?);
        if page.len() != PAGE || HEAD + count * ENTRY_OFFSET > PAGE {
            return Err(BAD_ENTRY);
        }
        Ok(Self { page, count })
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The entry of a key.
    pub(super) fn find(&self, first: Position, key: Key) -> Result<Option<Entry<'a>>, Malformed> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            let (found, rest) = self.split(middle)?;
            match found.cmp(&key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return parse(first, rest).map(Some),
            }
        }
        Ok(None)
    }

    /// The entry at a place, with its key.
    pub(super) fn entry(&self, first: Position, at: usize) -> Result<(Key, Entry<'a>), Malformed> {
        let (key, rest) = self.split(at)?;
        Ok((key, parse(first, rest)?))
    }

    /// The key of the entry at a place, and the rest of the page.
    fn split(&self, at: usize) -> Result<(Key, &'a [u8]), Malformed> {
        let place = u16_at(self.page, PAGE - (self.count - at) * ENTRY_OFFSET)?;
        let entry = self.page.get(usize::from(place)..).ok_or(BAD_ENTRY)?;
        let (key, rest) = entry.split_first_chunk::<{ Key::BYTES }>().ok_or(BAD_ENTRY)?;
        Ok((Key::from_bytes(*key), rest))
    }
}

fn parse(first: Position, mut rest: &[u8]) -> Result<Entry<'_>, Malformed> {
    let tagged = number(&mut rest)?;
    let revision = if tagged & REVISION > 0 { number(&mut rest)? } else { 0 };
    let list = if tagged & LONG > 0 {
        let directory = number(&mut rest)?;
        let containers = u32::try_from(number(&mut rest)?).map_err(|_| BAD_ENTRY)?;
        let last = first.checked_add(number(&mut rest)?).ok_or(BAD_ENTRY)?;
        EntryList::Long(LongList { directory, containers, last })
    } else {
        EntryList::Short(rest)
    };
    Ok(Entry { count: tagged >> FLAG_BITS, revision, list })
}

fn number(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    decode_varint(bytes).map_err(|_| BAD_ENTRY)
}

fn u16_at(page: &[u8], at: usize) -> Result<u16, Malformed> {
    let bytes = page.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or(BAD_ENTRY)?;
    Ok(u16::from_be_bytes(*bytes))
}

const BAD_PAGE: Malformed = Malformed("the checksum of a leaf page is wrong");
const BAD_ENTRY: Malformed = Malformed("a leaf page holds something that is no entry");
