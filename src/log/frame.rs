//! A frame: one commit batch, whole appends under one checksum, so that no append can tear.
//!
//! ```text
//! body = index u64 | first position u64 | events u32 | entries u32 | entry x entries | event bytes
//! entry = request id [16] | digest [16] | first position u64 | events u32
//! ```
//!
//! All numbers are big-endian. The event bytes are exactly the wire encoding of
//! `repeated RecordedEvent events = 1`: what readers are served. A frame does not know where it is
//! kept; a journal wraps the body in a header of its own.

use std::{fmt, ops::Range};

use bytes::{Buf as _, BufMut as _, Bytes};

use crate::domain::event::{Digest, Position, RequestId};

/// Bytes of a body before the entries.
const HEAD: usize = 8 + 8 + 4 + 4;
/// The tag byte of `repeated RecordedEvent events = 1`: field 1, length-delimited.
pub const EVENT_TAG: u8 = 0x0A;

/// One commit batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Place in the journal, from 1, without gaps.
    pub index: u64,
    /// Position of the first event.
    pub first_position: Position,
    /// Number of events; at least one.
    pub count: u32,
    /// The appends in it that carry a request id.
    pub appends: Vec<AppendEntry>,
    /// The events, each as tag, length and encoded `RecordedEvent`.
    pub events: Bytes,
}

/// What is kept of an append so that it can be recognised when it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendEntry {
    /// The client's id for it.
    pub request_id: RequestId,
    /// Digest of the request.
    pub digest: Digest,
    /// Position of its first event.
    pub first_position: Position,
    /// Number of its events.
    pub count: u32,
}

impl AppendEntry {
    /// Bytes of an encoded entry.
    pub const BYTES: usize = 16 + 16 + 8 + 4;

    /// Writes the entry at the end of `bytes`.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_slice(&self.request_id);
        bytes.put_slice(&self.digest);
        bytes.put_u64(self.first_position);
        bytes.put_u32(self.count);
    }

    /// Takes an entry from the beginning of `bytes`; `None` if they are too short.
    pub fn take(bytes: &mut Bytes) -> Option<Self> {
        let (mut request_id, mut digest) = (RequestId::default(), Digest::default());
        bytes.try_copy_to_slice(&mut request_id).ok()?;
        bytes.try_copy_to_slice(&mut digest).ok()?;
        let first_position = bytes.try_get_u64().ok()?;
        let count = bytes.try_get_u32().ok()?;
        Some(Self { request_id, digest, first_position, count })
    }
}

/// Bytes that are not a frame's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedFrame(pub &'static str);

impl fmt::Display for MalformedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a frame: {}", self.0)
    }
}

impl std::error::Error for MalformedFrame {}

impl Frame {
    /// Position of the last event.
    pub fn last_position(&self) -> Position {
        self.first_position + u64::from(self.count) - 1
    }

    /// The body's bytes.
    ///
    /// # Panics
    ///
    /// If it has more than 2^32 entries, which no frame within the limits has.
    pub fn encode(&self) -> Bytes {
        let size = HEAD + self.appends.len() * AppendEntry::BYTES + self.events.len();
        let mut body = Vec::with_capacity(size);
        body.put_u64(self.index);
        body.put_u64(self.first_position);
        body.put_u32(self.count);
        body.put_u32(u32::try_from(self.appends.len()).expect("entries are bounded by events"));
        for entry in &self.appends {
            entry.put(&mut body);
        }
        body.put_slice(&self.events);
        body.into()
    }

    /// Takes a body apart; the events share its memory. The number of events is checked.
    pub fn decode(mut body: Bytes) -> Result<Self, MalformedFrame> {
        if body.len() < HEAD {
            return Err(MalformedFrame("shorter than its head"));
        }
        let (index, first_position) = (body.get_u64(), body.get_u64());
        let (count, entries) = (body.get_u32(), body.get_u32() as usize);
        if entries > body.len() / AppendEntry::BYTES {
            return Err(MalformedFrame("shorter than its append table"));
        }
        let mut appends = Vec::with_capacity(entries);
        for _ in 0..entries {
            let entry = AppendEntry::take(&mut body);
            appends.push(entry.ok_or(MalformedFrame("shorter than its append table"))?);
        }
        let frame = Self { index, first_position, count, appends, events: body };
        if count == 0 || frame.spans()?.len() != count as usize {
            return Err(MalformedFrame("its events are not as many as it says"));
        }
        Ok(frame)
    }

    /// Where each event lies in `events`, tag and length included.
    pub fn spans(&self) -> Result<Vec<Range<usize>>, MalformedFrame> {
        spans(&self.events)
    }

    /// The checksum that chains this frame to the one before it: CRC-32C of the previous check
    /// and the body.
    pub fn check(previous: u32, body: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&previous.to_be_bytes()), body)
    }
}

/// Where each event lies in a run of encoded events, tag and length included.
pub fn spans(run: &[u8]) -> Result<Vec<Range<usize>>, MalformedFrame> {
    let mut spans = Vec::new();
    let mut rest = run;
    while let Some((&tag, mut after)) = rest.split_first() {
        let start = run.len() - rest.len();
        if tag != EVENT_TAG {
            return Err(MalformedFrame("an event does not begin with its tag"));
        }
        let length = prost::encoding::decode_varint(&mut after)
            .map_err(|_| MalformedFrame("an event's length is not a varint"))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        rest = after.get(length..).ok_or(MalformedFrame("an event is cut off"))?;
        spans.push(start..run.len() - rest.len());
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame() -> Frame {
        let entry =
            AppendEntry { request_id: [1; 16], digest: [2; 16], first_position: 9, count: 2 };
        let events = Bytes::from_static(&[EVENT_TAG, 2, 7, 7, EVENT_TAG, 0]);
        Frame { index: 3, first_position: 9, count: 2, appends: vec![entry], events }
    }

    #[test]
    fn a_body_has_exactly_the_bytes_that_are_drawn() {
        let body = frame().encode();
        assert_eq!(body[..8], 3_u64.to_be_bytes());
        assert_eq!(body[8..16], 9_u64.to_be_bytes());
        assert_eq!(body[16..24], [0, 0, 0, 2, 0, 0, 0, 1]);
        assert_eq!(body[24..40], [1; 16]);
        assert_eq!(body[40..56], [2; 16]);
        assert_eq!(body[56..64], 9_u64.to_be_bytes());
        assert_eq!(body[64..68], 2_u32.to_be_bytes());
        assert_eq!(body[68..], [10, 2, 7, 7, 10, 0]);
        assert_eq!(Frame::decode(body).unwrap(), frame());
        assert_eq!(frame().last_position(), 10);
    }

    #[test]
    fn a_frame_cut_off_anywhere_is_malformed() {
        let body = frame().encode();
        for length in 0..body.len() {
            assert!(Frame::decode(body.slice(..length)).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn every_single_bit_flip_and_another_predecessor_change_the_check() {
        let body = frame().encode();
        let check = Frame::check(5, &body);
        for bit in 0..body.len() * 8 {
            let mut flipped = body.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Frame::check(5, &flipped), check, "bit {bit}");
        }
        for bit in 0..32 {
            assert_ne!(Frame::check(5 ^ (1 << bit), &body), check, "bit {bit} of the previous");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_what_is_taken_is_encoded_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let body = Bytes::from(bytes);
            if let Ok(frame) = Frame::decode(body.clone()) {
                prop_assert_eq!(frame.encode(), body);
            }
        }

        #[test]
        fn a_changed_byte_of_a_frame_never_panics(at in 0_usize..74, byte in any::<u8>()) {
            let mut body = frame().encode().to_vec();
            body[at] = byte;
            let body = Bytes::from(body);
            if let Ok(frame) = Frame::decode(body.clone()) {
                prop_assert_eq!(frame.encode(), body);
            }
        }
    }
}
