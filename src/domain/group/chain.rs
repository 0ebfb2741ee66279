//! The checkpoints of a group as the log has them: a whole one now and then, and in between what
//! has changed.
//!
//! A change takes bytes in proportion to itself. A whole checkpoint is recorded once the changes
//! since the last one have taken as many bytes as it takes. So all that is recorded is at most
//! twice the changes, and a start reads back at most twice a whole checkpoint.

use prost::Message as _;

use super::checkpoint::Checkpoint;
use crate::domain::{event::Position, limits, proto};

/// Bytes that an event takes beside its payload, about. They count: many small changes are not as
/// cheap as their payloads alone.
const BESIDE_PAYLOAD: usize = 128;
/// Bytes of a payload that fits an event.
const PAYLOAD: usize = limits::EVENT_BYTES - 1_024;
/// Unfinished events that each entry names where a whole checkpoint does not fit one event.
const NAMED_AT_ONCE: usize = 16_384;

/// The checkpoints of a group, up to the last that is recorded.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// What the last one says; absent: that is not known.
    last: Option<Checkpoint>,
    /// Bytes of the changes behind the last whole one.
    bytes: usize,
}

/// One event of a chain.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A checkpoint that says all.
    Whole(proto::GroupCheckpointed),
    /// What has changed since the entry before.
    Changes(proto::GroupProgressed),
}

impl Chain {
    /// A group of which nothing is recorded but its creation: it begins after this position.
    pub fn begun(after: Position) -> Self {
        Self { last: Some(Checkpoint::at(after)), bytes: 0 }
    }

    /// Reads back the next entry. What comes before a whole one makes no difference.
    pub fn read(&mut self, entry: &Entry) {
        match entry {
            Entry::Whole(whole) => {
                self.last = Some(whole.into());
                self.bytes = 0;
            }
            Entry::Changes(changes) => {
                self.last.get_or_insert_default().apply(changes);
                self.bytes += cost(changes);
            }
        }
    }

    /// What the last checkpoint says; absent: that is not known.
    pub fn last(&self) -> Option<&Checkpoint> {
        self.last.as_ref()
    }

    /// The entries by which a group is recorded to be this far. They belong into one append.
    pub fn entries(&self, now: &Checkpoint) -> Vec<Entry> {
        let whole = proto::GroupCheckpointed::from(now);
        if let Some(last) = &self.last {
            let changes = now.changes_since(last);
            let fits = changes.encoded_len() <= PAYLOAD;
            if fits && self.bytes + cost(&changes) < whole.encoded_len() {
                return vec![Entry::Changes(changes)];
            }
        }
        split(whole)
    }

    /// These entries were recorded: the group is this far.
    pub fn recorded(&mut self, now: Checkpoint, entries: &[Entry]) {
        self.bytes = match entries {
            [Entry::Changes(changes)] => self.bytes + cost(changes),
            _ => 0,
        };
        self.last = Some(now);
    }

    /// The next entry is whole: it is not known whether others were recorded, or they are not to be
    /// relied on.
    pub fn begin_anew(&mut self) {
        self.last = None;
    }
}

fn cost(changes: &proto::GroupProgressed) -> usize {
    changes.encoded_len() + BESIDE_PAYLOAD
}

/// A whole checkpoint as entries that fit an event each: those behind the first name the events for
/// which that has no room. That takes tens of thousands of events that have failed, far into a log.
fn split(mut whole: proto::GroupCheckpointed) -> Vec<Entry> {
    if whole.encoded_len() <= PAYLOAD {
        return vec![Entry::Whole(whole)];
    }
    let position = whole.position;
    let rest = whole.unfinished.split_off(NAMED_AT_ONCE.min(whole.unfinished.len()));
    let mut failed = std::mem::take(&mut whole.failed);
    // Takes out those up to a position; they are in order.
    let mut failed_up_to = |last: Option<&Position>| {
        let count = failed.partition_point(|failed| Some(&failed.position) <= last);
        failed.drain(..count).collect()
    };
    whole.failed = failed_up_to(whole.unfinished.last());
    let mut entries = vec![Entry::Whole(whole)];
    for unfinished in rest.chunks(NAMED_AT_ONCE) {
        entries.push(Entry::Changes(proto::GroupProgressed {
            position,
            failed: failed_up_to(unfinished.last()),
            unfinished: unfinished.to_vec(),
            ..proto::GroupProgressed::default()
        }));
    }
    entries
}

#[cfg(test)]
mod tests;
