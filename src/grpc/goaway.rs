//! The GOAWAY by which the transport cuts a connection (RFC 9113, section 6.8), found among the
//! bytes that are written.

use crate::grpc::frames::{Frames, GOAWAY};

/// Looks for the cut of a connection.
#[derive(Debug, Default)]
pub(super) struct CutWatch {
    frames: Frames,
    /// Its end was already noticed.
    noticed: bool,
}

impl CutWatch {
    /// The error code of a GOAWAY that ends among these bytes, if it is one.
    pub(super) fn error_in(&mut self, mut written: &[u8]) -> Option<u32> {
        if self.noticed {
            return None;
        }
        let codes = std::iter::from_fn(|| self.frames.next(&mut written))
            .filter(|frame| frame.kind == GOAWAY)
            .filter_map(|frame| frame.code);
        let error = { codes }.find(|code| *code != 0);
        self.noticed = error.is_some();
        error
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
        bytes.chunks(at_a_time).filter_map(|written| watch.error_in(written)).collect()
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
        let http1 = [b"HTTP/1.1 200 OK\r\n\r\n", &goaway(11)[..]].concat();
        assert_eq!(noticed(&http1, 7), Vec::<u32>::new());
        assert_eq!((name_of(11), name_of(14)), ("ENHANCE_YOUR_CALM", "unknown"));
    }
}
