//! How long a connection has had no call, and whether that is too long.
//!
//! Calls alone count. Pings do not: an idle client sends them for ever, and so does the server.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Context,
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// The calls of a connection that are under way.
#[derive(Clone, Debug)]
pub(super) struct OpenCalls(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    calls: usize,
    /// When the last one ended, or the connection began.
    ended: Instant,
}

impl Default for OpenCalls {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Open { calls: 0, ended: Instant::now() })))
    }
}

impl OpenCalls {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins.
    pub(super) fn begin(&self) -> OpenCall {
        self.lock().calls += 1;
        OpenCall(self.clone())
    }

    /// Since when there has been no call.
    fn idle_since(&self) -> Option<Instant> {
        let open = self.lock();
        (open.calls == 0).then_some(open.ended)
    }
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenCall(OpenCalls);

impl Drop for OpenCall {
    fn drop(&mut self) {
        let mut open = self.0.lock();
        open.calls -= 1;
        open.ended = Instant::now();
    }
}

/// The time that a connection may be without a call.
#[derive(Debug)]
pub(super) struct IdleDeadline {
    longest: Duration,
    look: Pin<Box<Sleep>>,
}

impl IdleDeadline {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, look: Box::pin(tokio::time::sleep(longest)) }
    }

    /// Whether there was no call for so long. If not, the task is woken when that can be so.
    pub(super) fn is_over(&mut self, calls: &OpenCalls, context: &mut Context<'_>) -> bool {
        while self.look.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let due = calls.idle_since().unwrap_or(now) + self.longest;
            if due <= now {
                return true;
            }
            self.look.as_mut().reset(due);
        }
        false
    }
}
