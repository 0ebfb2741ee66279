//! What is in a volume, counted and hashed: once while it is fed, once while it is read back.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{
    domain::event::Position,
    log::frame::{AppendEntry, Frame},
};

/// What is in a volume.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contents {
    /// Position of the first event.
    pub first_position: Position,
    /// Position of the last event.
    pub last_position: Position,
    /// Number of events.
    pub events: u64,
    /// Bytes of all events.
    pub bytes: u64,
    /// Number of entries in the append table.
    pub appends: u64,
    /// In hex: SHA-256 of two SHA-256s, that of the event bytes in order and that of the append
    /// table's entries in order.
    pub digest: String,
}

impl Contents {
    /// What was read in place of this, as a sentence.
    pub fn against(&self, found: &Self) -> String {
        let of = |it: &Self| {
            let Self { first_position, last_position, events, bytes, appends, digest: _ } = it;
            format!(
                "{events} events ({first_position} to {last_position}) of {bytes} bytes in \
                 {appends} appends"
            )
        };
        let (had, has) = (of(self), of(found));
        if had == has {
            return format!("it holds {has}, and they are not those that were sealed");
        }
        format!("it holds {has}, and had {had} when it was sealed")
    }

    /// The digest as bytes; zeros if it is not one.
    pub(super) fn digest_bytes(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        let pairs = self.digest.as_bytes().chunks(2);
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            *byte = u8::from_str_radix(pair, 16).unwrap_or_default();
        }
        digest
    }
}

/// When a volume is full: as soon as one of these is reached, after a whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeSize {
    /// Bytes of all events.
    pub bytes: u64,
    /// Number of events. It bounds the memory of the index of a volume.
    pub events: u64,
}

/// Counts and hashes events and append entries as they come.
#[derive(Clone, Debug)]
pub struct ContentsTally {
    first: Position,
    events: u64,
    bytes: u64,
    appends: u64,
    event_hash: Sha256,
    append_hash: Sha256,
    scratch: Vec<u8>,
}

impl ContentsTally {
    /// Begins with the event at `first`.
    pub fn new(first: Position) -> Self {
        Self {
            first,
            events: 0,
            bytes: 0,
            appends: 0,
            event_hash: Sha256::new(),
            append_hash: Sha256::new(),
            scratch: Vec::new(),
        }
    }

    /// Position of the event that comes next.
    pub fn next_position(&self) -> Position {
        self.first + self.events
    }

    /// Whether what came is as much as a volume of this size takes.
    pub fn fills(&self, size: VolumeSize) -> bool {
        self.bytes >= size.bytes || self.events >= size.events
    }

    /// Takes the events and the append table of a frame.
    pub fn frame(&mut self, frame: &Frame) {
        self.events(frame.chunk().events(), frame.count());
        frame.appends().iter().for_each(|entry| self.append(entry));
    }

    /// Takes `count` encoded events.
    pub fn events(&mut self, bytes: &[u8], count: u64) {
        self.events += count;
        self.bytes += bytes.len() as u64;
        self.event_hash.update(bytes);
    }

    /// Takes one entry of the append table.
    pub fn append(&mut self, entry: &AppendEntry) {
        self.appends += 1;
        self.scratch.clear();
        entry.put(&mut self.scratch);
        self.append_hash.update(&self.scratch);
    }

    /// What came in all.
    pub fn finish(self) -> Contents {
        let mut whole = Sha256::new();
        whole.update(self.event_hash.finalize());
        whole.update(self.append_hash.finalize());
        let digest = whole.finalize().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
            hex
        });
        Contents {
            first_position: self.first,
            last_position: (self.first + self.events).saturating_sub(1),
            events: self.events,
            bytes: self.bytes,
            appends: self.appends,
            digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(pieces: &[&[u8]]) -> Contents {
        let mut tally = ContentsTally::new(4);
        for piece in pieces {
            tally.events(piece, 1);
        }
        tally.finish()
    }

    #[test]
    fn the_digest_depends_on_bytes_and_order_only() {
        assert_eq!(tally(&[b"ab", b"c"]).digest, tally(&[b"a", b"bc"]).digest);
        assert_ne!(tally(&[b"ab", b"c"]).digest, tally(&[b"c", b"ab"]).digest);
        let contents = tally(&[b"ab", b"c"]);
        assert_eq!((contents.first_position, contents.last_position), (4, 5));
        assert_eq!((contents.events, contents.bytes, contents.appends), (2, 3, 0));
    }

    #[test]
    fn a_volume_is_full_when_it_has_the_bytes_or_the_events() {
        let mut tally = ContentsTally::new(4);
        tally.events(b"abc", 2);
        for (bytes, events, full) in [(3, 9, true), (9, 2, true), (4, 3, false)] {
            assert_eq!(tally.fills(VolumeSize { bytes, events }), full, "{bytes} {events}");
        }
    }

    #[test]
    fn an_append_entry_changes_the_digest() {
        let entry =
            AppendEntry { request_id: [1; 16], digest: [0; 16], first_position: 4, count: 1 };
        let digest = |count| {
            let mut tally = ContentsTally::new(4);
            tally.append(&AppendEntry { count, ..entry });
            tally.finish().digest
        };
        assert_ne!(digest(1), digest(2));
    }
}
