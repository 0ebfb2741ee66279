//! A frame: one commit batch, whole appends under one checksum, so that no append can tear.
//!
//! ```text
//! body = index u64 | first position u64 | events u32 | entries u32 | entry x entries | event bytes
//! entry = request id [16] | digest [16] | first position u64 | events u32
//! ```
//!
//! All numbers are big-endian. The event bytes are exactly the wire encoding of
//! `repeated RecordedEvent events = 1`: what readers are served. A frame does not know where it is
//! kept; a journal may put a header of its own before the body.
//!
//! A [`NewFrame`] is encoded and checksummed once. When it is durable it becomes a [`Frame`], which
//! the tail, the index and the volumes take as it is.

use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};

use crate::{
    domain::event::{Digest, Position, RequestId},
    log::{
        encoded_events::Chunk,
        ends::{Ends, MalformedFrame},
    },
};

/// Bytes of a body before the entries.
const FIXED: usize = 8 + 8 + 4 + 4;
/// Bytes that a new frame keeps free before its body, for the header of a journal in files.
pub const HEADROOM: usize = 80;
/// A new frame ends with zeros up to a multiple of this many bytes, which a journal in files
/// writes at a time.
pub const UNIT: usize = 4096;

/// A place in the journal: just after a frame. `Tip::default()` is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tip {
    /// Index of the frame; 0: none.
    pub index: u64,
    /// Position of the frame's last event; 0: none.
    pub position: Position,
    /// The frame's check, which the next one is chained to.
    pub check: u32,
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

/// A frame in its place behind another, encoded and not durable yet.
///
/// The bytes are laid out as a journal in files writes them: room for a header, the body, zeros.
#[derive(Clone, Debug)]
pub struct NewFrame {
    after: Tip,
    tip: Tip,
    appends: Vec<AppendEntry>,
    ends: Ends,
    /// Bytes of the body.
    length: usize,
    bytes: Vec<u8>,
}

impl NewFrame {
    /// The frame right after `after`, with the appends that carry a request id and the events of
    /// all. Events that could not be read back are refused before anything is written.
    pub fn encode(
        after: Tip,
        appends: Vec<AppendEntry>,
        events: &[u8],
    ) -> Result<Self, MalformedFrame> {
        let too_many = |_| MalformedFrame("it has more than 2^32 events or appends");
        let ends = Ends::parse(events)?;
        let count = u32::try_from(ends.len()).map_err(too_many)?;
        let length = FIXED + appends.len() * AppendEntry::BYTES + events.len();
        let whole = (HEADROOM + length).next_multiple_of(UNIT);
        let mut bytes = Vec::with_capacity(whole);
        bytes.resize(HEADROOM, 0);
        bytes.put_u64(after.index + 1);
        bytes.put_u64(after.position + 1);
        bytes.put_u32(count);
        bytes.put_u32(u32::try_from(appends.len()).map_err(too_many)?);
        for entry in &appends {
            entry.put(&mut bytes);
        }
        bytes.put_slice(events);
        let check = Frame::check(after.check, bytes.get(HEADROOM..).unwrap_or_default());
        bytes.resize(whole, 0);
        let position = after.position + u64::from(count);
        let tip = Tip { index: after.index + 1, position, check };
        Ok(Self { after, tip, appends, ends, length, bytes })
    }

    /// The tip that it is chained to.
    pub fn after(&self) -> Tip {
        self.after
    }

    /// The tip behind it.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Bytes of the body.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Everything, with this header before the body.
    pub fn under(&mut self, header: &[u8; HEADROOM]) -> &[u8] {
        if let Some(room) = self.bytes.first_chunk_mut() {
            *room = *header;
        }
        &self.bytes
    }

    /// The frame as it is read from now on. To be called when it is durable, and not before.
    pub fn into_durable(self) -> Frame {
        let body = Bytes::from(self.bytes).slice(HEADROOM..HEADROOM + self.length);
        let events = body.slice(FIXED + self.appends.len() * AppendEntry::BYTES..);
        let chunk = Chunk::of(self.after.position + 1, self.ends, events);
        Frame { tip: self.tip, appends: self.appends, chunk: Arc::new(chunk), body }
    }
}

/// A durable frame with the tip behind it. All of it shares the memory of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    tip: Tip,
    appends: Vec<AppendEntry>,
    chunk: Arc<Chunk>,
    body: Bytes,
}

impl Frame {
    /// Takes a body apart that has this check behind a frame with the check `previous`.
    pub fn decode(previous: u32, check: u32, body: Bytes) -> Result<Self, MalformedFrame> {
        if Self::check(previous, &body) != check && !planted!("frame-unchecked") {
            return Err(MalformedFrame("it fails its check"));
        }
        let mut rest = body.clone();
        if rest.len() < FIXED {
            return Err(MalformedFrame("shorter than its head"));
        }
        let (index, first_position) = (rest.get_u64(), rest.get_u64());
        let (count, entries) = (rest.get_u32(), rest.get_u32() as usize);
        if entries > rest.len() / AppendEntry::BYTES {
            return Err(MalformedFrame("shorter than its append table"));
        }
        let mut appends = Vec::with_capacity(entries);
        for _ in 0..entries {
            let entry = AppendEntry::take(&mut rest);
            appends.push(entry.ok_or(MalformedFrame("shorter than its append table"))?);
        }
        let ends = Ends::parse(&rest)?;
        if ends.len() != count as usize {
            return Err(MalformedFrame("its events are not as many as it says"));
        }
        let last = first_position.checked_add(u64::from(count) - 1);
        let position = last.ok_or(MalformedFrame("its positions are too large"))?;
        let chunk = Arc::new(Chunk::of(first_position, ends, rest));
        Ok(Self { tip: Tip { index, position, check }, appends, chunk, body })
    }

    /// Place in the journal, from 1, without gaps.
    pub fn index(&self) -> u64 {
        self.tip.index
    }

    /// Position of the first event.
    pub fn first_position(&self) -> Position {
        self.chunk.first()
    }

    /// The tip just behind it.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Number of events; at least one.
    pub fn count(&self) -> u64 {
        self.chunk.count() as u64
    }

    /// The appends in it that carry a request id.
    pub fn appends(&self) -> &[AppendEntry] {
        &self.appends
    }

    /// The events, with where each one ends.
    pub fn chunk(&self) -> &Arc<Chunk> {
        &self.chunk
    }

    /// The encoded body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The checksum that chains a frame to the one before it: CRC-32C of the previous check and
    /// the body.
    pub fn check(previous: u32, body: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&previous.to_be_bytes()), body)
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::ends::EVENT_TAG;

    const AFTER: Tip = Tip { index: 2, position: 8, check: 5 };

    fn new_frame() -> NewFrame {
        let entry =
            AppendEntry { request_id: [1; 16], digest: [2; 16], first_position: 9, count: 2 };
        NewFrame::encode(AFTER, vec![entry], &[EVENT_TAG, 2, 7, 7, EVENT_TAG, 0]).unwrap()
    }

    fn body() -> Bytes {
        new_frame().into_durable().body().clone()
    }

    /// Takes the bytes for a body with the right check.
    fn decode(body: Bytes) -> Result<Frame, MalformedFrame> {
        Frame::decode(AFTER.check, Frame::check(AFTER.check, &body), body)
    }

    #[test]
    fn a_body_has_exactly_the_bytes_that_are_drawn() {
        let body = body();
        assert_eq!(body[..8], 3_u64.to_be_bytes());
        assert_eq!(body[8..16], 9_u64.to_be_bytes());
        assert_eq!(body[16..24], [0, 0, 0, 2, 0, 0, 0, 1]);
        assert_eq!(body[24..40], [1; 16]);
        assert_eq!(body[40..56], [2; 16]);
        assert_eq!(body[56..64], 9_u64.to_be_bytes());
        assert_eq!(body[64..68], 2_u32.to_be_bytes());
        assert_eq!(body[68..], [10, 2, 7, 7, 10, 0]);
    }

    #[test]
    fn a_frame_is_read_back_as_the_one_that_became_durable() {
        let frame = new_frame().into_durable();
        assert_eq!(decode(body()).unwrap(), frame);
        assert_eq!((frame.index(), frame.first_position(), frame.count()), (3, 9, 2));
        assert_eq!(frame.tip(), new_frame().tip());
        assert_eq!(frame.tip().position, 10);
        assert_eq!(frame.chunk().events()[..], [10, 2, 7, 7, 10, 0]);
    }

    #[test]
    fn a_header_lies_before_the_body_and_zeros_up_to_a_whole_unit_behind_it() {
        let mut frame = new_frame();
        let whole = frame.under(&[0xEE; HEADROOM]).to_vec();
        assert_eq!(whole.len(), UNIT);
        let (header, rest) = whole.split_at(HEADROOM);
        assert_eq!(header, [0xEE; HEADROOM]);
        let (kept, zeros) = rest.split_at(frame.length());
        assert_eq!(kept, &body()[..]);
        assert!(zeros.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_durable_frame_is_the_memory_that_was_written() {
        let mut frame = new_frame();
        let written = frame.under(&[0; HEADROOM])[HEADROOM..].as_ptr();
        let frame = frame.into_durable();
        assert_eq!(frame.body().as_ptr(), written);
        let events = frame.body().slice(FIXED + AppendEntry::BYTES..);
        assert_eq!(frame.chunk().events().as_ptr(), events.as_ptr());
    }

    #[test]
    fn events_that_could_not_be_read_back_are_refused() {
        for events in [&[][..], &[EVENT_TAG], &[EVENT_TAG, 2, 7], &[7, 0], &[EVENT_TAG, 0, 1]] {
            NewFrame::encode(AFTER, Vec::new(), events).unwrap_err();
        }
    }

    #[test]
    fn a_frame_cut_off_anywhere_is_malformed() {
        for length in 0..body().len() {
            assert!(decode(body().slice(..length)).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn every_single_bit_flip_and_another_predecessor_change_the_check() {
        let (body, check) = (body(), new_frame().tip().check);
        for bit in 0..body.len() * 8 {
            let mut flipped = body.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Frame::check(AFTER.check, &flipped), check, "bit {bit}");
            Frame::decode(AFTER.check, check, flipped.into()).unwrap_err();
        }
        for bit in 0..32 {
            let other = AFTER.check ^ (1 << bit);
            assert_ne!(Frame::check(other, &body), check, "bit {bit} of the previous");
        }
    }

    #[test]
    fn positions_beyond_every_number_are_malformed() {
        let mut body = body().to_vec();
        body[8..16].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(decode(body.into()).is_err());
    }

    /// Encodes again what was taken from a body.
    fn encoded_again(frame: &Frame) -> Option<Bytes> {
        let index = frame.index().checked_sub(1)?;
        let position = frame.first_position().checked_sub(1)?;
        let after = Tip { index, position, check: AFTER.check };
        let again = NewFrame::encode(after, frame.appends().to_vec(), frame.chunk().events());
        Some(again.unwrap().into_durable().body().clone())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_what_is_taken_is_encoded_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let body = Bytes::from(bytes);
            if let Ok(frame) = decode(body.clone()) {
                prop_assert!(encoded_again(&frame).is_none_or(|again| again == body));
            }
        }

        #[test]
        fn a_changed_byte_of_a_frame_never_panics(at in 0_usize..74, byte in any::<u8>()) {
            let mut bytes = body().to_vec();
            bytes[at] = byte;
            let bytes = Bytes::from(bytes);
            if let Ok(frame) = decode(bytes.clone()) {
                prop_assert!(encoded_again(&frame).is_none_or(|again| again == bytes));
            }
        }
    }
}
