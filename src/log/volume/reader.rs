//! Reads a volume. Every value is checked each time it is read.

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};

use super::{
    VolumeError,
    block::{self, APPEND_PREFIX, Block, LargeEvent, MalformedValue},
    contents::{Contents, Tally},
    database::Database,
};
use crate::{
    domain::event::Position,
    log::{frame::AppendEntry, run::Chunk},
};

/// An open volume.
#[derive(Debug)]
pub struct VolumeReader {
    dir: PathBuf,
    db: Database,
    contents: Contents,
}

impl VolumeReader {
    /// Opens the volume in `dir`, which should hold `contents`.
    pub(super) fn new(dir: PathBuf, contents: Contents) -> Result<Self, VolumeError> {
        Ok(Self { db: Database::open(&dir)?, dir, contents })
    }

    /// What it holds.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The events that are kept together with the one at `position`, which must be in here.
    pub fn chunk_at(&self, position: Position) -> Result<Chunk, VolumeError> {
        let bytes = self.db.get(&block::block_key(position))?;
        let (first, bytes) = match bytes {
            // Whoever reads on from block to block comes in here.
            Some(bytes) => (position, bytes),
            None => self.block_before(position)?,
        };
        let found = block::decode_block(first, bytes).map_err(|error| self.bad(first, error))?;
        let chunk = match found {
            Block::Events(chunk) => chunk,
            Block::Large(large) => self.large(first, large)?,
        };
        if !chunk.holds(position) || chunk.last() > self.contents.last_position {
            return Err(self.bad(position, MalformedValue("its block is missing")));
        }
        Ok(chunk)
    }

    /// The append that begins at `position`; `None` if it has no request id, or none begins there.
    pub fn append_at(&self, position: Position) -> Result<Option<AppendEntry>, VolumeError> {
        let Some((key, value)) = self.db.floor(&block::append_key(position))? else {
            return Ok(None);
        };
        if key.first() != Some(&APPEND_PREFIX) {
            return Ok(None);
        }
        let page = self.page(&key, value)?;
        Ok(page.into_iter().find(|entry| entry.first_position == position))
    }

    /// The append table, in order.
    pub(super) fn appends(&self, visit: &mut dyn FnMut(&AppendEntry)) -> Result<(), VolumeError> {
        let mut key = Bytes::from_static(&[APPEND_PREFIX]);
        let mut found = 0;
        while let Some((next, value)) = self.db.after(&key)? {
            key = next;
            let page = self.page(&key, value)?;
            found += page.len() as u64;
            page.iter().for_each(&mut *visit);
        }
        if found != self.contents.appends {
            let what = format!("{found} of {} appends are there", self.contents.appends);
            return Err(VolumeError::damaged(&self.dir, None, what));
        }
        Ok(())
    }

    /// Reads all of it and compares range, numbers and digest with what it should hold.
    pub fn verify(&self) -> Result<(), VolumeError> {
        self.replay(&mut |_| true, &mut |_| ()).map(drop)
    }

    /// Shows all of it in order, and compares it at the end with what it should hold. Ends early,
    /// with `false`, once `on_chunk` says so.
    pub fn replay(
        &self,
        on_chunk: &mut dyn FnMut(&Chunk) -> bool,
        on_append: &mut dyn FnMut(&AppendEntry),
    ) -> Result<bool, VolumeError> {
        let mut tally = Tally::new(self.contents.first_position);
        while tally.next_position() <= self.contents.last_position {
            let chunk = self.chunk_at(tally.next_position())?;
            tally.events(chunk.events(), chunk.last() - chunk.first() + 1);
            if !on_chunk(&chunk) {
                return Ok(false);
            }
        }
        self.appends(&mut |entry| {
            tally.append(entry);
            on_append(entry);
        })?;
        let found = tally.finish();
        if found != self.contents {
            let what = format!("it holds {found:?} instead of {:?}", self.contents);
            return Err(VolumeError::damaged(&self.dir, None, what));
        }
        Ok(true)
    }

    /// Closes it; dropping it does the same and swallows errors.
    pub(super) fn close(self) -> Result<(), VolumeError> {
        self.db.close()
    }

    fn page(&self, key: &[u8], value: Bytes) -> Result<Vec<AppendEntry>, VolumeError> {
        block::decode_appends(key, value).map_err(|error| {
            let what = format!("a page of the append table: {}", error.0);
            VolumeError::damaged(&self.dir, None, what)
        })
    }

    fn block_before(&self, position: Position) -> Result<(Position, Bytes), VolumeError> {
        // Parts sort behind the block of their event and before the next block, and there is a
        // block at each event that follows one in parts: what lies before is always a block.
        let found = self.db.floor(&block::block_key(position))?;
        found
            .and_then(|(key, value)| {
                let key = <[u8; 8]>::try_from(&key[..]).ok()?;
                Some((Position::from_be_bytes(key), value))
            })
            .ok_or_else(|| self.bad(position, MalformedValue("its block is missing")))
    }

    fn large(&self, position: Position, large: LargeEvent) -> Result<Chunk, VolumeError> {
        let mut event = BytesMut::with_capacity(large.length as usize);
        for number in 0..large.parts {
            let key = block::part_key(position, number);
            let part = self.db.get(&key)?.ok_or(MalformedValue("a part of it is missing"));
            let bytes = part.and_then(|part| block::decode_part(&key, part));
            event.extend_from_slice(&bytes.map_err(|error| self.bad(position, error))?);
        }
        if event.len() != large.length as usize || crc32c::crc32c(&event) != large.crc {
            return Err(self.bad(position, MalformedValue("its parts do not make up the event")));
        }
        Chunk::new(position, vec![large.length], event.freeze())
            .ok_or_else(|| self.bad(position, MalformedValue("it is empty")))
    }

    fn bad(&self, position: Position, error: MalformedValue) -> VolumeError {
        VolumeError::damaged(&self.dir, Some(position), error.0)
    }
}
