//! One `AppendStream` call: appends go to the engine one after the other, and their answers wait
//! for the client.
//!
//! The transport asks for an answer only when the client has room for it. So a task of its own
//! takes each append to its end, whether or not the client reads: an append that waited for its
//! client would keep its share of the queue from all others. Each append has a place for its answer
//! before it is taken, and room for its bytes, which bounds what a client can leave unread.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, OwnedPermit},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::append::{answer, requested};
use crate::{
    domain::{
        limits,
        proto::{self, append_stream_response::Outcome},
    },
    engine::{AppendError, Engine, trace},
    grpc::{access::Caller, pipelined::Pipelined, status::RpcError},
};

/// Appends of one call that are under way or have unread answers.
const PIPELINE: usize = 256;
/// Bytes of their answers, as far as that is known before; one alone may be larger.
const UNREAD_BYTES: usize = 256 << 10;
/// Bytes of an answer beside its revisions, at least.
const ANSWER_BYTES: usize = 64;
/// Bytes of a revision beside the name of its stream.
const REVISION_BYTES: usize = 32;

type Answer = Result<proto::AppendStreamResponse, Status>;
/// The place for an answer.
type Slot = (OwnedPermit<Unread>, OwnedSemaphorePermit);
/// An answer that keeps its room until it is taken.
type Unread = (Answer, OwnedSemaphorePermit);

/// Takes the appends, and answers them in their order.
pub(super) fn begin(
    engine: Arc<Engine>,
    caller: Caller,
    requests: impl Stream<Item = Result<Pipelined, Status>> + Send + Unpin + 'static,
) -> impl Stream<Item = Answer> {
    let (slots, answers) = mpsc::channel(PIPELINE);
    tokio::spawn(trace::within(trace::current(), run(engine, caller, requests, slots)));
    stream::unfold(answers, |mut answers: mpsc::Receiver<Unread>| async {
        let (answer, _room) = answers.recv().await?;
        Some((answer, answers))
    })
}

/// Runs until the requests end, an error ends them, or the call is gone.
async fn run(
    engine: Arc<Engine>,
    caller: Caller,
    requests: impl Stream<Item = Result<Pipelined, Status>> + Unpin,
    slots: mpsc::Sender<Unread>,
) {
    let requests = until_stopping(requests, engine.stopping().clone());
    // Appends are submitted one after the other, which keeps their order; answers are awaited
    // together, which makes it a pipeline.
    let appends = with_slots(Box::pin(requests), slots.clone());
    let appends = appends
        .then(|append| submit(Arc::clone(&engine), caller.clone(), append))
        .buffered(PIPELINE);
    let mut appends = std::pin::pin!(appends);
    loop {
        let answered = tokio::select! {
            answered = appends.next() => answered,
            () = slots.closed() => return,
        };
        let Some(((slot, room), answer)) = answered else { return };
        let ended = answer.is_err();
        slot.send((answer, room));
        if ended {
            return;
        }
    }
}

type PipelinedRequest = Result<Pipelined, Status>;

/// Takes a request when there is a place for its answer, and goes on when there is room for it.
fn with_slots(
    requests: impl Stream<Item = PipelinedRequest> + Unpin,
    slots: mpsc::Sender<Unread>,
) -> impl Stream<Item = (Slot, PipelinedRequest)> {
    let room = Arc::new(Semaphore::new(UNREAD_BYTES));
    stream::unfold((requests, slots, room), |(mut requests, slots, room)| async {
        let slot = slots.clone().reserve_owned().await.ok()?;
        let request = requests.next().await?;
        let bytes = u32::try_from(answer_bytes(&request).min(UNREAD_BYTES)).ok()?;
        let room_of_answer = Arc::clone(&room).acquire_many_owned(bytes).await.ok()?;
        Some((((slot, room_of_answer), request), (requests, slots, room)))
    })
}

/// Bytes that the answer to a request will have: it names each stream.
fn answer_bytes(request: &PipelinedRequest) -> usize {
    let Ok(Pipelined(Ok(append))) = request else { return limits::ERROR_BYTES };
    let revisions = append.writes.iter().map(|write| write.stream.len() + REVISION_BYTES);
    ANSWER_BYTES + revisions.sum::<usize>()
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
            () = stopping.cancelled() => Err(RpcError::from(AppendError::Stopping).into()),
            request = requests.next() => request?,
        };
        Some((request, (requests, stopping)))
    })
}

/// Queues one append; the future that is returned waits for its answer. An error ends the pipeline.
async fn submit(
    engine: Arc<Engine>,
    caller: Caller,
    (slot, request): (Slot, Result<Pipelined, Status>),
) -> impl Future<Output = (Slot, Answer)> {
    let submitted = match request {
        Err(status) => Err(status),
        Ok(Pipelined(request)) => {
            let requested = match request {
                Err(violations) => Err(RpcError::from(violations)),
                Ok(request) => requested(&engine, &caller, request).await,
            };
            match requested {
                Err(fault) => Ok(Err(fault)),
                Ok(append) => Ok(engine.submit(append).await.map_err(RpcError::from)),
            }
        }
    };
    async move {
        let outcome = match submitted {
            Err(status) => return (slot, Err(status)),
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(pending)) => engine.outcome(pending).await.map_err(RpcError::from),
        };
        let outcome = match outcome {
            Ok(appended) => Outcome::Appended(answer(&engine, appended)),
            Err(fault) => Outcome::Rejection(fault.into()),
        };
        let response = proto::AppendStreamResponse { outcome: Some(outcome), heartbeat: false };
        (slot, Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::proto::{AppendRequest, StreamWrite};

    /// How many requests are taken that name so many streams, if no answer is taken.
    fn taken(streams: usize) -> usize {
        let write =
            |number| StreamWrite { stream: format!("x/{number:0>200}"), ..Default::default() };
        let requested = move || {
            let writes = (0..streams).map(write).collect();
            Ok(Pipelined(Ok(AppendRequest { writes, ..AppendRequest::default() })))
        };
        let (slots, _answers) = mpsc::channel(PIPELINE);
        let mut taking = Box::pin(with_slots(stream::repeat_with(requested), slots));
        let mut kept = Vec::new();
        while let Some(Some(taken)) = taking.next().now_or_never() {
            kept.push(taken);
        }
        kept.len()
    }

    #[test]
    fn what_a_client_leaves_unread_is_bounded_by_number_and_by_bytes() {
        assert_eq!(taken(1), PIPELINE);
        assert_eq!(taken(100), UNREAD_BYTES / (ANSWER_BYTES + 100 * (202 + REVISION_BYTES)));
        assert_eq!(taken(2_000), 1, "a single one is taken whatever it has");
    }
}
