//! A page of events that may lie far apart, each of which is a read of its own: two tasks share
//! them. Most of such a read is waiting for memory, which two processors do side by side.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::BytesMut;

use super::Reader;
use crate::{
    domain::event::Position,
    engine::ReadError,
    log::{EncodedEvents, Log, LogError},
};

/// Positions that a task takes at once: enough that taking them costs nothing, and few, because
/// what turns out to lie behind the end of the page was read in vain.
const BATCH: usize = 32;
/// Positions that are read in the caller's task where the disk is not needed for it. They take some
/// 50 microseconds at most, and the blocking pool costs two wake-ups of a thread.
const FEW: usize = 16;
/// Positions from which on a second task helps.
const MANY: usize = 4 * BATCH;
/// How many times as far as their number positions must reach for that. Closer ones share blocks
/// and lie in neighbouring ones, which one task reads together, each once.
const APART: u64 = 4;

/// What is read of one batch: as many of its events, from the first on, as fit a page.
type Piece = Result<Option<EncodedEvents>, LogError>;

/// The positions of a page, of which each task takes the next batch when it is done with one.
struct Work {
    positions: Vec<Position>,
    max_bytes: usize,
    /// The number of the next batch.
    next: AtomicUsize,
    /// Bytes that were read.
    bytes: AtomicUsize,
}

impl Reader {
    /// The events at these positions, which rise or fall, as many from the first on as make a
    /// page; `None`: there are no positions.
    pub(in crate::engine) async fn page_of(
        &self,
        positions: Vec<Position>,
        max_bytes: usize,
    ) -> Result<Option<EncodedEvents>, ReadError> {
        if positions.len() <= FEW
            && let Some(encoded) = self.log.resident(&positions, max_bytes)
        {
            return Ok(Some(encoded));
        }
        if !are_shared(&positions) {
            return self.blocking(move |log| log.events_at(&positions, max_bytes)).await;
        }
        let (next, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = Arc::new(Work { positions, max_bytes, next, bytes });
        let (own, helped) = (Arc::clone(&work), Arc::clone(&work));
        let (mut pieces, others) = tokio::try_join!(
            self.blocking(move |log| Ok(own.read(log))),
            self.help(move |log| helped.read(log)),
        )?;
        pieces.extend(others);
        Ok(work.joined(pieces)?)
    }

    /// Does work that goes on without it as well, if a page may be read besides.
    async fn help<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Log) -> Vec<T> + Send + 'static,
    ) -> Result<Vec<T>, ReadError> {
        let Ok(_permit) = self.permits.try_acquire() else { return Ok(Vec::new()) };
        let log = Arc::clone(&self.log);
        tokio::task::spawn_blocking(move || read(&log)).await.map_err(|_| ReadError::Stopping)
    }
}

impl Work {
    fn batch(&self, number: usize) -> Option<&[Position]> {
        self.positions.chunks(BATCH).nth(number)
    }

    /// Reads batch after batch, as long as the page is not full. Those that are taken are all that
    /// come before the last one.
    fn read(&self, log: &Log) -> Vec<(usize, Piece)> {
        let mut pieces = Vec::new();
        while self.bytes.load(Ordering::Relaxed) < self.max_bytes {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = self.batch(number) else { break };
            let piece = log.events_at(batch, self.max_bytes);
            // Nothing behind a failure is delivered.
            let bytes = match &piece {
                Ok(Some(encoded)) if encoded.count == batch.len() => encoded.events.len(),
                Ok(_) | Err(_) => self.max_bytes,
            };
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            pieces.push((number, piece));
        }
        pieces
    }

    /// The page: what was read, in order, up to the first event that is missing or does not fit. A
    /// failure is returned if it comes first; else the reader meets it at its position.
    fn joined(&self, mut pieces: Vec<(usize, Piece)>) -> Piece {
        pieces.sort_unstable_by_key(|(number, _)| *number);
        let (mut parts, mut bytes) = (Vec::new(), 0);
        for (number, piece) in pieces {
            let encoded = match piece {
                Err(error) if parts.is_empty() => return Err(error),
                Err(_) | Ok(None) => break,
                Ok(Some(encoded)) => encoded,
            };
            bytes += encoded.events.len();
            if !parts.is_empty() && bytes > self.max_bytes {
                break;
            }
            let whole = self.batch(number).is_some_and(|batch| batch.len() == encoded.count);
            parts.push(encoded);
            if !whole {
                break;
            }
        }
        Ok(one(&parts))
    }
}

/// Whether two tasks read these positions faster than one.
fn are_shared(positions: &[Position]) -> bool {
    let reach = positions.first().zip(positions.last()).map_or(0, |(a, b)| a.abs_diff(*b));
    positions.len() >= MANY && reach >= APART * positions.len() as u64
}

/// Runs that follow each other as one.
fn one(parts: &[EncodedEvents]) -> Option<EncodedEvents> {
    let (first, last) = (parts.first()?.first, parts.last()?.last);
    let mut events =
        BytesMut::with_capacity(parts.iter().map(|encoded| encoded.events.len()).sum());
    for encoded in parts {
        events.extend_from_slice(&encoded.events);
    }
    let count = parts.iter().map(|encoded| encoded.count).sum();
    Some(EncodedEvents { events: events.freeze(), count, first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: usize = 1_000;

    fn work(positions: usize) -> Work {
        let positions = (1..=positions as u64).map(|n| n * 10).collect();
        let (next, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Work { positions, max_bytes: FULL, next, bytes }
    }

    /// `count` events of the batch from its first on, of `bytes` together.
    fn piece(work: &Work, number: usize, count: usize, bytes: usize) -> (usize, Piece) {
        let batch = work.batch(number).unwrap();
        let events = vec![u8::try_from(number).unwrap(); bytes].into();
        let encoded = EncodedEvents { events, count, first: batch[0], last: batch[count - 1] };
        (number, Ok(Some(encoded)))
    }

    fn failure(position: Position) -> LogError {
        LogError::OutOfRange { position, last: 0 }
    }

    #[test]
    fn two_tasks_share_what_is_much_and_lies_apart_in_either_direction() {
        let every = |step: u64, count: u64| (1..=count).map(|n| n * step).collect();
        let shared = |mut positions: Vec<Position>| {
            let rising = are_shared(&positions);
            positions.reverse();
            assert_eq!(are_shared(&positions), rising);
            rising
        };
        assert!(shared(every(5, 128)));
        assert!(!shared(every(5, 127)), "few");
        assert!(!shared(every(1, 1_000)), "each is beside the next");
        assert!(!shared(Vec::new()));
    }

    #[test]
    fn pieces_are_joined_in_order_whichever_task_has_read_them() {
        let work = work(2 * BATCH + 5);
        let pieces = vec![piece(&work, 2, 5, 30), piece(&work, 0, BATCH, 10)];
        let pieces = [pieces, vec![piece(&work, 1, BATCH, 20)]].concat();
        let encoded = work.joined(pieces).unwrap().unwrap();
        assert_eq!((encoded.count, encoded.first, encoded.last), (2 * BATCH + 5, 10, 690));
        assert_eq!(encoded.events, [[0; 10].to_vec(), [1; 20].to_vec(), [2; 30].to_vec()].concat());
    }

    #[test]
    fn a_page_ends_before_what_does_not_fit_and_behind_what_was_not_read_whole() {
        let work = work(3 * BATCH);
        let last = |pieces: Vec<_>| work.joined(pieces).unwrap().unwrap().last;
        let big = piece(&work, 0, BATCH, FULL);
        assert_eq!(last(vec![big.clone(), piece(&work, 1, BATCH, 1)]), 320);
        let more = piece(&work, 0, BATCH, FULL + 1);
        assert_eq!(last(vec![more]), 320, "the first is given whatever it has");
        let cut = vec![big, piece(&work, 1, 3, 0), piece(&work, 2, BATCH, 0)];
        assert_eq!(last(cut), 350);
    }

    #[test]
    fn a_failure_ends_the_page_and_is_reported_if_it_comes_first() {
        let work = work(3 * BATCH);
        let later = vec![piece(&work, 2, 1, 1), (1, Err(failure(330))), piece(&work, 0, BATCH, 1)];
        assert_eq!(work.joined(later).unwrap().unwrap().last, 320);
        let first = vec![piece(&work, 1, BATCH, 1), (0, Err(failure(10)))];
        assert!(matches!(work.joined(first), Err(LogError::OutOfRange { position: 10, .. })));
    }
}
