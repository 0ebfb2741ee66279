//! One consumer's side of a group: what it says goes to the group's task, and frames come back.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    Groups,
    error::GroupError,
    messages::{Delivered, Joined, Message, Said},
};
use crate::{
    domain::{group::ConsumerId, limits, violation::Violations},
    engine::streams::OpenStream,
};

/// A consumer that takes part in a group, until it leaves; if it is dropped, its call broke.
#[derive(Debug)]
pub struct Consumer {
    id: ConsumerId,
    group: mpsc::Sender<Message>,
    /// Reports to the group whether the consumer left in order, or was dropped.
    leaving: Option<oneshot::Sender<()>>,
    frames: mpsc::Receiver<Delivered>,
    /// Notified when a frame was taken.
    taken: Arc<Notify>,
    /// Why the group has ended the call.
    ended: watch::Receiver<Option<GroupError>>,
    /// Bounds how many take part.
    _stream: OpenStream,
}

impl Consumer {
    /// Takes part in a group. The group's status contains the name.
    pub async fn join(groups: &Groups, group: &str, name: &str) -> Result<Self, GroupError> {
        check_name(group, name)?;
        let (messages, _) = groups.shared.group(group).await?;
        let stream = groups.shared.appender.reader.streams().open()?;
        let (reply, joined) = oneshot::channel();
        let gone = || groups.shared.absent(group);
        let join = Message::Join { name: name.to_owned(), reply };
        messages.send(join).await.map_err(|_| gone())?;
        let Joined { id, leaving, frames, taken, ended } = joined.await.map_err(|_| gone())??;
        let leaving = Some(leaving);
        Ok(Self { id, group: messages, leaving, frames, taken, ended, _stream: stream })
    }

    /// Sends the group something; all of it, or nothing and an error.
    pub async fn say(&self, said: Said) -> Result<(), GroupError> {
        let (reply, answered) = oneshot::channel();
        let message = Message::Say { id: self.id, said, reply };
        if self.group.send(message).await.is_err() {
            return Err(self.why_ended());
        }
        answered.await.map_err(|_| self.why_ended())?
    }

    /// The next delivery; an error: the call has ended.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Delivered, GroupError> {
        match self.frames.recv().await {
            Some(delivered) => {
                self.taken.notify_one();
                Ok(delivered)
            }
            None => Err(self.why_ended()),
        }
    }

    /// Leaves in order, behind everything that was said.
    pub async fn leave(mut self) {
        let (reply, answered) = oneshot::channel();
        let said = Said::default();
        // Once the group has handled this, it has handled all that the consumer said before. Then
        // the consumer may go.
        if self.group.send(Message::Say { id: self.id, said, reply }).await.is_ok() {
            let _ = answered.await;
        }
        if let Some(leaving) = self.leaving.take() {
            let _ = leaving.send(());
        }
    }

    fn why_ended(&self) -> GroupError {
        self.ended.borrow().clone().unwrap_or_else(GroupError::stopping)
    }
}

fn check_name(group: &str, name: &str) -> Result<(), GroupError> {
    let mut violations = Violations::default();
    if group.is_empty() {
        violations.add("group", "is empty; the first message has to name the group");
    }
    let (length, limit) = (name.len(), limits::CONSUMER_NAME_BYTES);
    if name.is_empty() {
        violations.add("consumer", "is empty; give a name by which people know the consumer");
    } else if length > limit {
        violations.exceeds("consumer", "bytes", length, limit);
    } else if name.chars().any(char::is_control) {
        violations.add("consumer", "has a control character");
    }
    violations.into_result(()).map_err(GroupError::Invalid)
}
