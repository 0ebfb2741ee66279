//! The GOAWAY by which the transport cuts a connection (RFC 9113, section 6.8), found among the
//! bytes that are written.

/// Bytes of a frame's header: length, type, flags, stream.
const HEADER: usize = 9;
/// The type of GOAWAY.
const GOAWAY: u8 = 7;
/// Bytes of a GOAWAY up to its error code: header, last stream, code.
const WITH_CODE: usize = HEADER + 8;

/// Where in the sequence of frames the written bytes are.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The first bytes of the present frame.
    begun: Vec<u8>,
    /// Bytes of its payload that are still to come behind them.
    rest: usize,
    /// The connection speaks HTTP/1, or its end was already noticed.
    ignored: bool,
}

impl Frames {
    /// The error code of a GOAWAY that ends among these bytes, if it is one.
    pub(super) fn error_in(&mut self, mut written: &[u8]) -> Option<u32> {
        while !written.is_empty() && !self.ignored {
            let skipped = self.rest.min(written.len());
            self.rest -= skipped;
            written = written.get(skipped..)?;
            while self.wants_more() {
                let (byte, others) = written.split_first()?;
                self.begun.push(*byte);
                written = others;
            }
            if self.begun.starts_with(b"HTTP/1") {
                self.ignored = true;
            } else if self.rest == 0 && !self.begun.is_empty() {
                let code = self.code();
                self.rest = self.length().saturating_sub(self.begun.len() - HEADER);
                self.begun.clear();
                if let Some(code) = code.filter(|code| *code != 0) {
                    self.ignored = true;
                    return Some(code);
                }
            }
        }
        None
    }

    /// Whether what was begun does not say yet what is needed.
    fn wants_more(&self) -> bool {
        let wanted = if self.is_goaway() { WITH_CODE } else { HEADER };
        self.rest == 0 && self.begun.len() < wanted
    }

    fn is_goaway(&self) -> bool {
        self.begun.get(3) == Some(&GOAWAY)
    }

    fn length(&self) -> usize {
        self.begun.iter().take(3).fold(0, |length, byte| length << 8 | usize::from(*byte))
    }

    fn code(&self) -> Option<u32> {
        let code = self.begun.get(HEADER + 4..WITH_CODE)?.try_into().ok()?;
        self.is_goaway().then(|| u32::from_be_bytes(code))
    }
}

/// The name of an error code (RFC 9113, section 7).
pub(super) fn name_of(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    usize::try_from(code).ok().and_then(|code| NAMES.get(code)).unwrap_or(&"unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, 0, 0, 0, 0, 0]);
        frame.extend(payload);
        frame
    }

    fn goaway(code: u8) -> Vec<u8> {
        frame(GOAWAY, &[0, 0, 0, 9, 0, 0, 0, code, b'w', b'h', b'y'])
    }

    /// What is noticed in bytes that are written so many at a time.
    fn noticed(bytes: &[u8], at_a_time: usize) -> Vec<u32> {
        let mut frames = Frames::default();
        bytes.chunks(at_a_time).filter_map(|written| frames.error_in(written)).collect()
    }

    #[test]
    fn an_end_with_an_error_is_noticed_however_it_is_written() {
        // A payload that looks like a GOAWAY is none.
        let others = [frame(4, &[]), frame(0, &goaway(11)), frame(0, &[7].repeat(20_000))].concat();
        let ended = [&others[..], &goaway(11)].concat();
        for at_a_time in [1, 2, 3, 8, 9, 10, 17, 4_096, 1 << 20] {
            assert_eq!(noticed(&ended, at_a_time), [11], "{at_a_time} at a time");
            assert_eq!(noticed(&others, at_a_time), Vec::<u32>::new(), "{at_a_time} at a time");
            let stopped = [&others[..], &goaway(0), &frame(0, b"x"), &goaway(0)].concat();
            assert_eq!(noticed(&stopped, at_a_time), Vec::<u32>::new(), "a stop is no cut");
        }
        let http1 = [b"HTTP/1.1 200 OK\r\n\r\n", &goaway(11)[..]].concat();
        assert_eq!(noticed(&http1, 7), Vec::<u32>::new());
        assert_eq!((name_of(11), name_of(14)), ("ENHANCE_YOUR_CALM", "unknown"));
    }
}
