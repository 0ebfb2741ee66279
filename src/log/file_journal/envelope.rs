//! What a frame's header and the clean-stop marker have in common.
//!
//! ```text
//! offset  bytes
//!      0      8  magic: distinguishes header, marker and anything else
//!      8      4  CRC-32C of everything that follows
//!     12      4  format version: 1
//!     16     16  store id
//!     32         what it is about
//! ```
//!
//! All numbers are big-endian. The first 32 bytes keep their places, and the total length its
//! value, in every format version, so that an older program can tell "newer" from "damaged".
//!
//! **The store id is a secret of the data directory**: it is random, and no answer to a client
//! holds it. Otherwise a client could send a payload that looks like a header wherever a later
//! frame happens to leave the middle of an old one behind.

use bytes::{Buf as _, BufMut as _};

/// The version of the format that this program writes and reads.
pub(super) const VERSION: u32 = 1;
/// Bytes before what it is about.
pub(super) const HEAD: usize = 8 + 4 + 4 + 16;
/// Where the checksummed part begins.
const CHECKED: usize = 12;

/// What some bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoded<T> {
    /// Of no store: zeros, the middle of something, or damaged.
    Nothing,
    /// Whole, but of another store.
    Foreign,
    /// Whole and of this store, but of this other version.
    Newer(u32),
    /// Whole and of this store.
    Ours(T),
}

impl<T> Decoded<T> {
    /// Reads on in what is ours.
    pub(super) fn map<U>(self, read: impl FnOnce(T) -> U) -> Decoded<U> {
        match self {
            Self::Nothing => Decoded::Nothing,
            Self::Foreign => Decoded::Foreign,
            Self::Newer(version) => Decoded::Newer(version),
            Self::Ours(about) => Decoded::Ours(read(about)),
        }
    }
}

/// Wraps `about`.
pub(super) fn seal(magic: [u8; 8], store_id: [u8; 16], about: &[u8]) -> Vec<u8> {
    let mut checked = Vec::with_capacity(HEAD - CHECKED + about.len());
    checked.put_u32(VERSION);
    checked.put_slice(&store_id);
    checked.put_slice(about);
    let mut bytes = Vec::with_capacity(HEAD + about.len());
    bytes.put_slice(&magic);
    bytes.put_u32(crc32c::crc32c(&checked));
    bytes.put_slice(&checked);
    bytes
}

/// Takes `bytes` apart: all of them, so their number must be right.
pub(super) fn unseal(magic: [u8; 8], store_id: [u8; 16], bytes: &[u8]) -> Decoded<&[u8]> {
    let (Some(mut head), Some(about)) = (bytes.get(..HEAD), bytes.get(HEAD..)) else {
        return Decoded::Nothing;
    };
    if !head.starts_with(&magic) {
        return Decoded::Nothing;
    }
    head.advance(magic.len());
    if head.get_u32() != bytes.get(CHECKED..).map_or(0, crc32c::crc32c) {
        return Decoded::Nothing;
    }
    let version = head.get_u32();
    if head != store_id {
        return Decoded::Foreign;
    }
    if version != VERSION {
        return Decoded::Newer(version);
    }
    Decoded::Ours(about)
}
