//! The first page of a run: what it is an index of.

use bytes::{Buf as _, BufMut as _};
use sha2::{Digest as _, Sha256};

use super::{Malformed, PAGE};
use crate::domain::event::Position;

/// The newest version of the format, the only one that is known here. Another one is rebuilt.
const VERSION: u32 = 1;
/// Tells that it is a run; like a PNG's, it shows when line ends were changed on the way.
const MAGIC: [u8; 8] = *b"\x89HOI\r\n\x1a\n";
/// Bytes before the checksum's end, which it does not cover.
const CHECKED_FROM: usize = MAGIC.len() + 4;
/// Bytes of the header; zeros follow.
const HEADER: usize = CHECKED_FROM + 4 + 16 + 8 + 8 + 4 + 32;

/// What ties a run to the volumes that it covers: of one volume the digest of its contents, of
/// several the SHA-256 over theirs in order. No other history has it.
pub(in crate::log::index) type Binding = [u8; 32];

/// What a run covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log::index) struct Header {
    /// The store that it belongs to.
    pub(in crate::log::index) store_id: [u8; 16],
    /// Position of the first event.
    pub(in crate::log::index) first: Position,
    /// Position of the last event.
    pub(in crate::log::index) last: Position,
    /// Number of volumes.
    pub(in crate::log::index) volumes: u32,
    /// See [`Binding`].
    pub(in crate::log::index) binding: Binding,
}

impl Header {
    /// The binding of the volumes with these digests, in order.
    pub(in crate::log::index) fn bind<'a>(
        digests: impl ExactSizeIterator<Item = &'a Binding>,
    ) -> Binding {
        let mut all = Sha256::new();
        let single = digests.len() == 1;
        for digest in digests {
            if single {
                return *digest;
            }
            all.update(digest);
        }
        all.finalize().into()
    }

    /// The first page, and its checksum, which is the salt of all others.
    pub(super) fn encode(&self) -> (Vec<u8>, u32) {
        let mut checked = Vec::with_capacity(HEADER - CHECKED_FROM);
        checked.put_u32(VERSION);
        checked.put_slice(&self.store_id);
        checked.put_u64(self.first);
        checked.put_u64(self.last);
        checked.put_u32(self.volumes);
        checked.put_slice(&self.binding);
        let salt = crc32c::crc32c(&checked);
        let mut page = MAGIC.to_vec();
        page.put_u32(salt);
        page.put_slice(&checked);
        page.resize(PAGE, 0);
        (page, salt)
    }

    /// Reads the first page; also returns the salt.
    pub(super) fn decode(page: &[u8]) -> Result<(Self, u32), Malformed> {
        let short = Malformed("it is shorter than its header");
        let (head, checked) = page.get(..HEADER).ok_or(short)?.split_at(CHECKED_FROM);
        let (magic, mut crc) = head.split_at(MAGIC.len());
        let salt = crc.get_u32();
        if magic != MAGIC {
            return Err(Malformed("it does not begin as a run does"));
        }
        if salt != crc32c::crc32c(checked) {
            return Err(Malformed("the checksum of its header is wrong"));
        }
        let mut rest = checked;
        if rest.get_u32() != VERSION {
            return Err(Malformed("it is of another version"));
        }
        let (mut store_id, mut binding) = ([0; 16], Binding::default());
        rest.copy_to_slice(&mut store_id);
        let (first, last, volumes) = (rest.get_u64(), rest.get_u64(), rest.get_u32());
        rest.copy_to_slice(&mut binding);
        if first == 0 || last < first || volumes == 0 {
            return Err(Malformed("it covers nothing"));
        }
        Ok((Self { store_id, first, last, volumes, binding }, salt))
    }
}

/// Whether nothing but zeros follows the header on the first page.
pub(super) fn is_padded(page: &[u8]) -> bool {
    page.iter().skip(HEADER).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_no_bit_of_it_can_flip() {
        let header = Header { store_id: [7; 16], first: 5, last: 9, volumes: 1, binding: [3; 32] };
        let (page, salt) = header.encode();
        assert_eq!((page.len(), Header::decode(&page)), (PAGE, Ok((header, salt))));
        for bit in 0..HEADER * 8 {
            let mut flipped = page.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_binding_of_one_volume_is_its_digest_and_of_several_depends_on_their_order() {
        let bind = |digests: &[Binding]| Header::bind(digests.iter());
        assert_eq!(bind(&[[1; 32]]), [1; 32]);
        assert_ne!(bind(&[[1; 32], [2; 32]]), bind(&[[2; 32], [1; 32]]));
        let both: Binding = Sha256::digest([[1; 32], [2; 32]].concat()).into();
        assert_eq!(bind(&[[1; 32], [2; 32]]), both);
    }
}
