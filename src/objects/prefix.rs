//! The objects below a prefix, each call blocking: the seam of backups does, and the library does
//! not. Names are those of pieces; the prefix is put before them here.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, path::Path,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

use super::failure;

/// How often an object is created that is refused and not there.
const ATTEMPTS: usize = 3;

/// The objects below a prefix.
pub(super) struct Prefix {
    pub(super) store: Arc<dyn ObjectStore>,
    root: Path,
    /// Absent once this is dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Prefix {
    /// Without the store, which knows credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefix").field("root", &self.root).finish_non_exhaustive()
    }
}

/// An object by its name below the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) length: u64,
    /// By the clock of the store, in seconds.
    pub(super) modified: i64,
}

impl Prefix {
    /// The objects of a store below a path.
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(1).thread_name("objects").enable_all();
        Ok(Self { store, root, runtime: Some(builder.build()?) })
    }

    /// Waits for what the library does. Each of its requests has a bound of its own.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> io::Result<T> {
        let runtime = self.runtime.as_ref().ok_or_else(|| io::Error::other("it is closed"))?;
        runtime.block_on(work).map_err(|error| failure::as_io(&error))
    }

    /// Has work go on beside the calls. Absent: it is closed.
    pub(super) fn beside(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Option<JoinHandle<()>> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Where an object of this name is.
    pub(super) fn path(&self, name: &str) -> Path {
        if self.root.as_ref().is_empty() {
            Path::from(name)
        } else {
            Path::from(format!("{}/{name}", self.root))
        }
    }

    /// Puts an object, in place of what has its name.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        self.wait(self.store.put(&self.path(name), PutPayload::from(bytes))).map(drop)
    }

    /// Puts an object; `AlreadyExists` if its name is taken. If the answer to an attempt was lost,
    /// the object may be there by this very call: then its bytes are compared. A store may also
    /// refuse because another attempt at the name is under way, which leaves nothing.
    pub(super) fn create(self: &Arc<Self>, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(bytes.to_vec());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let put = self.store.put_opts(&path, payload.clone(), options.clone());
            let error = match self.wait(put) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => error,
                created => return created.map(drop),
            };
            let mut found = Vec::new();
            match self.get(name) {
                Err(gone) if gone.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {}
                there => {
                    there?.read_to_end(&mut found)?;
                    return if found == bytes { Ok(()) } else { Err(error) };
                }
            }
        }
    }

    /// The bytes of an object from its start; `NotFound` if there is none.
    pub(super) fn get(self: &Arc<Self>, name: &str) -> io::Result<Reading> {
        let found = self.wait(self.store.get(&self.path(name)))?;
        let (length, stream) = (found.meta.size, found.into_stream());
        Ok(Reading { prefix: Arc::clone(self), stream, chunk: Bytes::new(), rest: length })
    }

    /// Whether there is an object of this name.
    pub(super) fn is_there(&self, name: &str) -> io::Result<bool> {
        match self.wait(self.store.head(&self.path(name))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// The objects whose names begin with this part, which is empty or ends with a slash.
    pub(super) fn list(&self, part: &str) -> io::Result<Vec<Found>> {
        let below = self.path(part.trim_end_matches('/'));
        let below = Some(&below).filter(|path| !path.as_ref().is_empty());
        let found = self.wait(self.store.list(below).try_collect::<Vec<ObjectMeta>>())?;
        Ok(found.iter().filter_map(|meta| self.found(meta)).collect())
    }

    fn found(&self, meta: &ObjectMeta) -> Option<Found> {
        let parts: Vec<_> = meta.location.prefix_match(&self.root)?.collect();
        let name = parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/");
        let modified = meta.last_modified.timestamp();
        // The mark of a folder that consoles make at the prefix itself has no name.
        (!name.is_empty()).then_some(Found { name, length: meta.size, modified })
    }

    /// Deletes an object. Fine if there is none.
    pub(super) fn delete(&self, name: &str) -> io::Result<()> {
        match self.wait(self.store.delete(&self.path(name))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}

impl Drop for Prefix {
    /// Ends what is beside. A thread that a runtime may not be dropped on does not matter so.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
    }
}

/// Reads an object from its start.
pub(super) struct Reading {
    prefix: Arc<Prefix>,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    chunk: Bytes,
    /// Bytes that are still to come.
    rest: u64,
}

impl Reading {
    /// Hands all of it on, chunk by chunk.
    pub(super) fn pass(mut self, to: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        while let Some(chunk) = self.next()? {
            to(&chunk)?;
        }
        Ok(())
    }

    /// The bytes that come next; absent: those were all.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let next = self.stream.next();
        let next = self.prefix.wait(async { next.await.transpose() })?;
        if next.is_none() && self.rest > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.rest = self.rest.saturating_sub(next.as_ref().map_or(0, |it| it.len() as u64));
        Ok(next)
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.next()? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let most = self.chunk.len().min(buffer.len());
        let part = self.chunk.split_to(most);
        if let Some(to) = buffer.get_mut(..most) {
            to.copy_from_slice(&part);
        }
        Ok(most)
    }
}
