//! What the disk allows: writes into a preallocated file, each made durable before the next.
//!
//! No journal with one sync for each commit can do more than this.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use handover::cli::exit::{Exit, Failure};

use super::{
    plan::Plan,
    statistics::{Sample, Times, approximate},
};

/// What the journal aligns its frames to.
const PAGE: usize = 4_096;
/// Bytes around the events of a frame: its header and its own head.
const FRAME_HEAD: usize = 80 + 24;
/// Bytes that the append table takes for each request.
const FRAME_ENTRY: usize = 44;

/// Events that become durable at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommitBatch {
    /// Events in it.
    pub(super) events: usize,
    /// Bytes of its write, a multiple of a page.
    bytes: usize,
}

impl CommitBatch {
    /// One page, which stands for one event.
    pub(super) const PAGE: Self = Self { events: 1, bytes: PAGE };

    /// A frame of `appends` requests, each of `events` events with `stored` bytes.
    pub(super) fn of(appends: usize, events: usize, stored: usize) -> Self {
        let bytes = FRAME_HEAD + appends * (FRAME_ENTRY + events * stored);
        Self { events: appends * events, bytes: bytes.next_multiple_of(PAGE) }
    }
}

/// Ends a loop on the blocking pool when the measurement is given up.
struct EndOnDrop(Arc<AtomicBool>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes batches one after the other, each followed by `fdatasync`, as long as a repeat takes.
///
/// The file is made in `dir` and removed again.
pub(super) async fn commits(
    dir: &Path,
    batch: CommitBatch,
    plan: &Plan,
) -> Result<Sample, Failure> {
    let ended = Arc::new(AtomicBool::new(false));
    let _end = EndOnDrop(Arc::clone(&ended));
    let (path, bytes, measured) = (dir.join("limit"), plan.limit_file, plan.measured);
    let named = path.display().to_string();
    let work = tokio::task::spawn_blocking(move || {
        let file = preallocated(&path, bytes);
        let goes_on = |spent| spent < measured && !ended.load(Ordering::Relaxed);
        let sample = file.and_then(|file| commit_while(&file, bytes / batch.bytes, batch, goes_on));
        let removed = fs::remove_file(&path);
        sample.and_then(|sample| removed.map(|()| sample))
    });
    let done = work.await.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    done.map_err(|error| Failure::from(error).during(&named))
}

/// Commits at least one batch, at one of `slots` after the other.
fn commit_while(
    file: &File,
    slots: usize,
    batch: CommitBatch,
    goes_on: impl Fn(Duration) -> bool,
) -> io::Result<Sample> {
    let bytes = vec![0x5A; batch.bytes];
    let (begun, mut batches, mut latency) = (Instant::now(), 0, Times::new());
    let mut pause = Duration::ZERO;
    for slot in (0..slots.max(1)).cycle() {
        let started = Instant::now();
        file.write_all_at(&bytes, (slot * batch.bytes) as u64)?;
        file.sync_data()?;
        let took = started.elapsed();
        latency.record(took);
        pause = pause.max(took);
        batches += 1;
        if !goes_on(begun.elapsed()) {
            break;
        }
    }
    let events = batches * batch.events as u64;
    let rates = vec![approximate(events) / begun.elapsed().as_secs_f64()];
    Ok(Sample { rates, refused: 0, latency, pause })
}

/// A file with all blocks written, so that later writes change no metadata.
fn preallocated(path: &Path, bytes: usize) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..bytes).step_by(zeros.len()) {
        file.write_all_at(&zeros, offset as u64)?;
    }
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_are_counted_and_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let batch = CommitBatch::of(64, 1, 340);
        assert_eq!(batch.bytes % PAGE, 0);
        let plan = Plan::quick();
        let sample = commits(dir.path(), batch, &plan).await.unwrap();
        assert!(sample.latency.count() > 0);
        let seconds = 64.0 * approximate(sample.latency.count()) / sample.rates[0];
        assert!(seconds >= plan.measured.as_secs_f64(), "so many commits took {seconds} s");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named() {
        let missing = Path::new("/nonexistent/folder");
        let failure = commits(missing, CommitBatch::PAGE, &Plan::quick()).await.unwrap_err();
        assert!(failure.message.contains("/nonexistent/folder/limit"), "{failure}");
    }
}
