//! Readers that wait for the index, and the rest that it takes while there are none.
//!
//! A read of certain events waits until the index has everything up to the head. Between frames the
//! index rests a moment, so that one look takes many of them; a reader would wait for that as well,
//! and longer than for all else of a small read.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// How many readers wait.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    readers: Mutex<usize>,
    came: Condvar,
}

impl Awaited {
    /// Counts a reader until what is returned is dropped.
    pub(super) fn wait(self: &Arc<Self>) -> WaitingReader {
        *self.readers.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.came.notify_all();
        WaitingReader(Arc::clone(self))
    }

    /// Rests so long at most, and no longer once a reader waits.
    pub(super) fn rest(&self, time: Duration) {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        // Whether a reader came or the time is up, there is nothing more to do here.
        let _ = self.came.wait_timeout_while(readers, time, |readers| *readers == 0);
    }
}

/// A reader that waits for the index.
#[derive(Debug)]
pub struct WaitingReader(Arc<Awaited>);

impl Drop for WaitingReader {
    fn drop(&mut self) {
        *self.0.readers.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    /// Longer than any test may take.
    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn a_rest_ends_when_a_reader_comes_and_there_is_none_while_one_waits() {
        let awaited = Arc::<Awaited>::default();
        let (rested, received) = mpsc::channel();
        let resting = Arc::clone(&awaited);
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                resting.rest(2 * LONG);
                rested.send(()).unwrap();
            }
        });
        assert!(received.try_recv().is_err(), "no reader waits");
        let reader = awaited.wait();
        for _ in 0..2 {
            received.recv_timeout(LONG).expect("a reader waits");
        }
        thread.join().unwrap();
        drop(reader);
        assert_eq!(*awaited.readers.lock().unwrap(), 0);
    }
}
