//! Mutated bodies of frames: none makes a reader panic, and what is taken is written the same.

use super::*;
use crate::fuzz::{Fuzz, golden};

const AFTER: u32 = 5;

fn read(input: &[u8]) -> String {
    let body = Bytes::copy_from_slice(input);
    match Frame::decode(AFTER, Frame::check(AFTER, &body), body.clone()) {
        Err(malformed) => malformed.to_string(),
        Ok(frame) => {
            let events: u64 = frame.chunk().count() as u64;
            assert_eq!(frame.count(), events);
            let (index, position) = (frame.index(), frame.first_position());
            if let (Some(index), Some(position)) = (index.checked_sub(1), position.checked_sub(1)) {
                let after = Tip { index, position, check: AFTER };
                let again =
                    NewFrame::encode(after, frame.appends().to_vec(), frame.chunk().events());
                assert_eq!(again.expect("it was a frame").into_durable().body(), &body);
            }
            format!("frame {}", if frame.appends().is_empty() { "bare" } else { "with appends" })
        }
    }
}

#[test]
fn no_frame_that_was_changed_makes_a_reader_panic() {
    Fuzz::of("frame", golden("frame_body")).run(read);
}
