//! Watching figures and exchanges across lost connections and restarts of the server.

use std::{collections::VecDeque, fmt, time::Duration};

use futures_util::StreamExt as _;

use super::{
    CallError, Calls, Client, ClientError,
    attempts::{Attempts, Interruption, lost},
};
use crate::{
    domain::proto::{
        WatchCountryCountsRequest, WatchCountryCountsResponse, WatchExchangeRequest,
        WatchExchangeResponse,
    },
    grpc::client::Answers,
};

/// What a watch yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched<T> {
    /// An answer or a change.
    Update(Box<T>),
    /// The connection was lost, or the server is not ready. The watch tries again after a pause,
    /// for as long as `next` is called, and goes on with what has changed since the last update.
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
    /// Watches the figures: as they are, and then every change. Each change comes once, over lost
    /// connections and restarts of the server. A request with an `after_position` brings every
    /// change since then.
    ///
    /// The first call of `next` sends the request.
    ///
    /// ```no_run
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn example(client: handover::client::Client) -> Done {
    /// use handover::{client::Watched, domain::proto::WatchCountryCountsRequest};
    /// let countries = vec!["DE".to_owned()];
    /// let mut watch =
    ///     client.watch_counts(WatchCountryCountsRequest { countries, ..Default::default() });
    /// loop {
    ///     if let Watched::Update(update) = watch.next().await? {
    ///         println!("{update:?}");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn watch_counts(
        &self,
        request: WatchCountryCountsRequest,
    ) -> Watch<WatchCountryCountsResponse> {
        let resumed = request.after_position;
        let open = move |calls: &Calls, store, after_position| {
            calls.watch_country_counts(WatchCountryCountsRequest {
                after_position,
                store,
                ..request.clone()
            })
        };
        let place: Place<WatchCountryCountsResponse> =
            |answer| (answer.position, answer.more, answer.store.as_str());
        Watch::new(self, resumed, Box::new(open), place)
    }

    /// Watches the story of one exchange, in the same way. An answer has the first page of a long
    /// story; `GetExchange` has the others, by its `next_page_token`.
    pub fn watch_exchange(&self, request: WatchExchangeRequest) -> Watch<WatchExchangeResponse> {
        let resumed = request.after_position;
        let open = move |calls: &Calls, store, after_position| {
            calls.watch_exchange(WatchExchangeRequest { after_position, store, ..request.clone() })
        };
        Watch::new(self, resumed, Box::new(open), |it| (it.position, false, it.store.as_str()))
    }
}

/// Opens the call, for the store of this name and after this position.
type Open<T> = Box<dyn Fn(&Calls, String, Option<u64>) -> Answers<T> + Send>;

/// The position that an answer is true for, whether more of that position follow, and the name of
/// the store; empty: the answer has none.
type Place<T> = fn(&T) -> (u64, bool, &str);

/// A watch that outlives connections.
///
/// It yields the changes that are true for one position once all of them have arrived. So a
/// connection that is lost between them neither loses nor repeats one. An item counts as handled
/// with the next call of `next`.
pub struct Watch<T> {
    client: Client,
    open: Open<T>,
    place: Place<T>,
    /// The call, while there is one.
    answers: Option<Answers<T>>,
    /// What has come of a position of which more follows.
    partial: Vec<T>,
    /// What has come whole, and is not given yet.
    whole: VecDeque<T>,
    /// The last position of which all is given.
    given: Option<u64>,
    handled: Option<u64>,
    /// The name that `given` is kept with; `None`: that of the client.
    named: Option<String>,
    attempts: Attempts,
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("handled", &self.handled).finish_non_exhaustive()
    }
}

impl<T> Watch<T> {
    fn new(client: &Client, resumed: Option<u64>, open: Open<T>, place: Place<T>) -> Self {
        Self {
            client: client.clone(),
            open,
            place,
            answers: None,
            partial: Vec::new(),
            whole: VecDeque::new(),
            given: resumed,
            handled: resumed,
            named: None,
            attempts: Attempts::default(),
        }
    }

    /// The position to resume after, as `after_position` of a later request: everything that
    /// changed up to there was handled. `None`: nothing was yielded yet.
    pub fn position(&self) -> Option<u64> {
        self.handled
    }

    /// The name of the store that positions are of, to be stored with [`position`](Self::position);
    /// `None`: not known yet. It changes if the store is restored and the watch goes on from before
    /// the branch.
    pub fn store(&self) -> Option<&str> {
        self.named.as_deref().or(self.client.store.get().map(String::as_str))
    }

    /// The next item; it is waited for. If the future is dropped, nothing is lost.
    ///
    /// # Errors
    ///
    /// What no repetition mends: a wrong question, a position beyond the end of the log, another
    /// store at the address, a restore from before the position, damage. What passes is an item,
    /// [`Watched::Interrupted`]. It may be called again after an error, and then begins a new
    /// attempt.
    pub async fn next(&mut self) -> Result<Watched<T>, CallError> {
        self.handled = self.given;
        loop {
            if let Some(update) = self.whole.pop_front() {
                if self.whole.is_empty() {
                    self.given = Some((self.place)(&update).0);
                }
                return Ok(Watched::Update(Box::new(update)));
            }
            self.attempts.pause().await;
            if let Err(error) = self.receive().await {
                return self.interrupted(error);
            }
        }
    }

    /// Takes the next answer.
    async fn receive(&mut self) -> Result<(), ClientError> {
        if self.answers.is_none() {
            let store = match &self.named {
                Some(name) => name.clone(),
                None => self.client.named_store().await?,
            };
            self.named = Some(store.clone()).filter(|name| !name.is_empty());
            self.answers = Some((self.open)(&self.client.calls, store, self.given));
        }
        let Some(answers) = &mut self.answers else { return Ok(()) };
        let ended = || Err(lost("the server ended the watch"));
        let update = answers.next().await.unwrap_or_else(ended)?;
        self.attempts.succeeded();
        let (_, more, name) = (self.place)(&update);
        if !name.is_empty() {
            self.named = Some(name.to_owned());
        }
        self.partial.push(update);
        if !more {
            self.whole.extend(self.partial.drain(..));
        }
        Ok(())
    }

    /// The call has ended; whether it is tried again.
    fn interrupted(&mut self, error: ClientError) -> Result<Watched<T>, CallError> {
        self.answers = None;
        // They come again.
        self.partial.clear();
        let interruption = self.attempts.failed(self.client.retry, error)?;
        let (Interruption { error, failed, pause }, after) = (interruption, self.given);
        tracing::warn!(%error, failed, ?pause, after, "a watch was interrupted");
        Ok(Watched::Interrupted { error, failed, pause })
    }
}
