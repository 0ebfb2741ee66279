//! One `AppendStream` call: appends go to the engine one after the other, and their answers wait
//! for the client.
//!
//! The transport asks for an answer only when the client has room for it. So a task of its own
//! takes each append to its end, whether or not the client reads: an append that waited for its
//! client would keep its share of the queue from all others. Each append has a place for its answer
//! before it is taken, which bounds what a client can leave unread.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{answer, asked};
use crate::{
    domain::proto::{self, append_stream_response::Outcome},
    engine::{AppendError, Engine},
    grpc::{pipelined::Pipelined, status::Fault},
};

/// Appends of one call that are under way or whose answers are unread.
const PIPELINE: usize = 256;

type Answer = Result<proto::AppendStreamResponse, Status>;
/// The place for an answer.
type Slot = OwnedPermit<Answer>;

/// Takes the appends, and answers them in their order.
pub(super) fn begin(
    engine: Arc<Engine>,
    requests: impl Stream<Item = Result<Pipelined, Status>> + Send + Unpin + 'static,
) -> impl Stream<Item = Answer> {
    let (slots, answers) = mpsc::channel(PIPELINE);
    tokio::spawn(run(engine, requests, slots));
    stream::unfold(answers, |mut answers| async { Some((answers.recv().await?, answers)) })
}

/// Runs until the requests end, an error ends them, or the call is gone.
async fn run(
    engine: Arc<Engine>,
    requests: impl Stream<Item = Result<Pipelined, Status>> + Unpin,
    slots: mpsc::Sender<Answer>,
) {
    let requests = until_stopping(requests, engine.stopping().clone());
    // Appends are submitted one after the other, which keeps their order; answers are awaited
    // together, which makes it a pipeline.
    let appends = with_slots(Box::pin(requests), slots.clone());
    let appends = appends.then(|append| submit(Arc::clone(&engine), append)).buffered(PIPELINE);
    let mut appends = std::pin::pin!(appends);
    loop {
        let answered = tokio::select! {
            answered = appends.next() => answered,
            () = slots.closed() => return,
        };
        let Some((slot, answer)) = answered else { return };
        let ended = answer.is_err();
        slot.send(answer);
        if ended {
            return;
        }
    }
}

/// Takes a request when there is a place for its answer.
fn with_slots<T>(
    requests: impl Stream<Item = T> + Unpin,
    slots: mpsc::Sender<Answer>,
) -> impl Stream<Item = (Slot, T)> {
    stream::unfold((requests, slots), |(mut requests, slots)| async {
        let slot = slots.clone().reserve_owned().await.ok()?;
        let request = requests.next().await?;
        Some(((slot, request), (requests, slots)))
    })
}

/// The requests of a pipeline. A stop is an error behind those that came before it, which are
/// answered first: without it the client would take the end for its own.
fn until_stopping<T>(
    requests: impl Stream<Item = Result<T, Status>> + Unpin,
    stopping: CancellationToken,
) -> impl Stream<Item = Result<T, Status>> {
    stream::unfold((requests, stopping), |(mut requests, stopping)| async {
        let request = tokio::select! {
            // First, or a client that never pauses could go on for ever.
            biased;
            () = stopping.cancelled() => Err(Fault::from(AppendError::Stopping).into()),
            request = requests.next() => request?,
        };
        Some((request, (requests, stopping)))
    })
}

/// Queues one append; the future that is returned waits for its answer. An error ends the pipeline.
async fn submit(
    engine: Arc<Engine>,
    (slot, request): (Slot, Result<Pipelined, Status>),
) -> impl Future<Output = (Slot, Answer)> {
    let submitted = match request {
        Err(status) => Err(status),
        Ok(Pipelined(request)) => {
            match request.map_err(Fault::from).and_then(|request| asked(&engine, request)) {
                Err(fault) => Ok(Err(fault)),
                Ok(append) => Ok(engine.submit(append).await.map_err(Fault::from)),
            }
        }
    };
    async move {
        let outcome = match submitted {
            Err(status) => return (slot, Err(status)),
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(pending)) => engine.outcome(pending).await.map_err(Fault::from),
        };
        let outcome = match outcome {
            Ok(appended) => Outcome::Appended(answer(&engine, appended)),
            Err(fault) => Outcome::Rejection(fault.into()),
        };
        (slot, Ok(proto::AppendStreamResponse { outcome: Some(outcome) }))
    }
}
