//! What a group's task does with messages.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    counted::{ConsumerStatus, Counted},
    error::GroupError,
    messages::{Joined, Message, Said},
    recorder::ReplayRequest,
    task::{GroupTask, MESSAGES},
};
use crate::domain::{
    group::{ConsumerId, NeverDelivered},
    limits,
};

/// Messages that are handled before work is handed out.
const HANDLED_AT_ONCE: usize = 64;
/// Messages that are handled before a lease is ended: all that can wait, those that wait to be put
/// there, and those that come while a message is answered that takes long.
const HANDLED_BEFORE_EXPIRY: usize = 4 * MESSAGES;

impl GroupTask {
    /// If a lease would end now, handles everything that was said before: recording or reading may
    /// have taken long, and answers may have come meanwhile.
    pub(super) async fn handle_before_expiry(&mut self, inbox: &mut mpsc::Receiver<Message>) {
        for _ in 0..HANDLED_BEFORE_EXPIRY {
            if self.deleted || self.work.next_moment().is_none_or(|moment| moment > self.now()) {
                return;
            }
            let Ok(message) = inbox.try_recv() else { return };
            self.handle(message).await;
        }
    }

    /// Handles a message and some of those that wait behind it.
    pub(super) async fn handle_all(&mut self, first: Message, inbox: &mut mpsc::Receiver<Message>) {
        let mut next = Some(first);
        for _ in 0..HANDLED_AT_ONCE {
            let Some(message) = next.or_else(|| inbox.try_recv().ok()) else { return };
            self.handle(message).await;
            next = None;
        }
    }

    /// Answers a message. Its sender may have gone; then the answer is dropped.
    async fn handle(&mut self, message: Message) {
        match message {
            Message::Join { name, reply } => {
                let _ = reply.send(self.join(name));
            }
            Message::Say { id, said, reply } => {
                let _ = reply.send(self.answered(id, said));
            }
            Message::Count(reply) => {
                let head = self.reading.reader.head().position;
                // If that fails, the events count until the next attempt.
                let _ = self.reading.pass_held(&mut self.work, head).await;
                let _ = reply.send(self.count());
            }
            Message::Parked { after, limit, reply } => {
                let parked = self.recorder.parked_after(after, limit);
                let _ = reply.send((parked, self.recorder.parked()));
            }
            Message::Replay { positions, request, reply } => {
                let (now, reader) = (self.now(), &self.reading.reader);
                let replay = ReplayRequest { positions, request };
                let replayed = self.recorder.replay(&mut self.work, reader, replay, now);
                let _ = reply.send(replayed.await);
            }
            Message::Delete { request, reply } => {
                let deleted = self.recorder.delete(request).await;
                self.deleted |= deleted.is_ok();
                let _ = reply.send(deleted);
            }
        }
    }

    fn join(&mut self, name: String) -> Result<Joined, GroupError> {
        let joined = self.members.join(name.clone(), (self.clock)())?;
        self.work.join(joined.id, name);
        Ok(joined)
    }

    fn answered(&mut self, id: ConsumerId, said: Said) -> Result<(), GroupError> {
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

    /// What is known here of how far the group is.
    fn count(&self) -> Counted {
        let consumers = self.work.consumers().filter_map(|(id, unanswered, credit)| {
            let (name, since) = self.members.named(id)?;
            Some(ConsumerStatus { name: name.to_owned(), since, unanswered, credit })
        });
        let mut consumers: Vec<_> = consumers.collect();
        consumers.sort_by(|one, other| one.name.cmp(&other.name));
        let behind = self.work.behind().map(|(stream, after)| (Arc::clone(stream), after));
        Counted {
            read: self.work.read(),
            unfinished: self.work.listed() + self.work.parks().len(),
            first: self.work.first_unfinished(),
            finished: self.work.finished_up_to(),
            behind: behind.collect(),
            resting: self.work.resting(self.now()),
            parked: self.recorder.parked(),
            consumers,
            stalled: self.stalls.why().to_owned(),
        }
    }
}

fn never_delivered(field: &str, NeverDelivered(number): NeverDelivered) -> GroupError {
    let problem = format!("cannot name delivery {number}: it was never made in this call");
    GroupError::invalid(field, problem)
}
