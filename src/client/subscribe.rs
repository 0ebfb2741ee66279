//! Following the log across lost connections and restarts of the server.

use std::{collections::VecDeque, time::Duration};

use futures_util::{Stream, StreamExt as _, stream::unfold};
use prost_types::Timestamp;

use super::{
    CallError, Client, ClientError,
    attempts::{Attempts, Interruption, lost},
};
use crate::{
    domain::proto::{
        Filter, GetHeadResponse, RecordedEvent, SubscribeRequest, SubscribeResponse,
        subscribe_request, subscribe_response::Frame,
    },
    grpc::client::Answers,
};

/// Where following begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Start {
    /// At the beginning of the log.
    #[default]
    Beginning,
    /// After this position, which was handled before.
    After(u64),
    /// With what was recorded at this time or later.
    RecordedFrom(Timestamp),
    /// With what is recorded from now on.
    Now,
}

/// What is to be followed, and from where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Follow {
    filter: Option<Filter>,
    start: Start,
}

impl Follow {
    /// Every event, from the beginning.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only events that match.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter: Some(filter), ..self }
    }

    /// From somewhere else than the beginning.
    #[must_use]
    pub fn start(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// After a position, which was handled before.
    #[must_use]
    pub fn after(self, position: u64) -> Self {
        self.start(Start::After(position))
    }
}

/// A place in the log up to which everything was dealt with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Everything up to this position was given or did not match.
    pub position: u64,
    /// When the event at that position was recorded; `None`: the log is empty.
    pub recorded_at: Option<Timestamp>,
}

/// What a subscription gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    /// An event.
    Event(Box<RecordedEvent>),
    /// Everything up to here was given; what follows is live.
    CaughtUp(Mark),
    /// Everything up to here was dealt with, though nothing may have matched.
    Checkpoint(Mark),
    /// What follows is not live; [`Followed::CaughtUp`] says when it is again.
    FellBehind(Mark),
    /// The connection was lost, or the server is not ready. It is tried again after a pause, for as
    /// long as the caller takes items, and goes on after the last one.
    Interrupted {
        /// What happened.
        error: ClientError,
        /// How often in a row by now.
        failed: u32,
        /// When it is tried again, from now.
        pause: Duration,
    },
}

impl Client {
    /// Follows the log, and goes on where it was when the connection is lost or the server is
    /// started anew: every event that matches is given once and in order.
    ///
    /// Nothing is sent before the caller takes the first item.
    ///
    /// ```no_run
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn example(client: handover::client::Client) -> Done {
    /// use handover::client::{Follow, Followed};
    /// let mut following = client.subscribe(Follow::all().after(1_000));
    /// loop {
    ///     if let Followed::Event(event) = following.next().await? {
    ///         println!("{} {}", event.position, event.stream);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn subscribe(&self, follow: Follow) -> Subscription {
        let position = match follow.start {
            Start::Beginning => Some(0),
            Start::After(position) => Some(position),
            Start::RecordedFrom(_) | Start::Now => None,
        };
        Subscription {
            client: self.clone(),
            follow,
            frames: None,
            batch: VecDeque::new(),
            given: position,
            handled: position,
            named: None,
            attempts: Attempts::default(),
        }
    }
}

/// A subscription that outlives connections.
///
/// An item counts as handled once the caller takes the next one. To survive a restart, a program
/// stores [`position`](Self::position), best together with the effects of the items; then each of
/// them takes effect exactly once.
pub struct Subscription {
    client: Client,
    follow: Follow,
    /// The call, while there is one.
    frames: Option<Answers<SubscribeResponse>>,
    /// Events that were received and not given yet.
    batch: VecDeque<RecordedEvent>,
    /// The position of the last item given; `None`: not known yet.
    given: Option<u64>,
    handled: Option<u64>,
    /// The name that `given` is kept with; `None`: that of the client.
    named: Option<String>,
    attempts: Attempts,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Subscription");
        debug.field("follow", &self.follow).field("handled", &self.handled).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Everything up to this position was handled or did not match; `None`: not known yet, because
    /// it began with a time or with now and nothing has come.
    pub fn position(&self) -> Option<u64> {
        self.handled
    }

    /// The name of the store that positions are of, to be stored with [`position`](Self::position);
    /// `None`: not known yet. It changes if the store is restored and the subscription goes on from
    /// before the branch.
    pub fn store(&self) -> Option<&str> {
        self.named.as_deref().or(self.client.store.get().map(String::as_str))
    }

    /// The next item; it is waited for. If the future is dropped, nothing is lost.
    ///
    /// # Errors
    ///
    /// What no repetition mends: a wrong filter, a position beyond the log's end, another store
    /// at the address, a restore from before the position, damage. What passes is an item,
    /// [`Followed::Interrupted`]. It may be called again after an error, and then begins a new
    /// attempt.
    pub async fn next(&mut self) -> Result<Followed, CallError> {
        self.handled = self.given;
        loop {
            if let Some(event) = self.batch.pop_front() {
                self.given = Some(event.position);
                return Ok(Followed::Event(Box::new(event)));
            }
            self.attempts.pause().await;
            match self.receive().await {
                Ok(Some(item)) => return Ok(item),
                Ok(None) => {}
                Err(error) => return self.interrupted(error),
            }
        }
    }

    /// The events that have come together with the last one, which count as given from then on: for
    /// callers that handle many at once.
    pub fn received(&mut self) -> Vec<RecordedEvent> {
        self.given = self.batch.back().map(|event| event.position).or(self.given);
        std::mem::take(&mut self.batch).into()
    }

    /// The items as a stream, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Followed, CallError>> + Send {
        unfold(Some(self), async |subscription| {
            let mut subscription = subscription?;
            let item = subscription.next().await;
            let rest = item.is_ok().then_some(subscription);
            Some((item, rest))
        })
    }

    /// Takes the next frame; `None`: it is in `batch`, or says nothing to this client.
    async fn receive(&mut self) -> Result<Option<Followed>, ClientError> {
        if self.frames.is_none() {
            let request = self.request().await?;
            self.frames = Some(self.client.calls.subscribe(request));
        }
        let Some(frames) = &mut self.frames else { return Ok(None) };
        let ended = "the server ended the subscription";
        let response = frames.next().await.unwrap_or_else(|| Err(lost(ended)))?;
        self.attempts.succeeded();
        let SubscribeResponse { frame, store, heartbeat: _ } = response;
        if !store.is_empty() {
            self.named = Some(store);
        }
        let (item, mark): (fn(Mark) -> Followed, _) = match frame {
            Some(Frame::Events(batch)) => {
                self.batch = batch.events.into();
                return Ok(None);
            }
            Some(Frame::CaughtUp(at)) => (Followed::CaughtUp, (at.position, at.recorded_at)),
            Some(Frame::Checkpoint(at)) => (Followed::Checkpoint, (at.position, at.recorded_at)),
            Some(Frame::FellBehind(at)) => (Followed::FellBehind, (at.position, at.recorded_at)),
            // A frame of a newer server; what it says is beyond this client.
            None => return Ok(None),
        };
        let (position, recorded_at) = mark;
        self.given = Some(position);
        Ok(Some(item(Mark { position, recorded_at })))
    }

    /// The request after what was handled. "Now" is the end of the log at the first request. If the
    /// server worked it out, what is recorded between two attempts would be lost.
    async fn request(&mut self) -> Result<SubscribeRequest, ClientError> {
        use subscribe_request::Start as From;
        if self.given.is_none() && self.follow.start == Start::Now {
            let GetHeadResponse { position, store, .. } = self.client.head().await?;
            (self.given, self.handled) = (Some(position), Some(position));
            self.named = Some(store).filter(|name| !name.is_empty());
        }
        let start = match (self.given, &self.follow.start) {
            (Some(position), _) => Some(From::AfterPosition(position)),
            (None, Start::RecordedFrom(time)) => Some(From::RecordedFrom(*time)),
            (None, Start::Beginning | Start::After(_) | Start::Now) => None,
        };
        let store = match &self.named {
            Some(name) => name.clone(),
            None => self.client.named_store().await?,
        };
        self.named = Some(store.clone()).filter(|name| !name.is_empty());
        Ok(SubscribeRequest { filter: self.follow.filter.clone(), start, store })
    }

    /// The call has ended; whether it is tried again.
    fn interrupted(&mut self, error: ClientError) -> Result<Followed, CallError> {
        self.frames = None;
        let interruption = self.attempts.failed(self.client.retry, error)?;
        let (Interruption { error, failed, pause }, after) = (interruption, self.given);
        tracing::warn!(%error, failed, ?pause, after, "a subscription was interrupted");
        Ok(Followed::Interrupted { error, failed, pause })
    }
}
