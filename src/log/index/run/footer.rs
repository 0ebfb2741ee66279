//! The end of a run: where everything is.
//!
//! ```text
//! footer  = groups n u32 | (first key 16 | offset of its pages u64 | pages u32 | keys u32
//!           | bytes of the filter u32) x n
//!         | offset of the times u64 | pages m u32 | (first time i64 | its position u64) x m
//! trailer = offset of the footer u64 | bytes of the footer u64 | crc of the footer u32
//! ```

use bytes::{Buf as _, BufMut as _};

use super::{Malformed, checksum, group::GroupPointer, output::Output, times::Change};
use crate::log::index::{key::Key, write_error::WriteError};

/// Bytes of the trailer, which are the last of the file.
pub(super) const TRAILER: usize = 8 + 8 + 4;
const GROUP: usize = Key::BYTES + 8 + 4 + 4 + 4;
const CHANGE: usize = 8 + 8;

/// Where everything is in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    /// The groups, by rising keys.
    pub(super) groups: Vec<GroupPointer>,
    /// Place of the pages of times.
    pub(super) times_at: u64,
    /// The first change of each of them.
    pub(super) times: Vec<Change>,
}

/// Where the footer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    /// Its place in the file.
    pub(super) footer_at: u64,
    /// Its bytes.
    pub(super) footer_bytes: u64,
    crc: u32,
}

impl Footer {
    /// Writes footer and trailer.
    pub(super) fn write(&self, output: &mut Output<'_>) -> Result<(), WriteError> {
        let footer = self.encode();
        let (footer_at, footer_bytes) = (output.offset(), footer.len() as u64);
        let crc = output.checksum(&footer);
        output.put(&footer)?;
        let mut trailer = Vec::with_capacity(TRAILER);
        trailer.put_u64(footer_at);
        trailer.put_u64(footer_bytes);
        trailer.put_u32(crc);
        output.put(&trailer)
    }

    fn encode(&self) -> Vec<u8> {
        let count = |length: usize| u32::try_from(length).expect("far fewer than 2^32");
        let mut bytes = Vec::new();
        bytes.put_u32(count(self.groups.len()));
        for group in &self.groups {
            bytes.put_slice(&group.first_key.to_bytes());
            bytes.put_u64(group.pages_at);
            bytes.put_u32(group.pages);
            bytes.put_u32(group.keys);
            bytes.put_u32(group.filter_bytes);
        }
        bytes.put_u64(self.times_at);
        bytes.put_u32(count(self.times.len()));
        for (time, position) in &self.times {
            bytes.put_i64(*time);
            bytes.put_u64(*position);
        }
        bytes
    }

    /// Reads the footer that a trailer led to.
    pub(super) fn decode(
        mut bytes: &[u8],
        salt: u32,
        trailer: &Trailer,
    ) -> Result<Self, Malformed> {
        if checksum(salt, trailer.footer_at, bytes) != trailer.crc {
            return Err(BAD_FOOTER);
        }
        let groups = bytes.try_get_u32().map_err(|_| BAD_FOOTER)? as usize;
        let (groups, mut rest) = bytes.split_at_checked(groups * GROUP).ok_or(BAD_FOOTER)?;
        let times_at = rest.try_get_u64().map_err(|_| BAD_FOOTER)?;
        let times = rest.try_get_u32().map_err(|_| BAD_FOOTER)? as usize;
        if rest.len() != times * CHANGE {
            return Err(BAD_FOOTER);
        }
        let (groups, _) = groups.as_chunks::<GROUP>();
        let (times, _) = rest.as_chunks::<CHANGE>();
        Ok(Self {
            groups: groups.iter().map(|group| decode_group(group)).collect(),
            times_at,
            times: times.iter().map(|change| decode_change(change)).collect(),
        })
    }
}

fn decode_group(mut bytes: &[u8]) -> GroupPointer {
    let mut key = [0; Key::BYTES];
    bytes.copy_to_slice(&mut key);
    GroupPointer {
        first_key: Key::from_bytes(key),
        pages_at: bytes.get_u64(),
        pages: bytes.get_u32(),
        keys: bytes.get_u32(),
        filter_bytes: bytes.get_u32(),
    }
}

fn decode_change(mut bytes: &[u8]) -> Change {
    (bytes.get_i64(), bytes.get_u64())
}

impl Trailer {
    /// Reads the trailer, which is at `offset`. It needs no checksum: whatever flips in it, the
    /// footer does not end where it begins, or the footer's checksum is wrong.
    pub(super) fn decode(mut bytes: &[u8], offset: u64) -> Result<Self, Malformed> {
        if bytes.len() != TRAILER {
            return Err(BAD_FOOTER);
        }
        let trailer = Self {
            footer_at: bytes.get_u64(),
            footer_bytes: bytes.get_u64(),
            crc: bytes.get_u32(),
        };
        let fits = trailer.footer_at.checked_add(trailer.footer_bytes) == Some(offset);
        if fits { Ok(trailer) } else { Err(BAD_FOOTER) }
    }
}

const BAD_FOOTER: Malformed = Malformed("the checksum of its footer is wrong, or it is cut off");
