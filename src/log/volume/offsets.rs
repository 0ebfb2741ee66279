//! Offsets of values in the file of a sealed volume.
//!
//! sled keeps every value in one piece, and a sealed volume's file is never written again. So once
//! sled has been read back, [`search`] looks for its values in its file, and the offset table
//! ([`OffsetTable`]) is kept beside the volume. From then on a block is one read of its own bytes
//! ([`reader`]), whereas sled reads a leaf of up to 17 values and keeps it.
//!
//! A table is derived and never evidence: what lies at an offset is checked like any value, and if
//! it is wrong, the value is read through sled.

mod file;
mod reader;
mod search;

pub use self::reader::DatabaseBytes;
pub(super) use self::{
    reader::{OffsetReader, Stretch},
    search::Wanted,
};

use super::key::Key;
use crate::domain::event::Position;

/// Where one value lies; 16 bytes, on disk as in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueOffset {
    /// Its position, counted from the volume's first.
    position: u32,
    /// The number of a part; 0 for everything else.
    part: u16,
    /// Bytes of the value.
    length: u16,
    /// Where it begins in the file.
    offset: u64,
}

/// The offsets of all values of a volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OffsetTable {
    first: Position,
    /// Blocks and heads, then parts, then pages, each by rising positions and part numbers.
    offsets: Vec<ValueOffset>,
    /// Number of blocks and heads.
    blocks: usize,
    /// Number of parts.
    parts: usize,
}

impl OffsetTable {
    /// A table of these offsets, of a volume that begins at `first`; `None` if a key is too far
    /// from the beginning to fit into 32 bits.
    fn new(first: Position, mut found: Vec<(Key, u64, u16)>) -> Option<Self> {
        found.sort_unstable();
        let count = |kind: fn(&Key) -> bool| found.iter().filter(|(key, ..)| kind(key)).count();
        let blocks = count(|key| matches!(key, Key::Block(_)));
        let parts = count(|key| matches!(key, Key::Part(..)));
        let value = |(key, offset, length): &(Key, u64, u16)| {
            let part = if let Key::Part(_, part) = key { u16::try_from(*part).ok()? } else { 0 };
            let position = u32::try_from(key.position().checked_sub(first)?).ok()?;
            Some(ValueOffset { position, part, length: *length, offset: *offset })
        };
        let offsets = found.iter().map(value).collect::<Option<_>>()?;
        Some(Self { first, offsets, blocks, parts })
    }

    /// Bytes that it takes in memory.
    fn bytes(&self) -> usize {
        self.offsets.len() * size_of::<ValueOffset>()
    }

    fn blocks(&self) -> &[ValueOffset] {
        self.offsets.get(..self.blocks).unwrap_or_default()
    }

    fn parts(&self) -> &[ValueOffset] {
        self.offsets.get(self.blocks..self.blocks + self.parts).unwrap_or_default()
    }

    fn pages(&self) -> &[ValueOffset] {
        self.offsets.get(self.blocks + self.parts..).unwrap_or_default()
    }

    /// The number among the blocks of the last one at or before `position`.
    fn block(&self, position: Position) -> Option<usize> {
        self.last_up_to(self.blocks(), position)
    }

    /// The number among the pages of the last one at or before `position`.
    fn page(&self, position: Position) -> Option<usize> {
        self.last_up_to(self.pages(), position)
    }

    fn last_up_to(&self, offsets: &[ValueOffset], position: Position) -> Option<usize> {
        let offset = position.checked_sub(self.first)?;
        offsets.partition_point(|value| u64::from(value.position) <= offset).checked_sub(1)
    }

    fn find(&self, key: Key) -> Option<&ValueOffset> {
        let offset = u32::try_from(key.position().checked_sub(self.first)?).ok()?;
        let (among, part) = match key {
            Key::Block(_) => (self.blocks(), 0),
            Key::Part(_, part) => (self.parts(), u16::try_from(part).ok()?),
            Key::Page(_) => (self.pages(), 0),
        };
        let sought = (offset, part);
        let found = among.binary_search_by_key(&sought, |value| (value.position, value.part)).ok();
        found.and_then(|number| among.get(number))
    }

    /// The position that an entry is of.
    fn position(&self, value: &ValueOffset) -> Position {
        self.first + u64::from(value.position)
    }
}

#[cfg(test)]
mod fuzz;
