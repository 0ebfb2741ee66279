//! Where messages begin and end in what a call sends: a flag, a length, and so many bytes.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::engine::LARGE;

/// Bytes before each message.
const HEADER: usize = 5;
/// The flag of a message that is compressed.
const PACKED: u8 = 1;

/// The next part of what a call sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Parts of messages that are not compressed, as they came, headers included.
    Plain(Bytes),
    /// The content of a message that is compressed.
    Packed(Bytes),
}

/// Why what a call sends are no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The flag says neither of what there is.
    Flag(u8),
    /// A message of more bytes than it may have.
    TooLarge(usize),
}

/// Follows messages from piece to piece.
#[derive(Debug)]
pub(super) struct Framing {
    limit: usize,
    header: [u8; HEADER],
    /// Bytes of the header that have come; 0: between two messages.
    known: usize,
    /// Bytes of the content that have not come.
    left: usize,
    /// What has come of a compressed message.
    gathered: BytesMut,
    /// Nothing can be read any more.
    broken: Option<Broken>,
    /// Messages that were begun.
    pub(super) begun: usize,
    /// Bytes of large messages that came whole.
    pub(super) large: usize,
}

impl Framing {
    /// Messages of so many bytes at most.
    pub(super) fn new(limit: usize) -> Self {
        let (header, gathered) = ([0; HEADER], BytesMut::new());
        let (known, left, broken) = (0, 0, None);
        Self { limit, header, known, left, gathered, broken, begun: 0, large: 0 }
    }

    /// Bytes of a message that has not come whole.
    pub(super) fn unfinished(&self) -> usize {
        if self.known == HEADER { HEADER + self.length() - self.left } else { self.known }
    }

    /// Bytes that are missing from the last message, if it has not come whole.
    pub(super) fn missing(&self) -> Option<usize> {
        let header = HEADER - self.known;
        (self.known > 0).then_some(if header > 0 { header } else { self.left })
    }

    /// Takes the next piece out of `data`; `None`: there is nothing in it any more. What comes
    /// before a fault is taken first.
    pub(super) fn next(&mut self, data: &mut Bytes) -> Result<Option<Piece>, Broken> {
        let mut plain = 0;
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        while let Some(rest) = data.get(plain..).filter(|rest| !rest.is_empty()) {
            if self.known == 0 && rest.first() == Some(&PACKED) && plain > 0 {
                break;
            }
            let taken = match self.take_header(rest) {
                Ok(taken) => taken,
                Err(broken) => {
                    self.broken = Some(broken);
                    if plain > 0 {
                        break;
                    }
                    return Err(broken);
                }
            };
            if self.packed() {
                data.advance(taken);
                return Ok(self.gather(data).map(Piece::Packed));
            }
            plain += taken;
            if self.known == HEADER {
                let content = self.left.min(data.len() - plain);
                plain += content;
                self.left -= content;
                self.end_if_whole();
            }
        }
        Ok((plain > 0).then(|| Piece::Plain(data.split_to(plain))))
    }

    /// Takes what is missing of a header; answers how many bytes that were.
    fn take_header(&mut self, rest: &[u8]) -> Result<usize, Broken> {
        if self.known == HEADER {
            return Ok(0);
        }
        if self.known == 0 {
            self.begun += 1;
        }
        let missing = self.header.get_mut(self.known..).unwrap_or_default();
        let taken = missing.len().min(rest.len());
        missing.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.known += taken;
        let [flag, ..] = self.header;
        if flag > PACKED {
            return Err(Broken::Flag(flag));
        }
        if self.known == HEADER {
            self.left = self.length();
            if self.left > self.limit {
                return Err(Broken::TooLarge(self.left));
            }
        }
        Ok(taken)
    }

    /// Takes what is there of a compressed message; `None`: it is not whole.
    fn gather(&mut self, data: &mut Bytes) -> Option<Bytes> {
        if self.known < HEADER {
            return None;
        }
        let content = data.split_to(self.left.min(data.len()));
        self.left -= content.len();
        if self.left == 0 && self.gathered.is_empty() {
            self.known = 0;
            return Some(content);
        }
        self.gathered.reserve(content.len() + self.left);
        self.gathered.put(content);
        if self.left > 0 {
            return None;
        }
        self.known = 0;
        Some(std::mem::take(&mut self.gathered).freeze())
    }

    fn end_if_whole(&mut self) {
        if self.left == 0 {
            self.known = 0;
            self.large += Some(self.length()).filter(|length| *length >= LARGE).unwrap_or_default();
        }
    }

    fn packed(&self) -> bool {
        let [flag, ..] = self.header;
        flag == PACKED
    }

    fn length(&self) -> usize {
        let [_, length @ ..] = self.header;
        usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX)
    }
}

/// The header of a message of so many bytes that is not compressed.
pub(super) fn header(length: usize) -> Bytes {
    let mut header = BytesMut::with_capacity(HEADER);
    header.put_u8(0);
    header.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    header.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(flag: u8, content: &[u8]) -> Vec<u8> {
        let mut framed = header(content.len()).to_vec();
        framed[0] = flag;
        framed.extend(content);
        framed
    }

    /// All pieces when the bytes come in parts of this size: plain ones as one, and packed ones.
    fn pieces(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<Bytes>, Framing) {
        let mut framing = Framing::new(100);
        let (mut plain, mut packed) = (Vec::new(), Vec::new());
        for part in bytes.chunks(size) {
            let mut part = Bytes::copy_from_slice(part);
            while let Some(piece) = framing.next(&mut part).unwrap() {
                match piece {
                    Piece::Plain(bytes) => plain.extend(bytes),
                    Piece::Packed(content) => packed.push(content),
                }
            }
            assert!(part.is_empty());
        }
        (plain, packed, framing)
    }

    #[test]
    fn messages_are_distinguished_however_they_are_cut() {
        let texts: [&[u8]; 5] = [b"one", b"", b"three", b"4", b"fifth"];
        let flags = [0, 0, 1, 0, 1];
        let all: Vec<u8> =
            flags.iter().zip(texts).flat_map(|(flag, text)| framed(*flag, text)).collect();
        let expected = [framed(0, b"one"), framed(0, b""), framed(0, b"4")].concat();
        for size in 1..=all.len() {
            let (plain, packed, framing) = pieces(&all, size);
            assert_eq!(plain, expected, "in parts of {size}");
            assert_eq!(packed, ["three", "fifth"]);
            assert_eq!((framing.begun, framing.missing(), framing.unfinished()), (5, None, 0));
        }
    }

    #[test]
    fn what_has_not_come_is_known() {
        for flag in [0, 1] {
            let all = framed(flag, b"seven bytes");
            for length in 1..all.len() {
                let (_, _, framing) = pieces(&all[..length], 3);
                assert_eq!(framing.unfinished(), length);
                let missing = if length < HEADER { HEADER - length } else { all.len() - length };
                assert_eq!(framing.missing(), Some(missing));
            }
        }
    }

    #[test]
    fn a_wrong_flag_and_a_length_beyond_the_limit_are_found_before_the_content() {
        let next = |bytes: &[u8]| Framing::new(9).next(&mut Bytes::copy_from_slice(bytes));
        assert_eq!(next(&[2]), Err(Broken::Flag(2)));
        assert_eq!(next(&[1, 0, 0, 1, 0]), Err(Broken::TooLarge(256)));
        assert!(next(&[0, 0, 0, 0, 9]).is_ok());
    }

    #[test]
    fn what_comes_before_a_fault_is_taken() {
        let good = framed(0, b"good");
        let mut framing = Framing::new(9);
        let mut data = Bytes::from([good.as_slice(), &[0, 0, 0, 0, 10], b"content"].concat());
        assert_eq!(framing.next(&mut data), Ok(Some(Piece::Plain(good.into()))));
        for _ in 0..2 {
            assert_eq!(framing.next(&mut data), Err(Broken::TooLarge(10)));
        }
    }
}
