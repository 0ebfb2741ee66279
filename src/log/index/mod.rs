//! The index: finds events by stream, category, type and tag, appends by request id, and places
//! by time.
//!
//! Derived from the durable frames alone, fed by the feeder alone, and rebuilt when the log is
//! opened. Everything it answers is true as of its watermark.

mod error;
mod key;
mod labels;
mod lookup;
mod memory;
mod postings;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::{
    key::Keys,
    memory::{Batch, Table},
};
use crate::{
    domain::event::Position,
    log::{
        frame::{AppendEntry, Frame},
        run::Chunk,
    },
};

pub(in crate::log) use self::labels::Labels;
pub use self::{
    error::{IndexError, Patience},
    labels::Unindexable,
    lookup::{Lookup, Span},
};
pub use crate::domain::event::Direction;

/// The index of a log.
#[derive(Debug)]
pub struct Index {
    keys: Keys,
    table: RwLock<Table>,
}

impl Index {
    /// An empty index of the store with this id.
    pub fn new(store_id: &[u8; 16]) -> Self {
        Self { keys: Keys::new(store_id), table: RwLock::new(Table::new(1)) }
    }

    /// Everything up to here is indexed.
    pub fn watermark(&self) -> Position {
        self.read().last()
    }

    /// Questions to the index, by somebody with this patience.
    pub fn lookup(&self, patience: Patience) -> Lookup<'_> {
        Lookup::new(self, patience)
    }

    /// Takes the next durable frame; nothing of it if it cannot be indexed.
    pub fn apply(&self, frame: &Frame) -> Result<(), Unindexable> {
        let malformed = |what: String| Unindexable { position: frame.first_position, what };
        let chunk = Chunk::parse(frame.first_position, frame.events.clone());
        let chunk = chunk.map_err(|error| malformed(error.to_string()))?;
        self.apply_events(&chunk, &frame.appends)
    }

    /// Takes events and the table of their appends in one step: whoever sees a watermark also
    /// finds every request id up to it, or an append could be accepted twice.
    pub fn apply_events(&self, chunk: &Chunk, appends: &[AppendEntry]) -> Result<(), Unindexable> {
        let batch = Batch::read(&self.keys, chunk, appends)?;
        let mut table = self.write();
        if batch.first() != table.last() + 1 {
            let what = format!("the index ends at position {}", table.last());
            return Err(Unindexable { position: batch.first(), what });
        }
        table.take(&batch);
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().expect("nothing panics while the index is locked")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().expect("nothing panics while the index is locked")
    }
}
