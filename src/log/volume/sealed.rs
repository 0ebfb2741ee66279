//! What is known of a sealed volume, and the two ways to read it: at its offsets, and through sled.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use super::{
    VolumeError,
    block::Marker,
    contents::Contents,
    database,
    finding::find_offsets,
    folder,
    folder::FileRecord,
    offsets::{DatabaseBytes, OffsetReader, OffsetTable, Stretch},
    reader::{Pieces, VolumeReader},
    through_sled::ThroughSled,
};
use crate::{
    domain::event::Position,
    log::{encoded_events::Chunk, journal::Tip},
};

/// What the folders that sled works in end with. A volume's own never does.
const COPY: &str = ".copy";

/// A volume that was read back: an entry of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealedVolume {
    /// Name of its folder.
    pub directory: String,
    /// What is in it.
    pub contents: Contents,
    /// The last frame in it.
    pub tip: Tip,
    /// Its files, as they must be found.
    pub files: Vec<FileRecord>,
}

/// The bytes of an offset table.
#[derive(Clone, Debug)]
pub struct OffsetTableBytes(pub(super) Vec<u8>);

/// A volume that is read at its offsets.
#[derive(Debug)]
pub struct VolumeByOffset(VolumeReader<OffsetReader>);

/// A volume that is read through sled.
#[derive(Debug)]
pub struct SledVolume(VolumeReader<ThroughSled>);

/// Neighbouring blocks that were read together and are not checked yet.
#[derive(Debug, Default)]
pub struct Blocks(Stretch);

impl SealedVolume {
    /// Checks that its files are there and as long as they were; its folder is in `volumes`.
    pub fn check_files(&self, volumes: &Path) -> Result<(), VolumeError> {
        folder::check(&volumes.join(&self.directory), &self.files)
    }

    /// Whether the file with its values is there at all.
    pub fn has_database(&self, volumes: &Path) -> bool {
        volumes.join(&self.directory).join(database::FILE).is_file()
    }

    /// The files of sled's that are not as they were and do no harm, because it makes them again,
    /// and what is wrong with each.
    pub fn changed_snapshots(&self, volumes: &Path) -> Vec<(PathBuf, String)> {
        folder::changed_snapshots(&volumes.join(&self.directory), &self.files)
    }

    /// Whether these bytes are a table of its offsets.
    pub fn has_table(&self, table: &[u8]) -> bool {
        OffsetTable::decode(table, &self.contents).is_ok()
    }

    /// Opens it for reads at the offsets that a table tells; an error says what is wrong with it.
    pub fn by_offset(
        &self,
        volumes: &Path,
        marker: Marker,
        table: &[u8],
    ) -> Result<VolumeByOffset, VolumeError> {
        let dir = volumes.join(&self.directory);
        let table = self.table(&dir, table)?;
        let reader = VolumeReader::new(&dir, self.range(), OffsetReader::open(&dir, table)?);
        Ok(VolumeByOffset(reader.of_store(marker)))
    }

    /// The same of a file that is kept elsewhere, as in a backup.
    pub fn kept_elsewhere<F: DatabaseBytes>(
        &self,
        file: F,
        marker: Marker,
        table: &[u8],
    ) -> Result<impl Pieces, VolumeError> {
        let dir = Path::new(&self.directory);
        let values = OffsetReader::of(dir, self.table(dir, table)?, file);
        Ok(VolumeReader::new(dir, self.range(), values).of_store(marker))
    }

    fn table(&self, dir: &Path, table: &[u8]) -> Result<OffsetTable, VolumeError> {
        OffsetTable::decode(table, &self.contents)
            .map_err(|what| VolumeError::damaged(dir, None, format!("the offset table: {what}")))
    }

    /// Opens a copy of it through sled. At most one may be open at a time.
    pub fn through_sled(&self, volumes: &Path, marker: Marker) -> Result<SledVolume, VolumeError> {
        self.through_sled_in(volumes, marker, volumes)
    }

    /// The same with the copy in another folder, which must be there.
    pub fn through_sled_in(
        &self,
        volumes: &Path,
        marker: Marker,
        copies: &Path,
    ) -> Result<SledVolume, VolumeError> {
        let (dir, copy) = (volumes.join(&self.directory), format!("{}{COPY}", self.directory));
        let sled = ThroughSled::of_sealed(&dir, &self.files, &copies.join(copy))?;
        Ok(SledVolume(VolumeReader::new(&dir, self.range(), sled).of_store(marker)))
    }

    fn range(&self) -> (Position, Position) {
        (self.contents.first_position, self.contents.last_position)
    }
}

impl OffsetTableBytes {
    /// The bytes to keep.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl VolumeByOffset {
    /// What can be read of it.
    pub fn pieces(&self) -> &dyn Pieces {
        &self.0
    }

    /// Bytes that it takes in memory.
    pub fn bytes(&self) -> usize {
        self.0.values.bytes()
    }

    /// Reads the block that holds `position`, and as many of those around it as are wanted and lie
    /// next to it, up to about `max_bytes`. `is_wanted` says whether anything of a range is.
    pub fn blocks(
        &self,
        position: Position,
        max_bytes: usize,
        is_wanted: &dyn Fn(RangeInclusive<Position>) -> bool,
    ) -> Result<Blocks, VolumeError> {
        self.0.values.stretch(position, max_bytes, is_wanted).map(Blocks)
    }

    /// The events that are kept together with the one at `position`; `None` if that is not in any
    /// of these blocks, which were read from here.
    pub fn chunk_in(
        &self,
        blocks: &Blocks,
        position: Position,
    ) -> Result<Option<Chunk>, VolumeError> {
        let Some((first, value)) = blocks.0.block(position) else { return Ok(None) };
        let chunk = self.0.chunk(first, value)?;
        Ok(chunk.holds(position).then_some(chunk))
    }

    /// The events that are kept together with the one at `position`, if the operating system has
    /// them in memory and they are as they should be; the disk is not read.
    pub fn resident_chunk(&self, position: Position) -> Option<Chunk> {
        let (first, value) = self.0.values.resident(position)?;
        self.0.events(first, value).filter(|chunk| chunk.holds(position))
    }

    /// The position of the first block behind `position`; `None`: that is in the last.
    pub fn block_after(&self, position: Position) -> Option<Position> {
        self.0.values.block_after(position)
    }

    /// The same events, if they begin at `position`.
    pub fn beginning_at(&self, position: Position, chunk: Chunk) -> Result<Chunk, VolumeError> {
        if chunk.first() == position {
            return Ok(chunk);
        }
        Err(self.0.other_beginning(position, chunk.first()))
    }

    /// The error for events that are not there.
    pub fn missing<T>(&self, position: Position) -> Result<T, VolumeError> {
        Err(self.0.missing(position))
    }

    /// Has what is read next come from the disk and not from memory.
    pub fn forget(&self) {
        self.0.values.forget();
    }
}

impl SledVolume {
    /// What can be read of it.
    pub fn pieces(&self) -> &dyn Pieces {
        &self.0
    }

    /// Reads all of `volume`, which this is a copy of, and finds where it lies. `None`: it could
    /// not all be found, or `go_on` said no.
    pub fn find_offsets(
        &self,
        volume: &SealedVolume,
        volumes: &Path,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<OffsetTableBytes>, VolumeError> {
        let dir = volumes.join(&volume.directory);
        let table = find_offsets(&dir, &volume.contents, &self.0.values, go_on)?;
        Ok(table.map(|table| OffsetTableBytes(table.encode(&volume.contents))))
    }
}
