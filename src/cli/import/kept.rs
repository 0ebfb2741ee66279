//! What an import has to remember of the lines before: in memory while it is little, and then in a
//! temporary file, so that a file may have any number of lines.

mod key;
mod table;

use std::{collections::HashMap, env, io};

pub(super) use self::key::{Key, key, shortened};
use self::table::Table;
use crate::cli::exit::{Exit, Failure};

/// Bytes that are kept in memory; some 10,000 lines.
const NEAR_BYTES: usize = 1 << 20;
/// What an entry takes in memory beside its value.
const ENTRY_BYTES: usize = 96;

/// Values by their keys. Memory has the newest, up to its bound; the file has the others.
#[derive(Debug, Default)]
pub(super) struct Kept {
    near: HashMap<Key, Vec<u8>>,
    near_bytes: usize,
    far: Option<Table>,
}

impl Kept {
    /// The value of an entry.
    pub(super) fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Failure> {
        match (self.near.get(key), &self.far) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(far)) => far.get(key).map_err(|error| failed(&error)),
            (None, None) => Ok(None),
        }
    }

    /// Gives an entry its value, in place of one that it has.
    pub(super) fn set(&mut self, key: Key, value: Vec<u8>) -> Result<(), Failure> {
        self.near_bytes += ENTRY_BYTES + value.len();
        if let Some(earlier) = self.near.insert(key, value) {
            self.near_bytes -= ENTRY_BYTES + earlier.len();
        }
        if self.near_bytes > NEAR_BYTES {
            self.move_away().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    fn move_away(&mut self) -> io::Result<()> {
        let far = match &mut self.far {
            Some(far) => far,
            None => self.far.insert(Table::new()?),
        };
        for (key, value) in self.near.drain() {
            far.set(&key, &value)?;
        }
        self.near_bytes = 0;
        Ok(())
    }
}

fn failed(error: &io::Error) -> Failure {
    let dir = env::temp_dir();
    let problem = format!(
        "cannot keep what was imported so far in a temporary file in {}: {error}; \
         TMPDIR names another folder",
        dir.display()
    );
    Failure::new(Exit::Failed, problem)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_is_bounded_and_nothing_is_forgotten() {
        let mut kept = Kept::default();
        let count = 100_000_u32;
        let value = |number: u32| vec![number.to_le_bytes()[0]; number as usize % 40];
        for number in 0..count {
            let key = key(&number.to_string());
            assert_eq!(kept.get(&key), Ok(None), "{number}");
            kept.set(key, value(number)).unwrap();
            assert!(kept.near_bytes <= NEAR_BYTES);
            assert!(kept.near.len() * ENTRY_BYTES <= NEAR_BYTES);
        }
        assert!(kept.near.capacity() * ENTRY_BYTES <= 4 * NEAR_BYTES);
        for number in 0..count {
            assert_eq!(kept.get(&key(&number.to_string())), Ok(Some(value(number))), "{number}");
        }
        assert_eq!(kept.get(&key("another")), Ok(None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_is_a_map_wherever_the_entries_are(
            steps in prop::collection::vec((0..60_u32, 0..30_usize, any::<bool>()), 0..600),
        ) {
            let mut kept = Kept::default();
            let mut model = HashMap::new();
            for (number, length, away) in steps {
                let (key, value) = (key(&number.to_string()), vec![7; length]);
                prop_assert_eq!(kept.get(&key), Ok(model.get(&key).cloned()));
                kept.set(key, value.clone()).unwrap();
                model.insert(key, value);
                if away {
                    kept.move_away().unwrap();
                }
            }
            for (key, value) in &model {
                prop_assert_eq!(kept.get(key), Ok(Some(value.clone())));
            }
        }
    }
}
