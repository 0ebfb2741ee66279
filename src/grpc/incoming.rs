//! Accepts connections, within a number of them, and through shortages of the system.
//!
//! A connection beyond the number waits in the system's queue until another one ends; one beyond
//! the number of its peer is closed (`peers`). An accept
//! that fails for want of descriptors or memory is repeated after a pause that doubles: without
//! it, the listener would be ready at once, for ever, and take a whole processor.
//!
//! In a shortage the listener can change between waiting and accepting many times within
//! milliseconds. The log has the first change at once, and then at most one line in 10 s: the state
//! at the end of that time, if it is another than the log says. So the last line is always true
//! within 10 s, and a limit that stays reached is never left out.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::Stream;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_util::sync::PollSemaphore;

use crate::grpc::{
    connections::{ConnectionPlace, Connections},
    peers::ConnectionLimits,
};

/// The first pause after an accept that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause: a connection waits that long at most once the shortage is over.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The least time between two changes that are logged.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// What is accepted, from somewhere.
pub(super) trait HasPeer {
    /// The address that it comes from; `None`: the system does not say.
    fn peer(&self) -> Option<IpAddr>;
}

impl HasPeer for TcpStream {
    fn peer(&self) -> Option<IpAddr> {
        self.peer_addr().ok().map(|address| address.ip())
    }
}

/// Connections, as they are admitted.
#[derive(Debug)]
pub(super) struct Incoming<S> {
    accepted: S,
    permits: PollSemaphore,
    limits: ConnectionLimits,
    connections: Arc<Connections>,
    /// For the next connection.
    permit: Option<OwnedSemaphorePermit>,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    changes: Changes,
}

/// What the listener does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Accepting,
    /// As many connections are open as may be.
    Full,
    /// The system cannot give another one, for this reason.
    Short(String),
}

impl State {
    fn log(&self) {
        match self {
            Self::Accepting => tracing::info!("connections are accepted again"),
            Self::Full => {
                tracing::warn!("the limit of open connections is reached; new ones wait");
            }
            Self::Short(error) => {
                tracing::warn!(%error, "no connection can be accepted; the server retries");
            }
        }
    }
}

/// Changes of the state, of which few are logged.
#[derive(Debug)]
struct Changes {
    state: State,
    logged: State,
    /// While nothing more is logged.
    quiet: Option<Pin<Box<Sleep>>>,
}

impl Changes {
    fn new() -> Self {
        Self { state: State::Accepting, logged: State::Accepting, quiet: None }
    }

    /// Sets the state, and logs it if it is another than the log says and the time has come. If it
    /// has not, the task is woken when it comes.
    fn set(&mut self, state: State, context: &mut Context<'_>) {
        self.state = state;
        self.poll(context);
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        if self.quiet.as_mut().is_some_and(|quiet| quiet.as_mut().poll(context).is_pending()) {
            return;
        }
        self.quiet = None;
        if self.state != self.logged {
            self.state.log();
            self.logged = self.state.clone();
            self.quiet = Some(Box::pin(tokio::time::sleep(BETWEEN_LINES)));
        }
    }
}

impl<S> Incoming<S> {
    /// Admits so many of `accepted` at a time.
    pub(super) fn new(
        accepted: S,
        limits: ConnectionLimits,
        connections: Arc<Connections>,
    ) -> Self {
        connections.set_limit(limits.all);
        let semaphore = Semaphore::new(limits.all.min(Semaphore::MAX_PERMITS));
        Self {
            accepted,
            permits: PollSemaphore::new(semaphore.into()),
            limits,
            connections,
            permit: None,
            pause: FIRST_PAUSE,
            pausing: None,
            changes: Changes::new(),
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
            if permit.is_pending() {
                self.changes.set(State::Full, context);
            }
            self.permit = ready!(permit);
            // The next one is accepted at once, though it may come much later.
            if self.changes.state == State::Full {
                self.changes.set(State::Accepting, context);
            }
        }
        Poll::Ready(())
    }

    /// Admits a connection; one for which its peer has no place is dropped, and so closed.
    fn admit<T: HasPeer>(
        &mut self,
        connection: T,
        permit: OwnedSemaphorePermit,
        context: &mut Context<'_>,
    ) -> Option<Admitted<T>> {
        self.changes.set(State::Accepting, context);
        self.pause = FIRST_PAUSE;
        match self.connections.admit(permit, connection.peer(), self.limits) {
            Ok(place) => Some(Admitted { connection, place }),
            Err(permit) => {
                self.permit = Some(permit);
                None
            }
        }
    }

    fn pause(&mut self, error: &io::Error, context: &mut Context<'_>) {
        self.changes.set(State::Short(error.to_string()), context);
        self.pausing = Some(Box::pin(tokio::time::sleep(self.pause)));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl<S, T> Stream for Incoming<S>
where
    S: Stream<Item = io::Result<T>> + Unpin,
    T: HasPeer,
{
    type Item = io::Result<Admitted<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.changes.poll(context);
        loop {
            ready!(self.poll_allowed(context));
            match ready!(Pin::new(&mut self.accepted).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Ok(connection)) => {
                    // It was acquired before; without one the server is stopping.
                    let Some(permit) = self.permit.take() else { return Poll::Ready(None) };
                    if let Some(admitted) = self.admit(connection, permit, context) {
                        return Poll::Ready(Some(Ok(admitted)));
                    }
                }
                Some(Err(error)) if concerns_one(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Some(Err(error)) => self.pause(&error, context),
            }
        }
    }
}

/// Whether the next accept can succeed at once: the error is of the connection, not of the system.
fn concerns_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A connection that counts for as long as its place is held.
#[derive(Debug)]
pub(super) struct Admitted<T> {
    pub(super) connection: T,
    pub(super) place: ConnectionPlace,
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use tokio::time::Instant;
    use tracing::subscriber::DefaultGuard;

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

    /// A connection by its number, from nowhere.
    impl HasPeer for u32 {
        fn peer(&self) -> Option<IpAddr> {
            None
        }
    }

    /// At most so many of what is accepted.
    fn incoming<S>(accepted: S, most: usize) -> Incoming<S> {
        Incoming::new(accepted, ConnectionLimits::new(most, None), Arc::default())
    }

    fn no_descriptors() -> io::Error {
        io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())
    }

    #[tokio::test(start_paused = true)]
    async fn an_accept_that_fails_is_repeated_ever_more_slowly_and_never_given_up() {
        let failing = std::iter::repeat_with(|| Err(no_descriptors())).take(600);
        let (accepted, calls) = accepts(failing.chain([Ok(7)]));
        let mut incoming = incoming(accepted, 1);
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
        let mut incoming = incoming(accepted, 1);
        let connection = incoming.next().now_or_never().expect("at once");
        assert_eq!(connection.expect("it goes on").expect("no error").connection, 7);
    }

    #[tokio::test]
    async fn no_more_are_admitted_than_may_be_open() {
        let (accepted, calls) = accepts([Ok(1), Ok(2), Ok(3)]);
        let mut incoming = incoming(accepted, 2);
        let first = incoming.next().await.expect("one").expect("no error");
        let _second = incoming.next().await.expect("two").expect("no error");
        assert!(incoming.next().now_or_never().is_none(), "a third one waits");
        assert_eq!(calls.load(Ordering::Relaxed), 2, "it waits where the system keeps it");
        drop(first);
        let third = incoming.next().await.expect("three").expect("no error");
        assert_eq!(third.connection, 3);
    }

    /// What was logged.
    #[derive(Clone, Default)]
    struct Logged(Arc<Mutex<Vec<u8>>>);

    impl Logged {
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(ToOwned::to_owned).collect()
        }
    }

    impl io::Write for Logged {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What this thread logs, until the guard is dropped.
    fn logged() -> (Logged, DefaultGuard) {
        let logged = Logged::default();
        let writer = logged.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        (logged, tracing::subscriber::set_default(log.finish()))
    }

    #[track_caller]
    fn assert_logged(logged: &Logged, expected: &[&str]) {
        let lines = logged.lines();
        let alike = lines.iter().zip(expected).all(|(line, part)| line.contains(part));
        assert!(alike && lines.len() == expected.len(), "{expected:?}: {lines:#?}");
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_follow_fast_are_logged_once_and_the_last_state_always() {
        const FULL: &str = "the limit of open connections is reached";
        const AGAIN: &str = "connections are accepted again";
        let (logged, _log) = logged();
        let (accepted, _) = accepts((0..).take(200).map(Ok));
        let mut incoming = incoming(accepted, 1);
        for _ in 0..100 {
            let connection = incoming.next().await.expect("one").expect("no error");
            assert!(incoming.next().now_or_never().is_none(), "another one waits");
            assert_logged(&logged, &[FULL]);
            drop(connection);
        }
        let open = incoming.next().await.expect("one").expect("no error");
        assert_logged(&logged, &[FULL]);
        let mut waited = async || tokio::time::timeout(2 * BETWEEN_LINES, incoming.next()).await;
        assert!(waited().await.is_err());
        assert_logged(&logged, &[FULL]);
        drop(open);
        let open = waited().await.expect("at once").expect("one").expect("no error");
        assert_logged(&logged, &[FULL, AGAIN]);
        // Full again, which lasts: the line comes though nothing else happens.
        assert!(waited().await.is_err());
        assert_logged(&logged, &[FULL, AGAIN, FULL]);
        drop(open);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_reached_no_more_is_logged_though_no_other_connection_comes() {
        let (logged, _log) = logged();
        let (accepted, _) = accepts([Ok(7)]);
        let mut incoming = incoming(accepted, 1);
        let open = incoming.next().await.expect("one").expect("no error");
        assert!(incoming.next().now_or_never().is_none(), "it is the only one");
        drop(open);
        let waited = tokio::time::timeout(2 * BETWEEN_LINES, incoming.next()).await;
        assert!(waited.is_err(), "no other connection comes");
        assert_logged(&logged, &["limit of open connections is reached", "are accepted again"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_of_a_shortage_is_logged_though_no_other_connection_comes() {
        let (logged, _log) = logged();
        let (accepted, _) = accepts([Err(no_descriptors()), Ok(7)]);
        let mut incoming = incoming(accepted, 2);
        let _open = incoming.next().await.expect("one").expect("no error");
        assert_logged(&logged, &["no connection can be accepted"]);
        let waited = tokio::time::timeout(2 * BETWEEN_LINES, incoming.next()).await;
        assert!(waited.is_err(), "no other connection comes");
        assert_logged(&logged, &["Too many open files", "connections are accepted again"]);
    }
}
