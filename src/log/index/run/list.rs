//! Long lists of positions: compressed bitmaps, each of up to 65,536 neighbouring positions, and a
//! directory of them. A reader of a list holds one bitmap at a time.
//!
//! ```text
//! list      = bitmap, bitmap, ... | directory
//! directory = (number u32 | positions up to its end u64 | end u32 | crc u32) x n | crc u32
//! ```
//!
//! A container's number is that of its positions without their lowest 16 bits; its end is counted
//! from the beginning of the list.

use bytes::{Buf as _, BufMut as _};
use roaring::RoaringBitmap;

use super::{Malformed, output::Output};
use crate::{domain::event::Position, log::index::write_error::WriteError};

/// Bytes of a directory entry.
pub(super) const RECORD: usize = 4 + 8 + 4 + 4;
const LOW_BITS: u32 = 16;

/// Where a long list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log::index) struct LongList {
    /// Place of the directory in the file.
    pub(in crate::log::index) directory: u64,
    /// Number of containers.
    pub(in crate::log::index) containers: u32,
    /// The last position.
    pub(in crate::log::index) last: Position,
}

impl LongList {
    /// Bytes of the directory.
    pub(super) fn directory_bytes(&self) -> usize {
        self.containers as usize * RECORD + 4
    }
}

/// The number of the container that holds a position, and its place in there.
pub(super) fn split(position: Position) -> (u32, u32) {
    let number = u32::try_from(position >> LOW_BITS).expect("no log has 2^48 events");
    let low = u32::try_from(position & ((1 << LOW_BITS) - 1)).expect("16 bits fit");
    (number, low)
}

/// The position at a place of a container.
pub(super) fn join(number: u32, low: u32) -> Position {
    u64::from(number) << LOW_BITS | u64::from(low)
}

/// Writes a long list.
#[derive(Debug)]
pub(super) struct ListWriter<'o, 'a> {
    output: &'o mut Output<'a>,
    start: u64,
    number: u32,
    bitmap: RoaringBitmap,
    directory: Vec<u8>,
    count: u64,
    last: Position,
}

impl<'o, 'a> ListWriter<'o, 'a> {
    /// Begins a list where the output stands.
    pub(super) fn new(output: &'o mut Output<'a>) -> Self {
        let start = output.offset();
        Self {
            output,
            start,
            number: 0,
            bitmap: RoaringBitmap::new(),
            directory: Vec::new(),
            count: 0,
            last: 0,
        }
    }

    /// Takes a position behind all others.
    pub(super) fn push(&mut self, position: Position) -> Result<(), WriteError> {
        let (number, low) = split(position);
        self.go_to(number)?;
        self.bitmap.insert(low);
        Ok(())
    }

    /// Takes a container behind all others; its number may be that of the last one.
    pub(super) fn container(
        &mut self,
        number: u32,
        bitmap: RoaringBitmap,
    ) -> Result<(), WriteError> {
        self.go_to(number)?;
        if self.bitmap.is_empty() {
            self.bitmap = bitmap;
        } else {
            self.bitmap |= bitmap;
        }
        Ok(())
    }

    /// Writes the rest; returns the number of positions, and where they are.
    pub(super) fn finish(mut self) -> Result<(u64, LongList), WriteError> {
        self.flush()?;
        let directory = self.output.offset();
        let crc = self.output.checksum(&self.directory);
        let containers = u32::try_from(self.directory.len() / RECORD).expect("numbers are u32");
        self.directory.put_u32(crc);
        self.output.put(&self.directory)?;
        Ok((self.count, LongList { directory, containers, last: self.last }))
    }

    fn go_to(&mut self, number: u32) -> Result<(), WriteError> {
        if self.number != number {
            self.flush()?;
            self.number = number;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let mut bitmap = std::mem::take(&mut self.bitmap);
        let Some(highest) = bitmap.max() else { return Ok(()) };
        bitmap.optimize();
        let mut bytes = Vec::with_capacity(bitmap.serialized_size());
        bitmap.serialize_into(&mut bytes).expect("memory can always be written");
        let crc = self.output.checksum(&bytes);
        self.output.put(&bytes)?;
        self.count += bitmap.len();
        self.last = join(self.number, highest);
        let end = self.output.offset() - self.start;
        self.directory.put_u32(self.number);
        self.directory.put_u64(self.count);
        self.directory.put_u32(u32::try_from(end).expect("2^32 bytes hold 2^34 positions"));
        self.directory.put_u32(crc);
        Ok(())
    }
}

/// A directory that was read.
#[derive(Debug)]
pub(super) struct Directory {
    records: Vec<u8>,
    /// Where the list begins.
    start: u64,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container {
    /// Its number.
    pub(super) number: u32,
    /// Positions in the containers before it.
    pub(super) before: u64,
    /// Positions up to its end.
    pub(super) through: u64,
    /// Place of its bytes in the file.
    pub(super) offset: u64,
    /// How many they are.
    pub(super) bytes: usize,
    /// Their checksum.
    pub(super) crc: u32,
}

impl Directory {
    /// Takes the bytes of a directory; their checksum was right.
    pub(super) fn new(at: &LongList, records: Vec<u8>) -> Result<Self, Malformed> {
        let mut directory = Self { records, start: 0 };
        let last = directory.len().checked_sub(1).and_then(|last| directory.get(last));
        let end = last.ok_or(BAD_LIST)?.end();
        directory.start = at.directory.checked_sub(end).ok_or(BAD_LIST)?;
        Ok(directory)
    }

    /// Number of containers.
    pub(super) fn len(&self) -> usize {
        self.records.len() / RECORD
    }

    /// The container at a place.
    pub(super) fn get(&self, at: usize) -> Option<Container> {
        let (before, begin) = match at.checked_sub(1) {
            Some(place) => self.record(place).map(|(_, through, end, _)| (through, end))?,
            None => (0, 0),
        };
        let (number, through, end, crc) = self.record(at)?;
        let bytes = usize::try_from(end.checked_sub(begin)?).ok()?;
        let offset = self.start + u64::from(begin);
        Some(Container { number, before, through, offset, bytes, crc })
    }

    /// The place of the first container for which `is_before` does not hold.
    pub(super) fn partition_point(&self, is_before: impl Fn(&Container) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.get(middle) {
                Some(container) if is_before(&container) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    fn record(&self, at: usize) -> Option<(u32, u64, u32, u32)> {
        let mut record = self.records.get(at * RECORD..(at + 1) * RECORD)?;
        Some((record.get_u32(), record.get_u64(), record.get_u32(), record.get_u32()))
    }
}

impl Container {
    /// Where it ends.
    fn end(&self) -> u64 {
        self.offset + self.bytes as u64
    }
}

/// The bitmap of a container; its checksum was right.
pub(super) fn decode_bitmap(bytes: &[u8]) -> Result<RoaringBitmap, Malformed> {
    RoaringBitmap::deserialize_from(bytes).map_err(|_| BAD_LIST)
}

const BAD_LIST: Malformed = Malformed("a list holds something that is no list");
