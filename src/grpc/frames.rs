//! The frames of HTTP/2 (RFC 9113, section 4.1), found among the bytes of one direction of a
//! connection. Nothing is kept of them but how a frame begins.

/// Bytes of a frame's header: length, type, flags, stream.
const HEADER: usize = 9;
/// The types of the frames that mean something here.
pub(super) const RST_STREAM: u8 = 3;
const DATA: u8 = 0;
const PRIORITY: u8 = 2;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
/// The flag of a frame that is the last one of its stream.
const END_STREAM: u8 = 1;
pub(super) const GOAWAY: u8 = 7;
/// Bytes of a GOAWAY up to its error code: header, last stream, code.
const WITH_CODE: usize = HEADER + 8;
/// What a client of HTTP/2 sends before its first frame, and how it begins.
pub(super) const PREFACE: usize = 24;
const PREFACE_BEGINS: &[u8] = b"PRI * HTT";

/// Where in the sequence of frames the bytes are.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The first bytes of the present frame.
    begun: Vec<u8>,
    /// Bytes of its payload that are still to come behind them.
    rest: usize,
    protocol: Protocol,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Protocol {
    /// The first frame of either side is SETTINGS (RFC 9113, section 3.4).
    #[default]
    Unknown,
    Http2,
    /// HTTP/1: it has no frames.
    Other,
}

/// How a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    /// The error code of a GOAWAY.
    pub(super) code: Option<u32>,
    /// It carries nothing of a call that is of use by itself.
    pub(super) is_empty: bool,
}

impl Frames {
    /// The next frame that begins among `bytes`, which are those that follow the ones of the call
    /// before; takes the bytes up to there.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        while self.protocol != Protocol::Other {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            *bytes = bytes.get(skipped..)?;
            self.begin(bytes)?;
            let frame = self.frame();
            self.begun.clear();
            if frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// Gathers what has to be known of a frame; `None`: the bytes end before that.
    fn begin(&mut self, bytes: &mut &[u8]) -> Option<()> {
        while let missing @ 1.. = self.missing() {
            let (begins, others) = bytes.split_at(missing.min(bytes.len()));
            self.begun.extend_from_slice(begins);
            *bytes = others;
            if begins.len() < missing {
                return None;
            }
        }
        (!self.begun.is_empty()).then_some(())
    }

    /// Bytes that are still wanted of how the frame begins.
    fn missing(&self) -> usize {
        let wanted = if self.kind() == Some(GOAWAY) { WITH_CODE } else { HEADER };
        if self.rest == 0 { wanted.saturating_sub(self.begun.len()) } else { 0 }
    }

    /// The frame that was begun; none: it was the preface, or the protocol has no frames.
    fn frame(&mut self) -> Option<Frame> {
        let kind = self.kind()?;
        if self.protocol == Protocol::Unknown {
            if self.begun == PREFACE_BEGINS {
                self.rest = PREFACE - HEADER;
                return None;
            }
            let settings = kind == SETTINGS;
            self.protocol = if settings { Protocol::Http2 } else { Protocol::Other };
            if !settings {
                return None;
            }
        }
        self.rest = self.length().saturating_sub(self.begun.len() - HEADER);
        let code = self.begun.get(HEADER + 4..WITH_CODE).and_then(|code| code.try_into().ok());
        Some(Frame { kind, code: code.map(u32::from_be_bytes), is_empty: self.is_empty(kind) })
    }

    fn is_empty(&self, kind: u8) -> bool {
        let goes_on = self.begun.get(4).is_some_and(|flags| flags & END_STREAM == 0);
        match kind {
            DATA => self.length() == 0 && goes_on,
            kind => [PRIORITY, SETTINGS, PING, CONTINUATION].contains(&kind),
        }
    }

    fn kind(&self) -> Option<u8> {
        self.begun.get(3).copied()
    }

    fn length(&self) -> usize {
        self.begun.iter().take(3).fold(0, |length, byte| length << 8 | usize::from(*byte))
    }
}

/// A frame as it is sent.
#[cfg(test)]
pub(super) fn encoded(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, 0, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The types of the frames in bytes that come so many at a time.
    fn kinds(bytes: &[u8], at_a_time: usize) -> Vec<u8> {
        let mut frames = Frames::default();
        let mut kinds = Vec::new();
        for mut some in bytes.chunks(at_a_time) {
            kinds.extend(std::iter::from_fn(|| frames.next(&mut some)).map(|frame| frame.kind));
            assert!(some.is_empty() || frames.protocol == Protocol::Other);
        }
        kinds
    }

    #[test]
    fn frames_are_found_however_their_bytes_come() {
        let frames = [
            encoded(SETTINGS, &[0; 12]),
            encoded(1, &encoded(RST_STREAM, &[0; 4])),
            encoded(RST_STREAM, &[0, 0, 0, 8]),
            encoded(0, &[RST_STREAM].repeat(20_000)),
            encoded(GOAWAY, &[0; 8]),
            encoded(RST_STREAM, &[0, 0, 0, 8]),
        ]
        .concat();
        let client = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frames[..]].concat();
        let expected = [SETTINGS, 1, RST_STREAM, 0, GOAWAY, RST_STREAM];
        for at_a_time in [1, 2, 3, 8, 9, 10, 17, 24, 4_096, 1 << 20] {
            assert_eq!(kinds(&frames, at_a_time), expected, "{at_a_time} at a time");
            assert_eq!(kinds(&client, at_a_time), expected, "{at_a_time} at a time");
        }
    }

    #[test]
    fn http_1_has_no_frames() {
        for first in ["HTTP/1.1 200 OK\r\n\r\n", "POST /a HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            let bytes = [first.as_bytes(), &encoded(SETTINGS, &[]), &vec![0; 1 << 20]].concat();
            assert_eq!(kinds(&bytes, 7), Vec::<u8>::new(), "{first}");
        }
    }
}
