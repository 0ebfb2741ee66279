//! A hash table in a temporary file: slots with open addressing, and the values one after the other
//! in a second file.
//!
//! A slot's number is the beginning of its key, so a larger table has the same order, and filling
//! one from the other goes through both from front to back. What is read often is in the page
//! cache, which is not memory of the import. Rejected: sled and other stores, which keep pages of
//! their own in memory and make promises of durability that nothing here needs.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::key::Key;

/// Bytes of a slot: a key, where its value begins plus one (0: it is free), and its length.
const SLOT: usize = 32;
/// Bytes that are read at once.
const PAGE: usize = 4096;
const PAGE_SLOTS: u64 = (PAGE / SLOT) as u64;
/// Slots of a new table, as a power of two.
const FIRST_BITS: u32 = 17;
/// A table that is half full is followed by one of four times the size.
const GROWTH_BITS: u32 = 2;

/// Entries in files that are gone when it is.
#[derive(Debug)]
pub(super) struct Table {
    slots: File,
    bits: u32,
    used: u64,
    values: File,
    /// Where the next value is written.
    end: u64,
}

/// A slot that is used.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: Key,
    start: u64,
    length: u64,
}

impl Slot {
    fn decode(bytes: [u8; SLOT]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (start, rest) = rest.split_first_chunk()?;
        let length = u64::from_le_bytes(*rest.first_chunk()?);
        let start = u64::from_le_bytes(*start).checked_sub(1)?;
        Some(Self { key: *key, start, length })
    }

    fn encode(self) -> Vec<u8> {
        let [start, length] = [self.start + 1, self.length].map(u64::to_le_bytes);
        [&self.key[..], &start, &length].concat()
    }
}

impl Table {
    pub(super) fn new() -> io::Result<Self> {
        let slots = slots(FIRST_BITS)?;
        Ok(Self { slots, bits: FIRST_BITS, used: 0, values: tempfile::tempfile()?, end: 0 })
    }

    pub(super) fn get(&self, key: &Key) -> io::Result<Option<Vec<u8>>> {
        let (_, Some(slot)) = self.find(key)? else { return Ok(None) };
        let length = usize::try_from(slot.length).map_err(io::Error::other)?;
        let mut value = vec![0; length];
        self.values.read_exact_at(&mut value, slot.start)?;
        Ok(Some(value))
    }

    pub(super) fn set(&mut self, key: &Key, value: &[u8]) -> io::Result<()> {
        if self.used >= 1 << (self.bits - 1) {
            self.grow()?;
        }
        let (number, found) = self.find(key)?;
        let length = value.len() as u64;
        if let Some(slot) = found.filter(|slot| slot.length >= length) {
            self.values.write_all_at(value, slot.start)?;
            return self.put(number, Slot { length, ..slot });
        }
        self.values.write_all_at(value, self.end)?;
        self.put(number, Slot { key: *key, start: self.end, length })?;
        self.end += length;
        self.used += u64::from(found.is_none());
        Ok(())
    }

    /// The slot of a key, with what it holds, or the free one where it belongs. There is one,
    /// because no table is more than half full.
    fn find(&self, key: &Key) -> io::Result<(u64, Option<Slot>)> {
        let beginning = key.first_chunk().copied().map_or(0, u64::from_be_bytes);
        let first = beginning >> (u64::BITS - self.bits);
        let pages = (1 << self.bits) / PAGE_SLOTS;
        let mut skipped = first % PAGE_SLOTS;
        for page in (first / PAGE_SLOTS..pages).chain(0..pages) {
            let bytes = self.page(page)?;
            let slots = (page * PAGE_SLOTS..).zip(bytes.as_chunks().0);
            for (number, bytes) in slots.skip(usize::try_from(skipped).unwrap_or_default()) {
                let slot = Slot::decode(*bytes);
                if slot.is_none_or(|slot| slot.key == *key) {
                    return Ok((number, slot));
                }
            }
            skipped = 0;
        }
        Err(io::Error::other("the table is full"))
    }

    fn page(&self, page: u64) -> io::Result<[u8; PAGE]> {
        let mut bytes = [0; PAGE];
        self.slots.read_exact_at(&mut bytes, page * PAGE as u64)?;
        Ok(bytes)
    }

    fn put(&self, number: u64, slot: Slot) -> io::Result<()> {
        self.slots.write_all_at(&slot.encode(), number * SLOT as u64)
    }

    fn grow(&mut self) -> io::Result<()> {
        let pages = (1 << self.bits) / PAGE_SLOTS;
        let bits = self.bits + GROWTH_BITS;
        let larger = Self { slots: slots(bits)?, bits, values: self.values.try_clone()?, ..*self };
        for page in 0..pages {
            for slot in self.page(page)?.as_chunks().0.iter().copied().filter_map(Slot::decode) {
                let (number, _) = larger.find(&slot.key)?;
                larger.put(number, slot)?;
            }
        }
        *self = larger;
        Ok(())
    }
}

/// A file of free slots; what was never written takes no disk.
fn slots(bits: u32) -> io::Result<File> {
    let file = tempfile::tempfile()?;
    file.set_len(SLOT as u64 * (1 << bits))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that begin alike, as many as go around the end of the table.
    fn alike(number: u8) -> Key {
        let mut key = [u8::MAX; 16];
        key[15] = number;
        key
    }

    #[test]
    fn keys_that_belong_in_one_place_stand_side_by_side_and_around_the_end() {
        let mut table = Table::new().unwrap();
        for number in 0..=u8::MAX {
            assert_eq!(table.get(&alike(number)).unwrap(), None);
            table.set(&alike(number), &[number; 3]).unwrap();
        }
        table.grow().unwrap();
        for number in 0..=u8::MAX {
            assert_eq!(table.get(&alike(number)).unwrap(), Some(vec![number; 3]));
        }
        assert_eq!(table.used, 256);
    }

    #[test]
    fn a_value_that_fits_in_the_place_of_another_takes_it() {
        let mut table = Table::new().unwrap();
        let key = alike(0);
        for (value, end) in [(&b"four"[..], 4), (b"two", 4), (b"", 4), (b"longer", 10)] {
            table.set(&key, value).unwrap();
            assert_eq!((table.get(&key).unwrap().unwrap().as_slice(), table.end), (value, end));
        }
        assert_eq!(table.used, 1);
    }
}
