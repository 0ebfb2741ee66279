//! Values on their way into sled, many at a time, the keys of all before the first value.
//!
//! sled writes a leaf anew when it splits, at 17 entries, and when it has ten changes. Filled in
//! order and one by one, each value would be written three times, and of each byte 1.8 would stay
//! in the file. So the keys come first, with nothing under them: the leaves split while they are
//! small. Each value is one change of its leaf then, of which there are eight or nine, and stays
//! where it was written. What a batch costs more is its first leaf, in which older values are.

use super::{VolumeError, database::Database, key::Key};

/// Values of one batch, of 4 KiB at most: of 512, 1.13 bytes stay for each byte, of 64 1.45.
const VALUES: usize = 512;

/// Values that are not in sled yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    values: Vec<(Key, Vec<u8>)>,
}

impl Batch {
    /// Takes one more value, and writes all of them to `db` if they are enough.
    pub(super) fn push(
        &mut self,
        db: &Database,
        key: Key,
        value: Vec<u8>,
    ) -> Result<(), VolumeError> {
        self.values.push((key, value));
        if self.values.len() < VALUES { Ok(()) } else { self.write(db) }
    }

    /// Writes all of them to `db`.
    pub(super) fn write(&mut self, db: &Database) -> Result<(), VolumeError> {
        // By kind: blocks that follow each other then lie so in the file, and are read together.
        self.values.sort_unstable_by_key(|(key, _)| *key);
        for (key, _) in &self.values {
            db.insert(&key.bytes(), Vec::new())?;
        }
        for (key, value) in self.values.drain(..) {
            db.insert(&key.bytes(), value)?;
        }
        Ok(())
    }
}
