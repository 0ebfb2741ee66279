//! Accepts connections, within a number of them, and through shortages of the system.
//!
//! A connection beyond the number waits in the system's queue until another one ends. An accept
//! that fails for want of descriptors or memory is repeated after a pause that doubles: without
//! it, the listener would be ready at once, for ever, and take a whole processor.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::Stream;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_util::sync::PollSemaphore;

/// The first pause after an accept that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause: a connection waits that long at most once the shortage is over.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Connections, as they are admitted.
#[derive(Debug)]
pub(super) struct Incoming<S> {
    accepted: S,
    permits: PollSemaphore,
    /// For the next connection.
    permit: Option<OwnedSemaphorePermit>,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    state: State,
}

/// What was logged last: each change is logged once, however often it is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Accepting,
    /// As many connections are open as may be.
    Full,
    /// The system cannot give another one.
    Short,
}

impl<S> Incoming<S> {
    /// Admits at most `most` of `accepted` at a time.
    pub(super) fn new(accepted: S, most: usize) -> Self {
        let semaphore = Semaphore::new(most.min(Semaphore::MAX_PERMITS));
        Self {
            accepted,
            permits: PollSemaphore::new(semaphore.into()),
            permit: None,
            pause: FIRST_PAUSE,
            pausing: None,
            state: State::Accepting,
        }
    }

    /// Waits for the pause to end, and for a connection to be allowed.
    fn poll_allowed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(pausing) = &mut self.pausing {
            ready!(pausing.as_mut().poll(context));
            self.pausing = None;
        }
        if self.permit.is_none() {
            let permit = self.permits.poll_acquire(context);
            if permit.is_pending() && self.state != State::Full {
                self.state = State::Full;
                tracing::warn!("the limit of open connections is reached; new ones wait");
            }
            self.permit = ready!(permit);
        }
        Poll::Ready(())
    }

    fn admit<T>(&mut self, connection: T) -> Option<Admitted<T>> {
        if self.state != State::Accepting {
            self.state = State::Accepting;
            tracing::info!("connections are accepted again");
        }
        self.pause = FIRST_PAUSE;
        // The permit was acquired before; without one the server is stopping.
        Some(Admitted { connection, permit: self.permit.take()? })
    }

    fn pause(&mut self, error: &io::Error) {
        if self.state != State::Short {
            self.state = State::Short;
            tracing::warn!(%error, "no connection can be accepted; the server retries");
        }
        self.pausing = Some(Box::pin(tokio::time::sleep(self.pause)));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl<S, T> Stream for Incoming<S>
where
    S: Stream<Item = io::Result<T>> + Unpin,
{
    type Item = io::Result<Admitted<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            ready!(self.poll_allowed(context));
            match ready!(Pin::new(&mut self.accepted).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Ok(connection)) => return Poll::Ready(self.admit(connection).map(Ok)),
                Some(Err(error)) if concerns_one(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Some(Err(error)) => self.pause(&error),
            }
        }
    }
}

/// Whether the next accept can succeed at once: the error is of the connection, not of the system.
fn concerns_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A connection that counts for as long as its permit is held.
#[derive(Debug)]
pub(super) struct Admitted<T> {
    pub(super) connection: T,
    pub(super) permit: OwnedSemaphorePermit,
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use tokio::time::Instant;

    use super::*;

    /// A listener of which each accept ends so, and how often it was called.
    fn accepts(
        outcomes: impl IntoIterator<Item = io::Result<u32>>,
    ) -> (impl Stream<Item = io::Result<u32>> + Unpin, Arc<AtomicUsize>) {
        let mut outcomes: VecDeque<_> = outcomes.into_iter().collect();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let accepted = stream::poll_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            outcomes.pop_front().map_or(Poll::Pending, |outcome| Poll::Ready(Some(outcome)))
        });
        (accepted, calls)
    }

    fn no_descriptors() -> io::Error {
        io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())
    }

    #[tokio::test(start_paused = true)]
    async fn an_accept_that_fails_is_repeated_ever_more_slowly_and_never_given_up() {
        let failing = std::iter::repeat_with(|| Err(no_descriptors())).take(600);
        let (accepted, calls) = accepts(failing.chain([Ok(7)]));
        let mut incoming = Incoming::new(accepted, 1);
        let begun = Instant::now();
        let connection = incoming.next().await.expect("it goes on").expect("no error is passed on");
        assert_eq!(connection.connection, 7);
        assert_eq!(calls.load(Ordering::Relaxed), 601);
        let per_call = begun.elapsed() / 600;
        assert!(per_call > LONGEST_PAUSE * 9 / 10, "an accept was tried every {per_call:?}");
    }

    #[tokio::test]
    async fn a_connection_that_ended_early_makes_no_pause() {
        let reset = || Err(io::ErrorKind::ConnectionReset.into());
        let (accepted, _) = accepts([reset(), reset(), Ok(7)]);
        let mut incoming = Incoming::new(accepted, 1);
        let connection = incoming.next().now_or_never().expect("at once");
        assert_eq!(connection.expect("it goes on").expect("no error").connection, 7);
    }

    #[tokio::test]
    async fn no_more_are_admitted_than_may_be_open() {
        let (accepted, calls) = accepts([Ok(1), Ok(2), Ok(3)]);
        let mut incoming = Incoming::new(accepted, 2);
        let first = incoming.next().await.expect("one").expect("no error");
        let _second = incoming.next().await.expect("two").expect("no error");
        assert!(incoming.next().now_or_never().is_none(), "a third one waits");
        assert_eq!(calls.load(Ordering::Relaxed), 2, "it waits where the system keeps it");
        drop(first);
        let third = incoming.next().await.expect("three").expect("no error");
        assert_eq!(third.connection, 3);
    }
}
