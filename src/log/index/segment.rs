//! A stretch of the log and the index of it: a table in memory or a run on disk. A caller need not
//! know which.

use std::{
    ops::RangeInclusive,
    sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{
    error::{Blocking, IndexError},
    key::Key,
    memory::Table,
    run::{Binding, Run},
    walk::{Walk, Wanted},
};
use crate::domain::event::{Direction, Micros, Position, Revision};

/// A stretch of the log that is indexed.
#[derive(Clone, Debug)]
pub(super) enum Segment {
    /// In memory.
    Table(Arc<SharedTable>),
    /// On disk.
    Run(Arc<Run>),
}

/// A table that is read while it grows.
#[derive(Debug)]
pub(super) struct SharedTable {
    first: Position,
    table: RwLock<Table>,
    /// What ties it to the volume that it is an index of, once that has ended.
    ended: OnceLock<Binding>,
}

/// What to look for in a stretch, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    /// The filter.
    pub(super) wanted: &'a Wanted,
    /// The order of the matches.
    pub(super) direction: Direction,
    /// How long it may take.
    pub(super) blocking: Blocking,
    /// How many matches are enough.
    pub(super) limit: usize,
}

impl SharedTable {
    /// An empty table that begins at `first`.
    pub(super) fn new(first: Position) -> Arc<Self> {
        let table = RwLock::new(Table::new(first));
        Arc::new(Self { first, table, ended: OnceLock::new() })
    }

    /// Position of the first event.
    pub(super) fn first(&self) -> Position {
        self.first
    }

    /// Notes that it will not grow any more.
    pub(super) fn end(&self, binding: Binding) {
        // It ends once; a repeated call gives the same binding.
        let _ = self.ended.set(binding);
    }

    /// What ties it to its volume; `None`: it still grows.
    pub(super) fn ended(&self) -> Option<Binding> {
        self.ended.get().copied()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().expect(UNBROKEN)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().expect(UNBROKEN)
    }
}

const UNBROKEN: &str = "nothing panics while a table is locked";

impl Segment {
    /// Position of the first event.
    pub(super) fn first(&self) -> Position {
        match self {
            Self::Table(table) => table.first(),
            Self::Run(run) => run.header().first,
        }
    }

    /// Position of the last event so far; one before the first if there is none.
    pub(super) fn last(&self) -> Position {
        match self {
            Self::Table(table) => table.read().last(),
            Self::Run(run) => run.header().last,
        }
    }

    /// The last revision of a stream and the number of its events here; `None`: it is not here.
    pub(super) fn revision(
        &self,
        key: Key,
        blocking: Blocking,
    ) -> Result<Option<(Revision, u64)>, IndexError> {
        match self {
            Self::Table(table) => Ok(table.read().revision(key)),
            Self::Run(run) => run.revision(key, blocking),
        }
    }

    /// The position of a term's event with this rank among those here, from 1.
    pub(super) fn at(
        &self,
        key: Key,
        rank: u64,
        blocking: Blocking,
    ) -> Result<Option<Position>, IndexError> {
        match self {
            Self::Table(table) => Ok(table.read().at(key, rank)),
            Self::Run(run) => match run.list(key, blocking)? {
                Some(mut list) => list.at(rank),
                None => Ok(None),
            },
        }
    }

    /// Adds the matches of a range to those that were found.
    pub(super) fn search(
        &self,
        range: RangeInclusive<Position>,
        search: &Search<'_>,
        found: &mut Vec<Position>,
    ) -> Result<(), IndexError> {
        let Search { wanted, direction, blocking, limit } = *search;
        match self {
            Self::Table(table) => {
                let table = table.read();
                let walk = Walk::new(wanted, direction, blocking, &mut |key| Ok(table.list(key)))?;
                walk.collect(range, limit, found)
            }
            Self::Run(run) => {
                let mut list = |key| run.list(key, blocking);
                Walk::new(wanted, direction, blocking, &mut list)?.collect(range, limit, found)
            }
        }
    }

    /// Position of the first event here recorded at `time` or later.
    pub(super) fn first_since(
        &self,
        time: Micros,
        blocking: Blocking,
    ) -> Result<Option<Position>, IndexError> {
        match self {
            Self::Table(table) => Ok(table.read().first_since(time)),
            Self::Run(run) => run.first_since(time, blocking),
        }
    }

    /// When the event at `position`, which is here, was recorded.
    pub(super) fn recorded_at(
        &self,
        position: Position,
        blocking: Blocking,
    ) -> Result<Option<Micros>, IndexError> {
        match self {
            Self::Table(table) => Ok(table.read().recorded_at(position)),
            Self::Run(run) => run.recorded_at(position, blocking),
        }
    }
}
