//! The writer: one thread that decides, encodes, and commits in batches. It never reads the disk.
//! It waits for the journal, and between batches for followers that lie far behind.
//!
//! A commit batch is whatever has queued up while the one before it was being made durable. All its
//! answers, refusals included, are given after its frame is durable: a refusal may rest on an
//! event of the same batch.

use std::{sync::Arc, time::Instant};

use bytes::BytesMut;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    domain::{
        append::{Conflict, Decision, decide, revisions_after},
        event::{Append, Digest, Micros, Remembered, Revision},
        limits,
        recorded::{self, Place},
        window::Window,
    },
    engine::{
        AppendError, Appended, Clock, Pause,
        back_pressure::BackPressure,
        head::HeadSender,
        measures::{Committed, Measures},
        resolution::Request,
        system_clock,
    },
    log::{
        Log,
        frame::{AppendEntry, NewFrame, Tip},
        journal::Outcome,
    },
};

/// Appends that one batch takes at most.
const BATCH_APPENDS: usize = 4_096;
/// Batches that may wait for their answers to be given.
pub(super) const BATCHES: usize = 16;
/// Events that stay in the window although the index has them, for lookups that are under way.
const WINDOW_SLACK: u64 = 4_096;

/// What the writer's queue carries.
#[derive(Debug)]
pub(super) enum Message {
    /// Decide on an append.
    Append(Ticket),
    /// Say that the writer is at work.
    Probe(oneshot::Sender<()>),
    /// Answer what is queued, take nothing more, and end.
    Stop,
}

/// One append in the writer's queue.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) request: Box<Request>,
    pub(super) reply: oneshot::Sender<Result<Verdict, AppendError>>,
    /// When it was ready for the writer.
    pub(super) queued: Instant,
}

/// What became of an append.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Appended(Appended),
    Repeat(Remembered),
    Reused(Remembered),
    Refuse(Conflict),
    /// What was looked up is out of date.
    Stale,
}

/// Why appends are refused for good; the first reason is kept.
#[derive(Debug, Default)]
pub(super) struct PermanentFailure(watch::Sender<Option<Arc<str>>>);

impl PermanentFailure {
    /// The first reason, if there is one.
    pub(super) fn reason(&self) -> Option<Arc<str>> {
        self.0.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.0.subscribe()
    }

    fn set(&self, reason: Arc<str>) {
        self.0.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(reason);
            is_first
        });
    }
}

/// A caller that waits, and its answer.
type Waiting = (oneshot::Sender<Result<Verdict, AppendError>>, Verdict);

/// The answers of one batch, on their way to the callers that wait for them.
#[derive(Debug)]
pub(super) struct Answers {
    answers: Vec<Waiting>,
    outcome: Result<(), Arc<str>>,
}

/// Gives the answers of batch after batch. A task does this and not the writer's thread: to wake a
/// task from another thread costs more than to decide on its append.
pub(super) async fn give(mut batches: mpsc::Receiver<Answers>) {
    while let Some(Answers { answers, outcome }) = batches.recv().await {
        for (reply, verdict) in answers {
            let answer = match &outcome {
                Ok(()) => Ok(verdict),
                Err(reason) => Err(AppendError::OutcomeUnknown { reason: Arc::clone(reason) }),
            };
            // The caller may have gone; then the answer is dropped.
            let _ = reply.send(answer);
        }
    }
}

/// The thread's state.
pub(super) struct Writer {
    log: Arc<Log>,
    tip: Tip,
    last_recorded: Micros,
    window: Window,
    head: HeadSender,
    fault: Arc<PermanentFailure>,
    clock: Clock,
    back_pressure: Arc<BackPressure>,
    measures: Arc<Measures>,
    answers: mpsc::Sender<Answers>,
    /// Why the batch that is being decided may append nothing.
    paused: Option<Pause>,
    /// Where the events of a batch are encoded. Its frame copies them once, behind the table of
    /// appends, into memory of the right length: what grew as it was written would keep up to twice
    /// of it in memory for as long as the frame is cached.
    buffer: BytesMut,
}

/// Appends that become one frame, with the answers that wait for it.
struct CommitBatch {
    /// When the writer began to take it.
    begun: Instant,
    /// Appends that were accepted.
    accepted: u64,
    /// When its events are recorded: one time for all of it, so that the index has one change of
    /// time for a frame. Absent while there are none.
    recorded_at: Option<Micros>,
    entries: Vec<AppendEntry>,
    answers: Vec<Waiting>,
}

impl CommitBatch {
    /// An empty batch that begins now.
    fn new() -> Self {
        let (entries, answers) = (Vec::new(), Vec::new());
        Self { begun: Instant::now(), accepted: 0, recorded_at: None, entries, answers }
    }
}

impl Writer {
    /// A writer that continues after `tip`.
    pub(super) fn new(
        log: Arc<Log>,
        tip: Tip,
        head: HeadSender,
        back_pressure: Arc<BackPressure>,
        answers: mpsc::Sender<Answers>,
    ) -> Self {
        Self {
            log,
            tip,
            last_recorded: 0,
            window: Window::new(tip.position),
            head,
            fault: Arc::default(),
            clock: system_clock(),
            back_pressure,
            measures: Arc::default(),
            answers,
            paused: None,
            buffer: BytesMut::new(),
        }
    }

    /// When the last event of the log was recorded.
    pub(super) fn last_recorded(self, time: Option<Micros>) -> Self {
        Self { last_recorded: time.unwrap_or(0), ..self }
    }

    /// Where the first failure is kept.
    pub(super) fn reports_to(self, fault: Arc<PermanentFailure>) -> Self {
        Self { fault, ..self }
    }

    /// Where appends and batches are counted.
    pub(super) fn counts_in(self, measures: Arc<Measures>) -> Self {
        Self { measures, ..self }
    }

    pub(super) fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Works until it gets the message to stop; what was queued by then is answered.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        while let Some(message) = queue.blocking_recv() {
            self.measures.behind_followers(|| self.back_pressure.keep_pace(&self.log));
            self.paused = self.back_pressure.look(&self.log, self.last_recorded);
            let mut batch = CommitBatch::new();
            let mut next = Some(message);
            while let Some(message) = next {
                match message {
                    Message::Append(ticket) => self.decide(ticket, &mut batch),
                    // Where none waits for it any more, it was too late.
                    Message::Probe(answer) => drop(answer.send(())),
                    Message::Stop => queue.close(),
                }
                // While appends are paused, it is looked again for each.
                let ended = self.is_full(&batch) || self.paused.is_some();
                next = if ended { None } else { queue.try_recv().ok() };
            }
            self.commit(batch);
            let indexed = self.log.index().watermark();
            self.window.trim(indexed.min(self.tip.position.saturating_sub(WINDOW_SLACK)));
        }
    }

    /// Decides on one append; an accepted one becomes part of the batch.
    fn decide(&mut self, ticket: Ticket, batch: &mut CommitBatch) {
        let Ticket { request, reply, queued } = ticket;
        self.measures.queue.record_time(batch.begun.saturating_duration_since(queued));
        if let Some(refusal) = self.refusal() {
            // The caller may have gone; then the answer is dropped.
            let _ = reply.send(Err(refusal));
            return;
        }
        let Request { append, digest, resolved } = *request;
        let verdict = match decide(&append, digest, &resolved, &self.window) {
            Decision::Accept(before) => {
                Verdict::Appended(self.accept(&append, digest, &before, batch))
            }
            Decision::Repeat(earlier) => Verdict::Repeat(earlier),
            Decision::Reused(earlier) => Verdict::Reused(earlier),
            Decision::Refuse(conflict) => Verdict::Refuse(conflict),
            Decision::Stale => Verdict::Stale,
        };
        self.count(&verdict);
        if planted!("refusal-before-sync") && matches!(verdict, Verdict::Refuse(_)) {
            let _ = reply.send(Ok(verdict));
            return;
        }
        batch.answers.push((reply, verdict));
    }

    /// Counts a verdict; what is accepted counts once it is durable.
    fn count(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Appended(_) => {}
            Verdict::Repeat(_) | Verdict::Reused(_) => self.measures.repeated.add_one(),
            Verdict::Refuse(_) => self.measures.conflicts.add_one(),
            Verdict::Stale => self.measures.stale.add_one(),
        }
    }

    /// Why no append can be taken now, if so.
    fn refusal(&self) -> Option<AppendError> {
        let failed = self.fault.reason().map(|reason| AppendError::StoreFailed { reason });
        failed.or_else(|| self.paused.clone().map(AppendError::Paused))
    }

    /// Gives the events of an accepted append their places, and encodes them.
    fn accept(
        &mut self,
        append: &Append,
        digest: Digest,
        before: &[Revision],
        batch: &mut CommitBatch,
    ) -> Appended {
        let first_position = self.window.head() + 1;
        // Times never go back within the log, even when the clock does.
        let last = if planted!("time-goes-back") { 0 } else { self.last_recorded };
        let now = || last.max((self.clock)());
        self.last_recorded = *batch.recorded_at.get_or_insert_with(now);
        let mut position = first_position;
        for (write, before) in append.writes.iter().zip(before) {
            for (revision, event) in (before + 1..).zip(&write.events) {
                let place = Place {
                    position,
                    stream: &write.stream,
                    revision,
                    recorded_at: self.last_recorded,
                    recorded_by: append.recorded_by.as_deref().unwrap_or_default(),
                };
                recorded::encode(&place, event, &mut self.buffer);
                position += 1;
            }
        }
        let count = u32::try_from(position - first_position).unwrap_or(u32::MAX);
        batch.accepted += 1;
        if let Some(request_id) = append.request_id {
            batch.entries.push(AppendEntry { request_id, digest, first_position, count });
        }
        self.window.push(append, before, digest);
        Appended {
            first_position,
            last_position: position - 1,
            revisions: revisions_after(append, before),
            duplicate: false,
            undone: Vec::new(),
        }
    }

    fn is_full(&self, batch: &CommitBatch) -> bool {
        batch.answers.len() >= BATCH_APPENDS || self.buffer.len() >= limits::FRAME_BYTES
    }

    /// Makes the batch durable, then visible, then answers all of it.
    fn commit(&mut self, mut batch: CommitBatch) {
        if planted!("acknowledge-before-sync") {
            self.answer(std::mem::take(&mut batch.answers), Ok(()));
        }
        let outcome = if self.buffer.is_empty() { Ok(()) } else { self.write(&mut batch) };
        self.buffer.clear();
        self.answer(batch.answers, outcome);
    }

    /// Hands answers over to the task that gives them.
    fn answer(&self, answers: Vec<Waiting>, outcome: Result<(), Arc<str>>) {
        // If no task gives them any more, the engine is gone, and each waiter gets an error
        // instead.
        let _ = self.answers.blocking_send(Answers { answers, outcome });
    }

    fn write(&mut self, batch: &mut CommitBatch) -> Result<(), Arc<str>> {
        let entries = std::mem::take(&mut batch.entries);
        let failure: Arc<str> = match NewFrame::encode(self.tip, entries, &self.buffer) {
            Ok(frame) => {
                let (tip, begun) = (frame.tip(), Instant::now());
                if planted!("head-before-sync") {
                    self.head.advance(tip.position, self.last_recorded);
                }
                match self.measures.in_journal(|| self.log.append(frame).wait()) {
                    Outcome::Durable => {
                        self.measures.committed(Committed {
                            appends: batch.accepted,
                            events: tip.position - self.tip.position,
                            bytes: self.buffer.len() as u64,
                            time: begun.elapsed(),
                        });
                        self.tip = tip;
                        if !planted!("head-before-sync") {
                            self.head.advance(tip.position, self.last_recorded);
                        }
                        return Ok(());
                    }
                    Outcome::Unknown(error) => error.to_string().into(),
                    Outcome::Conflict => "another writer appended to this journal".into(),
                }
            }
            // Nothing was written.
            Err(malformed) => malformed.to_string().into(),
        };
        tracing::error!(%failure, "appends stop; reads go on");
        self.fault.set(Arc::clone(&failure));
        Err(failure)
    }
}
