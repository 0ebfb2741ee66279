//! Takes a volume's values apart, wherever they come from. Every one is checked each time.

use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};

use super::{
    VolumeError,
    block::{self, Block, LargeEvent, MalformedValue, Marker},
    key::Key,
    values::Values,
};
use crate::{
    domain::event::Position,
    log::{encoded_events::Chunk, frame::AppendEntry},
};

/// A page of the append table: its position, and its entries in order.
pub type AppendPage = (Position, Vec<AppendEntry>);

/// What can be read of a volume.
pub trait Pieces {
    /// The events that are kept together with the one at `position`, which must be in here.
    fn chunk_at(&self, position: Position) -> Result<Chunk, VolumeError>;

    /// The append that begins at `position`; `None` if it has no request id, or none begins there.
    fn append_at(&self, position: Position) -> Result<Option<AppendEntry>, VolumeError>;

    /// The first page of the append table after the one at this position; of all, if absent.
    fn page_after(&self, after: Option<Position>) -> Result<Option<AppendPage>, VolumeError>;
}

/// Reads a volume; its values come from `V`.
#[derive(Debug)]
pub(super) struct VolumeReader<V> {
    dir: PathBuf,
    first: Position,
    last: Position,
    /// What values begin with; absent: not looked at, because all of it is compared with a digest.
    marker: Option<Marker>,
    pub(super) values: V,
}

impl<V: Values> VolumeReader<V> {
    /// Reads the volume in `dir`, of the events from `first` to `last`.
    pub(super) fn new(dir: &Path, (first, last): (Position, Position), values: V) -> Self {
        Self { dir: dir.to_owned(), first, last, marker: None, values }
    }

    /// Values of another store are refused: they may lie at the same offsets under the same keys,
    /// with checksums in order.
    pub(super) fn of_store(self, marker: Marker) -> Self {
        Self { marker: Some(marker), ..self }
    }

    /// The value, if it is one of this store.
    fn own(&self, value: Bytes) -> Result<Bytes, MalformedValue> {
        match self.marker {
            Some(marker) if !marker.begins(&value) => {
                Err(MalformedValue("it is not of this store"))
            }
            _ => Ok(value),
        }
    }

    /// The events of the block or head that was found at `first`.
    pub(super) fn chunk(&self, first: Position, value: Bytes) -> Result<Chunk, VolumeError> {
        match self.block(first, value)? {
            Block::Events(chunk) => self.within(first, chunk),
            Block::Large(large) => self.within(first, self.large(first, large)?),
        }
    }

    /// The same, if all of it lies in this one value and is as it should be.
    pub(super) fn events(&self, first: Position, value: Bytes) -> Option<Chunk> {
        match self.block(first, value).ok()? {
            Block::Events(chunk) => self.within(first, chunk).ok(),
            Block::Large(_) => None,
        }
    }

    fn block(&self, first: Position, value: Bytes) -> Result<Block, VolumeError> {
        let own = self.own(value).and_then(|value| block::decode_block(first, value));
        own.map_err(|error| self.bad(first, error))
    }

    fn within(&self, first: Position, chunk: Chunk) -> Result<Chunk, VolumeError> {
        if chunk.first() < self.first || chunk.last() > self.last {
            return Err(self.bad(first, MalformedValue("it reaches beyond its volume")));
        }
        Ok(chunk)
    }

    fn large(&self, position: Position, large: LargeEvent) -> Result<Chunk, VolumeError> {
        let mut event = BytesMut::with_capacity(large.length as usize);
        for number in 0..large.parts {
            let key = Key::Part(position, number);
            let part = self.values.value(key)?.ok_or(MalformedValue("a part of it is missing"));
            let own = part.and_then(|part| self.own(part));
            let bytes = own.and_then(|part| block::decode_part(key, part));
            event.extend_from_slice(&bytes.map_err(|error| self.bad(position, error))?);
        }
        if event.len() != large.length as usize || crc32c::crc32c(&event) != large.crc {
            return Err(self.bad(position, MalformedValue("its parts do not make up the event")));
        }
        Chunk::new(position, vec![large.length], event.freeze())
            .ok_or_else(|| self.bad(position, MalformedValue("it is empty")))
    }

    fn page(&self, position: Position, value: Bytes) -> Result<Vec<AppendEntry>, VolumeError> {
        let own = self.own(value);
        own.and_then(|value| block::decode_appends(Key::Page(position), value)).map_err(|error| {
            let what = format!("a page of the append table: {}", error.0);
            VolumeError::damaged(&self.dir, Some(position), what)
        })
    }

    /// The error for an event without a block.
    pub(super) fn missing(&self, position: Position) -> VolumeError {
        self.bad(position, MalformedValue("its block is missing"))
    }

    /// The error for a block that does not begin where the one before ends.
    pub(super) fn other_beginning(&self, position: Position, first: Position) -> VolumeError {
        VolumeError::damaged(&self.dir, Some(position), format!("its block begins at {first}"))
    }

    fn bad(&self, position: Position, error: MalformedValue) -> VolumeError {
        VolumeError::damaged(&self.dir, Some(position), error.0)
    }
}

impl<V: Values> Pieces for VolumeReader<V> {
    fn chunk_at(&self, position: Position) -> Result<Chunk, VolumeError> {
        let found = self.values.block(position)?;
        let (first, value) = found.ok_or_else(|| self.missing(position))?;
        let chunk = self.chunk(first, value)?;
        if chunk.holds(position) { Ok(chunk) } else { Err(self.missing(position)) }
    }

    fn append_at(&self, position: Position) -> Result<Option<AppendEntry>, VolumeError> {
        let Some((first, value)) = self.values.page(position)? else { return Ok(None) };
        let page = self.page(first, value)?;
        Ok(page.into_iter().find(|entry| entry.first_position == position))
    }

    fn page_after(&self, after: Option<Position>) -> Result<Option<AppendPage>, VolumeError> {
        let Some((first, value)) = self.values.page_after(after)? else { return Ok(None) };
        Ok(Some((first, self.page(first, value)?)))
    }
}
