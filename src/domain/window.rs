//! What has been appended most recently: the part that an index lookup may not have seen yet.

use std::collections::{HashMap, VecDeque};

use crate::domain::{
    event::{Append, Position, Remembered, RequestId, Revision},
    filter::{Filter, Labels},
    name::StreamName,
};

/// The labels, revisions and request ids of all events after a floor.
#[derive(Debug, Default)]
pub struct Window {
    floor: Position,
    events: VecDeque<Labels>,
    streams: HashMap<StreamName, Latest>,
    requests: HashMap<RequestId, Remembered>,
    request_order: VecDeque<(Position, RequestId)>,
}

/// The newest event of a stream.
#[derive(Clone, Copy, Debug)]
struct Latest {
    revision: Revision,
    position: Position,
}

impl Window {
    /// An empty window on a log that ends at `head`.
    pub fn new(head: Position) -> Self {
        Self { floor: head, ..Self::default() }
    }

    /// Position of the last event.
    pub fn head(&self) -> Position {
        self.floor + self.events.len() as u64
    }

    /// Whether every event after `as_of` is here.
    pub fn covers(&self, as_of: Position) -> bool {
        as_of >= self.floor
    }

    /// The revision of a stream, if it has events here.
    pub fn revision(&self, stream: &StreamName) -> Option<Revision> {
        self.streams.get(stream).map(|latest| latest.revision)
    }

    /// The append with this request id, if it is here.
    pub fn request(&self, id: &RequestId) -> Option<Remembered> {
        self.requests.get(id).copied()
    }

    /// The last event after `after` that matches. The cost grows with the events after `after`.
    pub fn last_match(&self, filter: &Filter, after: Position) -> Option<Position> {
        let skip = usize::try_from(after.saturating_sub(self.floor)).unwrap_or(usize::MAX);
        let matching = self.events.iter().skip(skip).rposition(|labels| filter.matches(labels))?;
        Some(self.floor + (skip + matching) as u64 + 1)
    }

    /// Takes in an accepted append; its streams have the revisions `before`.
    pub fn push(&mut self, append: &Append, before: &[Revision], digest: [u8; 16]) {
        let first_position = self.head() + 1;
        for (write, before) in append.writes.iter().zip(before) {
            for event in &write.events {
                self.events.push_back(Labels {
                    stream: write.stream.clone(),
                    type_name: event.type_name.clone(),
                    tags: event.tags.clone(),
                });
            }
            let revision = before + write.events.len() as u64;
            let latest = Latest { revision, position: self.head() };
            self.streams.insert(write.stream.clone(), latest);
        }
        if let Some(id) = append.request_id {
            let count = u32::try_from(append.events().count()).unwrap_or(u32::MAX);
            self.requests.insert(id, Remembered { digest, first_position, count });
            self.request_order.push_back((first_position, id));
        }
    }

    /// Forgets events up to `up_to`, which the index answers for.
    pub fn trim(&mut self, up_to: Position) {
        while self.floor < up_to {
            let Some(labels) = self.events.pop_front() else {
                break;
            };
            self.floor += 1;
            if self.streams.get(&labels.stream).is_some_and(|last| last.position <= self.floor) {
                self.streams.remove(&labels.stream);
            }
        }
        while let Some((position, id)) = self.request_order.front().copied() {
            if position > self.floor {
                break;
            }
            self.request_order.pop_front();
            self.requests.remove(&id);
        }
    }
}
