//! Looks for values in sled's file.
//!
//! Values begin with a marker, so one pass at memory speed finds every value where one may lie. A
//! payload could hold bytes that look like a value, checksum and all. So a candidate counts only if
//! it has the very bytes that sled returned when the volume was read back. Length and hash decide
//! that; the hash gets a new random key each time.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io,
    os::unix::fs::FileExt as _,
};

use bytes::Bytes;
use memchr::memmem;

use super::OffsetTable;
use crate::{
    domain::event::Position,
    log::volume::{
        VolumeError,
        block::{self, VALUE_BYTES},
        key::Key,
        values::Values,
    },
};

/// Bytes of the file that are looked at together.
const WINDOW: usize = 1 << 20;

const _: () = assert!(WINDOW > 4 * VALUE_BYTES, "windows overlap by a value");

/// Values that are shown as they are, and noted so that they can be looked for.
#[derive(Debug)]
pub(in crate::log::volume) struct Wanted<'a, V> {
    values: &'a V,
    noted: RefCell<Noted>,
}

/// What was noted of values.
#[derive(Debug, Default)]
struct Noted {
    /// What they all begin with.
    marker: Option<Bytes>,
    /// By the checksums that they say they have: these may be equal, if rarely.
    by_checksum: HashMap<u32, Vec<Value>>,
    /// A hash for this search alone: no client can have made other bytes that have the same.
    hash: RandomState,
}

#[derive(Debug)]
struct Value {
    key: Key,
    length: u16,
    hash: u64,
    /// Where it was found.
    offsets: Vec<u64>,
}

impl<'a, V> Wanted<'a, V> {
    /// Notes what is read of these values.
    pub(in crate::log::volume) fn new(values: &'a V) -> Self {
        Self { values, noted: RefCell::default() }
    }

    /// The offset table in `file` of what was read, in a volume that begins at `first`;
    /// `None`: not all of it is there.
    pub(in crate::log::volume) fn find(
        self,
        file: &File,
        first: Position,
    ) -> io::Result<Option<OffsetTable>> {
        let mut noted = self.noted.into_inner();
        noted.search(file)?;
        Ok(noted.table(first))
    }

    fn note(&self, key: Key, value: &[u8]) {
        let mut noted = self.noted.borrow_mut();
        let (Some(crc), Ok(length)) = (block::said_checksum(value), value.len().try_into()) else {
            // Its reader sees that it is no value.
            return;
        };
        if noted.marker.is_none() {
            noted.marker = value.get(..block::MARKER).map(Bytes::copy_from_slice);
        }
        let hash = noted.hash.hash_one(value);
        let noted = noted.by_checksum.entry(crc).or_default();
        if noted.iter().all(|value| value.key != key) {
            noted.push(Value { key, length, hash, offsets: Vec::new() });
        }
    }
}

impl<V: Values> Values for Wanted<'_, V> {
    fn block(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let found = self.values.block(position)?;
        Ok(found.inspect(|(first, value)| self.note(Key::Block(*first), value)))
    }

    fn value(&self, key: Key) -> Result<Option<Bytes>, VolumeError> {
        let found = self.values.value(key)?;
        Ok(found.inspect(|value| self.note(key, value)))
    }

    fn page(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let found = self.values.page(position)?;
        Ok(found.inspect(|(first, value)| self.note(Key::Page(*first), value)))
    }

    fn page_after(
        &self,
        after: Option<Position>,
    ) -> Result<Option<(Position, Bytes)>, VolumeError> {
        let found = self.values.page_after(after)?;
        Ok(found.inspect(|(first, value)| self.note(Key::Page(*first), value)))
    }
}

impl Noted {
    fn search(&mut self, file: &File) -> io::Result<()> {
        let Some(marker) = self.marker.clone() else { return Ok(()) };
        let finder = memmem::Finder::new(&marker);
        let mut window = vec![0; WINDOW];
        let (length, mut start) = (file.metadata()?.len(), 0);
        while start < length {
            let rest = usize::try_from(length - start).unwrap_or(usize::MAX);
            let window = window.get_mut(..rest.min(WINDOW)).unwrap_or_default();
            file.read_exact_at(window, start)?;
            // What begins in the last part of a window is looked at in the next one, whole.
            let last = rest <= WINDOW;
            let end = if last { window.len() } else { window.len() - VALUE_BYTES };
            for at in finder.find_iter(window).take_while(|at| *at < end) {
                self.candidate(window.get(at..).unwrap_or_default(), start + at as u64);
            }
            start += end as u64;
        }
        Ok(())
    }

    /// Notes `offset` for the value that begins there, if one does.
    fn candidate(&mut self, bytes: &[u8], offset: u64) {
        let noted = block::said_checksum(bytes).and_then(|crc| self.by_checksum.get_mut(&crc));
        for value in noted.into_iter().flatten() {
            let found = bytes.get(..usize::from(value.length));
            if found.is_some_and(|found| self.hash.hash_one(found) == value.hash) {
                value.offsets.push(offset);
            }
        }
    }

    /// Of several offsets of a value the one nearest to where the one before it ends, so that what
    /// is read in order lies in order.
    fn table(self, first: Position) -> Option<OffsetTable> {
        let mut values: Vec<Value> = self.by_checksum.into_values().flatten().collect();
        values.sort_unstable_by_key(|value| value.key);
        let mut end = 0;
        let mut found = Vec::with_capacity(values.len());
        for value in values {
            let offset = *value.offsets.iter().min_by_key(|offset| offset.abs_diff(end))?;
            end = offset + u64::from(value.length);
            found.push((value.key, offset, value.length));
        }
        OffsetTable::new(first, found)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::log::volume::Marker;

    /// Where the value is found in a file of these bytes, if it is.
    fn found(value: &[u8], bytes: &[u8]) -> Option<u64> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("db"), bytes).unwrap();
        let wanted = Wanted::new(&());
        wanted.note(KEY, value);
        let table = wanted.find(&File::open(dir.path().join("db")).unwrap(), 5).unwrap();
        table.map(|table| table.find(KEY).unwrap().offset)
    }

    const KEY: Key = Key::Part(5, 0);

    fn value() -> Vec<u8> {
        block::encode_part(KEY, Marker::of([7; 16]), &[0xAB; 1000])
    }

    #[test]
    fn only_the_very_bytes_that_were_read_are_found_however_much_others_look_like_them() {
        let value = value();
        // Marker, checksum and length are those of the value.
        let mut forged = value.clone();
        forged[900] ^= 1;
        assert_eq!(found(&value, &[&forged[..], &value, &forged].concat()), Some(1013));
        assert_eq!(found(&value, &[&forged[..], &forged].concat()), None);
        assert_eq!(found(&value, &value[..1012]), None, "it is cut off");
    }

    #[test]
    fn a_value_is_found_wherever_in_the_file_it_lies() {
        let value = value();
        for at in [0, 1, WINDOW - VALUE_BYTES - 1, WINDOW - 1013, WINDOW - 500, WINDOW - 4, WINDOW]
        {
            for behind in [0, 3, 2 * WINDOW] {
                let bytes = [&vec![0; at][..], &value, &vec![0; behind]].concat();
                assert_eq!(found(&value, &bytes), Some(at as u64), "with {behind} bytes behind");
            }
        }
    }
}
