//! Appends under way: many at once, answered in order.

use std::collections::VecDeque;

use futures_util::{FutureExt as _, StreamExt as _};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::failures::again;
use crate::{
    cli::exit::{Exit, Failure},
    domain::{limits, proto::AppendRequest},
    grpc::client::{Answers, AppendOutcome, Client},
};

/// Appends under way at once; enough to fill the server's group commits.
pub(super) const WINDOW: usize = 256;
/// Bytes under way at once, with one append more on top.
const WINDOW_BYTES: usize = 2 * limits::APPEND_BYTES;

/// A pipeline of appends, each with what its sender wants to remember of it.
pub(super) struct Pipeline<T> {
    requests: mpsc::Sender<AppendRequest>,
    answers: Answers<AppendOutcome>,
    /// What is awaited, each with the bytes of its append.
    pending: VecDeque<(T, usize)>,
    bytes: usize,
}

impl<T> Pipeline<T> {
    pub(super) fn open(client: &Client) -> Self {
        let (requests, queue) = mpsc::channel(WINDOW);
        let answers = client.append_stream(ReceiverStream::new(queue));
        Self { requests, answers, pending: VecDeque::with_capacity(WINDOW), bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether one of those that are pending is such.
    pub(super) fn holds(&self, mut such: impl FnMut(&T) -> bool) -> bool {
        self.pending.iter().any(|(note, _)| such(note))
    }

    /// The window is used up: take an answer before anything is sent.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= WINDOW || self.bytes >= WINDOW_BYTES
    }

    /// Sends an append. The queue has room for all that are pending, so this waits only if the
    /// window is overrun.
    pub(super) async fn send(&mut self, request: AppendRequest, note: T) -> Result<(), Failure> {
        let bytes = request.encoded_len();
        self.bytes += bytes;
        self.pending.push_back((note, bytes));
        match self.requests.send(request).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.why_ended().await),
        }
    }

    /// Why nothing more can be sent: the answers end with the reason.
    async fn why_ended(&mut self) -> Failure {
        while let Some(answer) = self.answers.next().await {
            if let Err(error) = answer {
                return again(error);
            }
        }
        ended()
    }

    /// An answer that is already here. Polling also drives the pipeline while input is slow.
    pub(super) fn ready(&mut self) -> Result<Option<(T, AppendOutcome)>, Failure> {
        if self.is_empty() {
            return Ok(None);
        }
        self.next().now_or_never().transpose()
    }

    /// The next answer. Must not be called when nothing is pending.
    pub(super) async fn next(&mut self) -> Result<(T, AppendOutcome), Failure> {
        // The answer first: if this future is dropped while it waits, nothing is lost.
        let outcome = self.answers.next().await.ok_or_else(ended)?.map_err(again)?;
        let (note, bytes) = self.pending.pop_front().ok_or_else(ended)?;
        self.bytes -= bytes;
        Ok((note, outcome))
    }
}

fn ended() -> Failure {
    Failure::new(Exit::Unavailable, "the server ended the stream before it had answered")
}
