//! The trace that what runs now belongs to. A call sets it around everything that it does, and an
//! append puts it into the metadata of its events.
//!
//! It is no part of an append's content: a request that is repeated belongs to another span, and is
//! the same request. Where there is no room for it in an event it is left out.

use std::sync::Arc;

use crate::{
    domain::{
        event::Append,
        limits, recorded,
        trace::{TRACEPARENT, TraceParent},
    },
    engine::validation::Prepared,
};

/// Bytes of the name of the recorder, at most.
const RECORDER_BYTES: usize = 256;

tokio::task_local! {
    static CURRENT: TraceParent;
}

/// Does this as a part of a trace, if there is one.
pub async fn within<F: Future>(trace: Option<TraceParent>, work: F) -> F::Output {
    match trace {
        Some(trace) => CURRENT.scope(trace, work).await,
        None => work.await,
    }
}

/// The trace that what runs now belongs to: what goes on in a task of its own takes it along.
pub fn current() -> Option<TraceParent> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Puts the current trace into the events of an append that was just prepared, except into those
/// whose client has put one there.
pub(super) fn note(prepared: &mut Prepared) {
    let Some(trace) = current() else { return };
    // It is shared only later.
    let Some(append) = Arc::get_mut(&mut prepared.append) else { return };
    let room = limits::APPEND_BYTES.saturating_sub(prepared.bytes);
    prepared.bytes += put(append, &trace, room);
}

/// The bytes that were added: no more than there is room for.
fn put(append: &mut Append, trace: &TraceParent, mut room: usize) -> usize {
    let mut added = 0;
    for write in &mut append.writes {
        for event in &mut write.events {
            if event.metadata.contains_key(TRACEPARENT) {
                continue;
            }
            let before = recorded::size_bound(&write.stream, "", event);
            let metadata = event.metadata_bytes() + TraceParent::BYTES;
            event.metadata.insert(TRACEPARENT.to_owned(), trace.as_str().to_owned());
            let size = recorded::size_bound(&write.stream, "", event);
            let more = size.saturating_sub(before);
            let too_large = size + RECORDER_BYTES > limits::EVENT_BYTES || more > room;
            if too_large || metadata > limits::METADATA_BYTES {
                event.metadata.remove(TRACEPARENT);
                continue;
            }
            room -= more;
            added += more;
        }
    }
    added
}
