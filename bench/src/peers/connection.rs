//! What every store can do for the bench, over its own protocol.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use handover::cli::exit::{Exit, Failure};

use super::work::{Batch, Selection};

/// Counts the events of a read as they come; `false`: the reader needs no more of them.
pub(super) type Progress<'a> = &'a (dyn Fn(u64) -> bool + Send + Sync);

/// The payloads of appended events, as they arrive together.
pub(super) type Arrivals = BoxStream<'static, Result<Vec<Bytes>, Failure>>;

/// A connection to a server. Its calls may be under way at the same time.
#[tonic::async_trait]
pub(super) trait Connection: Send + Sync {
    /// Appends events at once, and returns when the server says that they are durable.
    async fn append(&self, batch: &Batch) -> Result<(), Failure>;

    /// Appends to one stream, unless it has events after `seen`. Returns what was seen then.
    async fn append_after(&self, batch: &Batch, seen: Option<u64>) -> Result<u64, Failure>;

    /// Reads to the end, or until enough was read.
    async fn read(&self, selection: Selection, progress: Progress<'_>) -> Result<(), Failure>;

    /// Follows all appends from now on.
    async fn follow(&self) -> Result<Arrivals, Failure>;
}

/// A failure of a server that is not handover.
pub(super) fn failed(server: &str, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{server}: {problem}"))
}
