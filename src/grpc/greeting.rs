//! Connections whose client says nothing: they are closed.
//!
//! Once the protocol is known, HTTP/2 asks silent connections whether they are still there and
//! HTTP/1 has a time for each header. Before that, while the first bytes are awaited, nothing
//! would ever end a connection that was opened and left.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};
use tonic::transport::server::Connected;

/// Bytes by which the protocol is known: what HTTP/2 opens with.
const GREETING: usize = 24;
/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that has to begin within a time.
#[derive(Debug)]
pub(super) struct Greeted<T> {
    connection: T,
    heard: usize,
    /// When it is given up; none once enough was heard.
    due: Option<Pin<Box<Sleep>>>,
}

impl<T> Greeted<T> {
    /// The time begins now.
    pub(super) fn new(connection: T) -> Self {
        Self { connection, heard: 0, due: Some(Box::pin(tokio::time::sleep(PATIENCE))) }
    }

    /// Whether the time is up.
    fn late(&mut self, context: &mut Context<'_>) -> bool {
        self.due.as_mut().is_some_and(|due| due.as_mut().poll(context).is_ready())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Greeted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.connection).poll_read(context, buffer);
        if self.due.is_none() {
            return polled;
        }
        self.heard += buffer.filled().len() - before;
        if self.heard >= GREETING {
            self.due = None;
        } else if polled.is_pending() && self.late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Greeted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}

impl<T: Connected> Connected for Greeted<T> {
    type ConnectInfo = T::ConnectInfo;

    fn connect_info(&self) -> T::ConnectInfo {
        self.connection.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_says_too_little_is_given_up_and_who_has_said_enough_never_is() {
        let mut buffer = [0; 64];
        let (mut theirs, ours) = duplex(64);
        let mut ours = Greeted::new(ours);
        theirs.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 16);
        let ended = tokio::time::timeout(10 * PATIENCE, ours.read(&mut buffer)).await;
        let error = ended.expect("it is given up").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (mut theirs, ours) = duplex(64);
        let mut ours = Greeted::new(ours);
        theirs.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 24);
        let silence = tokio::time::timeout(10 * PATIENCE, ours.read(&mut buffer)).await;
        assert!(silence.is_err(), "{silence:?}");
    }
}
