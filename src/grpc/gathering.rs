//! What is ready at one time is written at one time, on either side of a connection.
//!
//! Calls become ready together: the answers of a commit batch, and then the next requests of the
//! clients that were answered. The first of them wakes the connection, before the others are
//! there. Without a wait, each is a write of its own: a system call, a packet, and a wake-up of the
//! other side.

use std::task::Context;

/// Whether tasks that were ready have run since there is something to write.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    has_waited: bool,
}

impl Gathering {
    /// Whether tasks that are ready run before what there is to write is written: once for each
    /// flush. The connection is woken after them.
    pub(super) fn waits(&mut self, context: &Context<'_>) -> bool {
        let waits = !std::mem::replace(&mut self.has_waited, true);
        if waits {
            context.waker().wake_by_ref();
        }
        waits
    }

    /// All of it was written.
    pub(super) fn flushed(&mut self) {
        self.has_waited = false;
    }
}
