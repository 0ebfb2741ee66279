//! The source that is on this machine: the files of an open store.

use std::{
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use super::{
    BackupError, frames,
    source::{Snapshot, Source, Wanted, as_io},
    streams::Reading,
};
use crate::{
    domain::{event::Position, history::History},
    log::{
        LogError,
        fetch::Fetcher,
        files::Files,
        frame::{Frame, Tip},
        journal::{Journal, JournalError},
        volume::{SealedVolume, VolumeError},
    },
};

/// Bytes of frames that are read at a time.
const FRAMES: usize = 1 << 20;

/// The record of an open store.
#[derive(Clone, Debug)]
pub struct LocalSource {
    pub(in crate::log) fetcher: Fetcher,
    pub(in crate::log) offset_tables: PathBuf,
    pub(in crate::log) store_id: [u8; 16],
    pub(in crate::log) history: History,
}

impl LocalSource {
    /// Reads one stretch of bytes behind its first ones; see [`Source::open`].
    pub fn read(&self, wanted: &Wanted, offset: u64) -> Result<Box<dyn Read + Send>, BackupError> {
        match wanted {
            Wanted::VolumeFile { directory, name } => self.volume_file(directory, name, offset),
            Wanted::OffsetTable { directory } => self.offset_table(directory, offset),
            Wanted::Frames { after, up_to } => self.frames(*after, *up_to, offset),
        }
    }

    /// What a backup would hold now, with at most so many volumes, those after a position.
    pub fn snapshot_of(&self, after: Position, most: usize) -> Result<Snapshot, BackupError> {
        // The volumes first: the tip is not before the last of them then.
        let sealed = self.fetcher.volumes.all();
        let mut tip = self.fetcher.frames.journal.tip()?;
        if planted!("backup-without-tail") {
            tip = sealed.last().map(|volume| volume.tip).unwrap_or_default();
        }
        let mut volumes = Vec::new();
        let behind = sealed.into_iter().filter(|volume| volume.contents.first_position > after);
        for volume in behind.take(most) {
            let recorded_at = self.fetcher.recorded_at(volume.contents.last_position)?;
            volumes.push((volume.as_ref().clone(), recorded_at));
        }
        let last = |position: Position| self.fetcher.recorded_at(position);
        let recorded_at = (tip.position > 0).then(|| last(tip.position)).transpose()?;
        let (store_id, history) = (self.store_id, self.history.clone());
        Ok(Snapshot { store_id, history, volumes, tip, recorded_at })
    }

    fn frames(
        &self,
        after: Tip,
        up_to: u64,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, BackupError> {
        let journal = Arc::clone(&self.fetcher.frames.journal);
        let mut frames = FramesRead { journal, tip: after, up_to, ready: Vec::new(), taken: 0 };
        // What is wrong with the place to begin at is said now.
        frames.fill().map_err(|error| {
            if matches!(error, BackupError::Log(LogError::Journal(JournalError::Damaged { .. }))) {
                return BackupError::OtherHistory { position: after.position };
            }
            error
        })?;
        let skipped = io::copy(&mut frames.by_ref().take(offset), &mut io::sink());
        skipped.map_err(BackupError::from_read)?;
        Ok(Box::new(frames))
    }

    fn files(&self) -> &Arc<dyn Files> {
        self.fetcher.volumes.files()
    }

    /// Only what the manifest names is read: a request is no path.
    fn volume(&self, directory: &str) -> Result<Arc<SealedVolume>, BackupError> {
        let volumes = self.fetcher.volumes.all();
        let found = volumes.into_iter().find(|volume| volume.directory == directory);
        found.ok_or_else(|| unknown(&format!("no sealed volume {directory:?}")))
    }

    fn volume_file(
        &self,
        directory: &str,
        name: &str,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, BackupError> {
        let volume = self.volume(directory)?;
        let file = volume.files.iter().find(|file| file.name == name);
        let file = file.ok_or_else(|| unknown(&format!("no file {name:?} in {directory}")))?;
        let dir = self.fetcher.volumes.dir().join(directory);
        let path = dir.join(name);
        let damaged = |what: String| {
            BackupError::from(VolumeError::Damaged { volume: dir.clone(), position: None, what })
        };
        let opened = self.files().open_to_read(&path).and_then(|file| Ok((file.len()?, file)));
        match opened {
            Ok((length, _)) if length < file.length => {
                Err(damaged(format!("{name} has {length} bytes where it had {}", file.length)))
            }
            Ok((_, handle)) => {
                Ok(Box::new(Named { from: Reading::new(handle, file.length).behind(offset), path }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(damaged(format!("{name} is missing")))
            }
            Err(error) => Err(LogError::io("open", &path, error).into()),
        }
    }

    fn offset_table(
        &self,
        directory: &str,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, BackupError> {
        let volume = self.volume(directory)?;
        let path = self.offset_tables.join(&volume.directory);
        let opened = self.files().open_to_read(&path).and_then(|file| Ok((file.len()?, file)));
        match opened {
            Ok((length, handle)) => {
                Ok(Box::new(Named { from: Reading::new(handle, length).behind(offset), path }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
            Err(error) => Err(LogError::io("open", &path, error).into()),
        }
    }
}

impl Source for LocalSource {
    fn snapshot(&self) -> Result<Snapshot, BackupError> {
        self.snapshot_of(0, usize::MAX)
    }

    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Read + Send + '_>, BackupError> {
        self.read(wanted, 0)
    }
}

fn unknown(what: &str) -> BackupError {
    BackupError::Beyond { what: format!("the record has {what}") }
}

/// A file whose errors name it.
struct Named {
    from: Reading,
    path: PathBuf,
}

impl Read for Named {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        read.map_err(|error| as_io(LogError::io("read", &self.path, error).into()))
    }
}

/// Frames of a journal as a stream of bytes.
struct FramesRead {
    journal: Arc<dyn Journal>,
    /// The last frame that was read.
    tip: Tip,
    up_to: u64,
    ready: Vec<u8>,
    taken: usize,
}

impl FramesRead {
    /// Reads the next frames, if there are any.
    fn fill(&mut self) -> Result<(), BackupError> {
        (self.ready, self.taken) = (Vec::new(), 0);
        if self.tip.index >= self.up_to {
            return Ok(());
        }
        let read = self.journal.read(self.tip, FRAMES)?;
        let wanted = read.into_iter().take_while(|frame: &Frame| frame.index() <= self.up_to);
        for frame in wanted.collect::<Vec<_>>() {
            frames::put(&mut self.ready, self.tip.check, &frame);
            self.tip = frame.tip();
        }
        Ok(())
    }
}

impl Read for FramesRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.ready.len() {
            self.fill().map_err(as_io)?;
        }
        let rest = self.ready.get(self.taken..).unwrap_or_default();
        let most = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.taken += most;
        Ok(most)
    }
}
