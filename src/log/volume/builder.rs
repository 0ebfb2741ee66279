//! Builds a volume from frames. What is built counts for nothing before it is sealed.

use std::path::{Path, PathBuf};

use super::{
    VolumeError,
    batch::Batch,
    block::{self, BlockBuilder, LargeEvent, Marker, PAGE_ENTRIES, PART_BYTES},
    contents::{Contents, ContentsTally, VolumeSize},
    database::Database,
    folder,
    key::Key,
};
use crate::{
    domain::event::Position,
    log::{
        frame::{AppendEntry, Frame},
        journal::Tip,
    },
};

/// A volume that is being built.
#[derive(Debug)]
pub struct VolumeBuilder {
    dir: PathBuf,
    db: Database,
    marker: Marker,
    tally: ContentsTally,
    /// The block that is not full yet, and the position of its first event.
    block: BlockBuilder,
    block_first: Position,
    /// The page of the append table that is not full yet.
    page: Vec<AppendEntry>,
    /// What is full, and not in sled yet.
    batch: Batch,
    tip: Tip,
}

/// A volume that was built and closed, but not read back.
#[derive(Debug)]
pub struct Built {
    pub(super) dir: PathBuf,
    pub(super) contents: Contents,
    pub(super) tip: Tip,
}

impl Built {
    /// The last frame in it.
    pub fn tip(&self) -> Tip {
        self.tip
    }
}

impl VolumeBuilder {
    /// Begins a volume in `volumes` with the first frame after `after`; its values begin with
    /// `marker`. A folder that is in the way is the rest of an earlier attempt and is removed.
    pub fn create(volumes: &Path, marker: Marker, after: Tip) -> Result<Self, VolumeError> {
        let first = after.position + 1;
        let dir = volumes.join(format!("{first:020}"));
        folder::make(&dir)?;
        Ok(Self {
            db: Database::open(&dir, &dir)?,
            dir,
            marker,
            tally: ContentsTally::new(first),
            block: BlockBuilder::default(),
            block_first: first,
            page: Vec::new(),
            batch: Batch::default(),
            tip: after,
        })
    }

    /// The last frame that was fed.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Whether it has as much as a volume of this size takes.
    pub fn is_full(&self, size: VolumeSize) -> bool {
        self.tally.fills(size)
    }

    /// Takes the next frame.
    pub fn feed(&mut self, frame: &Frame) -> Result<(), VolumeError> {
        let (first, chunk) = (frame.first_position(), frame.chunk());
        if first != self.tally.next_position() || frame.index() != self.tip.index + 1 {
            let what = format!("frame {} does not follow", frame.index());
            return Err(VolumeError::damaged(&self.dir, Some(first), what));
        }
        for position in first..=chunk.last() {
            self.event(position, chunk.bytes_of(position))?;
        }
        self.tally.frame(frame);
        for entry in frame.appends() {
            self.page.push(*entry);
            if self.page.len() == PAGE_ENTRIES {
                self.write_page()?;
            }
        }
        self.tip = frame.tip();
        Ok(())
    }

    /// Writes the rest and closes the volume, which gives the memory back that building takes.
    pub fn finish(mut self) -> Result<Built, VolumeError> {
        self.write_block()?;
        self.write_page()?;
        self.batch.write(&self.db)?;
        self.db.flush()?;
        self.db.close()?;
        Ok(Built { dir: self.dir, contents: self.tally.finish(), tip: self.tip })
    }

    /// Throws away what was built.
    pub fn discard(self) -> Result<(), VolumeError> {
        let dir = self.dir.clone();
        drop(self);
        folder::remove(&dir)
    }

    fn event(&mut self, position: Position, event: &[u8]) -> Result<(), VolumeError> {
        if self.block.push(event) {
            return Ok(());
        }
        self.write_block()?;
        self.block_first = position;
        if self.block.push(event) {
            return Ok(());
        }
        self.write_large(position, event)?;
        self.block_first = position + 1;
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), VolumeError> {
        if self.block.len() == 0 {
            return Ok(());
        }
        let key = Key::Block(self.block_first);
        self.batch.push(&self.db, key, self.block.take(key, self.marker))
    }

    fn write_large(&mut self, position: Position, event: &[u8]) -> Result<(), VolumeError> {
        for (number, bytes) in (0..).zip(event.chunks(PART_BYTES)) {
            let key = Key::Part(position, number);
            self.batch.push(&self.db, key, block::encode_part(key, self.marker, bytes))?;
        }
        let key = Key::Block(position);
        self.batch.push(&self.db, key, LargeEvent::of(event).encode(key, self.marker))
    }

    fn write_page(&mut self) -> Result<(), VolumeError> {
        let Some(first) = self.page.first() else {
            return Ok(());
        };
        let key = Key::Page(first.first_position);
        let value = block::encode_appends(key, self.marker, &self.page);
        self.page.clear();
        self.batch.push(&self.db, key, value)
    }
}
