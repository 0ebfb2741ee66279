//! Does the same to many volumes, on a thread for each processor. Digests take most of the time of
//! a restore, and one thread works them out at half the speed of a disk.

use std::{
    num::NonZero,
    panic,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use super::BackupError;

/// The most threads: each may hold a volume that is open through sled.
pub(super) const THREADS: usize = 4;

/// Works on each item, on at most `most` threads, and returns the results in the order of the
/// items. After an error no item is begun any more; the error is that of the first item that has
/// one. `on_bytes` is called on this thread with what `work` reports.
pub(super) fn for_each<T: Sync, R: Send>(
    (items, most): (&[T], usize),
    on_bytes: &mut dyn FnMut(u64),
    work: impl Fn(&T, &mut dyn FnMut(u64)) -> Result<R, BackupError> + Sync,
) -> Result<Vec<R>, BackupError> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(most).min(items.len());
    if threads < 2 {
        return items.iter().map(|item| work(item, on_bytes)).collect();
    }
    let shared = Shared { next: AtomicUsize::new(0), failed: AtomicBool::new(false) };
    let (sender, reported) = mpsc::channel();
    let mut results: Vec<_> = thread::scope(|scope| {
        let (shared, work) = (&shared, &work);
        let start = |_| {
            let sender = sender.clone();
            // The receiver is gone only if `on_bytes` has panicked.
            let mut report = move |bytes| sender.send(bytes).unwrap_or_default();
            scope.spawn(move || shared.take(items, |item| work(item, &mut report)))
        };
        let workers: Vec<_> = (0..threads).map(start).collect();
        drop(sender);
        reported.iter().for_each(on_bytes);
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
        };
        workers.into_iter().flat_map(join).collect()
    });
    // Items are begun in their order and finished once begun, so none before the first error is
    // missing.
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What the threads share.
struct Shared {
    /// The place of the next item.
    next: AtomicUsize,
    /// No item is begun any more.
    failed: AtomicBool,
}

impl Shared {
    /// Takes item after item; the results with their places.
    fn take<T, R>(
        &self,
        items: &[T],
        mut work: impl FnMut(&T) -> Result<R, BackupError>,
    ) -> Vec<(usize, Result<R, BackupError>)> {
        let mut results = Vec::new();
        while !self.failed.load(Relaxed) {
            let place = self.next.fetch_add(1, Relaxed);
            let Some(item) = items.get(place) else { break };
            let result = work(item);
            self.failed.fetch_or(result.is_err(), Relaxed);
            results.push((place, result));
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;
    use crate::log::waiting::{LONG, bounded};

    fn refused(item: usize) -> BackupError {
        BackupError::Beyond { what: item.to_string() }
    }

    #[test]
    fn results_have_the_order_of_the_items_and_each_report_arrives() {
        let (results, reported) = bounded("items on many threads", || {
            let items: Vec<usize> = (0..100).collect();
            let mut reported = 0;
            let work = |item: &usize, report: &mut dyn FnMut(u64)| {
                report(*item as u64);
                Ok(item * 2)
            };
            (for_each((&items, THREADS), &mut |bytes| reported += bytes, work).unwrap(), reported)
        });
        assert_eq!(results, (0..100).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(reported, 99 * 100 / 2);
    }

    #[test]
    fn the_error_is_that_of_the_first_item_though_a_later_one_fails_before_it() {
        if thread::available_parallelism().map_or(1, NonZero::get) < 2 {
            return;
        }
        let error = bounded("items that fail", || {
            let (later, changed) = (Mutex::new(false), Condvar::new());
            let work = |item: &usize, _: &mut dyn FnMut(u64)| -> Result<(), _> {
                let mut later = later.lock().unwrap();
                if *item == 0 {
                    drop(changed.wait_timeout_while(later, LONG, |later| !*later).unwrap());
                } else {
                    *later = true;
                    changed.notify_all();
                }
                Err(refused(*item))
            };
            for_each((&[0, 1, 2, 3, 4, 5], THREADS), &mut |_| (), work).unwrap_err()
        });
        assert_eq!(error.to_string(), refused(0).to_string());
    }
}
