//! Bounds what the books of all groups hold together: which events are unfinished, and which
//! consumer has them.
//!
//! A group reads on while its consumers have credit, and 256 consumers may have ten thousand events
//! each. Where all groups together hold much, a group reads no further before something of it is
//! finished, unless it lists very little: so each of them goes on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Bytes of all books, or little more: a page is listed as a whole.
const MOST_BYTES: usize = 32 << 20;
/// Bytes of one book with which its group may read on in any case.
const LEAST_BYTES: usize = 32 << 10;

/// The books of all groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Books(Arc<AtomicUsize>);

impl Books {
    /// The book of one more group.
    pub(super) fn open(&self) -> Book {
        Book { all: self.clone(), bytes: 0 }
    }
}

/// The book of one group; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Book {
    all: Books,
    bytes: usize,
}

impl Book {
    /// It has so many bytes now. What all books have changes only where this one's bytes do.
    pub(super) fn has(&mut self, bytes: usize) {
        if bytes != self.bytes {
            self.all.0.fetch_add(bytes, Relaxed);
            self.all.0.fetch_sub(self.bytes, Relaxed);
            self.bytes = bytes;
        }
    }

    /// Whether more may be listed in it.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < LEAST_BYTES || self.all.0.load(Relaxed) < MOST_BYTES
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.has(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_books_together_are_bounded_and_each_may_list_something() {
        let books = Books::default();
        let mut open: Vec<_> = (0..1_000).map(|_| books.open()).collect();
        for bytes in (0..100 << 10).step_by(1_000) {
            for book in open.iter_mut().filter(|book| book.has_room()) {
                book.has(bytes);
            }
        }
        let all = books.0.load(Relaxed);
        assert!(all <= MOST_BYTES + 1_000 * LEAST_BYTES, "{all} bytes");
        assert!(open.iter().all(|book| book.bytes >= LEAST_BYTES), "each lists something");
        open.truncate(1);
        assert!(open[0].has_room(), "what others held is free");
        drop(open);
        assert_eq!(books.0.load(Relaxed), 0);
    }
}
