//! Values that come and go, each with how often it is there, so that the ends of what is left are
//! known at any time.

use std::collections::BTreeMap;

use crate::domain::way::Way;

/// A counted, sorted set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiset<T>(BTreeMap<T, u32>);

impl<T> Default for Multiset<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Multiset<T> {
    /// Adds a value once, or takes it away once; answers whether that makes it come or go.
    pub fn change(&mut self, value: T, way: Way) -> bool {
        match way {
            Way::In => self.add(value),
            Way::Out => self.remove(&value),
        }
    }

    /// Adds a value once; answers whether it was not there.
    pub fn add(&mut self, value: T) -> bool {
        let times = self.0.entry(value).or_default();
        *times += 1;
        *times == 1
    }

    /// Takes a value away once; answers whether it is there no longer.
    pub fn remove(&mut self, value: &T) -> bool {
        let Some(times) = self.0.get_mut(value) else { return false };
        *times = times.saturating_sub(1);
        let last = *times == 0;
        if last {
            self.0.remove(value);
        }
        last
    }

    /// Whether a value is there.
    pub fn contains(&self, value: &T) -> bool {
        self.0.contains_key(value)
    }

    /// How many different values are there.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How often a value is there.
    pub fn times(&self, value: &T) -> u32 {
        self.0.get(value).copied().unwrap_or_default()
    }

    /// Nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values in their order, each once.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.keys()
    }
}

impl<T: Ord + Copy> Multiset<T> {
    /// The smallest and the largest value; absent: nothing is there.
    pub fn ends(&self) -> Option<(T, T)> {
        let (first, _) = self.0.first_key_value()?;
        let (last, _) = self.0.last_key_value()?;
        Some((*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_there_until_it_was_taken_away_as_often_as_it_was_added() {
        let mut set = Multiset::default();
        assert_eq!([5, 3, 5, 9].map(|value| set.add(value)), [true, true, false, true]);
        assert_eq!(set.ends(), Some((3, 9)));
        assert_eq!([9, 5, 4].map(|value| set.remove(&value)), [true, false, false]);
        assert_eq!(
            (set.ends(), set.iter().copied().collect::<Vec<_>>()),
            (Some((3, 5)), vec![3, 5])
        );
        assert!(set.contains(&5) && !set.contains(&9));
        assert!(set.remove(&5) && set.remove(&3) && set.is_empty());
        assert_eq!(set, Multiset::default());
    }
}
