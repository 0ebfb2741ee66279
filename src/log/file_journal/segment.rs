//! One file of the journal: zero-written and synced before it is used, then overwritten again and
//! again, so that appending never waits for the file system to find space or to note a length.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use super::header::{HEADER, PAGE, footprint};
use crate::log::{
    files::{FileHandle, Files},
    journal::{JournalError, MAKE},
};

const EXTENSION: &str = "journal";
/// How much is zero-written at a time.
const ZEROS: u64 = 1 << 20;
/// The action of an error in making bytes durable.
const SYNC: &str = "sync";

/// How a file is written with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As fast as it can be: something waits for the file.
    Full,
    /// Each piece is synced before the next. The syncs of appends beside it then wait for one piece
    /// and not for the whole file.
    Pieces,
}

/// An open file of the journal.
#[derive(Debug)]
pub(super) struct Segment {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The running number that it is named by; it means nothing else.
    pub(super) number: u64,
    /// Bytes that frames may use: whole pages.
    pub(super) length: u64,
    /// Bytes of the file.
    pub(super) on_disk: u64,
    handle: Arc<dyn FileHandle>,
}

impl Segment {
    /// Makes a file of zeros, or makes zeros of a leftover, and makes it durable together with its
    /// name. It is really written: bytes that were only reserved would cost a journal commit of
    /// the file system at their first use.
    pub(super) fn create(
        files: &dyn Files,
        dir: &Path,
        number: u64,
        length: u64,
        pace: Pace,
    ) -> Result<Self, JournalError> {
        let path = path_of(dir, number);
        let length = length.max(PAGE).next_multiple_of(PAGE);
        let unmade = |error| JournalError::io(MAKE, &path, error);
        let handle = files.open(&path, true).map_err(unmade)?;
        handle.set_len(0).map_err(unmade)?;
        if let Err((action, error)) = fill(&*handle, length, pace) {
            if action == MAKE {
                // What could not be made holds no space until it is tried again.
                let _ = handle.set_len(0);
            }
            return Err(JournalError::io(action, &path, error));
        }
        let synced = handle.sync_all().and_then(|()| files.sync_dir(dir));
        synced.map_err(|error| JournalError::io(SYNC, &path, error))?;
        Ok(Self { path, number, length, on_disk: length, handle })
    }

    /// Opens every file of the journal in `dir`, by ascending number.
    pub(super) fn open_all(files: &dyn Files, dir: &Path) -> Result<Vec<Arc<Self>>, JournalError> {
        let paths = files.list(dir).map_err(|error| JournalError::io("list", dir, error))?;
        let mut segments = Vec::new();
        for path in paths {
            let Some(number) = number_of(&path) else {
                continue;
            };
            let opened = files.open(&path, false).and_then(|file| Ok((file.len()?, file)));
            match opened {
                Ok((on_disk, handle)) => {
                    let length = on_disk - on_disk % PAGE;
                    segments.push(Arc::new(Self { path, number, length, on_disk, handle }));
                }
                Err(error) => return Err(JournalError::io("open", path, error)),
            }
        }
        segments.sort_by_key(|segment| segment.number);
        Ok(segments)
    }

    /// Whether a frame with a body of `length` bytes fits at `offset`.
    pub(super) fn fits(&self, offset: u64, length: u64) -> bool {
        let end = footprint(length).and_then(|pages| offset.checked_add(pages));
        end.is_some_and(|end| end <= self.length)
    }

    /// Writes a frame, whole pages with its header. It is durable after [`Self::sync_data`]; if
    /// either fails the frame may or may not be there.
    pub(super) fn write_frame(&self, offset: u64, pages: &[u8]) -> Result<(), JournalError> {
        let written = self.handle.write_all_at(pages, offset);
        written.map_err(|error| JournalError::io("write", &self.path, error))
    }

    /// Makes what was written durable.
    pub(super) fn sync_data(&self) -> Result<(), JournalError> {
        self.handle.sync_data().map_err(|error| JournalError::io(SYNC, &self.path, error))
    }

    /// Writes again what is read at a frame's place, so that the disk holds what the page cache
    /// shows: after a failed sync the two may differ.
    pub(super) fn rewrite_frame(&self, offset: u64, length: u64) -> Result<(), JournalError> {
        let bytes = self.read(offset, footprint(length).unwrap_or(0))?;
        self.write_frame(offset, &bytes)?;
        self.sync_data()
    }

    /// The [`HEADER`] bytes at `offset`.
    pub(super) fn read_header(&self, offset: u64) -> Result<[u8; HEADER], JournalError> {
        let mut bytes = [0; HEADER];
        let read = self.handle.read_exact_at(&mut bytes, offset);
        read.map_err(|error| JournalError::io("read", &self.path, error))?;
        Ok(bytes)
    }

    /// The body of the frame at `offset`.
    pub(super) fn read_body(&self, offset: u64, length: u64) -> Result<Bytes, JournalError> {
        Ok(self.read(offset + HEADER as u64, length)?.into())
    }

    /// Makes contents and length durable, whichever process wrote them.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.handle.sync_all().map_err(|error| JournalError::io(SYNC, &self.path, error))
    }

    /// The error for bytes that are not what was written here.
    pub(super) fn damaged(&self, offset: u64, what: impl Into<String>) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), offset, what: what.into() }
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, JournalError> {
        let mut bytes = vec![0; to_usize(length)];
        let read = self.handle.read_exact_at(&mut bytes, offset);
        read.map_err(|error| JournalError::io("read", &self.path, error))?;
        Ok(bytes)
    }
}

/// Writes zeros; an error with what failed.
fn fill(handle: &dyn FileHandle, length: u64, pace: Pace) -> Result<(), (&'static str, io::Error)> {
    let zeros = vec![0; usize::try_from(length.min(ZEROS)).unwrap_or(0)];
    let mut offset = 0;
    while let Some(rest) = length.checked_sub(offset).filter(|&rest| rest > 0) {
        let part = usize::try_from(rest).unwrap_or(usize::MAX).min(zeros.len());
        let piece = zeros.get(..part).unwrap_or(&zeros);
        handle.write_all_at(piece, offset).map_err(|error| (MAKE, error))?;
        offset += part as u64;
        if pace == Pace::Pieces && offset < length {
            handle.sync_data().map_err(|error| (SYNC, error))?;
        }
    }
    Ok(())
}

/// Where the file of a number is.
pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.{EXTENSION}"))
}

/// The running number in a journal file's name; `None` for other files.
fn number_of(path: &Path) -> Option<u64> {
    if path.extension()? != EXTENSION {
        return None;
    }
    path.file_stem()?.to_str()?.parse::<u32>().ok().map(u64::from)
}

fn to_usize(length: u64) -> usize {
    usize::try_from(length).expect("lengths that fit a file that was read fit the address space")
}
