//! Builds a volume from frames and seals it: nothing counts before it has been read back.

use std::path::{Path, PathBuf};

use super::{
    VolumeError,
    block::{self, BlockBuilder, LargeEvent, PAGE_ENTRIES, PART_BYTES},
    contents::{Contents, Tally, VolumeSize},
    database::Database,
    folder::{self, FileRecord},
    reader::VolumeReader,
    sealed::SealedVolume,
};
use crate::{
    domain::event::Position,
    log::{
        frame::{AppendEntry, Frame},
        journal::Tip,
    },
};

/// Openings after which sled must have left its files alone; two or three are what it takes.
const OPENINGS: usize = 8;

/// A volume that is being built.
#[derive(Debug)]
pub struct VolumeBuilder {
    dir: PathBuf,
    db: Database,
    tally: Tally,
    /// The block that is not full yet, and the position of its first event.
    block: BlockBuilder,
    block_first: Position,
    /// The page of the append table that is not full yet.
    page: Vec<AppendEntry>,
    tip: Tip,
}

impl VolumeBuilder {
    /// Begins a volume in `volumes` with the first frame after `after`. A folder that is in the
    /// way is the rest of an earlier attempt and is removed.
    pub fn create(volumes: &Path, after: Tip) -> Result<Self, VolumeError> {
        let first = after.position + 1;
        let dir = volumes.join(format!("{first:020}"));
        folder::make(&dir)?;
        Ok(Self {
            db: Database::open(&dir)?,
            dir,
            tally: Tally::new(first),
            block: BlockBuilder::default(),
            block_first: first,
            page: Vec::new(),
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

    /// Takes the next frame, after which the journal stands at `tip`.
    pub fn feed(&mut self, frame: &Frame, tip: Tip) -> Result<(), VolumeError> {
        let malformed =
            |what: String| VolumeError::damaged(&self.dir, Some(frame.first_position), what);
        if frame.first_position != self.tally.next_position() || tip.index != self.tip.index + 1 {
            return Err(malformed(format!("frame {} does not follow", frame.index)));
        }
        let spans = frame.spans().map_err(|error| malformed(error.to_string()))?;
        for (position, span) in (frame.first_position..).zip(spans) {
            let event = frame.events.get(span).unwrap_or_default();
            self.event(position, event)?;
        }
        self.tally.events(&frame.events, u64::from(frame.count));
        for entry in &frame.appends {
            self.tally.append(entry);
            self.page.push(*entry);
            if self.page.len() == PAGE_ENTRIES {
                self.write_page()?;
            }
        }
        self.tip = tip;
        Ok(())
    }

    /// Writes the rest, makes it durable, reads everything back from the disk and compares it with
    /// what was fed. `before_read_back` runs on the closed database; tests break it there.
    pub fn seal(mut self, before_read_back: &dyn Fn(&Path)) -> Result<SealedVolume, VolumeError> {
        self.write_block()?;
        self.write_page()?;
        self.db.flush()?;
        self.db.close()?;
        folder::check_no_blobs(&self.dir)?;
        folder::sync(&self.dir)?;
        before_read_back(&self.dir);
        let contents = self.tally.finish();
        let files = read_back(&self.dir, &contents)?;
        let directory = self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SealedVolume { directory, contents, tip: self.tip, files })
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
        let key = block::block_key(self.block_first);
        self.db.insert(&key, self.block.take(&key))
    }

    /// The parts first, so that where a head is found its parts have been written.
    fn write_large(&self, position: Position, event: &[u8]) -> Result<(), VolumeError> {
        for (number, bytes) in (0..).zip(event.chunks(PART_BYTES)) {
            let key = block::part_key(position, number);
            self.db.insert(&key, block::encode_part(&key, bytes))?;
        }
        let key = block::block_key(position);
        self.db.insert(&key, LargeEvent::of(event).encode(&key))
    }

    fn write_page(&mut self) -> Result<(), VolumeError> {
        let Some(first) = self.page.first() else {
            return Ok(());
        };
        let key = block::append_key(first.first_position);
        let value = block::encode_appends(&key, &self.page);
        self.page.clear();
        self.db.insert(&key, value)
    }
}

/// Opens the volume and compares all of it with `contents`, from the disk, until an opening has
/// changed none of its files; tells how they are then.
fn read_back(dir: &Path, contents: &Contents) -> Result<Vec<FileRecord>, VolumeError> {
    let mut files = folder::record(dir)?;
    for _ in 0..OPENINGS {
        folder::forget(dir)?;
        let reader = VolumeReader::new(dir.to_owned(), contents.clone())?;
        reader.verify()?;
        reader.close()?;
        folder::check_no_blobs(dir)?;
        folder::sync(dir)?;
        let found = folder::record(dir)?;
        if found == files {
            return Ok(files);
        }
        files = found;
    }
    Err(VolumeError::damaged(dir, None, "its files change whenever sled opens it"))
}
