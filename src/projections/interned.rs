//! Values that occur many times, each kept once and known by its place.

use std::hash::{BuildHasher as _, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The place of a value in its table; places are given out from 0 and never change.
pub type Place = u32;

/// A table of distinct values. Nothing is ever taken out of it.
#[derive(Clone, Debug)]
pub struct Interned<T> {
    values: Vec<T>,
    lookup: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        let (values, lookup) = (Vec::new(), HashTable::new());
        Self { values, lookup, hasher: DefaultHashBuilder::default() }
    }
}

impl<T: Hash + Eq> Interned<T> {
    /// The place of the value, which is put in if it is not there.
    ///
    /// # Panics
    ///
    /// With more than 2^32 values, for which no memory of today would be enough.
    pub fn intern(&mut self, value: T) -> Place {
        if let Some(place) = self.find(&value) {
            return place;
        }
        let place = Place::try_from(self.values.len()).expect("fewer values than places");
        let Self { values, lookup, hasher } = self;
        let hash = hasher.hash_one(&value);
        values.push(value);
        let hash_at =
            |place: &Place| values.get(*place as usize).map_or(0, |value| hasher.hash_one(value));
        lookup.insert_unique(hash, place, hash_at);
        place
    }

    /// The place of the value, if it is there.
    pub fn find(&self, value: &T) -> Option<Place> {
        let hash = self.hasher.hash_one(value);
        let same = |place: &Place| self.get(*place) == Some(value);
        self.lookup.find(hash, same).copied()
    }
}

impl<T> Interned<T> {
    /// The value at a place.
    pub fn get(&self, place: Place) -> Option<&T> {
        self.values.get(place as usize)
    }

    /// All values, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }
}

impl<T: PartialEq> PartialEq for Interned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<T: Eq> Eq for Interned<T> {}

impl<T: Serialize> Serialize for Interned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Hash + Eq> Deserialize<'de> for Interned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut interned = Self::default();
        for value in Vec::<T>::deserialize(deserializer)? {
            interned.intern(value);
        }
        Ok(interned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_once_and_found_at_its_place() {
        let mut table = Interned::default();
        let places: Vec<Place> = (0..1000).map(|n| table.intern(n % 10)).collect();
        assert_eq!(table.iter().copied().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(places.iter().zip(0..).all(|(place, n)| table.get(*place) == Some(&(n % 10))));
        assert_eq!((table.find(&7), table.find(&10), table.get(10)), (Some(7), None, None));
    }

    #[test]
    fn a_table_that_was_saved_finds_the_same_places() {
        let mut table = Interned::default();
        table.intern("b".to_owned());
        table.intern("a".to_owned());
        let saved = postcard::to_allocvec(&table).unwrap();
        let loaded: Interned<String> = postcard::from_bytes(&saved).unwrap();
        assert_eq!((&loaded, loaded.find(&"a".to_owned())), (&table, Some(1)));
    }
}
