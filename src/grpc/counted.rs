//! Bytes that count twice while something holds them: for all connections, and for their own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Two sums of bytes: of all connections, and of one of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) all: Arc<AtomicUsize>,
    pub(super) own: Arc<AtomicUsize>,
}

/// Bytes that count until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    sums: Sums,
    bytes: usize,
}

/// How much may be held by a connection, once much is held in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// Bytes from which on a connection has no more than its share. From twice as much on, it has
    /// one thing alone, and that is little.
    pub(super) much: usize,
    /// The share of a connection.
    pub(super) share: usize,
    /// Bytes of what a connection may hold alone, whatever is held in all.
    pub(super) little: usize,
}

impl Counted {
    pub(super) fn new(bytes: usize, sums: Sums) -> Self {
        sums.all.fetch_add(bytes, Relaxed);
        sums.own.fetch_add(bytes, Relaxed);
        Self { sums, bytes }
    }

    /// Whether there is room for these bytes, which count already.
    pub(super) fn fits(&self, Shares { much, share, little }: Shares) -> bool {
        let [all, own] = [&self.sums.all, &self.sums.own].map(|sum| sum.load(Relaxed));
        let only = own <= self.bytes;
        match all {
            _ if all <= much => true,
            _ if all <= 2 * much => only || own <= share,
            _ => only && self.bytes <= little,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        for sum in [&self.sums.all, &self.sums.own] {
            sum.fetch_sub(self.bytes, Relaxed);
        }
    }
}
