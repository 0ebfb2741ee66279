//! The position of the last durable event, and the watchers that wait for it to move.

use tokio::sync::watch;

use crate::{
    domain::event::{Micros, Position},
    log::{Log, LogError},
};

/// The last durable event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its position; 0: the log is empty.
    pub position: Position,
    /// When it was recorded; absent: the log is empty.
    pub recorded_at: Option<Micros>,
}

impl Head {
    /// The head of a log that was just opened and ends at `position`; the last event says itself
    /// when it was recorded.
    pub(super) fn of(log: &Log, position: Position) -> Result<Self, LogError> {
        let recorded_at = if position > 0 { Some(log.recorded_at(position)?) } else { None };
        Ok(Self { position, recorded_at })
    }
}

/// The writer's side: the only one that moves the head.
#[derive(Debug)]
pub(super) struct HeadSender(watch::Sender<Head>);

impl HeadSender {
    pub(super) fn new(head: Head) -> (Self, watch::Receiver<Head>) {
        let (sender, receiver) = watch::channel(head);
        (Self(sender), receiver)
    }

    /// Makes everything up to `position` visible. It must be durable.
    pub(super) fn advance(&self, position: Position, recorded_at: Micros) {
        self.0.send_modify(|head| {
            assert!(position > head.position, "the head never goes back");
            *head = Head { position, recorded_at: Some(recorded_at) };
        });
    }
}
