//! The consumers of a group as its task has them: the way to each, and what is under way on it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    error::GroupError,
    messages::{Delivered, Joined, Leaving},
};
use crate::domain::{event::Micros, group::ConsumerId, limits};

/// Frames that may wait for a consumer.
const FRAMES: usize = 2;

/// The consumers that take part.
#[derive(Default)]
pub(super) struct Members {
    links: BTreeMap<ConsumerId, Link>,
    last_id: ConsumerId,
    /// Notified when a consumer has taken a frame.
    taken: Arc<Notify>,
    /// One for each consumer, done when that has gone.
    leaving: FuturesUnordered<BoxFuture<'static, Leaving>>,
}

/// The way to a consumer.
struct Link {
    name: String,
    since: Micros,
    frames: mpsc::Sender<Delivered>,
    /// Of each frame that was sent and may not be taken yet, the last delivery.
    under_way: VecDeque<u64>,
    ended: watch::Sender<Option<GroupError>>,
}

impl Members {
    /// One more takes part, unless there are too many.
    pub(super) fn join(&mut self, name: String, since: Micros) -> Result<Joined, GroupError> {
        let limit = limits::GROUP_CONSUMERS;
        if self.links.len() >= limit {
            return Err(GroupError::TooManyConsumers { limit });
        }
        self.last_id += 1;
        let id = self.last_id;
        let (frames, received) = mpsc::channel(FRAMES);
        let (ended, why) = watch::channel(None);
        let (leaving, left) = oneshot::channel();
        let gone = async move { Leaving { id, broke: left.await.is_err() } };
        self.leaving.push(gone.boxed());
        self.links.insert(id, Link { name, since, frames, under_way: VecDeque::new(), ended });
        Ok(Joined { id, leaving, frames: received, taken: Arc::clone(&self.taken), ended: why })
    }

    /// Waits until a consumer has gone; `None`: none takes part.
    pub(super) async fn left(&mut self) -> Option<Leaving> {
        self.leaving.next().await
    }

    /// Notified when a consumer has taken a frame.
    pub(super) fn taken(&self) -> Arc<Notify> {
        Arc::clone(&self.taken)
    }

    /// One does not take part any more.
    pub(super) fn remove(&mut self, id: ConsumerId) {
        self.links.remove(&id);
    }

    /// Ends all calls with a reason; whose calls they were.
    pub(super) fn end_all(&mut self, why: &GroupError) -> Vec<ConsumerId> {
        let ended = std::mem::take(&mut self.links).into_iter().map(|(id, link)| {
            link.ended.send_replace(Some(why.clone()));
            id
        });
        ended.collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// What a consumer calls itself, and since when it takes part.
    pub(super) fn named(&self, id: ConsumerId) -> Option<(&str, Micros)> {
        self.links.get(&id).map(|link| (link.name.as_str(), link.since))
    }

    /// The ways on which frames go.
    pub(super) fn frames(&self) -> Vec<(ConsumerId, mpsc::Sender<Delivered>)> {
        self.links.iter().map(|(id, link)| (*id, link.frames.clone())).collect()
    }

    /// A frame with deliveries up to this one is under way to a consumer.
    pub(super) fn sent(&mut self, id: ConsumerId, last_delivery: u64) {
        if let Some(link) = self.links.get_mut(&id) {
            link.under_way.push_back(last_delivery);
            debug_assert!(
                link.under_way.len() >= FRAMES - link.frames.capacity(),
                "each frame that waits has an entry: leases begin with the entries that are left"
            );
        }
    }

    /// Takes out what consumers have taken: of each frame the last delivery.
    pub(super) fn received(&mut self) -> Vec<(ConsumerId, u64)> {
        let mut received = Vec::new();
        for (id, link) in &mut self.links {
            let waiting = FRAMES - link.frames.capacity();
            let taken = link.under_way.len().saturating_sub(waiting);
            received.extend(link.under_way.drain(..taken).map(|delivery| (*id, delivery)));
        }
        received
    }
}
