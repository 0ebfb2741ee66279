//! A connection as the server sees it: counted while it is open, given up if it says nothing, ended
//! if it may not be without a call for so long, read
//! more slowly if its client cancels calls without end, and named in the log if the server cuts it.
//!
//! Once the protocol is known, HTTP/2 probes silent connections, and HTTP/1 has a time for each
//! header. Before that, nothing would ever end a connection that was opened and left. And a cut is
//! announced to the client alone, though every call of the connection ends with it, so the log says
//! which client broke the bounds of HTTP/2. Calls can learn whether their connection was cut: what
//! else was under way on it is not to blame.

use std::{
    io,
    net::SocketAddr,
    ops::Deref,
    pin::Pin,
    sync::{Arc, atomic::AtomicUsize},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::Connected;

use crate::grpc::{
    connections::ConnectionPlace,
    empty_frames::EmptyFrames,
    frames::{Frames, PREFACE, RST_STREAM},
    gathering::Gathering,
    goaway::{self, CutWatch},
    idle::{IdleDeadline, OpenCall, OpenCalls},
    incoming::Admitted,
    origin::Origin,
    resets::Resets,
};

/// How long the preface may take, by which the protocol is known.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes after which a connection lets other tasks run. h2 reads all that has come before it hands
/// out a single call, and what it has read takes several times as much memory as it had as bytes.
const TURN: usize = 16 << 10;
/// How long a call that has broken off waits for its connection to end.
const ENDING: Duration = Duration::from_millis(100);

/// An admitted connection.
#[derive(Debug)]
pub(super) struct Connection<T> {
    stream: T,
    peer: Option<SocketAddr>,
    received: usize,
    /// Bytes read since it last let others run.
    turn: usize,
    /// When it is given up; none once the preface was received.
    due: Option<Pin<Box<Sleep>>>,
    idle: Option<IdleDeadline>,
    cut_watch: CutWatch,
    frames: Frames,
    resets: Resets,
    empty_frames: EmptyFrames,
    /// While it is not read.
    pause: Option<Pin<Box<Sleep>>>,
    gathering: Gathering,
    ending: ConnectionInfo,
    _gone: DropGuard,
    place: ConnectionPlace,
}

/// What calls know of their connection. Each call has it several times, so it is shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionInfo(Arc<ConnectionState>);

impl Deref for ConnectionInfo {
    type Target = ConnectionState;

    fn deref(&self) -> &ConnectionState {
        &self.0
    }
}

/// The state of a connection, as far as calls need it.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    /// Bytes of answers that its client has not taken.
    pub(super) unread: Arc<AtomicUsize>,
    /// Bytes that its calls hold while they wait for their one answer.
    pub(super) waiting: Arc<AtomicUsize>,
    calls: OpenCalls,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The server cuts it.
    cut: CancellationToken,
    gone: CancellationToken,
}

impl From<Origin> for ConnectionInfo {
    fn from(origin: Origin) -> Self {
        Self(Arc::new(ConnectionState { origin, ..ConnectionState::default() }))
    }
}

impl ConnectionInfo {
    /// Whether the server cut the connection of a call that has broken off. The call ends a moment
    /// before its connection does, so this waits for that: 100 ms at most, because most calls end
    /// alone.
    pub(crate) async fn was_cut(&self) -> bool {
        let _ = tokio::time::timeout(ENDING, self.gone.cancelled()).await;
        self.cut.is_cancelled()
    }

    /// A call of the connection begins, which is not idle until the call is dropped.
    pub(super) fn begin_call(&self) -> OpenCall {
        self.calls.begin()
    }
}

impl<T: Connected<ConnectInfo = Origin>> Connection<T> {
    /// The time for the preface begins now.
    pub(super) fn new(admitted: Admitted<T>) -> Self {
        let origin = admitted.connection.connect_info();
        Self::from_origin(admitted, origin)
    }
}

impl<T> Connection<T> {
    /// The same, from where the caller says.
    pub(super) fn from_origin(admitted: Admitted<T>, origin: Origin) -> Self {
        let Admitted { connection: stream, place } = admitted;
        let due = Some(Box::pin(tokio::time::sleep(PREFACE_TIMEOUT)));
        let peer = origin.address;
        let ending = ConnectionInfo::from(origin);
        let gone = ending.gone.clone().drop_guard();
        let idle = place.idle.map(IdleDeadline::new);
        Self {
            stream,
            peer,
            received: 0,
            turn: 0,
            due,
            idle,
            cut_watch: CutWatch::default(),
            frames: Frames::default(),
            resets: Resets::new(Instant::now()),
            empty_frames: EmptyFrames::new(Instant::now()),
            pause: None,
            gathering: Gathering::default(),
            ending,
            _gone: gone,
            place,
        }
    }

    /// Whether the time for the preface is up.
    fn late(&mut self, context: &mut Context<'_>) -> bool {
        self.due.as_mut().is_some_and(|due| due.as_mut().poll(context).is_ready())
    }

    /// Whether it has been without a call for longer than it may.
    fn is_idle(&mut self, context: &mut Context<'_>) -> bool {
        let over = self.idle.as_mut().is_some_and(|it| it.is_over(&self.ending.calls, context));
        if over {
            tracing::debug!(peer = self.peer(), "a connection without a call is ended");
        }
        over
    }

    /// Looks for a cut, and for resets, in what was written.
    fn note(&mut self, written: &[u8]) {
        let noticed = self.cut_watch.look(written);
        self.count_resets(noticed.resets);
        if let Some(code) = noticed.cut {
            self.ending.cut.cancel();
            let Some(left_out) = self.place.cut() else { return };
            tracing::warn!(
                peer = self.peer(),
                code = goaway::name_of(code),
                left_out,
                "a connection is cut: its client broke the bounds of HTTP/2"
            );
        }
    }

    /// Looks for resets, and for frames that carry nothing, in what was read.
    fn note_read(&mut self, mut read: &[u8]) {
        let (mut resets, mut empty) = (0, 0);
        while let Some(frame) = self.frames.next(&mut read) {
            resets += usize::from(frame.kind == RST_STREAM);
            empty += usize::from(frame.is_empty);
        }
        self.count_resets(resets);
        let Some(pause) = self.empty_frames.count(empty, Instant::now()) else { return };
        self.rest(pause.time);
        if pause.warn {
            tracing::warn!(
                peer = self.peer(),
                "a client sends frames that carry nothing faster than the server takes them; its \
                 connection is read more slowly"
            );
        }
    }

    /// Reads nothing for so long, or longer if it rests already.
    fn rest(&mut self, time: Duration) {
        let until = Instant::now() + time;
        if self.pause.as_ref().is_none_or(|pause| pause.deadline() < until) {
            self.pause = Some(Box::pin(tokio::time::sleep_until(until)));
        }
    }

    fn count_resets(&mut self, resets: usize) {
        let Some(pause) = self.resets.count(resets, Instant::now()) else { return };
        self.rest(pause.time);
        if pause.warn {
            tracing::warn!(
                peer = self.peer(),
                "calls of a connection are reset faster than the server takes them; it is read \
                 more slowly"
            );
        }
    }

    /// Whether others are to run first; the connection is woken after them.
    fn yields(&mut self, context: &Context<'_>) -> bool {
        let yields = self.turn >= TURN;
        if yields {
            self.turn = 0;
            context.waker().wake_by_ref();
        }
        yields
    }

    fn peer(&self) -> String {
        self.peer.map(|address| address.to_string()).unwrap_or_default()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.yields(context) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note_read(buffer.filled().get(before..).unwrap_or_default());
        let read = buffer.filled().len() - before;
        self.turn = if polled.is_pending() { 0 } else { self.turn + read };
        if self.due.is_none() {
            // An end of what it sends has it closed, and holds up nothing that was sent.
            let ended = polled.is_pending() && self.is_idle(context);
            return if ended { Poll::Ready(Ok(())) } else { polled };
        }
        self.received += read;
        if self.received >= PREFACE {
            self.due = None;
        } else if polled.is_pending() && self.late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gathering.waits(context) {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.note(bytes.get(..written).unwrap_or(bytes));
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.gathering.flushed();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gathering.waits(context) {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        if let Poll::Ready(Ok(mut written)) = polled {
            for part in parts {
                let of_part = written.min(part.len());
                self.note(part.get(..of_part).unwrap_or(part));
                written -= of_part;
            }
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<T> Connected for Connection<T> {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        self.ending.clone()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        sync::Semaphore,
    };

    use super::*;
    use crate::grpc::frames::encoded;

    fn connection(io: DuplexStream) -> Connection<DuplexStream> {
        idling(io, None)
    }

    fn idling(io: DuplexStream, idle: Option<Duration>) -> Connection<DuplexStream> {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut place = ConnectionPlace::from(permit);
        place.idle = idle;
        Connection::from_origin(Admitted { connection: io, place }, Origin::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_preface_is_given_up_and_one_with_it_never_is() {
        let mut buffer = [0; 64];
        let (mut theirs, ours) = duplex(64);
        let mut ours = connection(ours);
        theirs.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 16);
        let ended = tokio::time::timeout(10 * PREFACE_TIMEOUT, ours.read(&mut buffer)).await;
        let error = ended.expect("it is given up").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (mut theirs, ours) = duplex(64);
        let mut ours = connection(ours);
        theirs.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 24);
        let silence = tokio::time::timeout(10 * PREFACE_TIMEOUT, ours.read(&mut buffer)).await;
        assert!(silence.is_err(), "{silence:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_call_is_ended_after_its_time_and_one_with_a_call_never_is() {
        let idle = Duration::from_mins(5);
        let (mut theirs, ours) = duplex(64);
        let mut ours = idling(ours, Some(idle));
        let info = ours.ending.clone();
        let mut buffer = [0; 64];
        theirs.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 24);
        let call = info.begin_call();
        // The call ends shortly before a look is due, which must not end the connection.
        let busy = 10 * idle + idle * 3 / 4;
        let busy = tokio::time::timeout(busy, ours.read(&mut buffer)).await;
        assert!(busy.is_err(), "{busy:?}");
        drop((call, info.begin_call()));
        let ended = Instant::now();
        let resting = tokio::time::timeout(idle / 2, ours.read(&mut buffer)).await;
        assert!(resting.is_err(), "{resting:?}");
        theirs.write_all(&encoded(6, &[7; 8])).await.unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 17, "a ping is read, and does not count");
        let over = tokio::time::timeout(10 * idle, ours.read(&mut buffer)).await;
        assert_eq!(over.expect("it is ended").unwrap(), 0);
        assert!(ended.elapsed() >= idle && ended.elapsed() < idle * 11 / 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_much_to_read_lets_others_run_in_between() {
        let (mut theirs, ours) = duplex(1 << 20);
        let mut ours = connection(ours);
        theirs.write_all(&vec![7; 4 * TURN]).await.unwrap();
        let mut reads = Box::pin(async move {
            let mut buffer = vec![0; TURN / 4];
            for _ in 0..16 {
                ours.read_exact(&mut buffer).await.unwrap();
            }
        });
        assert!(futures_util::poll!(&mut reads).is_pending(), "its turn is over");
        let goes_on = tokio::time::timeout(PREFACE_TIMEOUT, reads).await;
        goes_on.expect("it is woken after the others");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_waits_once_for_tasks_that_are_ready() {
        let (mut theirs, ours) = duplex(64);
        let mut ours = connection(ours);
        for (first, second) in [(b"ab", b"cd"), (b"ef", b"gh")] {
            let mut wrote = Box::pin(async {
                ours.write_all(first).await.unwrap();
                ours.write_all(second).await.unwrap();
                ours.flush().await.unwrap();
            });
            assert!(futures_util::poll!(&mut wrote).is_pending(), "others run first");
            assert!(futures_util::poll!(&mut wrote).is_ready(), "it waits once for each flush");
            drop(wrote);
            let mut read = [0; 4];
            theirs.read_exact(&mut read).await.unwrap();
            assert_eq!(read, [first.as_slice(), second].concat()[..]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_frames_that_carry_nothing_is_read_more_slowly() {
        for (kind, payload, slowed) in [
            (6, &[7; 8][..], true),
            (2, &[7; 5], true),
            (4, &[], true),
            (9, &[], true),
            (0, &[], true),
            (0, &[7], false),
        ] {
            let (mut theirs, ours) = duplex(1 << 20);
            let mut ours = connection(ours);
            let frames = encoded(kind, payload).repeat(50_000);
            let sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &encoded(4, &[])[..], &frames];
            let sent = sent.concat();
            theirs.write_all(&sent).await.unwrap();
            let (begun, mut read, mut buffer) = (Instant::now(), 0, [0; 8 << 10]);
            while read < sent.len() {
                read += ours.read(&mut buffer).await.unwrap();
            }
            let took = begun.elapsed().as_secs();
            assert!(if slowed { (3..6).contains(&took) } else { took == 0 }, "{kind}: {took} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_cancels_calls_without_end_is_read_more_slowly() {
        let (mut theirs, ours) = duplex(1 << 20);
        let mut ours = connection(ours);
        let resets = encoded(RST_STREAM, &[0, 0, 0, 8]).repeat(10_000);
        let sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &encoded(4, &[])[..], &resets].concat();
        theirs.write_all(&sent).await.unwrap();
        let (begun, mut read, mut buffer) = (Instant::now(), 0, [0; 8 << 10]);
        while read < sent.len() {
            read += ours.read(&mut buffer).await.unwrap();
        }
        let took = begun.elapsed();
        assert!(took > Duration::from_secs(3), "10,000 calls were cancelled in {took:?}");
        assert!(took < Duration::from_secs(5), "a burst is free, and a pause ends: {took:?}");
    }
}
