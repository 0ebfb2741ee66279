//! Puts an object of any length in parts, so that memory is bounded. A small one goes in one
//! request. What is not put to its end is aborted, and leaves what its name stood for.

use std::{
    io::{self, Write},
    mem,
};

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart, path::Path};

use super::prefix::Prefix;

/// Bytes of a part. A store takes at least 5 MiB, and 10,000 parts of an object.
const PART: usize = 8 << 20;
/// Parts that are on their way at a time, beside the one that is filled.
const UNDER_WAY: usize = 2;

/// An object that is written.
pub(super) struct Upload<'a> {
    prefix: &'a Prefix,
    path: Path,
    part: Vec<u8>,
    /// Absent while all of it fits into one part.
    parts: Option<WriteMultipart>,
}

impl<'a> Upload<'a> {
    pub(super) fn new(prefix: &'a Prefix, name: &str) -> Self {
        Self { prefix, path: prefix.path(name), part: Vec::new(), parts: None }
    }

    /// Puts what was written, durably and under its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let part = mem::take(&mut self.part);
        let Some(mut parts) = self.parts.take() else {
            let put = self.prefix.store.put(&self.path, PutPayload::from(part));
            return self.prefix.wait(put).map(drop);
        };
        let (prefix, last) = (self.prefix, Bytes::from(part));
        let sent = prefix.wait(async {
            // One more than is under way: all that were sent have arrived then.
            parts.wait_for_capacity(1).await?;
            parts.put(last);
            Ok(())
        });
        match sent {
            Ok(()) => prefix.wait(parts.finish()).map(drop),
            Err(error) => {
                self.parts = Some(parts);
                self.abort();
                Err(error)
            }
        }
    }

    /// Takes back what was sent of it. Parts that cannot be taken back cost room, and no name
    /// stands for them; a rule of the bucket removes them.
    pub(super) fn abort(mut self) {
        if let Some(parts) = self.parts.take() {
            let _ = self.prefix.wait(parts.abort());
        }
    }

    /// Sends a part that is full, once there is room among those under way.
    fn send(&mut self) -> io::Result<()> {
        let part = Bytes::from(mem::replace(&mut self.part, Vec::with_capacity(PART)));
        let (prefix, path) = (self.prefix, &self.path);
        let parts = &mut self.parts;
        prefix.wait(async move {
            let parts = if let Some(parts) = parts {
                parts
            } else {
                let begun = prefix.store.put_multipart(path).await?;
                parts.insert(WriteMultipart::new_with_chunk_size(begun, PART))
            };
            parts.wait_for_capacity(UNDER_WAY).await?;
            parts.put(part);
            Ok(())
        })
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART {
            self.send()?;
        }
        let most = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(bytes.get(..most).unwrap_or_default());
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
