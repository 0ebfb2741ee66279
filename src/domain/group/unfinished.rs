//! The unfinished events of a checkpoint, and how often each of them has failed.
//!
//! A group has ten thousands of them, and keeps its last checkpoint beside its work. Few of them
//! have failed, and many follow each other in the log. So their positions are a compressed bitmap,
//! with 2 bytes or less for most, and only those that have failed have an entry of their own.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;

use crate::domain::event::Position;

/// Unfinished events, in the order of their positions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unfinished {
    positions: RoaringTreemap,
    /// How often, of those that have failed.
    failed: BTreeMap<Position, u32>,
}

impl Unfinished {
    /// Adds an event that has failed so often, or says so of one that is there.
    pub fn insert(&mut self, position: Position, attempts: u32) {
        self.positions.insert(position);
        self.failed_so_often(position, attempts);
    }

    /// Takes an event out.
    pub fn remove(&mut self, position: Position) {
        self.positions.remove(position);
        self.failed.remove(&position);
    }

    /// How often an event has failed; absent: it is not unfinished.
    pub fn attempts(&self, position: Position) -> Option<u32> {
        let attempts = || self.failed.get(&position).copied().unwrap_or_default();
        self.positions.contains(position).then(attempts)
    }

    /// Their positions.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.positions.iter()
    }

    /// All of them, and how often each has failed.
    pub fn iter(&self) -> impl Iterator<Item = (Position, u32)> {
        let attempts = |position| self.failed.get(&position).copied().unwrap_or_default();
        self.positions.iter().map(move |position| (position, attempts(position)))
    }

    /// Those that have failed, and how often.
    pub fn failed(&self) -> impl Iterator<Item = (Position, u32)> {
        self.failed.iter().map(|(position, attempts)| (*position, *attempts))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.positions.len()).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The positions that others do not have.
    pub(super) fn positions_beside(&self, others: &Self) -> Vec<Position> {
        (&self.positions - &others.positions).iter().collect()
    }

    /// Those that have failed another number of times than others say, and how often.
    pub(super) fn failed_beside(&self, others: &Self) -> BTreeMap<Position, u32> {
        let known = others.failed.keys().chain(self.failed.keys());
        let known = known.filter_map(|position| Some((*position, self.attempts(*position)?)));
        known.filter(|(at, attempts)| others.attempts(*at).unwrap_or(0) != *attempts).collect()
    }

    fn failed_so_often(&mut self, position: Position, attempts: u32) {
        if attempts > 0 {
            self.failed.insert(position, attempts);
        } else {
            self.failed.remove(&position);
        }
    }
}

impl FromIterator<(Position, u32)> for Unfinished {
    fn from_iter<T: IntoIterator<Item = (Position, u32)>>(events: T) -> Self {
        let mut failed = BTreeMap::new();
        let noted = events.into_iter().map(|(position, attempts)| {
            if attempts > 0 {
                failed.insert(position, attempts);
            }
            position
        });
        let mut sorted: Vec<_> = noted.collect();
        // They come stream by stream.
        sorted.sort_unstable();
        sorted.dedup();
        let mut positions = RoaringTreemap::new();
        positions.append(sorted).expect("the positions are sorted, and each stands there once");
        positions.optimize();
        Self { positions, failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the bitmap; it is kept as it is written.
    fn bytes(unfinished: &Unfinished) -> usize {
        unfinished.positions.serialized_size()
    }

    #[test]
    fn an_unfinished_event_takes_few_bytes() {
        let all: Unfinished = (1..=60_000).map(|position| (position, 0)).collect();
        assert!((all.len(), bytes(&all) < 100) == (60_000, true), "{} bytes", bytes(&all));
        let some: Unfinished = (1..=60_000).map(|number| (7 * number, 0)).collect();
        let most = 60_000 * 2 + 1_000;
        assert!((some.len(), bytes(&some) < most) == (60_000, true), "{} bytes", bytes(&some));
    }
}
