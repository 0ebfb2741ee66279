//! Read, decide, append: and again where others wrote first.

use std::{error::Error, fmt};

use tokio::time::sleep;

use super::{Append, CallError, Client, ClientErrorKind, Event, read::Read};
use crate::domain::proto::{
    AppendResponse, Filter, FilterItem, ReadRequest, RecordedEvent, read_request::Start,
};

/// How often is decided at most, unless it is said otherwise.
const ATTEMPTS: u32 = 100;

/// Which stream is to be updated, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    stream: String,
    after_revision: u64,
    attempts: u32,
}

impl Update {
    /// An update of a stream, `category/name`, of which all events are read.
    pub fn of(stream: impl Into<String>) -> Self {
        Self { stream: stream.into(), after_revision: 0, attempts: ATTEMPTS }
    }

    /// Only events after this revision are read: what they are added to is known already.
    #[must_use]
    pub fn after_revision(self, after_revision: u64) -> Self {
        Self { after_revision, ..self }
    }

    /// Decides at most so often, at least once. Unless it is said, 100 times.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }
}

impl<S: Into<String>> From<S> for Update {
    fn from(stream: S) -> Self {
        Self::of(stream)
    }
}

/// Why an update was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateError<E> {
    /// The deciding function refused.
    Decided(E),
    /// Others wrote first, each time.
    Contended {
        /// How often was decided.
        attempts: u32,
        /// What the server said at last.
        error: CallError,
    },
    /// A call failed.
    Call(CallError),
}

impl<E: fmt::Display> fmt::Display for UpdateError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(error) => error.fmt(f),
            Self::Contended { attempts, error } => {
                write!(f, "others wrote first, {attempts} times: {error}")
            }
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for UpdateError<E> {
    /// A refusal of the deciding function need not be an error: it is displayed, and is no source.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Decided(_) => None,
            Self::Contended { error, .. } | Self::Call(error) => Some(error),
        }
    }
}

impl<E> From<CallError> for UpdateError<E> {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Client {
    /// Reads a stream, lets `decide` say what is to be appended to it, and appends that if the
    /// stream has not changed since it was read. If it has, reads what is new and decides again.
    /// `None`: there was nothing to append.
    ///
    /// `decide` is given all events that were read so far, in order, and returns the events to be
    /// appended, none, or its own error, which ends the update. It is called again after each
    /// conflict, so it should do nothing but decide. The events are kept in memory.
    ///
    /// This is not a retry: a retry repeats what was decided, under the same request id, because
    /// the answer did not arrive. That is done here too, within each attempt.
    ///
    /// ```no_run
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn example(client: handover::client::Client) -> Done {
    /// use handover::{client::Event, domain::proto::Any};
    /// let seat = Any { type_url: "demo.org/demo.v1.SeatTaken".into(), value: "A".into() };
    /// client
    ///     .update("room/12", |taken| {
    ///         if taken.len() < 40 { Ok(vec![Event::packed(seat.clone())]) } else { Err("full") }
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update<E>(
        &self,
        update: impl Into<Update>,
        mut decide: impl FnMut(&[RecordedEvent]) -> Result<Vec<Event>, E>,
    ) -> Result<Option<AppendResponse>, UpdateError<E>> {
        let Update { stream, after_revision, attempts } = update.into();
        let (mut events, mut revision) = (Vec::new(), after_revision);
        // The one that the revisions are of: empty until the first answer names it.
        let mut store = String::new();
        let mut attempt = 1;
        loop {
            let read = self.read_stream(&stream, revision, store).await?;
            events.extend(read.events);
            store = read.store;
            revision = events.last().map_or(after_revision, |event| event.revision);
            let decided = decide(&events).map_err(UpdateError::Decided)?;
            if decided.is_empty() {
                return Ok(None);
            }
            let append = Append::new().expect(&stream, revision);
            let append = decided.into_iter().fold(append, |all, it| all.event_in(&stream, it));
            let error = match self.append_in(append, Some(&store)).await {
                Ok(response) => return Ok(Some(response)),
                Err(error) if !is_conflict(&error) => return Err(error.into()),
                Err(error) => error,
            };
            if attempt >= attempts {
                return Err(UpdateError::Contended { attempts: attempt, error });
            }
            let again = "others wrote first; the append is decided again";
            tracing::debug!(stream, revision, attempt, "{again}");
            // Nothing has failed, so the first pause is all that is needed to get out of step.
            sleep(self.retry.drawn_pause(1, std::time::Duration::ZERO)).await;
            attempt += 1;
        }
    }

    async fn read_stream(
        &self,
        stream: &str,
        after_revision: u64,
        store: String,
    ) -> Result<Read, CallError> {
        let item = FilterItem { streams: vec![stream.to_owned()], ..FilterItem::default() };
        let start = (after_revision > 0).then_some(Start::AfterRevision(after_revision));
        let filter = Some(Filter { items: vec![item] });
        self.read_named(ReadRequest { filter, start, store, ..ReadRequest::default() }).await
    }
}

/// Whether others wrote first, as opposed to a request id that was used for something else.
fn is_conflict(error: &CallError) -> bool {
    error.error.kind == ClientErrorKind::Conflict && error.error.reason == "APPEND_CONFLICT"
}
