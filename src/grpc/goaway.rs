//! The GOAWAY by which the transport cuts a connection (RFC 9113, section 6.8), found among the
//! bytes that are written.

use crate::grpc::frames::{Frames, GOAWAY, RST_STREAM};

/// Looks for the cut of a connection, and for calls that the server resets.
#[derive(Debug, Default)]
pub(super) struct CutWatch {
    frames: Frames,
    /// Its end was already noticed.
    noticed: bool,
}

/// What stands in some of the bytes that were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noticed {
    /// The error code of the GOAWAY that cuts the connection.
    pub(super) cut: Option<u32>,
    pub(super) resets: usize,
}

impl CutWatch {
    /// Looks at the bytes that are written next.
    pub(super) fn look(&mut self, mut written: &[u8]) -> Noticed {
        let mut noticed = Noticed::default();
        while let Some(frame) = self.frames.next(&mut written) {
            noticed.resets += usize::from(frame.kind == RST_STREAM);
            let code = frame.code.filter(|code| frame.kind == GOAWAY && *code != 0);
            if !self.noticed && code.is_some() {
                self.noticed = true;
                noticed.cut = code;
            }
        }
        noticed
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
    use crate::grpc::frames::encoded;

    fn goaway(code: u8) -> Vec<u8> {
        encoded(GOAWAY, &[0, 0, 0, 9, 0, 0, 0, code, b'w', b'h', b'y'])
    }

    /// What is noticed in bytes that are written so many at a time.
    fn noticed(bytes: &[u8], at_a_time: usize) -> Vec<u32> {
        let mut watch = CutWatch::default();
        bytes.chunks(at_a_time).filter_map(|written| watch.look(written).cut).collect()
    }

    #[test]
    fn an_end_with_an_error_is_noticed_however_it_is_written() {
        // A payload that looks like a GOAWAY is none.
        let payloads = [encoded(0, &goaway(11)), encoded(0, &[7].repeat(20_000))].concat();
        let others = [encoded(4, &[]), payloads].concat();
        let ended = [&others[..], &goaway(11)].concat();
        for at_a_time in [1, 2, 3, 8, 9, 10, 17, 4_096, 1 << 20] {
            assert_eq!(noticed(&ended, at_a_time), [11], "{at_a_time} at a time");
            assert_eq!(noticed(&others, at_a_time), Vec::<u32>::new(), "{at_a_time} at a time");
            let stopped = [&others[..], &goaway(0), &encoded(0, b"x"), &goaway(0)].concat();
            assert_eq!(noticed(&stopped, at_a_time), Vec::<u32>::new(), "a stop is no cut");
        }
        let reset = [encoded(4, &[]), encoded(RST_STREAM, &[0; 4]).repeat(2)].concat();
        assert_eq!(CutWatch::default().look(&reset), Noticed { cut: None, resets: 2 });
        let http1 = [b"HTTP/1.1 200 OK\r\n\r\n", &goaway(11)[..]].concat();
        assert_eq!(noticed(&http1, 7), Vec::<u32>::new());
        assert_eq!((name_of(11), name_of(14)), ("ENHANCE_YOUR_CALM", "unknown"));
    }
}
