//! Positions of a term in a run, looked up one after the other.

use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

use super::{
    leaf::{self, EntryList},
    list::{Container, Directory, LongList, join, split},
    reader::Run,
};
use crate::{
    domain::event::{Direction, Position},
    log::index::{
        error::{Blocking, IndexError},
        key::Key,
        walk::List,
    },
};

/// The positions of a term in a run.
#[derive(Debug)]
pub(in crate::log::index) enum RunList<'a> {
    /// All of them, rising.
    Short(Vec<Position>),
    /// Read as they are needed.
    Long(Cursor<'a>),
}

/// A place in a long list.
#[derive(Debug)]
pub(in crate::log::index) struct Cursor<'a> {
    run: &'a Run,
    list: LongList,
    blocking: Blocking,
    directory: Option<Directory>,
    /// The container that was needed last; one at a time bounds the memory.
    current: Option<(usize, RoaringBitmap)>,
}

impl Run {
    /// The positions of a term; `None`: it is not here.
    pub(in crate::log::index) fn list(
        &self,
        key: Key,
        blocking: Blocking,
    ) -> Result<Option<RunList<'_>>, IndexError> {
        self.find(key, blocking, |entry| match entry.list {
            EntryList::Short(bytes) => {
                leaf::decode_short(self.header.first, entry.count, bytes).map(RunList::Short)
            }
            EntryList::Long(list) => {
                let (run, directory, current) = (self, None, None);
                Ok(RunList::Long(Cursor { run, list, blocking, directory, current }))
            }
        })
    }
}

impl RunList<'_> {
    /// The position with this rank, from 1.
    pub(in crate::log::index) fn at(&mut self, rank: u64) -> Result<Option<Position>, IndexError> {
        match self {
            Self::Short(positions) => {
                let place = rank.checked_sub(1).and_then(|place| usize::try_from(place).ok());
                Ok(place.and_then(|place| positions.get(place)).copied())
            }
            Self::Long(cursor) => cursor.at(rank),
        }
    }
}

impl List for RunList<'_> {
    fn seek(
        &mut self,
        from: Position,
        direction: Direction,
    ) -> Result<Option<Position>, IndexError> {
        match self {
            Self::Short(positions) => Ok(match direction {
                Direction::Forwards => positions.iter().find(|at| **at >= from).copied(),
                Direction::Backwards => positions.iter().rfind(|at| **at <= from).copied(),
            }),
            Self::Long(cursor) => cursor.seek(from, direction),
        }
    }
}

impl Cursor<'_> {
    fn seek(
        &mut self,
        from: Position,
        direction: Direction,
    ) -> Result<Option<Position>, IndexError> {
        match direction {
            Direction::Forwards if from > self.list.last => Ok(None),
            // Nothing has to be read to tell the end.
            Direction::Backwards if from >= self.list.last => Ok(Some(self.list.last)),
            Direction::Forwards => self.ceiling(from),
            Direction::Backwards => self.floor(from),
        }
    }

    fn ceiling(&mut self, from: Position) -> Result<Option<Position>, IndexError> {
        let (number, low) = split(from);
        let place = self.place(|container| container.number < number)?;
        let Some(container) = self.container(place)? else { return Ok(None) };
        let lowest = if container.number == number { low } else { 0 };
        if let Some(found) =
            self.first((place, container), lowest..=u32::MAX, Direction::Forwards)?
        {
            return Ok(Some(found));
        }
        let Some(next) = self.container(place + 1)? else { return Ok(None) };
        self.first((place + 1, next), 0..=u32::MAX, Direction::Forwards)
    }

    fn floor(&mut self, from: Position) -> Result<Option<Position>, IndexError> {
        let (number, low) = split(from);
        let after = self.place(|container| container.number <= number)?;
        let Some(place) = after.checked_sub(1) else { return Ok(None) };
        let Some(container) = self.container(place)? else { return Ok(None) };
        let highest = if container.number == number { low } else { u32::MAX };
        if let Some(found) = self.first((place, container), 0..=highest, Direction::Backwards)? {
            return Ok(Some(found));
        }
        let Some(place) = place.checked_sub(1) else { return Ok(None) };
        let Some(before) = self.container(place)? else { return Ok(None) };
        self.first((place, before), 0..=u32::MAX, Direction::Backwards)
    }

    fn at(&mut self, rank: u64) -> Result<Option<Position>, IndexError> {
        let place = self.place(|container| container.through < rank)?;
        let Some(container) = self.container(place)? else { return Ok(None) };
        let within = rank.checked_sub(container.before + 1).and_then(|it| u32::try_from(it).ok());
        let Some(within) = within else { return Ok(None) };
        let low = self.bitmap(place, container)?.select(within);
        Ok(low.map(|low| join(container.number, low)))
    }

    /// The first position of a container on this way, of those in a range.
    fn first(
        &mut self,
        (place, container): (usize, Container),
        range: RangeInclusive<u32>,
        direction: Direction,
    ) -> Result<Option<Position>, IndexError> {
        let mut lows = self.bitmap(place, container)?.range(range);
        let low = match direction {
            Direction::Forwards => lows.next(),
            Direction::Backwards => lows.next_back(),
        };
        Ok(low.map(|low| join(container.number, low)))
    }

    /// The place of the first container for which `is_before` does not hold.
    fn place(&mut self, is_before: impl Fn(&Container) -> bool) -> Result<usize, IndexError> {
        Ok(self.directory()?.partition_point(is_before))
    }

    fn container(&mut self, place: usize) -> Result<Option<Container>, IndexError> {
        Ok(self.directory()?.get(place))
    }

    fn directory(&mut self) -> Result<&Directory, IndexError> {
        let directory = match self.directory.take() {
            Some(directory) => directory,
            None => self.run.directory(&self.list, self.blocking)?,
        };
        Ok(self.directory.insert(directory))
    }

    fn bitmap(&mut self, place: usize, at: Container) -> Result<&RoaringBitmap, IndexError> {
        let current = match self.current.take().filter(|(current, _)| *current == place) {
            Some(current) => current,
            None => (place, self.run.bitmap(&at, self.blocking)?),
        };
        Ok(&self.current.insert(current).1)
    }
}
