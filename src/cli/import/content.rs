//! What an imported event is, as an id: the same content gets the same request id, for ever.
//!
//! That is what makes an import safe to repeat. A file may hold the same content several times
//! and mean it, so the id also covers which occurrence in the file it is.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::kept::{Kept, shortened};
use crate::{cli::exit::Failure, domain::proto::NewEvent};

type Digest = [u8; 32];

/// Gives out request ids, and counts how often each content occurred.
#[derive(Debug, Default)]
pub(super) struct Contents {
    occurrences: Kept,
}

impl Contents {
    /// The content of an event in a stream. Its tags must be sorted.
    pub(super) fn content(&mut self, stream: &str, event: &NewEvent) -> Result<Content, Failure> {
        let digest = digest(stream, event);
        let key = shortened(&digest);
        let earlier = self.occurrences.get(&key)?;
        let count = earlier.as_deref().and_then(<[u8]>::first_chunk).copied();
        let occurrence = count.map_or(0, u64::from_be_bytes);
        self.occurrences.set(key, (occurrence + 1).to_be_bytes().into())?;
        Ok(Content { digest, occurrence })
    }
}

/// What an event of a file is, and which occurrence of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    digest: Digest,
    occurrence: u64,
}

impl Content {
    /// The request id of its first recording (0), or of a later one, numbered from 1.
    pub(super) fn request_id(&self, again: u64) -> Uuid {
        let occurrence = self.occurrence.to_be_bytes();
        match again {
            0 => uuid(&[self.digest.as_slice(), &occurrence]),
            again => uuid(&[self.digest.as_slice(), &occurrence, b"again", &again.to_be_bytes()]),
        }
    }
}

/// Every text and byte string is preceded by its length, so that no two contents run together.
fn digest(stream: &str, event: &NewEvent) -> Digest {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(stream.as_bytes());
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
    let mut bytes = uuid::Bytes::default();
    bytes.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::Any;

    fn event(value: &'static [u8], tags: &[&str]) -> NewEvent {
        NewEvent {
            payload: Some(Any {
                type_url: "type.googleapis.com/demo.v1.Thing".to_owned(),
                value: value.into(),
            }),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
        }
    }

    /// Changing these makes every import add its events a second time to stores that hold them.
    #[test]
    fn request_ids_never_change() {
        let mut contents = Contents::default();
        let event = event(b"\x01\x02", &["a:1"]);
        let content = contents.content("demo/1", &event).unwrap();
        let first = content.request_id(0);
        let second = contents.content("demo/1", &event).unwrap().request_id(0);
        assert_eq!(first.to_string(), "71e59eb5-3ea1-836f-896f-4189c85af0e5");
        assert_eq!(second.to_string(), "ab9564b0-d421-83a1-9e65-10fd480b0a80");
        assert_eq!(first.get_version_num(), 8);
        let anew = Contents::default().content("demo/1", &event).unwrap();
        assert_eq!(anew.request_id(0), first);
        assert_eq!(content.request_id(1).to_string(), "209b126e-d522-815e-8fbe-d3088c9fdcbb");
    }

    #[test]
    fn what_differs_has_another_id() {
        let content =
            |stream, event: &NewEvent| Contents::default().content(stream, event).unwrap();
        let ids = [
            content("demo/1", &event(b"", &["a:1", "b:2"])).request_id(0),
            content("demo/1", &event(b"", &["a:1", "b:2"])).request_id(1),
            content("demo/1", &event(b"", &["a:1", "b:2"])).request_id(2),
            content("demo/1", &event(b"", &["a:1b", ":2"])).request_id(0),
            content("demo/1", &event(b"a", &["a:1", "b:2"])).request_id(0),
            content("demo/12", &event(b"", &["a:1", "b:2"])).request_id(0),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{index} is the same as an earlier one");
        }
    }
}
