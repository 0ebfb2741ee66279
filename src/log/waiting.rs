//! Waits of tests, each with a bound: a test that waits for ever says nothing of what is wrong.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// Long enough never to run out in a test that works.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A thread of a test, to be joined with a bound.
#[derive(Debug)]
pub(crate) struct Worker<T>(mpsc::Receiver<T>);

/// Starts a thread of a test.
pub(crate) fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Worker<T> {
    let (sender, result) = mpsc::channel();
    // The receiver is gone only where the test has failed already.
    thread::spawn(move || sender.send(work()).unwrap_or_default());
    Worker(result)
}

impl<T> Worker<T> {
    /// What the thread returns. Fails if it panics, or does not end within [`LONG`].
    pub(crate) fn join(self, work: &str) -> T {
        self.0.recv_timeout(LONG).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => panic!("{work}: still running after {LONG:?}"),
            RecvTimeoutError::Disconnected => panic!("{work}: panicked, as printed above"),
        })
    }
}

/// Does the work on another thread: fails if it does not end within [`LONG`]. This bounds what
/// waits without a bound of its own, such as the threads of a scope.
pub(crate) fn bounded<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    spawn(work).join(what)
}

/// Repeats a step until it returns true: fails if that takes more than `most` steps.
pub(crate) fn repeat(what: &str, most: usize, mut step: impl FnMut() -> bool) {
    assert!((0..most).any(|_| step()), "{what}: not reached in {most} steps");
}

/// Sets a flag when it is dropped, so that loops which go by it end even if the test panics.
#[derive(Debug)]
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
