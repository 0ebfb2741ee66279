//! Fetches a piece of a server's record: a stream that breaks off goes on where it was, until the
//! server has been silent for too long.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    domain::proto::{FetchPieceRequest, FetchPieceResponse},
    grpc::client::{Answers, ClientError, ClientErrorKind},
};

/// How long a stream that broke off is tried again without a byte in between.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a silence lasts before it is reported.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the first pause before a stream is tried again; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the longest pause is.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A piece that is being fetched. `Open` opens a stream, and `Note` reports what takes long.
pub(super) struct Fetching<Open, Note> {
    open: Open,
    note: Note,
    request: FetchPieceRequest,
    chunks: mpsc::Sender<Result<Bytes, ClientError>>,
    /// When the last byte came, or the fetching began.
    last_byte: Instant,
    pause: Duration,
    /// Why the stream broke off; absent: it has brought something since.
    failed: Option<ClientError>,
}

impl<Open, Note> Fetching<Open, Note>
where
    Open: Fn(FetchPieceRequest) -> Answers<FetchPieceResponse>,
    Note: Fn(&str),
{
    /// Will pass the bytes that answer a request on to `chunks`.
    pub(super) fn new(
        open: Open,
        request: FetchPieceRequest,
        chunks: mpsc::Sender<Result<Bytes, ClientError>>,
        note: Note,
    ) -> Self {
        let (last_byte, pause, failed) = (Instant::now(), PAUSE, None);
        Self { open, note, request, chunks, last_byte, pause, failed }
    }

    /// Passes bytes on, until all were sent, it fails for good, or no reader is left.
    pub(super) async fn run(mut self) {
        while let Err(error) = self.pass().await {
            if !self.goes_on(&error) {
                // Without a reader nothing is to be said.
                let _ = self.chunks.send(Err(error)).await;
                return;
            }
            tokio::time::sleep(self.pause.min(self.left())).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Passes on what one stream brings. `Ok`: those were all bytes, or no reader is left.
    async fn pass(&mut self) -> Result<(), ClientError> {
        let mut answers = (self.open)(self.request.clone());
        while let Some(answer) = self.next(&mut answers).await {
            let data = answer?.data;
            self.request.offset += data.len() as u64;
            if self.chunks.send(Ok(data)).await.is_err() {
                return Ok(());
            }
            // The time that the reader took is not the server's.
            (self.last_byte, self.pause, self.failed) = (Instant::now(), PAUSE, None);
        }
        Ok(())
    }

    /// The next answer. The first time, the connection itself finds out whether the server is
    /// gone. After that the wait ends with the patience.
    async fn next(
        &self,
        answers: &mut Answers<FetchPieceResponse>,
    ) -> Option<Result<FetchPieceResponse, ClientError>> {
        if let Some(failed) = &self.failed {
            let answer = timeout_at(self.last_byte + PATIENCE, answers.next()).await;
            return answer.unwrap_or_else(|_| Some(Err(failed.clone())));
        }
        if let Ok(answer) = timeout(SILENCE, answers.next()).await {
            return answer;
        }
        let seconds = SILENCE.as_secs();
        (self.note)(&format!("no byte has come from the server for {seconds} s; waiting for it"));
        answers.next().await
    }

    /// Whether the stream is worth another try.
    fn goes_on(&mut self, error: &ClientError) -> bool {
        let passing = [ClientErrorKind::Unavailable, ClientErrorKind::Deadline];
        let left = self.left();
        if !passing.contains(&error.kind) || left.is_zero() {
            return false;
        }
        if self.failed.is_none() {
            (self.note)(&format!("{error}; trying again for {} s", left.as_secs().max(1)));
        }
        self.failed = Some(error.clone());
        true
    }

    /// What is left of the patience.
    fn left(&self) -> Duration {
        (self.last_byte + PATIENCE).saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests;
