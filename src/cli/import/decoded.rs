//! An input as UTF-8: what a byte order mark or the caller says of its encoding is decoded, and
//! everything else stays as it is.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes of a byte order mark.
pub(super) const MARK_BYTES: usize = 3;

/// Decodes an input on the way.
pub(super) struct Decoded<R> {
    input: R,
    /// `None`: the bytes are passed on as they are.
    decoder: Option<Decoder>,
    /// What was decoded, and how much of it was taken.
    text: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Bytes of the input that were decoded.
    bytes: u64,
}

impl<R> std::fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encoding = self.decoder.as_ref().map(|it| it.encoding().name());
        f.debug_struct("Decoded").field("encoding", &encoding).finish_non_exhaustive()
    }
}

impl<R: BufRead> Decoded<R> {
    /// Decodes an input that begins with these bytes. A mark says more than the caller.
    pub(super) fn new(input: R, begins: &[u8], encoding: Option<&'static Encoding>) -> Self {
        let encoding = marked(begins).or(encoding).filter(|it| *it != UTF_8);
        let decoder = encoding.map(Encoding::new_decoder_with_bom_removal);
        Self { input, decoder, text: Vec::new(), taken: 0, ended: false, bytes: 0 }
    }
}

/// The encoding that a byte order mark says.
fn marked(begins: &[u8]) -> Option<&'static Encoding> {
    match begins {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [0xef, 0xbb, 0xbf, ..] => Some(UTF_8),
        _ => None,
    }
}

/// Decodes until there is some text, or the input ends.
fn decode<R: BufRead>(
    decoder: &mut Decoder,
    input: &mut R,
    text: &mut Vec<u8>,
    at: &mut u64,
) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        let last = bytes.is_empty();
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        text.resize(room.unwrap_or_default().max(16), 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, text, last);
        *at += read as u64;
        input.consume(read);
        if let DecoderResult::Malformed(..) = result {
            let name = decoder.encoding().name();
            let problem = format!("is not text in {name}, at byte {at} of the file");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        text.truncate(written);
        if written > 0 || (last && result == DecoderResult::InputEmpty) {
            return Ok(last && result == DecoderResult::InputEmpty);
        }
    }
}

impl<R: BufRead> BufRead for Decoded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Some(decoder) = &mut self.decoder else { return self.input.fill_buf() };
        if self.taken >= self.text.len() && !self.ended {
            self.taken = 0;
            self.text.clear();
            self.ended = decode(decoder, &mut self.input, &mut self.text, &mut self.bytes)?;
        }
        Ok(self.text.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        match self.decoder {
            Some(_) => self.taken = (self.taken + amount).min(self.text.len()),
            None => self.input.consume(amount),
        }
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut text = self.fill_buf()?;
        let read = text.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1251, WINDOWS_1252};

    use super::*;

    const TEXT: &str = "exchange\u{2026};\u{41a}\u{438}\u{457}\u{432}\n";

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn read(bytes: &[u8], encoding: Option<&'static Encoding>) -> io::Result<String> {
        let mut found = Vec::new();
        for capacity in [1, 2, 3, 8192] {
            let mut text = String::new();
            let input = io::BufReader::with_capacity(capacity, bytes);
            Decoded::new(input, bytes, encoding).read_to_string(&mut text)?;
            found.push(text);
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        Ok(found.pop().unwrap_or_default())
    }

    #[test]
    fn a_mark_says_the_encoding_and_otherwise_the_caller_does() {
        let marked = format!("\u{feff}{TEXT}");
        let little = utf_16(&marked, u16::to_le_bytes);
        for encoding in [None, Some(WINDOWS_1252)] {
            assert_eq!(read(&little, encoding).unwrap(), TEXT);
            assert_eq!(read(&utf_16(&marked, u16::to_be_bytes), encoding).unwrap(), TEXT);
            assert_eq!(read(marked.as_bytes(), encoding).unwrap(), marked, "taken away later");
        }
        assert_eq!(read(TEXT.as_bytes(), None).unwrap(), TEXT);
        let (bytes, ..) = WINDOWS_1251.encode(TEXT);
        assert_eq!(read(&bytes, Some(WINDOWS_1251)).unwrap(), TEXT);
        let bare = utf_16(TEXT, u16::to_le_bytes);
        assert_eq!(read(&bare, Some(UTF_16LE)).unwrap(), TEXT);
        assert_eq!(read(b"", Some(UTF_16LE)).unwrap(), "");
    }

    #[test]
    fn what_the_encoding_does_not_have_is_an_error_with_its_place() {
        let mut bytes = utf_16("\u{feff}ab", u16::to_le_bytes);
        bytes.extend([0x00, 0xdc, 0x61, 0x00]);
        let error = read(&bytes, None).unwrap_err().to_string();
        assert!(error.starts_with("is not text in UTF-16LE, at byte"), "{error}");
        assert!(read(&bytes[..7], None).is_err(), "half a character at the end");
    }
}
