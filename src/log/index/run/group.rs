//! What helps to find a leaf page of a group, or tells that none has the key: the first key of
//! each page, and a filter over all keys.
//!
//! ```text
//! block  = crc u32 | first key 16 x pages | filter
//! filter = crc u32 | seed u64 | segment length u32 | segment count length u32 | fingerprints
//! ```
//!
//! The filter is a binary fuse filter of 8 bits over the last 8 bytes of the keys: of keys that
//! are not there it lets one in 256 pass.

use bytes::{Buf as _, BufMut as _};
use xorf::{BinaryFuse8, Descriptor, Filter as _};

use super::{Malformed, PAGE_U64, budget::Reservation, checksum, output::Output};
use crate::log::index::{key::Key, write_error::WriteError};

const CRC: usize = 4;
const FILTER_HEAD: usize = CRC + 8 + 4 + 4;

/// Where a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupPointer {
    /// The first key.
    pub(super) first_key: Key,
    /// Place of the first leaf page in the file.
    pub(super) pages_at: u64,
    /// Number of leaf pages.
    pub(super) pages: u32,
    /// Number of keys.
    pub(super) keys: u32,
    /// Bytes of the filter; 0: there is none.
    pub(super) filter_bytes: u32,
}

impl GroupPointer {
    /// Place of a leaf page.
    pub(super) fn page_at(&self, page: usize) -> u64 {
        self.pages_at + page as u64 * PAGE_U64
    }

    /// Place of the first keys.
    pub(super) fn keys_at(&self) -> u64 {
        self.page_at(self.pages as usize)
    }

    /// Bytes of the first keys with their checksum.
    pub(super) fn keys_bytes(&self) -> usize {
        CRC + self.pages as usize * Key::BYTES
    }

    /// Place of the filter.
    pub(super) fn filter_at(&self) -> u64 {
        self.keys_at() + self.keys_bytes() as u64
    }

    /// Place of what follows the group.
    pub(super) fn end(&self) -> u64 {
        self.filter_at() + u64::from(self.filter_bytes)
    }

    /// Bytes of the keys and the filter in memory.
    pub(super) fn memory(&self) -> usize {
        self.keys_bytes() + self.filter_bytes as usize
    }
}

/// Writes the first keys of pages and the filter over the last bytes of all keys; returns the bytes
/// of the filter.
pub(super) fn write(
    output: &mut Output<'_>,
    first_keys: &[Key],
    mut lows: Vec<u64>,
) -> Result<u32, WriteError> {
    let keys: Vec<u8> = first_keys.iter().flat_map(|key| key.to_bytes()).collect();
    put_checked(output, &keys)?;
    // The filter cannot be made of numbers that repeat.
    lows.sort_unstable();
    lows.dedup();
    let Ok(filter) = BinaryFuse8::try_from(&lows) else {
        // It fails by bad luck only. Without one every key is looked for in its page.
        return Ok(0);
    };
    let mut bytes = Vec::with_capacity(FILTER_HEAD + filter.len());
    bytes.put_u64(filter.descriptor.seed);
    bytes.put_u32(filter.descriptor.segment_length);
    bytes.put_u32(filter.descriptor.segment_count_length);
    bytes.put_slice(&filter.fingerprints);
    put_checked(output, &bytes)?;
    Ok(u32::try_from(CRC + bytes.len()).expect("a group has few keys"))
}

fn put_checked(output: &mut Output<'_>, bytes: &[u8]) -> Result<(), WriteError> {
    let crc = output.checksum_at(output.offset() + CRC as u64, bytes);
    output.put(&crc.to_be_bytes())?;
    output.put(bytes)
}

fn checked(bytes: &[u8], salt: u32, offset: u64) -> Result<&[u8], Malformed> {
    let (crc, rest) = bytes.split_at_checked(CRC).ok_or(BAD_GROUP)?;
    if crc == checksum(salt, offset + CRC as u64, rest).to_be_bytes() {
        Ok(rest)
    } else {
        Err(BAD_GROUP)
    }
}

/// The first keys from the bytes at `offset`.
pub(super) fn decode_keys(bytes: &[u8], salt: u32, offset: u64) -> Result<Vec<Key>, Malformed> {
    let (keys, _) = checked(bytes, salt, offset)?.as_chunks::<{ Key::BYTES }>();
    Ok(keys.iter().map(|key| Key::from_bytes(*key)).collect())
}

/// The filter from the bytes at `offset`.
pub(super) fn decode_filter(
    bytes: &[u8],
    salt: u32,
    offset: u64,
) -> Result<BinaryFuse8, Malformed> {
    let mut rest = checked(bytes, salt, offset)?;
    if rest.len() < FILTER_HEAD - CRC {
        return Err(BAD_GROUP);
    }
    let seed = rest.get_u64();
    let (segment_length, segment_count_length) = (rest.get_u32(), rest.get_u32());
    // A lookup goes by these lengths, and would look beyond a filter that is shorter.
    let needed = u64::from(segment_count_length) + 2 * u64::from(segment_length);
    // It looks into three segments even if they are said to have no length.
    let fits = segment_length.is_power_of_two()
        && segment_count_length > 0
        && segment_count_length.is_multiple_of(segment_length)
        && rest.len() as u64 >= needed;
    if !fits {
        return Err(BAD_GROUP);
    }
    let segment_length_mask = segment_length - 1;
    let descriptor = Descriptor { seed, segment_length, segment_length_mask, segment_count_length };
    Ok(BinaryFuse8 { descriptor, fingerprints: rest.into() })
}

/// What is kept in memory of a group.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The first key of each leaf page.
    pub(super) keys: Box<[Key]>,
    /// The filter; `None`: there is none.
    pub(super) filter: Option<BinaryFuse8>,
    /// Its share of the budget.
    pub(super) _reservation: Reservation,
}

impl Loaded {
    /// Whether the group may have the key.
    pub(super) fn may_have(&self, key: Key) -> bool {
        self.filter.as_ref().is_none_or(|filter| may_have(filter, key))
    }
}

/// Whether a filter lets the key pass.
pub(super) fn may_have(filter: &BinaryFuse8, key: Key) -> bool {
    filter.contains(&key.low())
}

/// The page that has the key if any has; `None`: it comes before the first.
pub(super) fn page_of(keys: &[Key], key: Key) -> Option<usize> {
    keys.partition_point(|first| *first <= key).checked_sub(1)
}

const BAD_GROUP: Malformed = Malformed("the checksum of a group's keys or filter is wrong");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::fixtures::Random;

    /// Another version of the library may look into a stored filter. If it looks elsewhere than
    /// this one did, it reports terms as absent that are there.
    #[test]
    fn a_filter_is_made_and_looked_into_as_it_always_was() {
        let numbers: Vec<u64> =
            (0..100_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let filter = BinaryFuse8::try_from(&numbers).unwrap();
        let Descriptor { seed, segment_length, segment_count_length, .. } = filter.descriptor;
        let reported = (seed, segment_length, segment_count_length, filter.len());
        assert_eq!(reported, (0x910a_2dec_8902_5cc1, 64, 64, 192));
        assert_eq!(crc32c::crc32c(&filter.fingerprints), 0xE1DA_97A0);
        assert!(numbers.iter().all(|number| filter.contains(number)));
        let passing = (0..100_000_u64).filter(|number| filter.contains(&(number * 7 + 1)));
        assert!((200..600).contains(&passing.count()));
    }

    #[test]
    fn keys_that_share_their_last_bytes_do_not_hinder_the_filter() {
        let mut random = Random::new();
        let mut lows: Vec<u64> = (0..500).map(|_| random.below(usize::MAX) as u64).collect();
        lows.extend(lows.clone());
        let distinct = {
            let mut lows = lows.clone();
            lows.sort_unstable();
            lows.dedup();
            lows
        };
        assert!(BinaryFuse8::try_from(&distinct).is_ok());
    }
}
