//! Reads values at their offsets.

use std::{
    fmt,
    fs::File,
    io::{self, IoSliceMut},
    ops::{Range, RangeInclusive},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use rustix::{
    fs::{Advice, fadvise},
    io::{ReadWriteFlags, preadv2},
};

use super::{OffsetTable, ValueOffset};
use crate::{
    domain::event::Position,
    log::volume::{VolumeError, database, key::Key, values::Values},
};

/// Bytes between two blocks that are read along rather than read around: a read costs as much as a
/// few KiB do.
const GAP: u64 = 4 << 10;

/// The file with the values of a volume, wherever it is kept.
pub trait DatabaseBytes: fmt::Debug {
    /// Fills the buffer from an offset on; `UnexpectedEof` if the file ends before that.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl DatabaseBytes for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

/// The values of a volume with known offsets.
#[derive(Debug)]
pub(in crate::log::volume) struct OffsetReader<F = File> {
    volume: PathBuf,
    table: OffsetTable,
    file: F,
}

/// Neighbouring blocks that were read together.
#[derive(Debug, Default)]
pub(in crate::log::volume) struct Stretch {
    bytes: Bytes,
    /// The position of each block, and where its value is in the bytes; rising.
    blocks: Vec<(Position, Range<usize>)>,
    /// The last position that the last of them may hold.
    last: Position,
}

impl OffsetReader {
    /// The values of the volume in the folder `volume`, which lie where the table says.
    pub(in crate::log::volume) fn open(
        volume: &Path,
        table: OffsetTable,
    ) -> Result<Self, VolumeError> {
        let file = File::open(volume.join(database::FILE))
            .map_err(|error| VolumeError::unreadable(volume, None, error))?;
        Ok(Self::of(volume, table, file))
    }

    /// Bytes that the table takes in memory.
    pub(in crate::log::volume) fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// The block that holds `position`, and as many of those around it as are wanted and lie next
    /// to it in the file, up to about `max_bytes`. `is_wanted` says whether anything of a range
    /// is.
    pub(in crate::log::volume) fn stretch(
        &self,
        position: Position,
        max_bytes: usize,
        is_wanted: &dyn Fn(RangeInclusive<Position>) -> bool,
    ) -> Result<Stretch, VolumeError> {
        let Some(number) = self.table.block(position) else { return Ok(Stretch::default()) };
        let numbers = self.neighbours(number, max_bytes, is_wanted);
        let last = self.range(numbers.end - 1).map_or(position, |range| *range.end());
        let offsets = self.table.blocks().get(numbers).unwrap_or_default();
        let (Some(from), Some(to)) = (offsets.first(), offsets.last()) else {
            return Ok(Stretch::default());
        };
        let start = from.offset;
        let span = |value: &ValueOffset| {
            let at = usize::try_from(value.offset - start).unwrap_or(usize::MAX);
            at..at.saturating_add(usize::from(value.length))
        };
        let bytes = self.read(position, start, span(to).end)?;
        let blocks = offsets.iter().map(|value| (self.table.position(value), span(value)));
        Ok(Stretch { bytes, blocks: blocks.collect(), last })
    }

    /// The numbers of the blocks to read together with this one.
    fn neighbours(
        &self,
        number: usize,
        max_bytes: usize,
        is_wanted: &dyn Fn(RangeInclusive<Position>) -> bool,
    ) -> Range<usize> {
        let blocks = self.table.blocks();
        let mut bytes = 0;
        let mut joins = |before: usize, wanted: usize| {
            let (Some(a), Some(b)) = (blocks.get(before), blocks.get(before + 1)) else {
                return false;
            };
            let gap = b.offset.checked_sub(a.offset + u64::from(a.length));
            bytes += usize::from(a.length);
            gap.is_some_and(|gap| gap <= GAP)
                && bytes < max_bytes
                && self.range(wanted).is_some_and(is_wanted)
        };
        let mut end = number + 1;
        while joins(end - 1, end) {
            end += 1;
        }
        let mut start = number;
        while start > 0 && joins(start - 1, start - 1) {
            start -= 1;
        }
        start..end
    }

    /// The position of the first block behind `position`.
    pub(in crate::log::volume) fn block_after(&self, position: Position) -> Option<Position> {
        let number = self.table.block(position).map_or(0, |number| number + 1);
        self.table.blocks().get(number).map(|next| self.table.position(next))
    }

    /// The positions from this block to the next.
    fn range(&self, number: usize) -> Option<RangeInclusive<Position>> {
        let blocks = self.table.blocks();
        let first = self.table.position(blocks.get(number)?);
        let next = blocks.get(number + 1).map_or(u64::MAX, |next| self.table.position(next));
        Some(first..=next - 1)
    }

    /// The block that holds `position` and its own position, if the operating system has it in
    /// memory; the disk is not read. `None` also where the system cannot tell (`RWF_NOWAIT`).
    pub(in crate::log::volume) fn resident(&self, position: Position) -> Option<(Position, Bytes)> {
        let value = self.table.blocks().get(self.table.block(position)?)?;
        let mut bytes = vec![0; usize::from(value.length)];
        let mut buffers = [IoSliceMut::new(&mut bytes)];
        let read = preadv2(&self.file, &mut buffers, value.offset, ReadWriteFlags::NOWAIT);
        let is_whole = read.is_ok_and(|read| read == usize::from(value.length));
        is_whole.then(|| (self.table.position(value), bytes.into()))
    }

    /// Has the operating system forget what it has in memory of the file, so that what is read
    /// next comes from the disk.
    pub(in crate::log::volume) fn forget(&self) {
        // Where it cannot, reading goes on all the same, and finds less.
        let _ = fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

impl<F: DatabaseBytes> OffsetReader<F> {
    /// The values of the volume in the folder `volume` out of a file that is kept elsewhere.
    pub(in crate::log::volume) fn of(volume: &Path, table: OffsetTable, file: F) -> Self {
        Self { volume: volume.to_owned(), table, file }
    }

    fn at(&self, value: &ValueOffset) -> Result<(Position, Bytes), VolumeError> {
        let position = self.table.position(value);
        Ok((position, self.read(position, value.offset, usize::from(value.length))?))
    }

    fn read(&self, position: Position, offset: u64, length: usize) -> Result<Bytes, VolumeError> {
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| VolumeError::unreadable(&self.volume, Some(position), error))?;
        Ok(bytes.into())
    }
}

impl Stretch {
    /// The block that holds `position`, if any of these does, and its own position.
    pub(in crate::log::volume) fn block(&self, position: Position) -> Option<(Position, Bytes)> {
        if position > self.last {
            return None;
        }
        let number = self.blocks.partition_point(|(first, _)| *first <= position).checked_sub(1)?;
        let (first, span) = self.blocks.get(number)?;
        Some((*first, self.bytes.slice(span.clone())))
    }
}

impl<F: DatabaseBytes> Values for OffsetReader<F> {
    fn block(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let number = self.table.block(position);
        number.and_then(|number| self.table.blocks().get(number)).map(|at| self.at(at)).transpose()
    }

    fn value(&self, key: Key) -> Result<Option<Bytes>, VolumeError> {
        self.table.find(key).map(|value| Ok(self.at(value)?.1)).transpose()
    }

    fn page(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let number = self.table.page(position);
        number.and_then(|number| self.table.pages().get(number)).map(|at| self.at(at)).transpose()
    }

    fn page_after(
        &self,
        after: Option<Position>,
    ) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let before = after.and_then(|position| self.table.page(position));
        let number = before.map_or(0, |before| before + 1);
        self.table.pages().get(number).map(|value| self.at(value)).transpose()
    }
}
