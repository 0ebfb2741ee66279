//! Work that takes milliseconds, where it holds up no other task.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Bytes of a message from which on it is worth to leave the worker: it takes a millisecond to
/// decode, and leaving takes a hundredth of that.
pub const LARGE: usize = 64 << 10;

/// Does `work` at once. If `bytes` of a request are large, the other tasks of this worker go on
/// with another one meanwhile; a runtime of one thread has no other.
pub fn apart<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let spread = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    if bytes >= LARGE && Handle::try_current().is_ok_and(spread) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn another_task_goes_on_meanwhile() {
        let (done, waits) = mpsc::channel();
        let large = tokio::spawn(async move {
            // Both are tasks of the only worker.
            tokio::spawn(async move { done.send(()) });
            apart(LARGE, || waits.recv_timeout(std::time::Duration::from_secs(30)))
        });
        assert_eq!(large.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_works_at_once() {
        assert_eq!(apart(LARGE, || 7), 7);
    }
}
