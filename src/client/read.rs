//! Reads of a part of the log that is taken as a whole.

use futures_util::TryStreamExt as _;

use super::{CallError, Client, retry};
use crate::domain::proto::{ReadRequest, RecordedEvent};

/// Events, and the name of the store that their positions and revisions are of.
pub(super) struct Read {
    pub(super) events: Vec<RecordedEvent>,
    pub(super) store: String,
}

impl Client {
    /// Reads events that are in the log now, all of them before it returns: for a stream, or a few.
    /// A read that breaks off is begun anew, with the same store.
    pub async fn read_all(&self, request: ReadRequest) -> Result<Vec<RecordedEvent>, CallError> {
        Ok(self.read_named(request).await?.events)
    }

    /// The same, with the name of the store. It differs from the name in the request if the store
    /// was restored meanwhile and the request starts before the branch.
    pub(super) async fn read_named(&self, request: ReadRequest) -> Result<Read, CallError> {
        retry::retried(self.retry, || async {
            let mut store = match request.store.as_str() {
                "" => self.named_store().await?,
                named => named.to_owned(),
            };
            let request = ReadRequest { store: store.clone(), ..request.clone() };
            let (mut batches, mut events) = (self.calls.read(request), Vec::new());
            while let Some(batch) = batches.try_next().await? {
                if !batch.store.is_empty() {
                    store = batch.store;
                }
                events.extend(batch.events);
            }
            Ok(Read { events, store })
        })
        .await
    }
}
