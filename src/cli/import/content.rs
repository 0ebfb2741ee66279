//! What an imported event is, as an id: the same content gets the same request id, for ever.
//!
//! That is what makes an import safe to repeat. A file may hold the same content several times
//! and mean it, so the recordings of a content are numbered, and the id covers the number: the
//! first copy in a file is number 0, the next one number 1. A recording that is made anew gets the
//! next free number, as one copy more.
//!
//! The content of a row is what the server records of it, so every spelling of its identity texts
//! is one content. An older build took the content as it was typed.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    check::Written,
    kept::{Kept, Key, shortened},
};
use crate::{cli::exit::Failure, domain::digest};

type Digest = [u8; 32];

/// What an event of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImportedContent(Digest);

impl ImportedContent {
    /// The content of an event in a stream. Its tags must be sorted.
    pub(super) fn of(written: &Written) -> Self {
        Self(digest(written))
    }

    /// The request id of its recording with this number.
    pub(super) fn request_id(&self, number: u64) -> Uuid {
        uuid(&[self.0.as_slice(), &number.to_be_bytes()])
    }

    /// What an import remembers of the content by.
    pub(super) fn key(&self) -> Key {
        shortened(&self.0)
    }
}

/// Counts the copies of each content in a file.
#[derive(Debug, Default)]
pub(super) struct Contents(Kept);

impl Contents {
    /// How many copies there were so far: the number of the next one.
    pub(super) fn copies(&self, content: &Key) -> Result<u64, Failure> {
        let copies = self.0.get(content)?;
        let copies = copies.as_deref().and_then(<[u8]>::first_chunk).copied();
        Ok(copies.map_or(0, u64::from_be_bytes))
    }

    /// Counts one copy more.
    pub(super) fn add(&mut self, content: &Key) -> Result<(), Failure> {
        let copies = self.copies(content)? + 1;
        self.0.set(*content, copies.to_be_bytes().into())
    }
}

/// Every text and byte string is preceded by its length, so that no two contents run together.
fn digest(Written { stream, event }: &Written) -> Digest {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(stream.as_str().as_bytes());
    if let Some(payload) = &event.payload {
        part(payload.type_url.as_bytes());
        part(&payload.value);
    }
    part(&(event.tags.len() as u64).to_be_bytes());
    for tag in &event.tags {
        part(tag.as_bytes());
    }
    for (key, value) in &event.metadata {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    hash.finalize().into()
}

/// A UUID of version 8 (RFC 9562), the one for ids that are made of a hash in one's own way.
fn uuid(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    uuid::Builder::from_custom_bytes(digest::shortened(hash)).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        name::StreamName,
        proto::{Any, NewEvent},
    };

    fn content(stream: &str, value: &'static [u8], tags: &[&str]) -> ImportedContent {
        let payload =
            Any { type_url: "type.googleapis.com/demo.v1.Thing".to_owned(), value: value.into() };
        let event = NewEvent {
            payload: Some(payload),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
        };
        ImportedContent::of(&Written { stream: StreamName::parse(stream).unwrap(), event })
    }

    /// Changing these makes every import add its events a second time to stores that hold them.
    #[test]
    fn request_ids_never_change() {
        let content = content("demo/1", b"\x01\x02", &["a:1"]);
        let (first, second) = (content.request_id(0), content.request_id(1));
        assert_eq!(first.to_string(), "71e59eb5-3ea1-836f-896f-4189c85af0e5");
        assert_eq!(second.to_string(), "ab9564b0-d421-83a1-9e65-10fd480b0a80");
        assert_eq!(first.get_version_num(), 8);
    }

    #[test]
    fn what_differs_has_another_id() {
        let ids = [
            content("demo/1", b"", &["a:1", "b:2"]).request_id(0),
            content("demo/1", b"", &["a:1", "b:2"]).request_id(1),
            content("demo/1", b"", &["a:1", "b:2"]).request_id(2),
            content("demo/1", b"", &["a:1b", "b:2"]).request_id(0),
            content("demo/1", b"a", &["a:1", "b:2"]).request_id(0),
            content("demo/12", b"", &["a:1", "b:2"]).request_id(0),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{index} is the same as an earlier one");
        }
    }

    #[test]
    fn copies_are_counted_by_content() {
        let (one, other) = (content("demo/1", b"", &[]).key(), content("demo/2", b"", &[]).key());
        let mut contents = Contents::default();
        for copies in 0..3 {
            assert_eq!(contents.copies(&one), Ok(copies));
            contents.add(&one).unwrap();
        }
        assert_eq!((contents.copies(&one), contents.copies(&other)), (Ok(3), Ok(0)));
    }
}
