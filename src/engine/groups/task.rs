//! The task of one group: hears its consumers, hands out work, and records how far it is.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::Instant,
};

use super::{
    GroupError, Repeatable,
    books::Book,
    consumer::{Consumer, Delivered, Leaving, Said},
    lag::Counted,
    pages::Pages,
    recording::Recording,
    registry::Shared,
    saved::{GroupOrigin, Saved},
};
use crate::{
    domain::{
        event::{Micros, Position},
        filter::Filter,
        group::{ConsumerId, Moment, NeverDelivered, Work},
        limits,
    },
    engine::{
        Appended, Clock, Head, ReadError, reader::Reader, retries::Retries, streams::OpenStream,
    },
};

/// Messages that may wait for a group.
const MESSAGES: usize = 256;
/// Messages that are heard before work is handed out.
const HEARD_AT_ONCE: usize = 64;
/// Messages that are heard before a lease is ended: all that can wait, those that wait to be put
/// there, and those that come while a message is answered that takes long.
const HEARD_BEFORE_EXPIRY: usize = 4 * MESSAGES;
/// Frames that may wait for a consumer.
const FRAMES: usize = 2;
/// How long changes may stay unrecorded.
const RECORD_WITHIN: Duration = Duration::from_secs(1);
/// When a group looks again whether what all groups hold leaves room.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a group rests after something failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A message to a group.
#[derive(Debug)]
pub(super) enum Message {
    /// A consumer wants to take part.
    Join {
        /// What it calls itself.
        name: String,
        /// Counts it among the readers.
        stream: OpenStream,
        /// Where to answer.
        reply: oneshot::Sender<Result<Consumer, GroupError>>,
    },
    /// A consumer says something.
    Say {
        /// Which one.
        id: ConsumerId,
        /// What.
        said: Said,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), GroupError>>,
    },
    /// How far is it?
    Count(oneshot::Sender<Counted>),
    /// Which events are parked after a position, at most so many?
    Parked {
        /// The position.
        after: Position,
        /// How many.
        limit: usize,
        /// Where to answer: positions of events and of their parking, and how many there are.
        reply: oneshot::Sender<(Vec<(Position, Position)>, usize)>,
    },
    /// Put parked events back; none are named: all.
    Replay {
        /// Which.
        positions: Vec<Position>,
        /// Makes it safe to repeat.
        request: Option<Repeatable>,
        /// Where to answer: what was recorded, if anything, and how many.
        reply: oneshot::Sender<Result<(Option<Appended>, usize), GroupError>>,
    },
    /// Delete the group.
    Delete {
        /// Makes it safe to repeat.
        request: Option<Repeatable>,
        /// Where to answer.
        reply: oneshot::Sender<Result<Appended, GroupError>>,
    },
}

/// The task's state.
pub(super) struct Group {
    pub(super) recording: Recording,
    pub(super) reader: Reader,
    pub(super) filter: Filter,
    /// The group passes over what is recorded before this time; absent: it has.
    pub(super) held: Option<Micros>,
    clock: Clock,
    pub(super) begun: Instant,
    pub(super) work: Work,
    /// What the work holds counts here.
    pub(super) book: Book,
    pub(super) pages: Pages,
    pub(super) parked: BTreeMap<Position, Position>,
    pub(super) consumers: BTreeMap<ConsumerId, Link>,
    last_id: ConsumerId,
    taken: Arc<Notify>,
    messages: mpsc::Sender<Message>,
    /// One for each consumer, done when that has gone.
    leaving: FuturesUnordered<BoxFuture<'static, Leaving>>,
    /// When changes have to be recorded.
    pub(super) record_by: Option<Instant>,
    /// Nothing is recorded before, because that failed.
    refused_until: Option<Instant>,
    /// Failures to record.
    pub(super) unrecorded: Retries,
    /// Failures to read.
    unread: Retries,
    /// Nothing is read before, because that failed.
    pub(super) rests_until: Option<Instant>,
    /// When it is looked again whether the books have room.
    pub(super) room_again: Option<Instant>,
    /// Why nothing is delivered, for the group's status.
    pub(super) stalled: String,
    pub(super) deleted: bool,
}

/// The way to a consumer.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) since: Micros,
    pub(super) frames: mpsc::Sender<Delivered>,
    /// Of each frame that was sent and may not be taken yet, the last delivery.
    pub(super) under_way: VecDeque<u64>,
    ended: watch::Sender<Option<GroupError>>,
}

/// The way to a group, and what runs it from where it was.
pub(super) fn begin(
    shared: &Shared,
    group: &GroupOrigin,
    saved: Saved,
) -> (mpsc::Sender<Message>, impl Future<Output = ()> + Send + use<>) {
    let (messages, inbox) = mpsc::channel(MESSAGES);
    let appender = shared.appender.clone();
    let task = Group {
        reader: appender.reader.clone(),
        recording: Recording::new(group.name.clone(), appender, saved.chain),
        filter: group.filter.clone(),
        held: group.recorded_from,
        clock: Arc::clone(&shared.clock),
        begun: Instant::now(),
        work: saved.work,
        book: shared.books.open(),
        pages: Pages::default(),
        parked: saved.parked,
        consumers: BTreeMap::new(),
        last_id: 0,
        taken: Arc::default(),
        messages: messages.clone(),
        leaving: FuturesUnordered::new(),
        record_by: None,
        refused_until: None,
        unrecorded: Retries::default(),
        unread: Retries::default(),
        rests_until: None,
        room_again: None,
        stalled: String::new(),
        deleted: false,
    };
    (messages, task.run(inbox))
}

impl Group {
    async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let stopping = self.reader.stopping().clone();
        let (mut head, mut index) = (self.reader.watch_head(), self.reader.watch_index());
        while !self.deleted && !stopping.is_cancelled() {
            let available = self.available(*head.borrow_and_update(), *index.borrow_and_update());
            self.hear_before_expiry(&mut inbox).await;
            if self.deleted {
                break;
            }
            let more = self.turn(available).await;
            if !more && self.reader.is_short() {
                // What is to be sent later is read again.
                self.pages.clear();
            }
            let taken = Arc::clone(&self.taken);
            // While the books are full, a new event changes nothing for this group.
            let wants = self.work.has_credit() && self.room_again.is_none();
            let moment = self.next_moment();
            tokio::select! {
                Some(message) = inbox.recv() => self.hear_all(message, &mut inbox).await,
                Some(leaving) = self.leaving.next() => self.forget(leaving).await,
                () = taken.notified() => {}
                moved = head.changed(), if wants => if moved.is_err() { break },
                moved = index.changed(), if wants => if moved.is_err() { break },
                () = sleep_until(moment) => {}
                () = std::future::ready(()), if more => {}
                () = stopping.cancelled() => {}
            }
        }
        if !self.deleted && self.work.changed() {
            self.record().await;
        }
        let name = self.recording.name.to_string();
        let why = if self.deleted { GroupError::NotFound { name } } else { GroupError::stopping() };
        self.end_all(&why);
    }

    /// How far can be read: a filter finds nothing that the index does not know yet.
    fn available(&self, head: Head, indexed: Position) -> Position {
        if self.filter.is_all() { head.position } else { head.position.min(indexed) }
    }

    pub(super) fn now(&self) -> Moment {
        self.begun.elapsed()
    }

    /// Does what is to be done now; whether there is more of it.
    async fn turn(&mut self, available: Position) -> bool {
        let now = self.now();
        self.note_received(now);
        self.work.expire(now);
        let full = self.parked.len() + self.work.parks().len() >= limits::GROUP_PARKED;
        if !full {
            self.work.assign(now);
        }
        let rests = self.rests_until.is_some_and(|until| until > Instant::now());
        let mut more = false;
        if !rests {
            self.rests_until = None;
            self.note_room();
            self.stalled = self.why_stalled(full);
            match self.work_on(available, full).await {
                Ok(went_on) => {
                    more = went_on;
                    self.unread.succeeded();
                }
                Err(error) => self.failed(error),
            }
        }
        self.record_if_due().await;
        more
    }

    async fn work_on(&mut self, available: Position, full: bool) -> Result<bool, ReadError> {
        self.send().await?;
        if full {
            return Ok(false);
        }
        self.read_on(available).await
    }

    /// What was read cannot be read: a passing trouble is waited for, anything else ends the calls.
    fn failed(&mut self, error: ReadError) {
        let (group, passing) = (self.recording.name.as_str(), error.is_passing());
        if self.unread.failed(error.cause()) {
            tracing::warn!(group, %error, passing, "a consumer group cannot go on");
        }
        self.stalled = error.to_string();
        self.rests_until = Some(Instant::now() + TRY_AGAIN);
        if !passing {
            self.end_all(&GroupError::Read(error));
        }
    }

    fn end_all(&mut self, why: &GroupError) {
        let now = self.now();
        for (id, link) in std::mem::take(&mut self.consumers) {
            link.ended.send_replace(Some(why.clone()));
            self.work.leave(id, false, now);
        }
        self.pages.clear();
    }

    async fn record_if_due(&mut self) {
        if !self.work.changed() {
            self.record_by = None;
            return;
        }
        let now = Instant::now();
        let by = *self.record_by.get_or_insert(now + RECORD_WITHIN);
        let refused = self.refused_until.is_some_and(|until| until > now);
        if by <= now || !(self.work.parks().is_empty() || refused) {
            self.record().await;
        }
    }

    /// It could not be recorded now.
    pub(super) fn record_later(&mut self) {
        self.record_by = Some(Instant::now() + TRY_AGAIN);
        self.refused_until = self.record_by;
    }

    /// When there is something to do even without a message.
    fn next_moment(&self) -> Option<Instant> {
        let work = self.work.next_moment().map(|moment| self.begun + moment);
        [work, self.record_by, self.rests_until, self.room_again].into_iter().flatten().min()
    }

    /// Counts what the work holds, and notes when to look again if all groups hold too much.
    fn note_room(&mut self) {
        self.book.has(self.work.bytes());
        let short = self.work.has_credit() && !self.book.has_room();
        self.room_again = short.then(|| Instant::now() + LOOK_AGAIN);
    }

    /// Why nothing more is delivered; empty: nothing is in the way.
    fn why_stalled(&self, full: bool) -> String {
        if full {
            let limit = limits::GROUP_PARKED;
            return format!("{limit} events are parked, which is the limit; replay some of them");
        }
        if self.work.listed() >= limits::GROUP_UNFINISHED {
            let limit = limits::GROUP_UNFINISHED;
            return format!(
                "{limit} events are unfinished, which is the limit: they fail, or consumers hold \
                 them"
            );
        }
        if self.room_again.is_some() {
            let listed = self.work.listed();
            return format!(
                "{listed} events are unfinished, and all groups together have as many as fit into \
                 memory: answer what was delivered, or delete groups that are not used"
            );
        }
        String::new()
    }

    /// If a lease would end now, hears everything that was said before: recording or reading may
    /// have taken long, and answers may have come meanwhile.
    async fn hear_before_expiry(&mut self, inbox: &mut mpsc::Receiver<Message>) {
        for _ in 0..HEARD_BEFORE_EXPIRY {
            if self.deleted || self.work.next_moment().is_none_or(|moment| moment > self.now()) {
                return;
            }
            let Ok(message) = inbox.try_recv() else { return };
            self.hear(message).await;
        }
    }

    /// Leases begin with what consumers have taken.
    fn note_received(&mut self, now: Moment) {
        for (id, link) in &mut self.consumers {
            let waiting = FRAMES - link.frames.capacity();
            while link.under_way.len() > waiting {
                if let Some(delivery) = link.under_way.pop_front() {
                    self.work.received(*id, delivery, now);
                }
            }
        }
    }

    async fn hear_all(&mut self, first: Message, inbox: &mut mpsc::Receiver<Message>) {
        let mut next = Some(first);
        for _ in 0..HEARD_AT_ONCE {
            let Some(message) = next.or_else(|| inbox.try_recv().ok()) else { return };
            self.hear(message).await;
            next = None;
        }
    }

    /// Answers a message. Its sender may have gone; then the answer is dropped.
    async fn hear(&mut self, message: Message) {
        match message {
            Message::Join { name, stream, reply } => {
                let _ = reply.send(self.join(name, stream));
            }
            Message::Say { id, said, reply } => {
                let _ = reply.send(self.heard(id, said));
            }
            Message::Count(reply) => {
                // If that fails, the events count until the next attempt.
                let _ = self.pass_held(self.reader.head().position).await;
                let _ = reply.send(self.count());
            }
            Message::Parked { after, limit, reply } => {
                let after = self.parked.range(after.saturating_add(1)..);
                let parked = after.take(limit).map(|(event, record)| (*event, *record));
                let _ = reply.send((parked.collect(), self.parked.len()));
            }
            Message::Replay { positions, request, reply } => {
                let _ = reply.send(self.replay(positions, request).await);
            }
            Message::Delete { request, reply } => {
                let _ = reply.send(self.delete(request).await);
            }
        }
    }

    fn join(&mut self, name: String, stream: OpenStream) -> Result<Consumer, GroupError> {
        let limit = limits::GROUP_CONSUMERS;
        if self.consumers.len() >= limit {
            return Err(GroupError::TooManyConsumers { limit });
        }
        self.last_id += 1;
        let id = self.last_id;
        let (frames, received) = mpsc::channel(FRAMES);
        let (ended, why) = watch::channel(None);
        let (leaving, left) = oneshot::channel();
        let gone = async move { Leaving { id, broke: left.await.is_err() } };
        self.leaving.push(gone.boxed());
        self.work.join(id, name.clone());
        let (since, under_way) = ((self.clock)(), VecDeque::new());
        self.consumers.insert(id, Link { name, since, frames, under_way, ended });
        Ok(Consumer {
            id,
            group: self.messages.clone(),
            leaving: Some(leaving),
            frames: received,
            taken: Arc::clone(&self.taken),
            ended: why,
            _stream: stream,
        })
    }

    fn heard(&mut self, id: ConsumerId, said: Said) -> Result<(), GroupError> {
        let now = self.now();
        // It was taken before it was answered.
        self.note_received(now);
        self.work.spoke(id);
        for (delivery, answer) in said.answers {
            let taken = self.work.answer(id, delivery, answer, now);
            taken.map_err(|number| never_delivered("acks and nacks", number))?;
        }
        for delivery in said.working {
            let taken = self.work.works_on(id, delivery, now);
            taken.map_err(|number| never_delivered("working", number))?;
        }
        self.work.grant(id, said.credit).ok_or_else(|| {
            let (credit, limit) = (said.credit, limits::CONSUMER_CREDIT);
            let problem = format!(
                "is {credit} more; credit and unanswered events together may be {limit} at most"
            );
            GroupError::invalid("credit", problem)
        })
    }

    async fn forget(&mut self, leaving: Leaving) {
        self.work.leave(leaving.id, leaving.broke, self.now());
        self.consumers.remove(&leaving.id);
        if self.consumers.is_empty() {
            self.pages.clear();
            if self.work.changed() {
                self.record().await;
            }
        }
    }
}

fn never_delivered(field: &str, NeverDelivered(number): NeverDelivered) -> GroupError {
    let problem = format!("cannot name delivery {number}: it was never made in this call");
    GroupError::invalid(field, problem)
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
