//! Real files that a test can hold, fail or spoil: the one double of [`Files`] for a whole log.
//!
//! [`super::recorder`] is a model of a disk in memory, which sled cannot use.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use rustix::io::Errno;
use tokio::sync::mpsc;

use super::{
    files::{FileHandle, Files, Kind, RealFiles},
    waiting::LONG,
};

/// What a sync of the journal does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Passes.
    #[default]
    Pass,
    /// Waits until this changes.
    Wait,
    /// Fails.
    Fail,
}

/// The files, and the handle by which a test holds them.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    state: Arc<(Mutex<State>, Condvar)>,
    entered: mpsc::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    sync: Sync,
    /// Syncs that may pass although the others wait.
    permits: usize,
    /// What the disk says is free, instead of the truth.
    free: Option<u64>,
    /// What becomes of an attempt to put a new manifest in place.
    manifest: Sync,
    /// What becomes of an attempt to make a new run of the index.
    runs: Sync,
    /// Whether the journal cannot be read by tasks.
    unreadable: bool,
    /// Tasks cannot read what has these words in it.
    unreadable_words: Option<&'static str>,
    /// Reads by tasks that failed because of these words.
    refused: usize,
    /// Whether there are no descriptors for files of the journal that are new.
    short: bool,
    /// Whether what tasks read of the journal is not what was written.
    spoilt: bool,
    /// Reads of the journal by tasks.
    reads: usize,
    /// Files that cannot be opened, and what the system says then.
    closed: Vec<(PathBuf, Errno)>,
}

#[derive(Debug)]
struct GatedFile {
    inner: Arc<dyn FileHandle>,
    gate: Gate,
}

impl Gate {
    /// Files that pass, and a channel with a message for each sync that has to wait.
    pub(crate) fn new() -> (Self, mpsc::Receiver<()>) {
        let (entered, waiting) = mpsc::channel(64);
        (Self { state: Arc::default(), entered }, waiting)
    }

    pub(crate) fn set(&self, sync: Sync) {
        self.state.0.lock().unwrap().sync = sync;
        self.state.1.notify_all();
    }

    /// Makes the disk say that so much is free.
    pub(crate) fn set_free(&self, free: Option<u64>) {
        self.state.0.lock().unwrap().free = free;
    }

    /// Holds or fails every new manifest, so that no volume gets sealed.
    pub(crate) fn set_manifest(&self, manifest: Sync) {
        self.state.0.lock().unwrap().manifest = manifest;
        self.state.1.notify_all();
    }

    /// Has every new run of the index wait, or lets them all be made.
    pub(crate) fn hold_runs(&self, held: bool) {
        self.state.0.lock().unwrap().runs = if held { Sync::Wait } else { Sync::Pass };
        self.state.1.notify_all();
    }

    /// Fails reads of the journal by tasks, or lets them pass; the log's own threads always pass.
    pub(crate) fn set_unreadable(&self, unreadable: bool) {
        self.state.0.lock().unwrap().unreadable = unreadable;
    }

    /// Fails reads of the journal by tasks that would show these words, until they are `None`.
    pub(crate) fn set_unreadable_words(&self, words: Option<&'static str>) {
        self.state.0.lock().unwrap().unreadable_words = words;
    }

    /// How many reads have failed because of such words.
    pub(crate) fn refused(&self) -> usize {
        self.state.0.lock().unwrap().refused
    }

    /// Has no descriptor for a new file of the journal, or has one again.
    pub(crate) fn set_short(&self, short: bool) {
        self.state.0.lock().unwrap().short = short;
    }

    /// Spoils what tasks read of the journal, or lets it be; the log's own threads read the truth.
    pub(crate) fn set_spoilt(&self, spoilt: bool) {
        self.state.0.lock().unwrap().spoilt = spoilt;
    }

    /// Has no file opened at these paths, for the reason that is given with each.
    pub(crate) fn set_closed(&self, closed: Vec<(PathBuf, Errno)>) {
        self.state.0.lock().unwrap().closed = closed;
    }

    /// How often tasks have read the journal.
    pub(crate) fn reads(&self) -> usize {
        self.state.0.lock().unwrap().reads
    }

    /// Lets one sync pass that waits.
    pub(crate) fn release_one(&self) {
        self.state.0.lock().unwrap().permits += 1;
        self.state.1.notify_all();
    }

    /// Waits while the test holds something. A test that never lets it go has an error to see.
    fn wait_while(
        &self,
        held: impl FnMut(&mut State) -> bool,
    ) -> io::Result<MutexGuard<'_, State>> {
        let (state, changed) = &*self.state;
        let waited = changed.wait_timeout_while(state.lock().unwrap(), LONG, held);
        let (state, timeout) = waited.unwrap();
        if timeout.timed_out() {
            return Err(io::Error::other(format!("the test has held this file for {LONG:?}")));
        }
        Ok(state)
    }

    fn pass(&self) -> io::Result<()> {
        let mut state = self.state.0.lock().unwrap();
        if state.sync == Sync::Wait {
            drop(state);
            self.entered.try_send(()).unwrap();
            state = self.wait_while(|state| state.sync == Sync::Wait && state.permits == 0)?;
            state.permits = state.permits.saturating_sub(1);
        }
        match state.sync {
            Sync::Fail => Err(io::Error::other("the disk has failed")),
            Sync::Pass | Sync::Wait => Ok(()),
        }
    }
}

impl Files for Gate {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn FileHandle>> {
        let closed = self.state.0.lock().unwrap().closed.clone();
        if let Some((_, error)) = closed.iter().find(|(closed, _)| closed == path) {
            return Err((*error).into());
        }
        let of_journal = path.extension().is_some_and(|end| end == "journal");
        if create && of_journal && self.state.0.lock().unwrap().short {
            return Err(Errno::MFILE.into());
        }
        if create && path.parent().is_some_and(|dir| dir.ends_with("index")) {
            drop(self.wait_while(|state| state.runs == Sync::Wait)?);
        }
        let inner = RealFiles.open(path, create)?;
        if of_journal {
            return Ok(Arc::new(GatedFile { inner, gate: self.clone() }));
        }
        Ok(inner)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealFiles.create_dir(path)
    }

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        RealFiles.kind(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        RealFiles.length(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealFiles.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if to.ends_with("MANIFEST")
            && self.wait_while(|state| state.manifest == Sync::Wait)?.manifest == Sync::Fail
        {
            return Err(io::Error::other("the disk has failed"));
        }
        RealFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealFiles.sync_dir(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        match self.state.0.lock().unwrap().free {
            Some(free) => Ok(free),
            None => RealFiles.free_bytes(dir),
        }
    }
}

impl FileHandle for GatedFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let by_a_task = std::thread::current().name().is_some_and(|it| it.starts_with("tokio"));
        let (unreadable, spoilt) = {
            let mut state = self.gate.state.0.lock().unwrap();
            state.reads += usize::from(by_a_task);
            (state.unreadable && by_a_task, state.spoilt && by_a_task)
        };
        if unreadable {
            return Err(io::Error::other("the disk cannot be read"));
        }
        self.inner.read_exact_at(buf, offset)?;
        if spoilt {
            buf.fill(0xFF);
        }
        let mut state = self.gate.state.0.lock().unwrap();
        let has = |words: &str| buf.windows(words.len()).any(|some| some == words.as_bytes());
        if by_a_task && state.unreadable_words.is_some_and(has) {
            state.refused += 1;
            return Err(io::Error::other("the disk cannot be read here"));
        }
        Ok(())
    }

    fn read_cached_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_cached_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass()?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.inner.sync_all()
    }
}
