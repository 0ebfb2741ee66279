//! Errors within the bytes that they may have on the wire.
//!
//! An error travels in headers. In its message each byte outside of ASCII, and some within, takes
//! three, and its details are in base64. Clients refuse headers beyond 8 KiB and report
//! `RESOURCE_EXHAUSTED` instead of the error, so that a lost race looks like one to run again. So
//! texts are cut, and lists say how much they leave out; the `ErrorInfo` always fits.

use prost::Message;
use tonic_types::pb;

use crate::domain::{limits, proto};

/// Bytes of a message, as it is encoded.
const MESSAGE_BYTES: usize = 1_200;
/// Bytes of any other text.
const TEXT_BYTES: usize = 400;
/// Bytes of what stands beside message and details: names, the code, the kind of content, a date.
const BESIDE: usize = 400;
/// Bytes by which the lengths around a list may grow with it.
const LENGTHS: usize = 8;
/// Marks where a text was cut.
const CUT: &str = "...";

/// A message as it is sent.
pub(super) fn message(text: &str) -> String {
    cut(text, MESSAGE_BYTES, in_message)
}

/// Any other text as it is sent.
pub(super) fn text(text: &str) -> String {
    cut(text, TEXT_BYTES, char::len_utf8)
}

/// A detail of an error.
pub(super) fn detail(name: &str, encoded: Vec<u8>) -> prost_types::Any {
    let type_url = format!("{}{name}", proto::TYPE_URL_PREFIX);
    prost_types::Any { type_url, value: encoded }
}

/// Bytes that there are beside an error for a detail more, before it is encoded as a header.
pub(super) fn room_beside(status: &pb::Status) -> usize {
    let message = status.message.chars().map(in_message).sum::<usize>();
    let details = limits::ERROR_BYTES.saturating_sub(BESIDE + message) / 4 * 3;
    details.saturating_sub(status.encoded_len() + LENGTHS)
}

/// A detail that is a list, entry by entry: messages of its type that are merged when they stand
/// one behind the other.
#[derive(Clone, Debug)]
pub(super) struct List {
    name: String,
    /// What is not an entry; it is always sent.
    beginning: Vec<u8>,
    entries: Vec<Vec<u8>>,
    /// Entries beyond these.
    pub(super) more: usize,
    /// The key of the count of entries that are left out.
    pub(super) left_out_as: &'static str,
}

impl List {
    /// An empty list of this message's name.
    pub(super) fn new(name: &str, left_out_as: &'static str) -> Self {
        let (name, beginning, entries) = (name.to_owned(), Vec::new(), Vec::new());
        Self { name, beginning, entries, more: 0, left_out_as }
    }

    pub(super) fn begin_with(&mut self, part: &impl Message) {
        self.beginning = part.encode_to_vec();
    }

    pub(super) fn push(&mut self, entry: &impl Message) {
        self.entries.push(entry.encode_to_vec());
    }

    pub(super) fn total(&self) -> usize {
        self.entries.len() + self.more
    }

    /// The detail with the first entries that there is room for, and how many are left out.
    pub(super) fn that_fits(&self, room: usize) -> (prost_types::Any, usize) {
        let mut fitting = detail(&self.name, self.beginning.clone());
        let mut listed = 0;
        for entry in &self.entries {
            if fitting.encoded_len() + entry.len() > room {
                break;
            }
            fitting.value.extend(entry);
            listed += 1;
        }
        (fitting, self.total() - listed)
    }
}

fn cut(text: &str, most: usize, cost: impl Fn(char) -> usize) -> String {
    let mut bytes = 0;
    let beyond = text.char_indices().find(|(_, character)| {
        bytes += cost(*character);
        bytes > most
    });
    match beyond {
        Some((end, _)) => format!("{}{CUT}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Bytes that a character of a message has in a header.
fn in_message(character: char) -> usize {
    let plain = character.is_ascii_alphanumeric() || "!$&'()*+,-./:;=@[\\]^_|~".contains(character);
    if plain { 1 } else { 3 * character.len_utf8() }
}
