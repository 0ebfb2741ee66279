//! The newest stretch of the log, indexed in memory.

use std::collections::HashMap;

use super::{
    key::{AsItIs, Key, Keys, Term},
    labels::{Labels, Unindexable},
    postings::{Offsets, Postings},
    run::{RunWriter, Target},
    write_error::WriteError,
};
use crate::{
    domain::event::{Micros, Position, Revision},
    log::{encoded_events::Chunk, frame::AppendEntry},
};

/// The terms and times of consecutive events.
#[derive(Debug)]
pub(super) struct Table {
    first: Position,
    last: Position,
    terms: HashMap<Key, Postings, AsItIs>,
    /// Where the time of recording changes: rising times, each with the offset of the first event
    /// that has it.
    changes: Vec<(Micros, u32)>,
}

/// Events and appends with their keys, made beforehand so that no reader waits for that.
#[derive(Debug)]
pub(super) struct Batch {
    first: Position,
    events: Vec<EventKeys>,
    /// The keys of all events, one after the other; each event's begin with its stream.
    keys: Vec<Key>,
    requests: Vec<(Key, Position)>,
}

#[derive(Debug)]
struct EventKeys {
    /// Where its keys end among all.
    end: usize,
    revision: Revision,
    recorded_at: Micros,
}

impl Batch {
    /// Reads the labels of all events.
    pub(super) fn read(
        keys: &Keys,
        chunk: &Chunk,
        appends: &[AppendEntry],
    ) -> Result<Self, Unindexable> {
        let mut batch =
            Self { first: chunk.first(), events: Vec::new(), keys: Vec::new(), requests: vec![] };
        for position in chunk.first()..=chunk.last() {
            batch.event(keys, &Labels::decode(position, &chunk.event(position))?);
        }
        batch.requests.extend(appends.iter().map(|entry| request(keys, entry)));
        Ok(batch)
    }

    fn event(&mut self, keys: &Keys, labels: &Labels) {
        let tags = labels.tags.iter().map(|tag| Term::Tag(tag));
        let terms = [
            Term::Stream(&labels.stream),
            Term::Category(labels.category()),
            Term::Type(labels.type_name()),
        ];
        self.keys.extend(terms.into_iter().chain(tags).map(|term| keys.of(term)));
        let (revision, recorded_at) = (labels.revision, labels.recorded_at());
        self.events.push(EventKeys { end: self.keys.len(), revision, recorded_at });
    }

    /// Position of the first event.
    pub(super) fn first(&self) -> Position {
        self.first
    }

    /// The events, and the keys of each, which begin with its stream.
    fn events(&self) -> impl Iterator<Item = (&EventKeys, &[Key])> {
        let mut start = 0;
        self.events.iter().map(move |event| {
            let keys = self.keys.get(start..event.end).unwrap_or_default();
            start = event.end;
            (event, keys)
        })
    }

    /// The keys of each event.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[Key]> {
        self.events().map(|(_, keys)| keys)
    }
}

fn request(keys: &Keys, entry: &AppendEntry) -> (Key, Position) {
    (keys.of(Term::Request(&entry.request_id)), entry.first_position)
}

impl Table {
    /// An empty table that begins at `first`.
    pub(super) fn new(first: Position) -> Self {
        Self { first, last: first - 1, terms: HashMap::default(), changes: Vec::new() }
    }

    /// Position of the last event; one before the first if it is empty.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Takes what comes next.
    pub(super) fn take(&mut self, batch: &Batch) {
        assert_eq!(batch.first, self.last + 1, "a table takes events one after the other");
        for (event, keys) in batch.events() {
            self.last += 1;
            let offset = self.offset(self.last);
            for (place, key) in keys.iter().enumerate() {
                self.push(*key, offset, if place == 0 { event.revision } else { 0 });
            }
            // The server never records a time before the last one.
            if self.changes.last().is_none_or(|(last, _)| *last < event.recorded_at) {
                self.changes.push((event.recorded_at, offset));
            }
        }
        self.take_requests(&batch.requests);
    }

    /// Takes appends of events that were taken.
    pub(super) fn take_appends(&mut self, keys: &Keys, appends: &[AppendEntry]) {
        let requests: Vec<_> = appends.iter().map(|entry| request(keys, entry)).collect();
        self.take_requests(&requests);
    }

    fn take_requests(&mut self, requests: &[(Key, Position)]) {
        for (key, position) in requests {
            self.push(*key, self.offset(*position), 0);
        }
    }

    fn push(&mut self, key: Key, offset: u32, revision: Revision) {
        self.terms
            .entry(key)
            .and_modify(|postings| postings.push(offset, revision))
            .or_insert_with(|| Postings::new(offset, revision));
    }

    fn offset(&self, position: Position) -> u32 {
        u32::try_from(position - self.first).expect("a table holds a volume, which is far smaller")
    }

    /// The last revision of a stream and the number of its events here; `None`: it is not here.
    pub(super) fn revision(&self, key: Key) -> Option<(Revision, u64)> {
        let postings = self.terms.get(&key)?;
        Some((postings.revision(), postings.offsets().len() as u64))
    }

    /// The term's positions; `None` if no event here carries it.
    pub(super) fn list(&self, key: Key) -> Option<Offsets<'_>> {
        let offsets = self.terms.get(&key)?.offsets();
        Some(Offsets { base: self.first, offsets })
    }

    /// The position of a term's event with this rank among those here, from 1.
    pub(super) fn at(&self, key: Key, rank: u64) -> Option<Position> {
        let place = usize::try_from(rank.checked_sub(1)?).ok()?;
        let offset = self.terms.get(&key)?.offsets().get(place)?;
        Some(self.first + u64::from(*offset))
    }

    /// Position of the first event recorded at `time` or later.
    pub(super) fn first_since(&self, time: Micros) -> Option<Position> {
        let at = self.changes.partition_point(|(recorded, _)| *recorded < time);
        self.changes.get(at).map(|(_, offset)| self.first + u64::from(*offset))
    }

    /// When the event at `position` was recorded; `None` if it is not here.
    pub(super) fn recorded_at(&self, position: Position) -> Option<Micros> {
        if !(self.first..=self.last).contains(&position) {
            return None;
        }
        let offset = self.offset(position);
        let after = self.changes.partition_point(|(_, first)| *first <= offset);
        self.changes.get(after.checked_sub(1)?).map(|(time, _)| *time)
    }

    /// Writes all of it as a run.
    pub(super) fn write_run(&self, target: &Target<'_>) -> Result<(), WriteError> {
        let position = |offset: u32| self.first + u64::from(offset);
        RunWriter::write(target, |writer| {
            let mut terms: Vec<_> = self.terms.iter().collect();
            terms.sort_unstable_by_key(|(key, _)| **key);
            for (key, postings) in terms {
                let positions = postings.offsets().iter().map(|offset| position(*offset));
                writer.add(*key, postings.revision(), positions)?;
            }
            self.changes
                .iter()
                .try_for_each(|(time, offset)| writer.time((*time, position(*offset))))
        })
    }
}
