//! What a group's task receives, and what it sends to its consumers.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{counted::Counted, error::GroupError, recording::GroupRequest};
use crate::{
    domain::{
        event::Position,
        group::{Answer, ConsumerId},
    },
    engine::Appended,
};

/// A message to a group.
#[derive(Debug)]
pub(super) enum Message {
    /// A consumer wants to take part.
    Join {
        /// What it calls itself.
        name: String,
        /// Where to answer.
        reply: oneshot::Sender<Result<Joined, GroupError>>,
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
        /// How it is recorded.
        request: GroupRequest,
        /// Where to answer: what was recorded, if anything, and how many.
        reply: oneshot::Sender<Result<(Option<Appended>, usize), GroupError>>,
    },
    /// Delete the group.
    Delete {
        /// How it is recorded.
        request: GroupRequest,
        /// Where to answer.
        reply: oneshot::Sender<Result<Appended, GroupError>>,
    },
}

/// Sends a question to a group's task, and waits for its answer.
pub(super) async fn send_request<T>(
    messages: &mpsc::Sender<Message>,
    question: impl FnOnce(oneshot::Sender<T>) -> Message,
) -> Result<T, GroupError> {
    let (reply, answer) = oneshot::channel();
    messages.send(question(reply)).await.map_err(|_| GroupError::stopping())?;
    answer.await.map_err(|_| GroupError::stopping())
}

/// A consumer's end of the way to its group.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) id: ConsumerId,
    /// Reports to the group whether the consumer left in order, or was dropped.
    pub(super) leaving: oneshot::Sender<()>,
    pub(super) frames: mpsc::Receiver<Delivered>,
    /// Notified when a frame was taken.
    pub(super) taken: Arc<Notify>,
    /// Why the group has ended the call.
    pub(super) ended: watch::Receiver<Option<GroupError>>,
}

/// A consumer has gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub(super) id: ConsumerId,
    pub(super) broke: bool,
}

/// What a consumer says at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// So many events more may be delivered.
    pub credit: u64,
    /// Answers to deliveries, by number.
    pub answers: Vec<(u64, Answer)>,
    /// Deliveries that it works on.
    pub working: Vec<u64>,
}

/// What a consumer receives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Encoded events.
    pub events: Bytes,
    /// The number of the first one's delivery; the others' follow.
    pub first_delivery: u64,
    /// Of each event, how often it was tried before.
    pub attempts: Vec<u32>,
    /// Deliveries that need no answer any more.
    pub withdrawn: Vec<u64>,
}

impl Delivered {
    /// The number of the last event's delivery; 0: there is none.
    pub(super) fn last_delivery(&self) -> u64 {
        (self.first_delivery + self.attempts.len() as u64).saturating_sub(1)
    }
}
