//! Compares runs with the events that they are an index of.
//!
//! What a run must hold is added up from the events, volume by volume, and what it does hold from
//! its lists. A sum is over a number for each term and position, so it does not depend on the
//! order, takes no memory, and can be made of volumes in parallel. Two different sets of postings
//! have the same sum by chance once in 2^64.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Index, Opening,
    cover::{self, SealedRange},
    error::IndexError,
    key::{Key, Keys, Term},
    labels::{Labels, Unindexable},
    layout::EXTENSION,
    run::{Change, Run, Visitor},
};
use crate::{
    domain::event::{Micros, Position, Revision},
    log::{encoded_events::Chunk, frame::AppendEntry, volume::SealedVolume},
};

/// What an index holds of a stretch of the log, as numbers that are the same for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::log) struct Sums {
    postings: u64,
    revisions: u64,
    times: u64,
    /// The first and the last change of time.
    changes: Option<(Change, Micros)>,
}

/// Adds up what the index of events must hold.
#[derive(Debug)]
pub(in crate::log) struct Summing {
    keys: Keys,
    sums: Sums,
    /// The last category and type, which are mostly those of the next event as well.
    category: Option<(Vec<u8>, Key)>,
    type_name: Option<(Vec<u8>, Key)>,
    went_back: Option<Position>,
}

/// The runs of a store as they are found, beside the volumes that they may be an index of.
#[derive(Debug)]
pub(in crate::log) struct StoredIndex {
    volumes: Vec<SealedRange>,
    runs: Vec<Arc<Run>>,
    /// Runs that the server would not use, and why.
    unfit: Vec<(PathBuf, String)>,
}

impl Sums {
    /// The sums of this stretch and the next.
    fn join(&mut self, next: &Self) {
        self.postings = self.postings.wrapping_add(next.postings);
        self.revisions = self.revisions.wrapping_add(next.revisions);
        let Some((first, last)) = next.changes else { return };
        self.times = self.times.wrapping_add(next.times);
        match &mut self.changes {
            None => self.changes = next.changes,
            Some((_, time)) => {
                // The stretch began in the middle of a time.
                if first.0 <= *time {
                    self.times = self.times.wrapping_sub(mixed_time(first));
                }
                *time = last.max(*time);
            }
        }
    }

    /// The first time and the last; `None`: there are no events.
    pub(in crate::log) fn times(&self) -> Option<(Micros, Micros)> {
        self.changes.map(|(first, last)| (first.0, last))
    }

    fn position(&mut self, key: Key, position: Position) {
        self.postings = self.postings.wrapping_add(mixed(key, position));
    }

    fn revision(&mut self, key: Key, revision: Revision) {
        self.revisions = self.revisions.wrapping_add(mixed(key, revision));
    }

    /// Takes a change behind all others.
    fn change(&mut self, change: Change) {
        self.times = self.times.wrapping_add(mixed_time(change));
        match &mut self.changes {
            None => self.changes = Some((change, change.0)),
            Some((_, last)) => *last = change.0,
        }
    }

    /// What differs; `None`: nothing does.
    fn difference(&self, expected: &Self) -> Option<&'static str> {
        if self.postings != expected.postings && !planted!("verify-passes-index") {
            return Some("its positions are not those of the events");
        }
        if self.revisions != expected.revisions {
            return Some("its revisions are not those of the events");
        }
        (self.times != expected.times).then_some("its times are not those of the events")
    }
}

impl Summing {
    /// Nothing yet, for the store with this id.
    pub(in crate::log) fn new(store_id: [u8; 16]) -> Self {
        Self {
            keys: Keys::new(&store_id),
            sums: Sums::default(),
            category: None,
            type_name: None,
            went_back: None,
        }
    }

    /// Takes the next events; `on_type` gets the name of a type where it is another than before. An
    /// event that cannot be indexed is an error.
    pub(in crate::log) fn events(
        &mut self,
        chunk: &Chunk,
        on_type: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Unindexable> {
        for position in chunk.first()..=chunk.last() {
            let labels = Labels::decode(position, &chunk.event(position))?;
            if self.type_name.as_ref().is_none_or(|(last, _)| last != labels.type_url()) {
                on_type(labels.type_name());
            }
            self.event(position, &labels);
        }
        Ok(())
    }

    /// An event that came since the last question and was recorded at an earlier time than the one
    /// before it.
    pub(in crate::log) fn went_back(&mut self) -> Option<Position> {
        self.went_back.take()
    }

    fn event(&mut self, position: Position, labels: &Labels) {
        let stream = self.keys.of(Term::Stream(&labels.stream));
        self.sums.position(stream, position);
        self.sums.revision(stream, labels.revision);
        let category = labels.category();
        let key = |of: &Keys| of.of(Term::Category(category));
        let category = known(&mut self.category, category, || key(&self.keys));
        self.sums.position(category, position);
        let key = |of: &Keys| of.of(Term::Type(labels.type_name()));
        let type_name = known(&mut self.type_name, labels.type_url(), || key(&self.keys));
        self.sums.position(type_name, position);
        for (place, tag) in labels.tags.iter().enumerate() {
            // A table passes over a repeated term of an event.
            if labels.tags.iter().take(place).all(|before| before != tag) {
                self.sums.position(self.keys.of(Term::Tag(tag)), position);
            }
        }
        let time = labels.recorded_at();
        match self.sums.changes {
            Some((_, last)) if time < last => {
                self.went_back.get_or_insert(position);
            }
            Some((_, last)) if time == last => {}
            _ => self.sums.change((time, position)),
        }
    }

    /// Takes the next entries of the append table.
    pub(in crate::log) fn appends(&mut self, appends: &[AppendEntry]) {
        for entry in appends {
            let key = self.keys.of(Term::Request(&entry.request_id));
            self.sums.position(key, entry.first_position);
        }
    }

    /// The sums.
    pub(in crate::log) fn finish(self) -> Sums {
        self.sums
    }
}

/// The key of a text that is mostly the same as the last time.
fn known(last: &mut Option<(Vec<u8>, Key)>, text: &[u8], key: impl FnOnce() -> Key) -> Key {
    match last {
        Some((before, key)) if before == text => *key,
        _ => {
            let key = key();
            *last = Some((text.to_vec(), key));
            key
        }
    }
}

/// A number for a key and another number, in which each bit depends on all of both.
fn mixed(key: Key, number: u64) -> u64 {
    let (high, low) = key.halves();
    let mut mixed = low ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ high;
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn mixed_time((time, position): Change) -> u64 {
    mixed(Key::from_bytes((u128::from(time.cast_unsigned())).to_be_bytes()), position)
}

/// The sums of what a run holds.
struct RunSums<'a> {
    sums: Sums,
    goes_on: &'a mut dyn FnMut(usize) -> bool,
}

impl Visitor for RunSums<'_> {
    fn term(&mut self, key: Key, revision: Revision, count: u64) {
        if revision > 0 {
            for revision in revision.saturating_sub(count) + 1..=revision {
                self.sums.revision(key, revision);
            }
        }
    }

    fn positions(&mut self, key: Key, positions: &[Position]) {
        for position in positions {
            self.sums.position(key, *position);
        }
    }

    fn change(&mut self, change: Change) {
        self.sums.change(change);
    }

    fn goes_on(&mut self, bytes: usize) -> bool {
        (self.goes_on)(bytes)
    }
}

impl StoredIndex {
    /// The runs in a folder. A run that was written before its volume was sealed, and one whose
    /// volumes a larger one covers, are passed over: a stop leaves them, and the next start removes
    /// them.
    pub(in crate::log) fn find(opening: &Opening<'_>) -> Self {
        let Opening { files, dir, store_id, volumes } = *opening;
        let volumes: Vec<_> = volumes.iter().map(SealedRange::of).collect();
        let sealed = volumes.last().map_or(0, |volume| volume.last);
        let (mut found, mut unfit) = (Vec::new(), Vec::new());
        let paths = files.list(dir).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                unfit.push((dir.to_owned(), format!("it cannot be read: {error}")));
            }
            Vec::new()
        });
        let named = |path: &&PathBuf| path.extension().is_some_and(|end| end == EXTENSION);
        for path in paths.iter().filter(named) {
            match Run::open(files.as_ref(), path) {
                Ok(run) if run.header().store_id != store_id => {
                    unfit.push((path.clone(), "it is an index of another store".to_owned()));
                }
                Ok(run) if run.header().first > sealed => {}
                Ok(run) if cover::covered(run.header(), store_id, &volumes).is_empty() => {
                    unfit.push((path.clone(), "it is an index of other volumes".to_owned()));
                }
                Ok(run) => found.push(Arc::new(run)),
                Err(error) => unfit.push((path.clone(), what_is_wrong(&error))),
            }
        }
        let headers: Vec<_> = found.iter().map(|run| *run.header()).collect();
        let chosen = cover::choose(&headers, store_id, &volumes).into_iter();
        let runs = chosen.filter_map(|place| found.get(place).cloned()).collect();
        Self { volumes, runs, unfit }
    }

    /// The runs that an open index answers from, as far as they are of these volumes.
    pub(in crate::log) fn of(index: &Index, volumes: &[SealedVolume]) -> Self {
        let volumes: Vec<_> = volumes.iter().map(SealedRange::of).collect();
        let fits =
            |run: &&Arc<Run>| !cover::covered(run.header(), index.store_id, &volumes).is_empty();
        let runs = index.layout().runs().filter(fits).cloned().collect();
        Self { volumes, runs, unfit: Vec::new() }
    }

    /// The number of runs.
    pub(in crate::log) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Bytes of all runs.
    pub(in crate::log) fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.length()).sum()
    }

    /// The file of a run.
    pub(in crate::log) fn path(&self, run: usize) -> Option<&Path> {
        self.runs.get(run).map(|run| run.path())
    }

    /// The files that the server would not use, and why.
    pub(in crate::log) fn unfit(&self) -> &[(PathBuf, String)] {
        &self.unfit
    }

    /// The number of volumes that no run covers.
    pub(in crate::log) fn uncovered(&self) -> usize {
        let covered: usize = self.runs.iter().map(|run| run.header().volumes as usize).sum();
        self.volumes.len().saturating_sub(covered)
    }

    /// Reads a run through; `None`: `goes_on` has ended it. An error says what is wrong with it.
    pub(in crate::log) fn read(
        &self,
        run: usize,
        goes_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Option<Sums>, String> {
        let Some(run) = self.runs.get(run) else { return Ok(None) };
        let mut sums = RunSums { sums: Sums::default(), goes_on };
        let whole = run.inspect(&mut sums).map_err(|error| what_is_wrong(&error))?;
        Ok(whole.then_some(sums.sums))
    }

    /// What a run has otherwise than the events of its volumes; `None`: nothing, or the events of
    /// one could not be read. `volumes` has the sums of each.
    pub(in crate::log) fn difference(
        &self,
        run: usize,
        found: &Sums,
        volumes: &[Option<Sums>],
    ) -> Option<&'static str> {
        let header = self.runs.get(run)?.header();
        let first = self.volumes.partition_point(|volume| volume.first < header.first);
        let mut expected = Sums::default();
        for sums in volumes.get(first..first + header.volumes as usize)? {
            expected.join(sums.as_ref()?);
        }
        found.difference(&expected)
    }
}

/// The damage without the file, which is named beside it.
fn what_is_wrong(error: &IndexError) -> String {
    match error {
        IndexError::Damaged { what, .. } => what.clone(),
        IndexError::WouldBlock => error.to_string(),
    }
}
