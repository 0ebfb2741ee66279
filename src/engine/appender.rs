//! The way of an append: checked, looked up and queued in its caller's task, then decided and made
//! durable by the writer.

use std::{sync::Arc, time::Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{
    domain::event::{Append, Digest, Remembered, RequestId},
    engine::{
        AppendError, Appended, apart,
        bounds::{QUEUE_CALLERS, SUBMITTED_BYTES},
        measures::Measures,
        preference,
        reader::Reader,
        record::RecordReader,
        resolution::{self, Resolution},
        trace, undone,
        validation::{self, Author, Prepared, Refused},
        writer::{Message, PermanentFailure, Ticket, Verdict},
    },
};

/// Bytes that an event counts for beside its payload where it matters how large an append is.
const EVENT_OVERHEAD: usize = 64;

/// Takes appends to the writer.
#[derive(Clone, Debug)]
pub(super) struct Appender {
    /// For what else is read about appends; see [`Self::look_ups`].
    pub(super) reader: Reader,
    /// For what appends themselves wait for. Readers of pages have turns of their own: some of them
    /// at a place that a disk reads slowly must not delay an append.
    pub(super) look_ups: Reader,
    pub(super) queue: mpsc::Sender<Message>,
    /// Bytes of all appends from the queue to the disk.
    pub(super) budget: Arc<Semaphore>,
    /// Bytes of those among them that pipelines submitted.
    pub(super) submitted: Arc<Semaphore>,
    pub(super) callers: Arc<Semaphore>,
    pub(super) fault: Arc<PermanentFailure>,
    pub(super) measures: Arc<Measures>,
    pub(super) record: RecordReader,
    /// Recorded with appends that name no identity.
    pub(super) recorded_by: Arc<str>,
}

/// An append that is on its way to the writer.
#[derive(Debug)]
pub struct Pending(Way);

#[derive(Debug)]
enum Way {
    /// It is valid, and holds its share of the queue.
    Valid { prepared: Prepared, state: Submitted, room: Room },
    /// It was answered before.
    Recalled(Appended),
}

/// The bytes that an append holds of the queue, and of the submitted ones.
type Room = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// How an append comes.
#[derive(Clone, Copy, Debug)]
enum Coming {
    /// By itself: its caller waits for the answer before it sends another.
    Single,
    /// In a pipeline.
    Submitted,
}

#[derive(Debug)]
enum Submitted {
    Queued(oneshot::Receiver<Result<Verdict, AppendError>>),
    Answered(Box<Verdict>),
}

impl From<Verdict> for Submitted {
    fn from(verdict: Verdict) -> Self {
        Self::Answered(Box::new(verdict))
    }
}

impl Appender {
    /// Appends what the server itself records. With a request id, `digest` is that of the request
    /// that is answered by it: its repetition must be known though it would record something else.
    pub(super) async fn append_own(
        &self,
        append: Append,
        digest: Option<Digest>,
    ) -> Result<Appended, AppendError> {
        let pending = self.queue_up(append, Author::Server(digest), Coming::Single).await?;
        self.outcome(pending).await
    }

    /// See [`super::Engine::append`]. Refuses what begins once the engine stops; what is under way
    /// goes on. Pipelines end by themselves.
    pub(super) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        if self.reader.stopping().is_cancelled() {
            return Err(AppendError::Stopping);
        }
        let pending = self.queue_up(append, Author::Client, Coming::Single).await?;
        self.outcome(pending).await
    }

    /// What was answered to this request before, if it was made before.
    pub(super) async fn recall(
        &self,
        request_id: RequestId,
        digest: Digest,
    ) -> Result<Option<Appended>, AppendError> {
        // It may have been answered a moment ago.
        self.look_ups.indexed(self.look_ups.head().position).await?;
        match resolution::remembered(Some(request_id), &self.look_ups).await? {
            None => Ok(None),
            Some(earlier) if earlier.digest == digest => {
                Ok(Some(self.look_ups.recall(earlier).await?.0))
            }
            Some(Remembered { first_position, .. }) => {
                Err(AppendError::RequestIdReused { first_position })
            }
        }
    }

    /// See [`super::Engine::submit`].
    pub(super) async fn submit(&self, append: Append) -> Result<Pending, AppendError> {
        self.queue_up(append, Author::Client, Coming::Submitted).await
    }

    async fn queue_up(
        &self,
        mut append: Append,
        author: Author,
        coming: Coming,
    ) -> Result<Pending, AppendError> {
        append.recorded_by.get_or_insert_with(|| Arc::clone(&self.recorded_by));
        let head = self.look_ups.head().position;
        let content = append.events().map(|(_, event)| EVENT_OVERHEAD + event.payload.len()).sum();
        let checked = apart(content, || validation::check(append, author, head));
        let mut prepared = match checked {
            Ok(prepared) => prepared,
            Err(refused) => return self.refused(refused).await,
        };
        if matches!(author, Author::Client) {
            trace::note(&mut prepared);
        }
        let caller = self.callers.try_acquire();
        let _caller = caller.map_err(|_| AppendError::Overloaded { waiting: QUEUE_CALLERS })?;
        let room = self.room(prepared.bytes, coming).await?;
        let state = self.decide(&prepared).await?;
        Ok(Pending(Way::Valid { prepared, state, room }))
    }

    /// Waits for room, first among the submitted appends: one that waits there holds nothing of
    /// the queue.
    async fn room(&self, bytes: usize, coming: Coming) -> Result<Room, AppendError> {
        let submitted = match coming {
            Coming::Single => None,
            Coming::Submitted => Some(held(&self.submitted, bytes.min(SUBMITTED_BYTES)).await?),
        };
        Ok((held(&self.budget, bytes).await?, submitted))
    }

    /// Refuses a request, unless it repeats a recorded one. An older build with other rules may
    /// have recorded what is invalid today; that was before the log was opened. The id identifies a
    /// repetition, whatever the rules are.
    async fn refused(&self, Refused { error, known_by }: Refused) -> Result<Pending, AppendError> {
        let (AppendError::Invalid(_), Some((id, digest))) = (&error, known_by) else {
            return Err(error);
        };
        self.look_ups.indexed(self.look_ups.opened_at()).await?;
        match resolution::remembered(Some(id), &self.look_ups).await? {
            Some(earlier) if earlier.digest == digest => {
                self.repeated(earlier).await.map(|it| Pending(Way::Recalled(it)))
            }
            _ => Err(error),
        }
    }

    /// Waits for what becomes of a queued append.
    pub(super) async fn outcome(&self, pending: Pending) -> Result<Appended, AppendError> {
        let (prepared, mut state, _room) = match pending.0 {
            Way::Recalled(appended) => return Ok(appended),
            Way::Valid { prepared, state, room } => (prepared, state, room),
        };
        loop {
            let verdict = match state {
                Submitted::Answered(verdict) => *verdict,
                // Once queued, a lost reply does not tell whether the append happened.
                Submitted::Queued(reply) => reply.await.map_err(|_| {
                    let reason = "the writer stopped before it answered".into();
                    AppendError::OutcomeUnknown { reason }
                })??,
            };
            match self.answer(verdict).await? {
                Some(appended) => return Ok(appended),
                None => state = self.decide(&prepared).await?,
            }
        }
    }

    async fn decide(&self, prepared: &Prepared) -> Result<Submitted, AppendError> {
        let begun = Instant::now();
        let resolved = resolution::resolve(prepared, &self.look_ups).await?;
        self.measures.lookup.record_time(begun.elapsed());
        let request = match resolved {
            Resolution::Decide(request) => request,
            Resolution::Repeat(earlier) => {
                self.measures.repeated.add_one();
                return Ok(Verdict::Repeat(earlier).into());
            }
            Resolution::Reused(earlier) => {
                self.measures.repeated.add_one();
                return Ok(Verdict::Reused(earlier).into());
            }
        };
        preference::check(prepared, &self.look_ups, &self.record).await?;
        if let Some(reason) = self.fault.reason() {
            return Err(AppendError::StoreFailed { reason });
        }
        let (reply, verdict) = oneshot::channel();
        let ticket = Ticket { request, reply, queued: Instant::now() };
        let queued = self.queue.send(Message::Append(ticket)).await;
        queued.map_err(|_| AppendError::Stopping)?;
        Ok(Submitted::Queued(verdict))
    }

    /// The first answer to an append, with those of its events that have no effect any more.
    async fn repeated(&self, earlier: Remembered) -> Result<Appended, AppendError> {
        let (appended, events) = self.look_ups.recall(earlier).await?;
        let undone = undone::among(&events, &self.look_ups, &self.record).await?;
        Ok(Appended { undone, ..appended })
    }

    /// What a verdict means for the caller; `None`: it has to be decided again.
    async fn answer(&self, verdict: Verdict) -> Result<Option<Appended>, AppendError> {
        match verdict {
            Verdict::Appended(appended) => Ok(Some(appended)),
            Verdict::Repeat(earlier) => self.repeated(earlier).await.map(Some),
            Verdict::Reused(earlier) => {
                Err(AppendError::RequestIdReused { first_position: earlier.first_position })
            }
            Verdict::Refuse(conflict) => Err(AppendError::Conflict(conflict)),
            Verdict::Stale => Ok(None),
        }
    }
}

async fn held(budget: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, AppendError> {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Arc::clone(budget).acquire_many_owned(bytes).await.map_err(|_| AppendError::Stopping)
}
