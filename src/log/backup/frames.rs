//! Frames one after the other, as a piece holds them and a server sends them.
//!
//! ```text
//! frame    check of the frame before u32 | its check u32 | length u64 | body
//! ```
//!
//! All numbers are big-endian; body and check are those of the journal.

use std::io::{self, Read};

use bytes::Bytes;

use crate::{
    domain::limits,
    log::frame::{Frame, Tip},
};

/// Bytes before a body.
pub(super) const HEAD: usize = 4 + 4 + 8;
/// The largest body: its events, and the table of its appends, which is smaller than one append.
const LARGEST_BODY: u64 = (limits::FRAME_BYTES + 2 * limits::APPEND_BYTES) as u64;

/// Writes a frame behind one with this check.
pub(super) fn put(bytes: &mut Vec<u8>, previous: u32, frame: &Frame) {
    bytes.extend_from_slice(&previous.to_be_bytes());
    bytes.extend_from_slice(&frame.tip().check.to_be_bytes());
    bytes.extend_from_slice(&(frame.body().len() as u64).to_be_bytes());
    bytes.extend_from_slice(frame.body());
}

/// Takes frames from bytes; each has to follow the one before.
pub(super) struct FrameSequence<R> {
    from: R,
    tip: Tip,
}

impl<R: Read> FrameSequence<R> {
    /// Frames behind this one.
    pub(super) fn new(from: R, after: Tip) -> Self {
        Self { from, tip: after }
    }

    /// The last frame that was taken.
    pub(super) fn tip(&self) -> Tip {
        self.tip
    }

    /// The next frame; `None` at the end. `InvalidData` if the bytes are none.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; HEAD];
        if !fill(&mut self.from, &mut head)? {
            return Ok(None);
        }
        let (previous, rest) = take::<4>(&head);
        let (check, rest) = take::<4>(rest);
        let (length, _) = take::<8>(rest);
        let (previous, check) = (u32::from_be_bytes(previous), u32::from_be_bytes(check));
        let length = u64::from_be_bytes(length);
        if length > LARGEST_BODY || previous != self.tip.check {
            return Err(invalid("frames do not follow one another"));
        }
        let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.from.read_exact(&mut body)?;
        let frame = Frame::decode(previous, check, Bytes::from(body));
        let frame = frame.map_err(|error| invalid(&error.to_string()))?;
        let follows = frame.index() == self.tip.index.saturating_add(1)
            && frame.first_position() == self.tip.position.saturating_add(1);
        if !follows {
            return Err(invalid("frames do not follow one another"));
        }
        self.tip = frame.tip();
        Ok(Some(frame))
    }
}

/// Fills the buffer; false: there is nothing more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn take<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes.split_first_chunk().map_or(([0; N], &[]), |(taken, rest)| (*taken, rest))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::fixtures::{Event, Random, frame};

    fn read(bytes: &[u8], after: Tip) -> io::Result<(usize, Tip)> {
        let mut frames = FrameSequence::new(bytes, after);
        let mut count = 0;
        while frames.next()?.is_some() {
            count += 1;
        }
        Ok((count, frames.tip()))
    }

    #[test]
    fn frames_come_back_and_any_flip_cut_or_other_beginning_is_refused() {
        let mut random = Random::new();
        let (after, mut bytes, mut ends) = (Tip::default(), Vec::new(), vec![0]);
        let mut tip = after;
        for _ in 0..3 {
            let next = frame(tip, &[Event::random(&mut random, 20)]);
            put(&mut bytes, tip.check, &next);
            tip = next.tip();
            ends.push(bytes.len());
        }
        assert_eq!(read(&bytes, after).unwrap(), (3, tip));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped, after).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            let whole = ends.iter().position(|end| *end == length);
            assert_eq!(read(&bytes[..length], after).ok().map(|(count, _)| count), whole);
        }
        let others = [
            Tip { index: 1, ..after },
            Tip { position: 1, ..after },
            Tip { check: 1, ..after },
            tip,
        ];
        for other in others {
            read(&bytes, other).unwrap_err();
        }
    }
}
