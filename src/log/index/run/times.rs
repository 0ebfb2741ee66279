//! Times of recording, and where they change.
//!
//! ```text
//! page  = crc u32 | entries n u16 | time i64 | position u64 | entry x n-1 | zeros
//! entry = varint difference of times | varint difference of positions
//! ```
//!
//! An entry is the first position that has a time; times rise from entry to entry.

use bytes::{Buf as _, BufMut as _};
use prost::encoding::{decode_varint, encode_varint};

use super::{Malformed, PAGE, checksum, output::Output};
use crate::{
    domain::event::{Micros, Position},
    log::index::write_error::WriteError,
};

const CRC: usize = 4;
const HEAD: usize = CRC + 2;

/// A time, and the first position that has it.
pub(in crate::log::index) type Change = (Micros, Position);

/// Fills pages with changes.
#[derive(Debug, Default)]
pub(super) struct TimesWriter {
    /// What follows the checksum and the number of entries.
    body: Vec<u8>,
    entries: u16,
    last: Option<Change>,
    /// The first change of each page.
    directory: Vec<Change>,
}

impl TimesWriter {
    /// Takes a change behind all others; one that changes nothing is passed over.
    pub(super) fn push(
        &mut self,
        output: &mut Output<'_>,
        change: Change,
    ) -> Result<(), WriteError> {
        let (time, position) = change;
        if self.last.is_some_and(|(last, _)| time <= last) {
            return Ok(());
        }
        if let Some((last_time, last_position)) = self.last.filter(|_| self.entries > 0) {
            let length = self.body.len();
            encode_varint(time.abs_diff(last_time), &mut self.body);
            encode_varint(position - last_position, &mut self.body);
            if HEAD + self.body.len() <= PAGE {
                self.entries += 1;
                self.last = Some(change);
                return Ok(());
            }
            self.body.truncate(length);
            self.flush(output)?;
        }
        self.body.put_i64(time);
        self.body.put_u64(position);
        self.directory.push(change);
        self.entries = 1;
        self.last = Some(change);
        Ok(())
    }

    /// Writes the rest; returns the first change of each page.
    pub(super) fn finish(mut self, output: &mut Output<'_>) -> Result<Vec<Change>, WriteError> {
        if self.entries > 0 {
            self.flush(output)?;
        }
        Ok(self.directory)
    }

    fn flush(&mut self, output: &mut Output<'_>) -> Result<(), WriteError> {
        let mut rest = self.entries.to_be_bytes().to_vec();
        rest.append(&mut self.body);
        rest.resize(PAGE - CRC, 0);
        let crc = output.checksum(&rest);
        output.put(&crc.to_be_bytes())?;
        output.put(&rest)
    }
}

/// The changes of the page at `offset`.
pub(super) fn decode(page: &[u8], salt: u32, offset: u64) -> Result<Vec<Change>, Malformed> {
    let (crc, mut rest) = page.split_at_checked(CRC).ok_or(BAD_TIMES)?;
    if crc != checksum(salt, offset, rest).to_be_bytes() || rest.len() < 2 + 8 + 8 {
        return Err(BAD_TIMES);
    }
    let entries = rest.get_u16();
    let (mut time, mut position) = (rest.get_i64(), rest.get_u64());
    let mut changes = vec![(time, position)];
    let mut number = || decode_varint(&mut rest).map_err(|_| BAD_TIMES);
    for _ in 1..entries {
        time = time.checked_add_unsigned(number()?).ok_or(BAD_TIMES)?;
        position = position.checked_add(number()?).ok_or(BAD_TIMES)?;
        changes.push((time, position));
    }
    Ok(changes)
}

const BAD_TIMES: Malformed = Malformed("the checksum of a page of times is wrong");
