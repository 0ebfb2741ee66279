//! The header that a frame's body is kept under.
//!
//! ```text
//! offset  bytes
//!      0      8  magic: 89 48 4F 4A 0D 0A 1A 0A
//!      8      4  CRC-32C of bytes 12 to 79
//!     12      4  format version: 1
//!     16     16  store id
//!     32      8  epoch: one more than any that was found when the journal was opened
//!     40      8  index of the frame
//!     48      8  position of its first event
//!     56      8  synced index: every frame up to it was durable when this was written
//!     64      4  check of the frame before it; 0 for the first
//!     68      4  check of this frame: CRC-32C of the four bytes at 64 and the body
//!     72      8  length of the body, in bytes
//!     80         body, then zeros up to the next 4 KiB boundary
//! ```

use bytes::{Buf as _, BufMut as _};

use super::envelope::{self, Decoded};
use crate::{
    domain::event::Position,
    log::frame::{HEADROOM, UNIT},
};

/// Bytes of a header: the room that a new frame keeps free before its body.
pub(super) const HEADER: usize = HEADROOM;
/// Frames start on multiples of this many bytes, the unit in which disks are written: no write
/// touches bytes that were acknowledged. A new frame ends with zeros up to one of them.
pub(super) const PAGE: u64 = UNIT as u64;

const MAGIC: [u8; 8] = *b"\x89HOJ\r\n\x1a\n";

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The store it belongs to.
    pub(super) store_id: [u8; 16],
    /// One more than any that was found when the journal was opened.
    pub(super) epoch: u64,
    /// Index of the frame.
    pub(super) index: u64,
    /// Position of its first event.
    pub(super) first_position: Position,
    /// Every frame up to this index was durable when this one was written.
    pub(super) synced_index: u64,
    /// Check of the frame before.
    pub(super) previous: u32,
    /// Check of this frame.
    pub(super) check: u32,
    /// Bytes of the body.
    pub(super) length: u64,
}

impl Header {
    /// The [`HEADER`] bytes.
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut about = Vec::with_capacity(HEADER - envelope::HEAD);
        about.put_u64(self.epoch);
        about.put_u64(self.index);
        about.put_u64(self.first_position);
        about.put_u64(self.synced_index);
        about.put_u32(self.previous);
        about.put_u32(self.check);
        about.put_u64(self.length);
        let mut bytes = [0; HEADER];
        bytes.copy_from_slice(&envelope::seal(MAGIC, self.store_id, &about));
        bytes
    }

    /// What [`HEADER`] bytes say.
    pub(super) fn decode(bytes: &[u8; HEADER], store_id: [u8; 16]) -> Decoded<Self> {
        envelope::unseal(MAGIC, store_id, bytes).map(|mut about| Self {
            store_id,
            epoch: about.get_u64(),
            index: about.get_u64(),
            first_position: about.get_u64(),
            synced_index: about.get_u64(),
            previous: about.get_u32(),
            check: about.get_u32(),
            length: about.get_u64(),
        })
    }
}

/// Bytes that a frame with a body of `length` bytes takes up in a file; `None` if no file can hold
/// so many.
pub(super) fn footprint(length: u64) -> Option<u64> {
    length.checked_add(HEADER as u64)?.checked_next_multiple_of(PAGE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STORE: [u8; 16] = *b"the tested store";

    fn header() -> Header {
        Header {
            store_id: STORE,
            epoch: 3,
            index: 42,
            first_position: 1000,
            synced_index: 41,
            previous: 0xDEAD_BEEF,
            check: 0x0BAD_CAFE,
            length: 5000,
        }
    }

    fn bytes() -> [u8; HEADER] {
        header().encode()
    }

    #[test]
    fn a_header_has_exactly_the_bytes_that_are_drawn() {
        let bytes = bytes();
        assert_eq!(bytes[..8], [0x89, 0x48, 0x4F, 0x4A, 0x0D, 0x0A, 0x1A, 0x0A]);
        assert_eq!(bytes[8..12], crc32c::crc32c(&bytes[12..80]).to_be_bytes());
        assert_eq!(bytes[12..16], 1_u32.to_be_bytes());
        assert_eq!(bytes[16..32], STORE);
        assert_eq!(bytes[32..40], 3_u64.to_be_bytes());
        assert_eq!(bytes[40..48], 42_u64.to_be_bytes());
        assert_eq!(bytes[48..56], 1000_u64.to_be_bytes());
        assert_eq!(bytes[56..64], 41_u64.to_be_bytes());
        assert_eq!(bytes[64..68], 0xDEAD_BEEF_u32.to_be_bytes());
        assert_eq!(bytes[68..72], 0x0BAD_CAFE_u32.to_be_bytes());
        assert_eq!(bytes[72..80], 5000_u64.to_be_bytes());
    }

    #[test]
    fn a_header_is_read_back_by_its_own_store_only() {
        assert_eq!(Header::decode(&bytes(), STORE), Decoded::Ours(header()));
        assert_eq!(Header::decode(&bytes(), [0; 16]), Decoded::Foreign);
        assert_eq!(Header::decode(&[0; HEADER], [0; 16]), Decoded::Nothing);
    }

    #[test]
    fn a_newer_version_is_distinguished_from_damage() {
        let mut bytes = bytes();
        bytes[12..16].copy_from_slice(&2_u32.to_be_bytes());
        assert_eq!(Header::decode(&bytes, STORE), Decoded::Nothing);
        let crc = crc32c::crc32c(&bytes[12..]).to_be_bytes();
        bytes[8..12].copy_from_slice(&crc);
        assert_eq!(Header::decode(&bytes, STORE), Decoded::Newer(2));
    }

    #[test]
    fn every_single_bit_flip_in_a_header_is_detected() {
        for bit in 0..HEADER * 8 {
            let mut bytes = bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bytes, STORE), Decoded::Nothing, "bit {bit}");
        }
    }

    #[test]
    fn a_footprint_is_whole_pages_and_never_overflows() {
        let page = PAGE - HEADER as u64;
        assert_eq!(footprint(0), Some(PAGE));
        assert_eq!(footprint(page), Some(PAGE));
        assert_eq!(footprint(page + 1), Some(2 * PAGE));
        assert_eq!(footprint(u64::MAX), None);
        assert_eq!(footprint(u64::MAX - HEADER as u64), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_header(bytes in proptest::array::uniform32(any::<u8>())) {
            let mut long = [0; HEADER];
            long[..8].copy_from_slice(&MAGIC);
            long[8..40].copy_from_slice(&bytes);
            prop_assert_eq!(Header::decode(&long, STORE), Decoded::Nothing);
        }
    }
}
