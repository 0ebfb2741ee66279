//! An offset table as bytes.
//!
//! ```text
//! offset  bytes
//!      0      8  magic
//!      8      4  CRC-32C of everything that follows
//!     12      4  format version: 1
//!     16     32  digest of the volume's contents
//!     48      8  position of the volume's first event
//!     56      4  number of blocks and heads
//!     60      4  number of parts
//!     64      4  number of pages
//!     68  16 x n  offsets: blocks and heads, parts, pages, each sorted
//!
//! value   4  position, counted from the first   2  part   2  length   8  offset in `db`
//! ```
//!
//! All numbers are big-endian. The digest binds it to its volume: a table that belongs to another
//! one, or to an earlier attempt, is not read.

use bytes::{Buf as _, BufMut as _};

use super::{OffsetTable, ValueOffset};
use crate::log::volume::contents::Contents;

/// What an offset table begins with.
const MAGIC: [u8; 8] = *b"\x89HOP\r\n\x1a\n";
const VERSION: u32 = 1;
/// Where the checksummed part begins.
const CHECKED: usize = 8 + 4;
/// Bytes before the offsets.
const HEAD: usize = CHECKED + 4 + 32 + 8 + 3 * 4;
/// Bytes of one entry.
const VALUE_OFFSET: usize = 4 + 2 + 2 + 8;

const _: () = assert!(VALUE_OFFSET == size_of::<ValueOffset>(), "the budget counts bytes of files");

impl OffsetTable {
    /// The bytes of the table of a volume with these contents.
    pub(in crate::log::volume) fn encode(&self, contents: &Contents) -> Vec<u8> {
        let number = |n: usize| u32::try_from(n).expect("positions are told in 32 bits");
        let mut checked = Vec::with_capacity(HEAD - CHECKED + self.offsets.len() * VALUE_OFFSET);
        checked.put_u32(VERSION);
        checked.put_slice(&contents.digest_bytes());
        checked.put_u64(self.first);
        checked.put_u32(number(self.blocks().len()));
        checked.put_u32(number(self.parts().len()));
        checked.put_u32(number(self.pages().len()));
        for value in &self.offsets {
            checked.put_u32(value.position);
            checked.put_u16(value.part);
            checked.put_u16(value.length);
            checked.put_u64(value.offset);
        }
        let mut bytes = Vec::with_capacity(CHECKED + checked.len());
        bytes.put_slice(&MAGIC);
        bytes.put_u32(crc32c::crc32c(&checked));
        bytes.put_slice(&checked);
        bytes
    }

    /// Reads a table back; an error says why these bytes are not the table of a volume with these
    /// contents.
    pub(in crate::log::volume) fn decode(
        bytes: &[u8],
        contents: &Contents,
    ) -> Result<Self, &'static str> {
        let (Some(mut head), Some(mut rest)) = (bytes.get(..HEAD), bytes.get(HEAD..)) else {
            return Err("it is cut off");
        };
        if !head.starts_with(&MAGIC) {
            return Err("it is not an offset table");
        }
        head.advance(MAGIC.len());
        if head.get_u32() != bytes.get(CHECKED..).map_or(0, crc32c::crc32c) {
            return Err("its checksum is wrong");
        }
        if head.get_u32() != VERSION {
            return Err("its version is not known here");
        }
        let digest = head.copy_to_bytes(32);
        let first = head.get_u64();
        if digest[..] != contents.digest_bytes() || first != contents.first_position {
            return Err("it belongs to another volume");
        }
        let mut number = || head.get_u32() as usize;
        let (blocks, parts, pages) = (number(), number(), number());
        if rest.len() != (blocks + parts + pages) * VALUE_OFFSET {
            return Err("it does not have the number of offsets that it says");
        }
        let offsets = (0..blocks + parts + pages).map(|_| ValueOffset {
            position: rest.get_u32(),
            part: rest.get_u16(),
            length: rest.get_u16(),
            offset: rest.get_u64(),
        });
        Ok(Self { first, offsets: offsets.collect(), blocks, parts })
    }
}
