//! Files read and written from their start to their end.

use std::{
    io::{self, BufWriter, Read, Write},
    path::Path,
    sync::Arc,
};

use super::target::Fill;
use crate::log::files::{FileHandle, Files};

/// Bytes of one write.
const WRITE: usize = 1 << 20;

/// Makes a file of what `fill` writes, in place of what it held, and makes its contents durable.
pub(super) fn write(files: &dyn Files, path: &Path, fill: Fill<'_>) -> io::Result<()> {
    let handle = files.open(path, true)?;
    handle.set_len(0)?;
    let mut writer = BufWriter::with_capacity(WRITE, Appending { handle: &*handle, end: 0 });
    let filled = fill(&mut writer).and_then(|()| writer.flush());
    // What is left in the buffer after an error must not be written when the buffer goes.
    drop(writer.into_parts());
    filled?;
    if planted!("piece-named-before-sync") { Ok(()) } else { handle.sync_all() }
}

/// Writes a file from its start to its end.
struct Appending<'a> {
    handle: &'a dyn FileHandle,
    end: u64,
}

impl Write for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.handle.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a file from its start.
#[derive(Debug)]
pub(super) struct Reading {
    handle: Arc<dyn FileHandle>,
    offset: u64,
    length: u64,
}

impl Reading {
    /// Reads so many bytes; `UnexpectedEof` if the file has fewer.
    pub(super) fn new(handle: Arc<dyn FileHandle>, length: u64) -> Self {
        Self { handle, offset: 0, length }
    }

    /// The same without so many bytes at the beginning.
    pub(super) fn behind(self, offset: u64) -> Self {
        Self { offset, ..self }
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.length.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let most = rest.min(buffer.len());
        let part = buffer.get_mut(..most).unwrap_or_default();
        self.handle.read_exact_at(part, self.offset)?;
        self.offset += most as u64;
        Ok(most)
    }
}
