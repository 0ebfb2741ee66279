//! Files read and written from their start to their end.

use std::{
    io::{self, BufWriter, Read, Write},
    panic,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, SyncSender},
    },
    thread::{self, Scope, ScopedJoinHandle},
};

use super::target::Fill;
use crate::log::files::{FileHandle, Files};

/// Bytes of one write.
const WRITE: usize = 1 << 20;
/// Bytes after which a file is synced while it is written on. One sync at the end would have the
/// disk rest until then, and the syncs of appends wait for all of the file.
const SYNC: u64 = 8 << 20;

/// Makes a file of what `fill` writes, in place of what it held, and makes its contents durable.
pub(super) fn write(files: &dyn Files, path: &Path, fill: Fill<'_>) -> io::Result<()> {
    let handle = files.open(path, true)?;
    handle.set_len(0)?;
    thread::scope(|scope| {
        let appending = Appending { handle: &*handle, end: 0, scope, syncs: None };
        let mut writer = BufWriter::with_capacity(WRITE, appending);
        let filled = fill(&mut writer).and_then(|()| writer.flush());
        // What is left in the buffer after an error must not be written when the buffer goes.
        let (appending, _) = writer.into_parts();
        let synced = appending.finish();
        filled.and(synced)
    })?;
    if planted!("piece-named-before-sync") { Ok(()) } else { handle.sync_all() }
}

/// Writes a file from its start to its end.
struct Appending<'scope, 'env> {
    handle: &'env dyn FileHandle,
    end: u64,
    scope: &'scope Scope<'scope, 'env>,
    /// A thread for the syncs of a large file; absent: it is small so far.
    syncs: Option<Syncs<'scope>>,
}

/// A thread that syncs a file once for each message.
struct Syncs<'scope> {
    due: SyncSender<()>,
    thread: ScopedJoinHandle<'scope, io::Result<()>>,
}

impl Appending<'_, '_> {
    /// Has the file synced meanwhile. While the sync before lasts, that one is enough.
    fn sync_meanwhile(&mut self) {
        let handle = self.handle;
        let syncs = self.syncs.get_or_insert_with(|| {
            let (due, received) = mpsc::sync_channel(1);
            let sync = move || received.iter().try_for_each(|()| handle.sync_data());
            Syncs { due, thread: self.scope.spawn(sync) }
        });
        // A thread that has ended after a failed sync says so at the end.
        let _ = syncs.due.try_send(());
    }

    /// Waits for the syncs; a failed one is not repeated.
    fn finish(self) -> io::Result<()> {
        let Some(Syncs { due, thread }) = self.syncs else { return Ok(()) };
        drop(due);
        thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }
}

impl Write for Appending<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.handle.write_all_at(bytes, self.end)?;
        let before = self.end / SYNC;
        self.end += bytes.len() as u64;
        if self.end / SYNC > before {
            self.sync_meanwhile();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::recorder::{RecordingFiles, Step};

    const DIR: &str = "/pieces";
    const PATH: &str = "/pieces/db";

    fn folder() -> RecordingFiles {
        let files = RecordingFiles::default();
        files.create_dir(Path::new(DIR)).unwrap();
        files.sync_dir(Path::new("/")).unwrap();
        files
    }

    /// Writes a piece of so many MiB.
    fn written(files: &RecordingFiles, mebibytes: u8) -> io::Result<()> {
        let mut left = 0..mebibytes;
        write(files, Path::new(PATH), &mut |to| {
            left.by_ref().try_for_each(|byte| to.write_all(&vec![byte; 1 << 20]))
        })
    }

    fn syncs(files: &RecordingFiles) -> usize {
        files.steps().iter().filter(|step| matches!(step, Step::Sync(_))).count()
    }

    #[test]
    fn a_large_file_is_synced_while_it_is_written_and_at_the_end() {
        let files = folder();
        written(&files, 7).unwrap();
        assert_eq!(syncs(&files), 1, "a small file needs no thread");
        written(&files, 40).unwrap();
        assert!((3..=7).contains(&syncs(&files)), "{}", syncs(&files));
        files.sync_dir(Path::new(DIR)).unwrap();
        let kept = RecordingFiles::on(files.disk().cut());
        let handle = kept.open(Path::new(PATH), false).unwrap();
        let mut last = [0; 2];
        handle.read_exact_at(&mut last, (40 << 20) - 2).unwrap();
        assert_eq!((handle.len().unwrap(), last), (40 << 20, [39; 2]));
    }

    #[test]
    fn a_sync_that_fails_meanwhile_fails_the_file_and_is_not_repeated() {
        // The file is opened, cut and written eight times before the first sync, which a later
        // write may come before.
        let failed = (10..12).filter(|&step| {
            let files = folder();
            files.fail_after(Some(step));
            written(&files, 8).unwrap_err();
            files.has_failed() && syncs(&files) == 0
        });
        assert_eq!(failed.count(), 1, "the sync at the end is the next one");
    }
}
