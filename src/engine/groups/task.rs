//! The task of one group: it handles messages, hands out work, sends, reads on, and records how far
//! the group is.

use std::sync::Arc;

use tokio::{sync::mpsc, time::Instant};

use super::{
    error::GroupError,
    members::Members,
    messages::{Leaving, Message},
    reading::GroupReader,
    recorder::GroupRecorder,
    recording::Recording,
    registry::Shared,
    saved::{GroupOrigin, Saved},
    stalls::Stalls,
};
use crate::{
    domain::{
        event::Position,
        group::{Moment, Work},
        limits,
    },
    engine::{Clock, ReadError},
};

/// Messages that may wait for a group.
pub(super) const MESSAGES: usize = 256;

/// The task's state. What is decided about events is decided by the work alone, which is pure.
pub(super) struct GroupTask {
    pub(super) work: Work,
    pub(super) members: Members,
    pub(super) reading: GroupReader,
    pub(super) recorder: GroupRecorder,
    pub(super) stalls: Stalls,
    pub(super) clock: Clock,
    /// When the moments of the work began.
    begun: Instant,
    pub(super) deleted: bool,
}

/// The way to a group, and what runs it from where it was.
pub(super) fn begin(
    shared: &Shared,
    group: &GroupOrigin,
    saved: Saved,
) -> (mpsc::Sender<Message>, impl Future<Output = ()> + Send + use<>) {
    let (messages, inbox) = mpsc::channel(MESSAGES);
    let Saved { work, chain, parked } = saved;
    let (appender, book) = (shared.appender.clone(), shared.books.open());
    let reader = appender.reader.clone();
    let task = GroupTask {
        work,
        members: Members::default(),
        reading: GroupReader::new(reader, group.filter.clone(), group.recorded_from, book),
        recorder: GroupRecorder::new(Recording::new(group.name.clone(), appender, chain), parked),
        stalls: Stalls::default(),
        clock: Arc::clone(&shared.clock),
        begun: Instant::now(),
        deleted: false,
    };
    (messages, task.run(inbox))
}

impl GroupTask {
    async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let reader = self.reading.reader.clone();
        let (mut head, mut index) = (reader.watch_head(), reader.watch_index());
        while !self.deleted && !reader.stopping().is_cancelled() {
            let (to, indexed) = (*head.borrow_and_update(), *index.borrow_and_update());
            self.handle_before_expiry(&mut inbox).await;
            if self.deleted {
                break;
            }
            let more = self.turn(self.reading.available(to, indexed)).await;
            if !more && reader.streams().is_short() {
                // What is to be sent later is read again.
                self.reading.let_go();
            }
            // While the books are full, a new event changes nothing for this group.
            let wants = self.work.has_credit() && !self.stalls.without_room();
            let (taken, moment) = (self.members.taken(), self.next_moment());
            tokio::select! {
                Some(message) = inbox.recv() => self.handle_all(message, &mut inbox).await,
                Some(leaving) = self.members.left() => self.forget(leaving).await,
                () = taken.notified() => {}
                moved = head.changed(), if wants => if moved.is_err() { break },
                moved = index.changed(), if wants => if moved.is_err() { break },
                () = sleep_until(moment) => {}
                () = std::future::ready(()), if more => {}
                () = reader.stopping().cancelled() => {}
            }
        }
        self.end().await;
    }

    /// Records how far the group is, unless it is deleted, and ends the calls of its consumers.
    async fn end(mut self) {
        if !self.deleted && self.work.changed() {
            self.recorder.record(&mut self.work).await;
        }
        let name = self.recorder.name().to_string();
        let why = if self.deleted { GroupError::NotFound { name } } else { GroupError::stopping() };
        self.end_all(&why);
    }

    /// The time, as the work has it.
    pub(super) fn now(&self) -> Moment {
        self.begun.elapsed()
    }

    /// When there is something to do even without a message.
    fn next_moment(&self) -> Option<Instant> {
        let work = self.work.next_moment().map(|moment| self.begun + moment);
        [work, self.recorder.due(), self.stalls.next_look()].into_iter().flatten().min()
    }

    /// Does what is to be done now; whether there is more of it.
    async fn turn(&mut self, available: Position) -> bool {
        let now = self.now();
        self.note_received(now);
        self.work.expire(now);
        let full = self.recorder.parked() + self.work.parks().len() >= limits::GROUP_PARKED;
        if !full {
            self.work.assign(now);
        }
        let mut more = false;
        if !self.stalls.rests() {
            self.reading.book.has(self.work.bytes());
            self.stalls.look(&self.work, &self.reading.book, full);
            match self.send_and_read(available, full).await {
                Ok(went_on) => {
                    more = went_on;
                    self.stalls.succeeded();
                }
                Err(error) => self.failed(error),
            }
        }
        self.recorder.record_if_due(&mut self.work).await;
        more
    }

    async fn send_and_read(&mut self, available: Position, full: bool) -> Result<bool, ReadError> {
        self.reading.send(&mut self.work, &mut self.members).await?;
        if full {
            return Ok(false);
        }
        let now = self.now();
        self.reading.read_on(&mut self.work, available, now).await
    }

    /// Something could not be read: a passing trouble is waited for, anything else ends the calls.
    fn failed(&mut self, error: ReadError) {
        self.stalls.failed(self.recorder.name(), &error);
        if !error.is_passing() {
            self.end_all(&GroupError::Read(error));
        }
    }

    fn end_all(&mut self, why: &GroupError) {
        let now = self.now();
        for id in self.members.end_all(why) {
            self.work.leave(id, false, now);
        }
        self.reading.let_go();
    }

    /// A consumer has gone. The last one leaves a group that is recorded.
    async fn forget(&mut self, leaving: Leaving) {
        self.work.leave(leaving.id, leaving.broke, self.now());
        self.members.remove(leaving.id);
        if self.members.is_empty() {
            self.reading.let_go();
            if self.work.changed() {
                self.recorder.record(&mut self.work).await;
            }
        }
    }

    /// Leases begin with what consumers have taken.
    pub(super) fn note_received(&mut self, now: Moment) {
        for (id, delivery) in self.members.received() {
            self.work.received(id, delivery, now);
        }
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
