//! The clean-stop marker: a witness that every frame up to a tip was durable.
//!
//! Without it nothing vouches for the very last frame, and damage to it would look like the torn
//! end of a crash. What it says stays true for ever, so it may stay when the journal goes on.
//!
//! ```text
//! offset  bytes
//!      0      8  magic: 89 48 4F 43 0D 0A 1A 0A
//!      8      4  CRC-32C of bytes 12 to 59
//!     12      4  format version: 1
//!     16     16  store id
//!     32      8  epoch
//!     40      8  index of the last frame; 0: none
//!     48      8  position of its last event; 0: none
//!     56      4  its check
//! ```

use std::{io, path::Path};

use bytes::{Buf as _, BufMut as _};

use super::envelope::{self, Decoded};
use crate::log::{
    files::{Files, write_atomically},
    journal::{JournalError, Tip},
};

/// The marker's name in the journal's folder.
pub(in crate::log) const NAME: &str = "clean-stop";

const MAGIC: [u8; 8] = *b"\x89HOC\r\n\x1a\n";
const LENGTH: usize = envelope::HEAD + 8 + 8 + 8 + 4;

/// What was known when the journal was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CleanStopMarker {
    /// The epoch that ended.
    pub(super) epoch: u64,
    /// The last frame; it and all before it were durable.
    pub(super) tip: Tip,
}

/// Puts the marker in place.
pub(super) fn write(
    files: &dyn Files,
    dir: &Path,
    store_id: [u8; 16],
    marker: CleanStopMarker,
) -> Result<(), JournalError> {
    let path = dir.join(NAME);
    write_atomically(files, &path, &encode(store_id, marker))
        .map_err(|error| JournalError::io("write", path, error))
}

/// Reads the marker, if there is one.
pub(super) fn read(
    files: &dyn Files,
    dir: &Path,
    store_id: [u8; 16],
) -> Result<Option<CleanStopMarker>, JournalError> {
    let path = dir.join(NAME);
    let mut bytes = [0; LENGTH];
    let read = files.open(&path, false).and_then(|file| {
        let whole = file.len()? == LENGTH as u64;
        if whole { file.read_exact_at(&mut bytes, 0) } else { Ok(()) }
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("read", path, error)),
        Ok(()) => {}
    }
    let what = match decode(&bytes, store_id) {
        Decoded::Ours(marker) => return Ok(Some(marker)),
        Decoded::Newer(version) => return Err(JournalError::Newer { path, version }),
        Decoded::Foreign => "it is of another store",
        // Not taken for a missing one: the last frame might be damaged as well.
        Decoded::Nothing => {
            "it is no clean-stop marker, and nothing else vouches for the journal's last frame; \
             remove it only if that frame is known to be whole"
        }
    };
    Err(JournalError::Damaged { path, offset: 0, what: what.to_owned() })
}

fn encode(store_id: [u8; 16], marker: CleanStopMarker) -> Vec<u8> {
    let mut about = Vec::with_capacity(LENGTH - envelope::HEAD);
    about.put_u64(marker.epoch);
    about.put_u64(marker.tip.index);
    about.put_u64(marker.tip.position);
    about.put_u32(marker.tip.check);
    envelope::seal(MAGIC, store_id, &about)
}

fn decode(bytes: &[u8; LENGTH], store_id: [u8; 16]) -> Decoded<CleanStopMarker> {
    envelope::unseal(MAGIC, store_id, bytes).map(|mut about| {
        let epoch = about.get_u64();
        let (index, position, check) = (about.get_u64(), about.get_u64(), about.get_u32());
        CleanStopMarker { epoch, tip: Tip { index, position, check } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: [u8; 16] = *b"the tested store";

    #[test]
    fn a_marker_has_exactly_the_bytes_that_are_drawn() {
        let tip = Tip { index: 7, position: 70, check: 0x0BAD_CAFE };
        let marker = CleanStopMarker { epoch: 2, tip };
        let bytes: [u8; LENGTH] = encode(STORE, marker).try_into().unwrap();
        assert_eq!(bytes[..8], [0x89, 0x48, 0x4F, 0x43, 0x0D, 0x0A, 0x1A, 0x0A]);
        assert_eq!(bytes[8..12], crc32c::crc32c(&bytes[12..]).to_be_bytes());
        assert_eq!(bytes[12..16], 1_u32.to_be_bytes());
        assert_eq!(bytes[16..32], STORE);
        assert_eq!(bytes[32..40], 2_u64.to_be_bytes());
        assert_eq!(bytes[40..48], 7_u64.to_be_bytes());
        assert_eq!(bytes[48..56], 70_u64.to_be_bytes());
        assert_eq!(bytes[56..60], 0x0BAD_CAFE_u32.to_be_bytes());
        assert_eq!(decode(&bytes, STORE), Decoded::Ours(marker));
    }
}
