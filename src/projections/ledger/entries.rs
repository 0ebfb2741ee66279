//! What one outermost exchange said through time, cell by cell.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{event::Position, work};
use crate::projections::interned::Place;

/// In the place of a value: nothing any more.
pub(super) const NOTHING: Place = Place::MAX;

/// Up to so many entries are gone through whenever something is looked up; of more it is kept
/// which are of each cell.
const FEW: usize = 64;

/// One cell of one outermost exchange has another value from one event on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) event: Position,
    pub(super) cell: Place,
    pub(super) value: Place,
}

/// The value of each cell that has one.
pub(super) type Values = BTreeMap<Place, Place>;

/// The places of entries of one cell, rising.
type Cells = BTreeMap<Place, Vec<u32>>;

/// The entries of one exchange, in the order of their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    all: Vec<Entry>,
    /// Of many entries, those of each cell; not saved.
    cells: Option<Box<Cells>>,
}

impl Entries {
    pub(super) fn push(&mut self, entry: Entry) {
        debug_assert!(
            self.all.last().is_none_or(|last| last.event <= entry.event),
            "the values of a moment are found by halving the events"
        );
        let place = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(entry);
        if let Some(cells) = &mut self.cells {
            cells.entry(entry.cell).or_default().push(place);
        } else if self.all.len() > FEW {
            self.restore();
        }
    }

    /// Makes what is not saved.
    pub(super) fn restore(&mut self) {
        self.cells = None;
        if self.all.len() > FEW {
            let mut cells = Cells::new();
            for (place, entry) in (0..).zip(&self.all) {
                cells.entry(entry.cell).or_default().push(place);
            }
            self.cells = Some(Box::new(cells));
        }
    }

    /// The value of each cell now.
    pub(super) fn now(&self) -> Values {
        let mut values = Vec::new();
        self.values(Position::MAX, (0, |_| true), &mut values);
        values.into_iter().collect()
    }

    /// The value of a cell just after `position`; absent: it had none.
    pub(super) fn at(&self, cell: Place, position: Position) -> Option<Place> {
        let entry = if let Some(cells) = &self.cells {
            self.last(cells.get(&cell)?, position)
        } else {
            let before = self.all.partition_point(|entry| entry.event <= position);
            work::visit(before);
            let mut before = self.all.get(..before)?.iter().rev();
            before.find(|entry| entry.cell == cell)
        };
        entry.map(|entry| entry.value).filter(|value| *value != NOTHING)
    }

    /// Puts the values of some cells just after `position`, of those from one place on, in the
    /// place of `values`.
    pub(super) fn values(
        &self,
        position: Position,
        (from, is_wanted): (Place, impl Fn(Place) -> bool),
        values: &mut Vec<(Place, Place)>,
    ) {
        values.clear();
        let is_wanted = |cell: Place| cell >= from && is_wanted(cell);
        if let Some(cells) = &self.cells {
            let looked_at = cells.range(from..).inspect(|_| work::visit(1));
            let wanted = looked_at.filter(|(cell, _)| is_wanted(**cell));
            let entry = |(_, places): (_, &Vec<u32>)| self.last(places, position);
            values.extend(wanted.filter_map(entry).map(|entry| (entry.cell, entry.value)));
        } else {
            work::visit(self.all.len());
            for entry in self.all.iter().take_while(|entry| entry.event <= position) {
                if is_wanted(entry.cell) {
                    set(values, entry.cell, entry.value);
                }
            }
        }
        values.retain(|(_, value)| *value != NOTHING);
    }

    /// The entries of some cells, in the order of their events.
    pub(super) fn of(&self, is_wanted: impl Fn(Place) -> bool) -> Vec<Entry> {
        let Some(cells) = &self.cells else {
            return self.all.iter().filter(|entry| is_wanted(entry.cell)).copied().collect();
        };
        let wanted = cells.iter().filter(|(cell, _)| is_wanted(**cell));
        let mut places: Vec<u32> = wanted.flat_map(|(_, places)| places).copied().collect();
        places.sort_unstable();
        places.iter().filter_map(|place| self.all.get(*place as usize)).copied().collect()
    }

    /// The last of some entries up to `position`.
    fn last(&self, places: &[u32], position: Position) -> Option<&Entry> {
        let entry = |place: &u32| self.all.get(*place as usize);
        let past = |place: &u32| entry(place).is_some_and(|entry| entry.event <= position);
        let count = places.partition_point(past);
        entry(places.get(count.checked_sub(1)?)?)
    }
}

/// Sets the value of a cell among a few.
fn set(values: &mut Vec<(Place, Place)>, cell: Place, value: Place) {
    match values.iter_mut().find(|(known, _)| *known == cell) {
        Some((_, known)) => *known = value,
        None => values.push((cell, value)),
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { all: Vec::deserialize(deserializer)?, cells: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries of seven cells; each third takes the value away.
    fn entries(count: u32) -> Entries {
        let mut entries = Entries::default();
        for number in 0..count {
            let value = if number % 3 == 0 { NOTHING } else { number };
            entries.push(Entry { event: (number / 2).into(), cell: number % 7, value });
        }
        entries
    }

    #[test]
    fn many_entries_are_looked_up_as_few_are_gone_through() {
        let many = entries(200);
        assert!(many.cells.is_some() && entries(60).cells.is_none());
        let plain = Entries { cells: None, ..many.clone() };
        let sorted = |entries: &Entries, position| {
            let mut values = Vec::new();
            entries.values(position, (1, |cell| cell != 5), &mut values);
            values.sort_unstable();
            values
        };
        for position in [0, 1, 17, 50, 99, 100, Position::MAX] {
            assert_eq!(sorted(&many, position), sorted(&plain, position), "at {position}");
            for cell in 0..8 {
                let found = many.at(cell, position);
                assert_eq!(found, plain.at(cell, position), "{cell} at {position}");
                let values = sorted(&many, position);
                let value = values.iter().find(|(it, _)| *it == cell).map(|(_, value)| *value);
                assert!([0, 5].contains(&cell) || found == value);
            }
        }
        assert_eq!(many.of(|cell| cell < 2), plain.of(|cell| cell < 2));
    }

    #[test]
    fn entries_that_were_saved_are_found_again() {
        let many = entries(200);
        let saved = postcard::to_allocvec(&many).unwrap();
        let mut loaded: Entries = postcard::from_bytes(&saved).unwrap();
        loaded.restore();
        assert_eq!(loaded, many);
    }
}
