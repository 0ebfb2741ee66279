//! The file of a run while it is written: sequentially, in large pieces, and only until the caller
//! wants it to stop.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{PAGE_U64, checksum};
use crate::log::{
    error::LogError,
    files::FileHandle,
    index::write_error::{GoOn, WriteError},
};

/// See the module.
#[derive(Debug)]
pub(super) struct Output<'a> {
    file: Arc<dyn FileHandle>,
    path: PathBuf,
    go_on: GoOn<'a>,
    /// What is not in the file yet.
    piece: Vec<u8>,
    piece_bytes: usize,
    /// Where the piece will be.
    written: u64,
    salt: u32,
}

impl<'a> Output<'a> {
    /// Begins a file with its first page; `salt` is the checksum of that page.
    pub(super) fn new(
        file: Arc<dyn FileHandle>,
        path: &Path,
        (first_page, salt): (Vec<u8>, u32),
        go_on: GoOn<'a>,
    ) -> Self {
        let path = path.to_owned();
        Self { file, path, go_on, piece: first_page, piece_bytes: 0, written: 0, salt }
    }

    /// Writes pieces of about this many bytes.
    pub(super) fn in_pieces_of(self, piece_bytes: usize) -> Self {
        Self { piece_bytes, ..self }
    }

    /// Where the next byte goes.
    pub(super) fn offset(&self) -> u64 {
        self.written + self.piece.len() as u64
    }

    /// What the checksums of this file begin with.
    pub(super) fn salt(&self) -> u32 {
        self.salt
    }

    /// The checksum of bytes that are put next.
    pub(super) fn checksum(&self, bytes: &[u8]) -> u32 {
        self.checksum_at(self.offset(), bytes)
    }

    /// The checksum of bytes that are put at `offset`.
    pub(super) fn checksum_at(&self, offset: u64, bytes: &[u8]) -> u32 {
        checksum(self.salt, offset, bytes)
    }

    /// Adds bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() < self.piece_bytes {
            return Ok(());
        }
        self.flush()
    }

    /// Adds zeros up to the next page.
    pub(super) fn pad(&mut self) -> Result<(), WriteError> {
        let missing = self.offset().next_multiple_of(PAGE_U64) - self.offset();
        let zeros = vec![0; usize::try_from(missing).expect("less than a page is missing")];
        self.put(&zeros)
    }

    /// Writes the rest and makes the file durable.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        self.flush()?;
        self.file.sync_all().map_err(|error| self.failed("sync", error))
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.go_on.check()?;
        let written = self.file.write_all_at(&self.piece, self.written);
        written.map_err(|error| self.failed("write", error))?;
        self.written = self.offset();
        self.piece.clear();
        Ok(())
    }

    fn failed(&self, action: &'static str, error: io::Error) -> WriteError {
        WriteError::Failed(LogError::io(action, &self.path, error))
    }
}
