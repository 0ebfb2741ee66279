//! Bounds what all readers hold together. That is the number of open reads and subscriptions, and
//! the bytes that were read for them and did not go to the socket yet.
//!
//! A page counts from when it is read until the transport lets go of its last byte. The more is
//! held, the smaller is the next page. A stream that waits for events holds nothing, so idle ones
//! do not make the pages of others smaller. One that is not read holds a page or two.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use crate::{domain::limits, engine::ReadError, log::usage::Used};

/// Reads and subscriptions that may be open.
const MOST_STREAMS: usize = 16_384;
/// Bytes that all of them together hold, or little more.
const HELD_BYTES: usize = 24 << 20;
/// The share of what is left of it that one page may take.
const SHARE: usize = 8;
/// The least a page has, however many are held; one event may be larger.
const LEAST_PAGE_BYTES: usize = 4 << 10;

/// Counts what is open and held.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    open: Arc<AtomicUsize>,
    held: Arc<Held>,
}

/// What is held of one budget.
#[derive(Debug, Default)]
struct Held {
    bytes: AtomicUsize,
    /// Streams that have more than a least page on its way.
    holders: AtomicUsize,
}

/// One read or subscription, open until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<AtomicUsize>);

impl Streams {
    /// Opens one more, or tells that there are too many.
    pub(super) fn open(&self) -> Result<OpenStream, ReadError> {
        // The guard comes first: one that is turned away is not counted any more.
        let stream = OpenStream(Arc::clone(&self.open));
        if self.open.fetch_add(1, Relaxed) < MOST_STREAMS {
            return Ok(stream);
        }
        Err(ReadError::Overloaded { streams: MOST_STREAMS })
    }

    /// The same streams with a budget of their own for what they hold.
    pub(super) fn with_own_budget(&self) -> Self {
        Self { open: Arc::clone(&self.open), held: Arc::default() }
    }

    /// Bytes that the next page should have at most: little where much is held, or by many.
    pub(super) fn page_bytes(&self) -> usize {
        let left = HELD_BYTES.saturating_sub(self.held.bytes.load(Relaxed));
        let holders = self.held.holders.load(Relaxed).max(1);
        (left / SHARE).min(HELD_BYTES / SHARE / holders).clamp(LEAST_PAGE_BYTES, limits::PAGE_BYTES)
    }

    /// Whether more than half of what may be held is.
    pub(super) fn is_short(&self) -> bool {
        self.held.bytes.load(Relaxed) > HELD_BYTES / 2
    }

    /// How many are open, and how many may be.
    pub(crate) fn open_streams(&self) -> Used {
        Used::of(self.open.load(Relaxed), MOST_STREAMS)
    }

    /// The bytes that are held, and beside which pages have the least that they may have.
    pub(super) fn held_bytes(&self) -> Used {
        Used::of(self.held.bytes.load(Relaxed), HELD_BYTES)
    }

    /// The same bytes, which count until all of them are dropped.
    pub(super) fn hold(&self, bytes: Bytes) -> Bytes {
        counted(bytes, &self.held, None)
    }

    /// The way of one answer to its client.
    pub fn outbound(&self) -> Outbound {
        Outbound { streams: self.clone(), own: Arc::default() }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// What one answer has on its way: the transport has it, and has not sent it.
#[derive(Debug)]
pub struct Outbound {
    streams: Streams,
    own: Arc<Own>,
}

#[derive(Debug, Default)]
struct Own {
    bytes: AtomicUsize,
    /// Woken when some of the bytes went.
    sent: AtomicWaker,
}

impl Outbound {
    /// Waits until the next part may be made: while one is on its way, and none if pages have
    /// become smaller than that one.
    pub fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        // Before the look, so that what goes in between is not missed.
        self.own.sent.register(context.waker());
        let own = self.own.bytes.load(SeqCst);
        if own == 0 || own <= self.streams.page_bytes() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The same bytes, which count until all of them are dropped.
    pub fn hold(&self, bytes: Bytes) -> Bytes {
        counted(bytes, &self.streams.held, Some(&self.own))
    }
}

/// Bytes that count as long as there are any of them.
struct Counted {
    bytes: Bytes,
    held: Arc<Held>,
    own: Option<Arc<Own>>,
}

fn counted(bytes: Bytes, held: &Arc<Held>, own: Option<&Arc<Own>>) -> Bytes {
    let length = bytes.len();
    if length == 0 {
        return bytes;
    }
    held.bytes.fetch_add(length, Relaxed);
    if let Some(own) = own {
        let before = own.bytes.fetch_add(length, SeqCst);
        if before < LEAST_PAGE_BYTES && before + length >= LEAST_PAGE_BYTES {
            held.holders.fetch_add(1, Relaxed);
        }
    }
    Bytes::from_owner(Counted { bytes, held: Arc::clone(held), own: own.cloned() })
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let length = self.bytes.len();
        self.held.bytes.fetch_sub(length, Relaxed);
        if let Some(own) = &self.own {
            let before = own.bytes.fetch_sub(length, SeqCst);
            if before >= LEAST_PAGE_BYTES && before - length < LEAST_PAGE_BYTES {
                self.held.holders.fetch_sub(1, Relaxed);
            }
            own.sent.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn page(streams: &Streams) -> Bytes {
        vec![0; streams.page_bytes()].into()
    }

    #[test]
    fn streams_are_turned_away_when_there_are_too_many() {
        let streams = Streams::default();
        let mut open: Vec<_> = (0..MOST_STREAMS).map(|_| streams.open().unwrap()).collect();
        assert!(matches!(streams.open(), Err(ReadError::Overloaded { .. })), "one too many");
        drop(open.pop());
        drop(streams.open().unwrap());
        drop(open);
        assert_eq!(streams.open.load(Relaxed), 0);
    }

    #[test]
    fn pages_get_smaller_the_more_is_held_and_the_sum_stays_bounded() {
        const READERS: usize = 4_096;
        let streams = Streams::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut on_the_way = Vec::new();
        for _ in 0..READERS {
            let outbound = streams.outbound();
            while outbound.poll_room(&mut context).is_ready() {
                on_the_way.push(outbound.hold(page(&streams)));
            }
        }
        let held = streams.held.bytes.load(Relaxed);
        assert_eq!(held, on_the_way.iter().map(Bytes::len).sum::<usize>());
        assert!(held <= HELD_BYTES + 2 * READERS * LEAST_PAGE_BYTES, "{held} bytes are held");
        assert_eq!(streams.page_bytes(), LEAST_PAGE_BYTES);
        drop(on_the_way);
        assert_eq!(streams.page_bytes(), limits::PAGE_BYTES, "who has taken all holds nothing");
        assert_eq!(streams.held.bytes.load(Relaxed), 0);
        assert_eq!(streams.held.holders.load(Relaxed), 0);
    }

    #[test]
    fn a_reader_among_many_that_take_nothing_still_gets_pages() {
        let streams = Streams::default();
        let outbounds: Vec<_> = (0..200).map(|_| streams.outbound()).collect();
        let _held: Vec<_> = outbounds.iter().map(|it| it.hold(page(&streams))).collect();
        let page = streams.page_bytes();
        assert!(page >= 2 * LEAST_PAGE_BYTES, "{page}");
        assert_eq!(streams.with_own_budget().page_bytes(), limits::PAGE_BYTES);
    }

    #[test]
    fn a_part_counts_until_its_last_piece_is_gone_and_then_the_next_may_be_made() {
        let streams = Streams::default();
        let outbound = streams.outbound();
        let mut context = Context::from_waker(Waker::noop());
        let first = outbound.hold(page(&streams));
        assert!(outbound.poll_room(&mut context).is_ready(), "one is made while one is sent");
        let mut second = outbound.hold(page(&streams));
        assert!(outbound.poll_room(&mut context).is_pending());
        let piece = second.split_to(10);
        drop((first, second));
        assert!(outbound.poll_room(&mut context).is_ready());
        assert_eq!(streams.held.bytes.load(Relaxed), limits::PAGE_BYTES, "a piece keeps all");
        drop(piece);
        assert_eq!(streams.held.bytes.load(Relaxed), 0);
    }
}
