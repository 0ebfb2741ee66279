//! Reads of a part of the log that is taken as a whole.

use futures_util::TryStreamExt as _;

use super::{CallError, Client, retry};
use crate::domain::proto::{ReadRequest, RecordedEvent};

impl Client {
    /// Reads events that are in the log now, all of them before it returns: for a stream, or a few.
    /// A read that breaks off is begun anew, with the same store.
    pub async fn read_all(&self, request: ReadRequest) -> Result<Vec<RecordedEvent>, CallError> {
        retry::retried(self.retry, || async {
            let store = match request.store.as_str() {
                "" => self.named_store().await?,
                named => named.to_owned(),
            };
            let mut batches = self.calls.read(ReadRequest { store, ..request.clone() });
            let mut events = Vec::new();
            while let Some(batch) = batches.try_next().await? {
                events.extend(batch.events);
            }
            Ok(events)
        })
        .await
    }
}
