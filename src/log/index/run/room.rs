//! How much of the runs may be kept in memory, all together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Room in memory, in bytes, that runs share.
#[derive(Debug)]
pub(in crate::log::index) struct Room(AtomicUsize);

impl Room {
    /// Room for so many bytes.
    pub(in crate::log::index) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    /// Takes some of it until what is returned is dropped; `None` if there is not enough left.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Taken> {
        let left = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).ok()?;
        Some(Taken { room: Arc::clone(self), bytes })
    }
}

/// See [`Room::take`].
#[derive(Debug)]
pub(super) struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_when_it_is_dropped() {
        let room = Room::new(10);
        let taken = room.take(7).unwrap();
        assert!(room.take(4).is_none());
        let rest = room.take(3).unwrap();
        drop(taken);
        assert!(room.take(7).is_some());
        drop(rest);
    }
}
