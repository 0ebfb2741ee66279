//! Files in memory that record every step, know what of it is durable, can fail at any step, and
//! can show what a disk may hold after the power failed.
//!
//! The rules are the strict ones: what was written is durable after a sync of the file, a name
//! after a sync of its folder, and until then any part of it may have landed, in any order, a
//! write in sectors of 512 bytes or torn within one. After a sync that failed, what it should have
//! written stays readable and never lands.

mod disk;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use self::disk::{Change, Name};
pub(crate) use self::disk::{Disk, Random, Step};
use super::files::{FileHandle, Files, folder_of};

/// The recording files.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingFiles(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    disk: Disk,
    steps: Vec<Step>,
    /// The step from now on that fails; 0: the next one.
    failing: Option<usize>,
    /// Nothing that is read is in memory.
    cold: bool,
}

impl RecordingFiles {
    /// Files that begin as an image.
    pub(crate) fn on(disk: Disk) -> Self {
        Self(Arc::new(Mutex::new(State { disk, ..State::default() })))
    }

    /// How many steps were taken.
    pub(crate) fn taken(&self) -> usize {
        self.state().steps.len()
    }

    /// The steps taken.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    /// The disk as it is now.
    pub(crate) fn disk(&self) -> Disk {
        self.state().disk.clone()
    }

    /// Makes the step after the next `steps` ones fail, once.
    pub(crate) fn fail_after(&self, steps: Option<usize>) {
        self.state().failing = steps;
    }

    /// Whether the step that was to fail did.
    pub(crate) fn has_failed(&self) -> bool {
        self.state().failing.is_none()
    }

    /// Makes every read that must not wait say that it would have to, or none.
    pub(crate) fn set_cold(&self, cold: bool) {
        self.state().cold = cold;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn step(&self, step: Step) -> io::Result<()> {
        self.state().step(step)
    }
}

impl State {
    fn step(&mut self, step: Step) -> io::Result<()> {
        match self.failing {
            Some(0) => {
                self.failing = None;
                self.fail(&step);
                return Err(io::Error::other("failed on purpose"));
            }
            left => self.failing = left.map(|left| left - 1),
        }
        self.disk.apply(&step);
        self.steps.push(step);
        Ok(())
    }

    /// Leaves behind what the step does when it fails: half a write, or a sync that loses its
    /// changes though they can still be read.
    fn fail(&mut self, step: &Step) {
        match step {
            Step::Change(file, Change::Write(offset, bytes)) => {
                let half = Change::Write(*offset, bytes[..bytes.len() / 2].into());
                self.disk.apply(&Step::Change(*file, half));
            }
            Step::Sync(file) => self.disk.forget_unsynced(*file),
            Step::Change(_, Change::SetLen(_)) | Step::Name(_) | Step::SyncDir(_) => {}
        }
    }
}

impl Files for RecordingFiles {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn FileHandle>> {
        let mut state = self.state();
        let file = match state.disk.name(path) {
            Some(Some(file)) => *file,
            Some(None) => return Err(io::ErrorKind::IsADirectory.into()),
            None if create && state.disk.name(folder_of(path)).is_some() => {
                let file = state.disk.file_count();
                state.step(Step::Name(Name::Create(path.to_owned(), Some(file))))?;
                file
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(Handle { files: self.clone(), file }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        if self.state().disk.name(path).is_some() {
            return Ok(());
        }
        self.step(Step::Name(Name::Create(path.to_owned(), None)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state();
        match state.disk.name(dir) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(Some(_)) => Err(io::ErrorKind::NotADirectory.into()),
            Some(None) => Ok(state.disk.list(dir)),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Step::Name(Name::Rename(from.to_owned(), to.to_owned())))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(Step::Name(Name::Remove(path.to_owned())))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.step(Step::Name(Name::Remove(path.to_owned())))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step(Step::SyncDir(path.to_owned()))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[derive(Debug)]
struct Handle {
    files: RecordingFiles,
    file: usize,
}

impl FileHandle for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.files.state().disk.contents(self.file).len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let length = usize::try_from(len).unwrap();
        self.files.step(Step::Change(self.file, Change::SetLen(length)))
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.files.state();
        let contents = state.disk.contents(self.file);
        let start = usize::try_from(offset).unwrap();
        let found = contents.get(start..start + buf.len());
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn read_cached_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if self.files.state().cold {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let change = Change::Write(usize::try_from(offset).unwrap(), buf.into());
        self.files.step(Step::Change(self.file, change))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.files.step(Step::Sync(self.file))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.files.step(Step::Sync(self.file))
    }
}
