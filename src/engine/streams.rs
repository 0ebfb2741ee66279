//! Bounds what those who read hold together: how many reads and subscriptions are open, and the
//! bytes of the pages that were given to them and not taken yet.
//!
//! Who waits for events holds nothing, so idle followers do not make the pages of others smaller;
//! who stopped reading holds one page, and holds nobody up.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::{domain::limits, engine::ReadError};

/// Reads and subscriptions that may be open.
const MOST_STREAMS: usize = 16_384;
/// Bytes of pages that all of them together hold, or little more.
const HELD_BYTES: usize = 64 << 20;
/// The share of what is left of it that one page may take.
const SHARE: usize = 8;
/// The least a page has, however many are held; one event may be larger.
const LEAST_PAGE_BYTES: usize = 4 << 10;

/// Counts what is open and held.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    open: AtomicUsize,
    held: AtomicUsize,
}

/// One read or subscription, open until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream {
    counters: Arc<Counters>,
    /// Bytes of the page that was given last.
    held: usize,
}

impl Streams {
    /// Opens one more, or tells that there are too many.
    pub(super) fn open(&self) -> Result<OpenStream, ReadError> {
        // The guard comes first: one that is turned away is not counted any more.
        let stream = OpenStream { counters: Arc::clone(&self.0), held: 0 };
        if self.0.open.fetch_add(1, Relaxed) < MOST_STREAMS {
            return Ok(stream);
        }
        Err(ReadError::Overloaded { streams: MOST_STREAMS })
    }

    /// Bytes that the next page should have at most.
    pub(super) fn page_bytes(&self) -> usize {
        let left = HELD_BYTES.saturating_sub(self.0.held.load(Relaxed));
        (left / SHARE).clamp(LEAST_PAGE_BYTES, limits::PAGE_BYTES)
    }
}

impl OpenStream {
    /// The last page was taken, and one of so many bytes is held instead.
    pub(super) fn hold(&mut self, bytes: usize) {
        self.counters.held.fetch_sub(self.held, Relaxed);
        self.counters.held.fetch_add(bytes, Relaxed);
        self.held = bytes;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.hold(0);
        self.counters.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_get_smaller_the_more_is_held_and_the_sum_stays_bounded() {
        let streams = Streams::default();
        let mut open = Vec::new();
        let mut held = 0;
        for _ in 0..MOST_STREAMS {
            let mut stream = streams.open().unwrap();
            let page = streams.page_bytes();
            assert!((LEAST_PAGE_BYTES..=limits::PAGE_BYTES).contains(&page));
            stream.hold(page);
            held += page;
            open.push(stream);
        }
        assert!(held <= HELD_BYTES + MOST_STREAMS * LEAST_PAGE_BYTES, "{held} bytes are held");
        assert_eq!(streams.page_bytes(), LEAST_PAGE_BYTES);
        assert!(matches!(streams.open(), Err(ReadError::Overloaded { .. })), "one too many");
        drop(open.pop());
        drop(streams.open().unwrap());
        for stream in &mut open {
            stream.hold(0);
        }
        assert_eq!(streams.page_bytes(), limits::PAGE_BYTES, "those who wait hold nothing");
        drop(open);
        assert_eq!(streams.0.open.load(Relaxed), 0);
    }
}
