//! The sealed volumes: finds the one that holds a position and keeps a few of them open.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, Weak},
};

use crate::{
    domain::event::Position,
    log::{
        error::LogError,
        frame::AppendEntry,
        index::Record,
        run::Chunk,
        volume::{SealedVolume, VolumeError, VolumeReader},
    },
};

/// The sealed volumes of a store.
#[derive(Debug)]
pub struct Volumes {
    dir: PathBuf,
    max_open: usize,
    state: Mutex<State>,
}

impl Record for Volumes {
    fn replay(
        &self,
        first: Position,
        on_chunk: &mut dyn FnMut(&Chunk) -> bool,
        on_append: &mut dyn FnMut(&AppendEntry),
    ) -> Result<bool, LogError> {
        let Some((last, reader)) = self.reader(first)? else {
            return Err(LogError::OutOfRange { position: first, last: self.last_position() });
        };
        let replayed = reader.replay(on_chunk, on_append);
        if replayed.is_err() {
            self.forget(last);
        }
        Ok(replayed?)
    }
}

#[derive(Debug, Default)]
struct State {
    /// By last position, so that a range's first entry is the volume that holds a position.
    sealed: BTreeMap<Position, Slot>,
    /// The volumes that are kept open, the one used last at the back, by last position.
    open: VecDeque<(Position, Arc<VolumeReader>)>,
}

#[derive(Debug)]
struct Slot {
    volume: SealedVolume,
    /// Also finds a volume that is no longer kept open but still being read: sled must not open
    /// one database twice.
    reader: Weak<VolumeReader>,
}

impl Volumes {
    /// These volumes, whose folders are in `dir`; keeps up to `max_open` open, at least one.
    pub fn new(dir: PathBuf, sealed: &[SealedVolume], max_open: usize) -> Self {
        let volumes = Self { dir, max_open: max_open.max(1), state: Mutex::default() };
        for volume in sealed {
            volumes.add(volume.clone());
        }
        volumes
    }

    /// The folder of the volumes.
    pub fn dir(&self) -> &PathBuf {
        &self.dir
    }

    /// Takes a newly sealed volume.
    pub fn add(&self, volume: SealedVolume) {
        let last = volume.contents.last_position;
        self.lock().sealed.insert(last, Slot { volume, reader: Weak::new() });
    }

    /// Position of the last sealed event.
    pub fn last_position(&self) -> Position {
        self.lock().sealed.last_key_value().map_or(0, |(last, _)| *last)
    }

    /// The events that are kept together with the one at `position`; `None` if it is not sealed.
    pub fn chunk_at(&self, position: Position) -> Result<Option<Chunk>, VolumeError> {
        let Some((last, reader)) = self.reader(position)? else {
            return Ok(None);
        };
        let chunk = reader.chunk_at(position);
        if chunk.is_err() {
            // After a panic sled may be in any state: whoever comes next gets a fresh one.
            self.forget(last);
        }
        chunk.map(Some)
    }

    /// The append that begins at `position`, if one with a request id does; `None` if the position
    /// is not sealed.
    pub fn append_at(
        &self,
        position: Position,
    ) -> Result<Option<Option<AppendEntry>>, VolumeError> {
        let Some((last, reader)) = self.reader(position)? else {
            return Ok(None);
        };
        let entry = reader.append_at(position);
        if entry.is_err() {
            self.forget(last);
        }
        entry.map(Some)
    }

    /// Reads the newest volume through and compares it with what it should hold.
    pub fn verify_newest(&self) -> Result<(), VolumeError> {
        match self.reader(self.last_position())? {
            Some((_, reader)) => reader.verify(),
            None => Ok(()),
        }
    }

    fn reader(
        &self,
        position: Position,
    ) -> Result<Option<(Position, Arc<VolumeReader>)>, VolumeError> {
        let mut state = self.lock();
        let max_open = self.max_open;
        let Some((&last, slot)) = state.sealed.range_mut(position..).next() else {
            return Ok(None);
        };
        if position < slot.volume.contents.first_position {
            return Ok(None);
        }
        let reader = match slot.reader.upgrade() {
            Some(reader) => reader,
            None => Arc::new(slot.volume.open(&self.dir)?),
        };
        slot.reader = Arc::downgrade(&reader);
        state.open.retain(|(open, _)| *open != last);
        state.open.push_back((last, Arc::clone(&reader)));
        let closed = (state.open.len() > max_open).then(|| state.open.pop_front());
        // Closing a database takes a while; nobody needs to wait for it.
        drop(state);
        drop(closed);
        Ok(Some((last, reader)))
    }

    fn forget(&self, last: Position) {
        let mut state = self.lock();
        let (kept, closed) =
            std::mem::take(&mut state.open).into_iter().partition(|(open, _)| *open != last);
        state.open = kept;
        if let Some(slot) = state.sealed.get_mut(&last) {
            slot.reader = Weak::new();
        }
        drop(state);
        drop::<VecDeque<_>>(closed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while the volumes are locked: sled is fenced")
    }
}
