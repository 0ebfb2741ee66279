//! How much waits for the writer, and how long requests and streams wait.

use std::time::Duration;

/// Appends that may wait for the writer.
pub(super) const QUEUE_APPENDS: usize = 4_096;
/// Bytes of appends that may wait for the writer.
pub(super) const QUEUE_BYTES: usize = 32 << 20;
/// Bytes of submitted appends that may be between the queue and the disk, over all pipelines. An
/// append of another caller waits behind them: 1 MiB is about 10 ms of a disk's time, and keeps a
/// disk busy that takes up to 5 ms for a commit.
pub(super) const SUBMITTED_BYTES: usize = 1 << 20;
/// Callers that may wait for room in the queue; more are turned away.
pub(super) const QUEUE_CALLERS: usize = 16_384;
/// How long a request without a deadline of its own waits for a position to be reached.
pub(super) const REACH_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a stream is silent before it is sent a heartbeat. Proxies end a stream that brought
/// nothing for a time, the strictest after 30 s; what is left is for delays on the way.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(20);
